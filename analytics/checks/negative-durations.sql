-- check: nothing ends before it starts
select
    'fact_call' as relation,
    call_id as row_id
from fact_call
where end_ts < start_ts
union all
select
    'fact_leg' as relation,
    leg_id as row_id
from fact_leg
where end_ms < start_ms
    or ended_ts < answered_ts
    or analysed_ms < 0
union all
select
    'fact_utterance' as relation,
    utterance_id as row_id
from fact_utterance
where end_ms < start_ms
union all
select
    'fact_word' as relation,
    utterance_id || '/' || word_seq as row_id
from fact_word
where end_ms < start_ms
union all
select
    'fact_interval' as relation,
    interval_id::text as row_id
from fact_interval
where end_ms < start_ms
