-- grain: one row per measured call
select
    c.call_id,
    c.product,
    c.instance_id,
    s.site_name,
    d.local_date,
    c.date_key,
    c.start_ts,
    c.end_ts,
    epoch_ms(c.end_ts) - epoch_ms(c.start_ts) as duration_ms,
    c.direction,
    c.channel_source,
    c.customer_key,
    c.leg_count,
    c.transfer_count,
    c.transfer_initiated_count,
    c.transfer_rejected_count,
    c.transfer_timeout_count,
    c.transfer_canceled_count,
    c.conference_count,
    c.ended_by,
    c.queue_wait_ms,
    c.abandoned,
    c.repeat_7d,
    disposition.name as disposition_name,
    disposition.is_resolved as disposition_is_resolved,
    c.primary_language,
    c.compared_word_count,
    c.differing_word_count,
    c.word_disagreement_pct,
    c.stop_reason,
    c.redaction,
    first_agent.user_id as first_user_id,
    first_agent.display_name as first_agent_name,
    first_queue.queue_id as first_queue_id,
    first_queue.queue_name as first_queue_name,
    last_agent.user_id as last_user_id,
    last_agent.display_name as last_agent_name,
    last_queue.queue_id as last_queue_id,
    last_queue.queue_name as last_queue_name
from fact_call as c
left join dim_site as s on s.site_id = c.site_id
left join dim_date as d on d.date_key = c.date_key
left join dim_disposition as disposition on disposition.disposition_key = c.disposition_key
left join fact_leg as first_leg on first_leg.call_no = c.call_no and first_leg.leg_no = 1
left join dim_agent as first_agent on first_agent.agent_key = first_leg.agent_key
left join dim_queue as first_queue on first_queue.queue_key = first_leg.queue_key
left join fact_leg as last_leg on last_leg.call_no = c.call_no and last_leg.leg_no = c.leg_count
left join dim_agent as last_agent on last_agent.agent_key = last_leg.agent_key
left join dim_queue as last_queue on last_queue.queue_key = last_leg.queue_key
