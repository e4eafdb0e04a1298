-- grain: one row per platform event of a measured call, phone numbers masked
select
    e.call_id,
    e.leg_id,
    c.date_key,
    d.local_date,
    e.source as event_source,
    e.event_type,
    e.event_name,
    e.at_ms,
    e.at_ts,
    masked(e.participant) as participant,
    e.payload::text as payload
from fact_event as e
join fact_call as c on c.call_id = e.call_id
left join dim_date as d on d.date_key = c.date_key
