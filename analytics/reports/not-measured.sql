-- title: What could not be measured, and why?
-- summary: Metrics that are NULL by reason, with the share of legs that they concern.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param metric (text, default none): only this column of v_leg
with legs as (
    select
        leg_id,
        date_key
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
)
select
    r.metric,
    r.reason,
    count(*) as n_legs,
    100 * count(*) / (select count(*) from legs) as legs_pct
from legs as l
join fact_null_reason as r on r.leg_id = l.leg_id and r.date_key = l.date_key
where ($metric is null or r.metric = $metric)
group by
    r.metric,
    r.reason
order by
    n_legs desc,
    r.metric,
    r.reason
