-- title: Which way did an engagement go?
-- summary: The steps of one engagement in their order, from imported time lines of engagements; without them no row.
-- param engagement (text, required): Zoom's id of the engagement
with steps as (
    select
        start_ts,
        step,
        coalesce(duration_ms, epoch_ms(end_ts) - epoch_ms(start_ts)) as duration_ms,
        nullif(user_id, '') as user_id,
        queue_id,
        flow_id
    from zoom_timeline
    where engagement_id = $engagement
)
select
    start_ts,
    step,
    duration_ms::bigint as duration_ms,
    user_id,
    queue_id,
    flow_id
from steps
order by
    start_ts,
    step,
    user_id
