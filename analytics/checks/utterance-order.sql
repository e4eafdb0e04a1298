-- check: utterances of a measured call are numbered in the order in which they began
with numbered as (
    select
        utterance_id,
        call_id,
        seq,
        start_ms,
        lag(start_ms) over by_seq as previous_start_ms,
        lag(seq) over by_seq as previous_seq
    from v_utterance
    window by_seq as (partition by call_id order by seq, start_ms)
)
select
    utterance_id,
    call_id,
    seq,
    start_ms,
    previous_start_ms
from numbered
where start_ms < previous_start_ms
    or seq = previous_seq
