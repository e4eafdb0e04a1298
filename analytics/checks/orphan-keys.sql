-- check: every key points at a row; utterances of calls in progress have no leg yet and are left out
select
    'fact_leg.call_id' as key,
    leg_id as row_id,
    call_id as value
from fact_leg
where call_id not in (select call_id from fact_call)
union all
select
    'fact_leg.agent_key' as key,
    leg_id as row_id,
    agent_key::text as value
from fact_leg
where agent_key is not null
    and agent_key not in (select agent_key from dim_agent)
union all
select
    'fact_leg.queue_key' as key,
    leg_id as row_id,
    queue_key::text as value
from fact_leg
where queue_key is not null
    and queue_key not in (select queue_key from dim_queue)
union all
select
    'fact_leg.date_key' as key,
    leg_id as row_id,
    date_key::text as value
from fact_leg
where date_key is null
    or date_key not in (select date_key from dim_date)
union all
select
    'fact_leg.threshold_set_id' as key,
    leg_id as row_id,
    threshold_set_id::text as value
from fact_leg
where threshold_set_id not in (select threshold_set_id from dim_threshold_set)
union all
select
    'fact_call.site_id' as key,
    call_id as row_id,
    site_id::text as value
from fact_call
where site_id is null
    or site_id not in (select site_id from dim_site)
union all
select
    'fact_call.date_key' as key,
    call_id as row_id,
    date_key::text as value
from fact_call
where date_key is null
    or date_key not in (select date_key from dim_date)
union all
select
    'fact_utterance.leg_id' as key,
    utterance_id as row_id,
    leg_id as value
from fact_utterance
where leg_id is not null
    and leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_utterance.language_code' as key,
    utterance_id as row_id,
    language_code as value
from fact_utterance
where leg_id is not null
    and language_code not in (select language_code from dim_language)
union all
select
    'fact_word.utterance_id' as key,
    utterance_id || '/' || word_seq as row_id,
    utterance_id as value
from fact_word
where utterance_id not in (select utterance_id from fact_utterance)
union all
select
    'fact_unused_utterance.call_id' as key,
    utterance_id as row_id,
    call_id as value
from fact_unused_utterance
where call_id not in (select call_id from fact_call)
union all
select
    'fact_unused_utterance.leg_id' as key,
    utterance_id as row_id,
    leg_id as value
from fact_unused_utterance
where leg_id is not null
    and leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_unused_utterance.used_utterance_id' as key,
    utterance_id as row_id,
    used_utterance_id as value
from fact_unused_utterance
where used_utterance_id is not null
    and used_utterance_id not in (select utterance_id from fact_utterance)
union all
select
    'fact_unused_utterance.language_code' as key,
    utterance_id as row_id,
    language_code as value
from fact_unused_utterance
where language_code not in (select language_code from dim_language)
union all
select
    'fact_unused_word.utterance_id' as key,
    utterance_id || '/' || word_seq as row_id,
    utterance_id as value
from fact_unused_word
where utterance_id not in (select utterance_id from fact_unused_utterance)
union all
select
    'fact_interval.leg_id' as key,
    interval_id::text as row_id,
    leg_id as value
from fact_interval
where leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_leg_language.leg_id' as key,
    leg_id || '/' || party || '/' || language_code as row_id,
    leg_id as value
from fact_leg_language
where leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_null_reason.leg_id' as key,
    leg_id || '/' || metric as row_id,
    leg_id as value
from fact_null_reason
where leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_event.leg_id' as key,
    event_id::text as row_id,
    leg_id as value
from fact_event
where leg_id is not null
    and leg_id not in (select leg_id from fact_leg)
union all
select
    'fact_channel.call_id' as key,
    call_id || '/' || channel_id as row_id,
    call_id as value
from fact_channel
where call_id not in (select call_id from fact_call)
