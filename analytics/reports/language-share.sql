-- title: How much is spoken in which language?
-- summary: Speech per queue, party and language, its share of the party's speech, talk speed in words or characters, recogniser confidence.
-- question: 16
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
with spoken as (
    select
        l.queue_name,
        s.party,
        s.language_code,
        s.talk_speed_unit,
        s.speech_ms,
        s.word_count,
        s.wpm,
        s.cpm,
        s.asr_conf_mean
    from v_leg as l
    join v_leg_language as s on s.leg_id = l.leg_id and s.date_key = l.date_key
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
),
languages as (
    select
        queue_name,
        party,
        language_code,
        any_value(talk_speed_unit) as talk_speed_unit,
        count(*) as n_legs,
        sum(speech_ms)::bigint as speech_ms,
        sum(word_count)::bigint as unit_count,
        ros(wpm * speech_ms, speech_ms) as wpm_ros,
        ros(cpm * speech_ms, speech_ms) as cpm_ros,
        ros(asr_conf_mean * word_count, word_count) as asr_conf_ros
    from spoken
    group by
        queue_name,
        party,
        language_code
)
select
    queue_name,
    party,
    language_code,
    n_legs,
    speech_ms,
    100 * speech_ms / nullif(sum(speech_ms) over (partition by queue_name, party), 0) as share_pct_ros,
    if(talk_speed_unit = 'cpm', null, unit_count) as word_count,
    if(talk_speed_unit = 'cpm', unit_count, null) as character_count,
    wpm_ros,
    cpm_ros,
    asr_conf_ros
from languages
order by
    queue_name nulls last,
    party,
    speech_ms desc,
    language_code
