-- Legs that an earlier version measured have a reason instead of a value; `cc-voice recompute` measures them.
alter table fact_leg add column media_lost_ms bigint;
insert into fact_null_reason (leg_id, metric, reason, date_key)
select
    leg_id,
    'media_lost_ms',
    'earlier_version',
    date_key
from fact_leg;
