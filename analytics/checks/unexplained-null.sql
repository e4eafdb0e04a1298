-- check: a metric is NULL if and only if a reason says why
with metrics as (
    select
        leg_id,
        columns([
            -- for each metric: '{metric}',
        ]) is null
    from fact_leg
),
states as (
    unpivot metrics
    on columns(* exclude (leg_id))
    into
        name metric
        value is_missing
)
select
    s.leg_id,
    s.metric,
    r.reason
from states as s
left join fact_null_reason as r on r.leg_id = s.leg_id and r.metric = s.metric
where s.is_missing = (r.reason is null)
