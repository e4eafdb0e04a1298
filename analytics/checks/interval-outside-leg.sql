-- check: evidence lies inside its leg
select
    i.interval_id,
    i.leg_id,
    i.kind,
    i.start_ms,
    i.end_ms,
    l.start_ms as leg_start_ms,
    l.end_ms as leg_end_ms
from fact_interval as i
join fact_leg as l on l.leg_id = i.leg_id
where i.start_ms < l.start_ms
    or i.end_ms > l.end_ms
