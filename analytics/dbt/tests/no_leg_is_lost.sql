-- The mart has every leg of the export once, and all of its hold.
with mart as (
    select
        sum(n_legs_all) as legs,
        sum(hold_ms) as hold_ms
    from {{ ref('hold_by_queue_week') }}
),
export as (
    select
        count(*) as legs,
        sum(hold_ms) filter (where interaction_ms is not null) as hold_ms
    from {{ source('exports', 'legs') }}
)
select
    mart.legs,
    export.legs as legs_exported,
    mart.hold_ms,
    export.hold_ms as hold_ms_exported
from mart, export
where mart.legs is distinct from export.legs
    or mart.hold_ms is distinct from export.hold_ms
