-- title: How many of the missing sentences are just bad audio?
-- summary: Legs without a phrase at their start, parted in those that were heard well and those that were not: no or doubtful words there.
-- question: 8
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param phrase (text, required): words in the order in which they must be said, in any case
-- param within_ms (integer, default 60000): the phrase counts when the utterance in which it begins starts at most this long after the answer
-- param below (number, default 0.6): mean confidence of the agent's words in that time below which nobody can tell
with legs as (
    select
        l.leg_id,
        l.call_id,
        l.call_no,
        l.start_ms,
        l.end_ms,
        a.display_name as agent_name,
        a.user_id,
        q.queue_name
    from fact_leg as l
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
    where l.date_key between as_date_key($since) and as_date_key($until)
),
missing as (
    select
        l.*
    from legs as l
    anti join legs_opening_with($phrase, as_date_key($since - 1), as_date_key($until), $within_ms) as s on s.leg_id = l.leg_id
),
heard as (
    select
        m.leg_id,
        ros(u.asr_conf * u.word_count, u.word_count) as conf
    from missing as m
    join fact_utterance as u on u.call_no = m.call_no and u.start_ms between m.start_ms and least(m.end_ms, m.start_ms + $within_ms)
    where u.date_key between as_date_key($since - 1) and as_date_key($until)
        and u.party = 'agent'
    group by m.leg_id
),
judged as (
    select
        m.agent_name,
        m.user_id,
        m.queue_name,
        m.call_id,
        coalesce(h.conf < $below, true) as is_doubtful
    from missing as m
    left join heard as h on h.leg_id = m.leg_id
)
select
    agent_name,
    user_id,
    queue_name,
    count(*) as n_missing,
    count(*) filter (where is_doubtful) as n_undetermined,
    100 * count(*) filter (where is_doubtful) / count(*) as undetermined_pct,
    wilson_low_pct(count(*) filter (where is_doubtful), count(*)) as undetermined_pct_low,
    wilson_high_pct(count(*) filter (where is_doubtful), count(*)) as undetermined_pct_high,
    min(call_id) filter (where is_doubtful) as example_call_id
from judged
group by
    agent_name,
    user_id,
    queue_name
order by
    n_missing desc,
    agent_name,
    user_id,
    queue_name
