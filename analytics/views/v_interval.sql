-- grain: one row per interval of time that is evidence of a leg's metrics
select
    i.leg_id,
    l.call_id,
    i.date_key,
    d.local_date,
    i.kind,
    i.subkind,
    i.party,
    i.start_ms,
    i.end_ms,
    i.value,
    i.outcome,
    i.metric_version
from fact_interval as i
join fact_leg as l on l.leg_id = i.leg_id and l.date_key = i.date_key
left join dim_date as d on d.date_key = i.date_key
