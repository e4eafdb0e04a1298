-- check: words lie inside their utterance
select
    w.utterance_id,
    w.word_seq,
    w.start_ms,
    w.end_ms,
    u.start_ms as utterance_start_ms,
    u.end_ms as utterance_end_ms
from fact_word as w
join fact_utterance as u on u.utterance_id = w.utterance_id
where w.start_ms < u.start_ms
    or w.end_ms > u.end_ms
