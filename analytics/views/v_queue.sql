-- grain: one row per queue and time in which the same was true of the queue
select
    queue_id,
    queue_name,
    queue_group,
    sl_seconds,
    sl_target_pct,
    valid_from,
    valid_to,
    is_current
from dim_queue
