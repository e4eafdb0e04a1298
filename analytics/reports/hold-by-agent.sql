-- title: Who puts customers on hold more than the rest of the queue?
-- summary: Hold % and holds per leg of each agent on a queue beside everybody else on it, and the difference with its 95 % interval.
-- question: 3
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param min_legs (integer, default 20): legs from which on an agent is ranked
with legs as (
    select
        agent_name,
        user_id,
        queue_name,
        hold_count,
        hold_ms::double as hold_ms,
        interaction_ms::double as interaction_ms
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
        and hold_ms is not null
        and interaction_ms is not null
),
agents as (
    select
        agent_name,
        user_id,
        queue_name,
        count(*) as n,
        sum(hold_count) as holds,
        sum(hold_ms) as a,
        sum(interaction_ms) as b,
        sum(hold_ms * hold_ms) as aa,
        sum(hold_ms * interaction_ms) as ab,
        sum(interaction_ms * interaction_ms) as bb
    from legs
    group by
        agent_name,
        user_id,
        queue_name
),
with_rest as (
    select
        *,
        sum(n) over rest as rest_n,
        sum(a) over rest as rest_a,
        sum(b) over rest as rest_b,
        sum(aa) over rest as rest_aa,
        sum(ab) over rest as rest_ab,
        sum(bb) over rest as rest_bb
    from agents
    window rest as (partition by queue_name rows between unbounded preceding and unbounded following exclude current row)
),
compared as (
    select
        queue_name,
        agent_name,
        user_id,
        n as n_legs,
        coalesce(rest_n, 0) as n_legs_rest,
        holds / n as holds_per_leg,
        100 * a / nullif(b, 0) as hold_pct_ros,
        100 * rest_a / nullif(rest_b, 0) as hold_pct_ros_rest,
        100 * 1.96 * sqrt(ratio_variance(n, a, b, aa, ab, bb) + ratio_variance(rest_n, rest_a, rest_b, rest_aa, rest_ab, rest_bb))
            as margin
    from with_rest
)
select
    queue_name,
    if(n_legs >= $min_legs, rank() over (partition by queue_name, n_legs >= $min_legs order by hold_pct_ros desc), null) as rank,
    agent_name,
    user_id,
    n_legs,
    n_legs_rest::bigint as n_legs_rest,
    holds_per_leg,
    hold_pct_ros,
    hold_pct_ros_rest,
    hold_pct_ros - hold_pct_ros_rest as difference,
    hold_pct_ros - hold_pct_ros_rest - margin as difference_low,
    hold_pct_ros - hold_pct_ros_rest + margin as difference_high
from compared
order by
    queue_name nulls last,
    rank nulls last,
    agent_name,
    user_id
