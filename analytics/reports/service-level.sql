-- title: Are calls answered in time?
-- summary: Service level, abandonment and mean wait of each queue, from imported queue reports; without them no row.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only the queue with this name
-- param flow_out (choice left_out|counted, default left_out): whether calls that flowed out to another queue count as not answered
with site as (
    select timezone
    from dim_site
    order by site_id
    limit 1
),
intervals as (
    select
        q.queue_id,
        q.queue_name,
        q.sl_seconds,
        q.sl_target_pct,
        i.offered,
        i.answered,
        i.answered_in_sl,
        i.abandoned,
        i.short_abandoned,
        i.flow_out,
        i.wait_ms_total
    from fact_queue_interval as i
    cross join site as s
    join dim_queue as q on q.queue_key = i.queue_key
    where as_date_key(timezone(s.timezone, i.interval_ts)::date) between as_date_key($since) and as_date_key($until)
        and ($queue is null or q.queue_name = $queue)
),
queues as (
    select
        queue_id,
        max_by(queue_name, queue_name is not null) as queue_name,
        max(sl_seconds) as sl_seconds,
        max(sl_target_pct) as sl_target_pct,
        sum(offered) as n_offered,
        sum(answered) as n_answered,
        sum(answered_in_sl) as n_in_sl,
        sum(abandoned) as n_abandoned,
        coalesce(sum(short_abandoned), 0) as n_short,
        coalesce(sum(flow_out), 0) as n_flow_out,
        sum(wait_ms_total) as wait_ms_total
    from intervals
    group by queue_id
),
counted as (
    select
        *,
        n_answered + n_abandoned - n_short + if($flow_out = 'counted', n_flow_out, 0) as n_counted
    from queues
)
select
    queue_name,
    queue_id,
    n_offered::bigint as n_offered,
    n_answered::bigint as n_answered,
    n_abandoned::bigint as n_abandoned,
    n_short::bigint as n_short_abandoned,
    sl_seconds,
    100 * n_in_sl / nullif(n_counted, 0) as service_level_pct_ros,
    sl_target_pct,
    100 * n_abandoned / nullif(n_offered, 0) as abandoned_pct_ros,
    wait_ms_total / nullif(n_answered + n_abandoned, 0) as wait_ms_mean
from counted
order by
    queue_name nulls last,
    queue_id
