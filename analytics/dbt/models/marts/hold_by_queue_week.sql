-- One row per site, queue and week: how much of the time with an agent was hold. Sums are divided, percentages never averaged; legs
-- whose hold is not known are counted beside, and are in no sum.
with measured as (
    select
        *,
        hold_ms is not null and interaction_ms is not null as is_measured
    from {{ ref('stg_legs') }}
),
weeks as (
    select
        site_name,
        queue_name,
        week,
        count(*) as n_legs_all,
        count(*) filter (where is_measured) as n_legs,
        count(*) filter (where is_measured and hold_ms > 0) as n_legs_held,
        sum(hold_count) filter (where is_measured)::bigint as holds,
        sum(hold_ms) filter (where is_measured)::bigint as hold_ms,
        sum(interaction_ms) filter (where is_measured)::bigint as interaction_ms
    from measured
    group by all
)
select
    coalesce(site_name, '–') || '/' || coalesce(queue_name, '–') || '/' || week as queue_week,
    site_name,
    queue_name,
    week,
    n_legs_all,
    n_legs,
    n_legs_held,
    holds,
    hold_ms,
    interaction_ms,
    hold_ms / nullif(n_legs, 0) as hold_ms_per_leg,
    100.0 * hold_ms / nullif(interaction_ms, 0) as hold_pct_ros,
    100.0 * hold_ms / nullif(interaction_ms, 0)
        - lag(100.0 * hold_ms / nullif(interaction_ms, 0)) over (partition by site_name, queue_name order by week) as change_ros
from weeks
order by
    site_name,
    queue_name,
    week
