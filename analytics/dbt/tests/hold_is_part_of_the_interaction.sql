-- No queue holds longer than it talks and holds.
select *
from {{ ref('hold_by_queue_week') }}
where hold_ms > interaction_ms
    or hold_pct_ros not between 0 and 100
