-- Who called again within seven days, of the calls that are there; from now on it is written when the next call is measured.
update fact_call
set repeat_7d = judged.repeated
from (
    select
        c.call_id,
        coalesce(
            lead(c.start_ts) over (
                partition by c.customer_key, coalesce(q.queue_group, q.queue_id)
                order by c.start_ts, c.call_id
            ) <= c.end_ts + to_days(7),
            false
        ) as repeated
    from fact_call as c
    left join fact_leg as l on l.call_id = c.call_id and l.leg_no = 1
    left join dim_queue as q on q.queue_key = l.queue_key
    where c.customer_key is not null
) as judged
where judged.call_id = fact_call.call_id;
