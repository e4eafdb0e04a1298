-- grain: one row per leg and metric that could not be measured
select
    r.leg_id,
    l.call_id,
    r.date_key,
    d.local_date,
    r.metric,
    r.reason
from fact_null_reason as r
join fact_leg as l on l.leg_id = r.leg_id and l.date_key = r.date_key
left join dim_date as d on d.date_key = r.date_key
