-- Whether the customer of a call called again within some days of its end: in the same queue group, or queue where it has none, or in any
-- queue at all. The one definition, of fact_call.repeat_7d and of reports. Of rows that are every call of their customers, with the queue
-- of each one's first leg.
create macro called_again(customer_key, queue_group, queue_id, call_id, start_ts, end_ts, days, any_queue) as
    coalesce(
        lead(start_ts) over (
            partition by customer_key, if(any_queue, null, coalesce(queue_group, queue_id))
            order by start_ts, call_id
        ) <= end_ts + to_days(days),
        false
    );
