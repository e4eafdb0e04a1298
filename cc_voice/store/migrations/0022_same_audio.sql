-- Legs that an earlier version measured have a reason instead of a value; `cc-voice recompute` measures them.
alter table fact_leg add column same_audio boolean;
alter table fact_leg add column qa_obstacle text;
insert into fact_null_reason (leg_id, metric, reason, date_key)
select
    l.leg_id,
    added.metric,
    'earlier_version',
    l.date_key
from fact_leg as l
cross join (values
    ('same_audio'),
    ('qa_obstacle')
) as added(metric);
