-- grain: one row per leg, party and language that the party spoke in it
select
    s.leg_id,
    l.call_id,
    s.date_key,
    d.local_date,
    s.party,
    s.language_code,
    n.language_name,
    s.speech_ms,
    s.share_pct,
    s.word_count,
    if(n.talk_speed_unit = 'cpm', null, s.wpm) as wpm,
    if(n.talk_speed_unit = 'cpm', s.wpm, null) as cpm,
    n.talk_speed_unit,
    s.lid_conf_mean,
    s.asr_conf_mean
from fact_leg_language as s
join fact_leg as l on l.leg_id = s.leg_id and l.date_key = s.date_key
left join dim_language as n on n.language_code = s.language_code
left join dim_date as d on d.date_key = s.date_key
