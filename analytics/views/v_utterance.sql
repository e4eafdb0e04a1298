-- grain: one row per utterance of a measured call
select
    u.utterance_id,
    u.call_id,
    u.leg_id,
    u.channel_id,
    u.seq,
    u.date_key,
    d.local_date,
    c.start_ts + to_milliseconds(u.start_ms) as said_ts,
    u.start_ms,
    u.end_ms,
    u.party,
    u.source,
    u.language_code,
    u.lid_conf,
    u.text,
    u.word_count,
    u.asr_conf,
    u.is_question,
    u.is_backchannel,
    u.on_hold,
    u.loudness_mean,
    u.sentiment_label,
    u.sentiment_score,
    u.asr_model,
    u.redaction_count
from fact_utterance as u
join fact_call as c on c.call_no = u.call_no and c.date_key = u.date_key
left join dim_date as d on d.date_key = u.date_key
