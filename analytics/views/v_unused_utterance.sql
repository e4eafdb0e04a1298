-- grain: one row per line of a recogniser that is not in the transcript of a measured call
select
    u.utterance_id,
    u.call_id,
    u.leg_id,
    u.channel_id,
    u.date_key,
    d.local_date,
    c.start_ts + to_milliseconds(u.start_ms) as said_ts,
    u.start_ms,
    u.end_ms,
    u.party,
    u.source,
    u.unused_reason,
    u.used_utterance_id,
    u.language_code,
    u.lid_conf,
    u.text,
    u.word_count,
    u.asr_conf,
    u.on_hold,
    u.asr_model,
    u.redaction_count
from fact_unused_utterance as u
join fact_call as c on c.call_id = u.call_id and c.date_key = u.date_key
left join dim_date as d on d.date_key = u.date_key
