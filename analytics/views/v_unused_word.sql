-- grain: one row per word of such a line
select
    w.utterance_id,
    w.word_seq,
    u.call_id,
    u.leg_id,
    u.channel_id,
    w.date_key,
    d.local_date,
    u.party,
    u.source,
    w.start_ms,
    w.end_ms,
    w.word,
    w.conf,
    w.language_code,
    w.is_redacted,
    w.entity_type
from fact_unused_word as w
join fact_unused_utterance as u on u.utterance_id = w.utterance_id and u.date_key = w.date_key
join fact_call as c on c.call_id = u.call_id and c.date_key = u.date_key
left join dim_date as d on d.date_key = w.date_key
