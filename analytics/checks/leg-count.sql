-- check: a call has as many legs as it says, numbered from one
select
    c.call_id,
    c.leg_count,
    count(l.leg_id) as legs,
    max(l.leg_no) as last_leg_no
from fact_call as c
left join fact_leg as l on l.call_id = c.call_id
group by
    c.call_id,
    c.leg_count
having c.leg_count <> count(l.leg_id)
    or coalesce(max(l.leg_no), 0) <> c.leg_count
