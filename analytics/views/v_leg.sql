-- grain: one row per leg (one agent's part of a call)
select
    l.leg_id,
    l.call_id,
    l.leg_no,
    c.product,
    s.site_name,
    d.local_date,
    l.date_key,
    c.start_ts as call_start_ts,
    c.end_ts as call_end_ts,
    l.answered_ts,
    l.ended_ts,
    l.start_ms,
    l.end_ms,
    a.user_id,
    a.display_name as agent_name,
    a.team_id,
    a.team_name,
    a.hire_date,
    q.queue_id,
    q.queue_name,
    c.direction,
    c.channel_source,
    c.customer_key,
    c.primary_language,
    l.origin_method,
    -- for each metric: l.{metric},
    l.detector,
    l.asr_model,
    l.sentiment_model,
    l.metric_version,
    l.threshold_set_id,
    l.policies,
    l.computed_at
from fact_leg as l
join fact_call as c on c.call_no = l.call_no
left join dim_site as s on s.site_id = c.site_id
left join dim_date as d on d.date_key = l.date_key
left join dim_agent as a on a.agent_key = l.agent_key
left join dim_queue as q on q.queue_key = l.queue_key
