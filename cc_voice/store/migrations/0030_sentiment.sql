-- The other columns of sentiment are older than anything that measures them; `cc-voice recompute` measures legs of before.
alter table fact_leg add column sentiment_customer_change double;
alter table fact_leg add column sentiment_model text;
insert into fact_null_reason (leg_id, metric, reason, date_key)
select
    l.leg_id,
    added.metric,
    'earlier_version',
    l.date_key
from fact_leg as l
cross join (values
    ('sentiment_customer'),
    ('sentiment_customer_start'),
    ('sentiment_customer_end'),
    ('sentiment_customer_change'),
    ('sentiment_coverage_pct')
) as added(metric);
