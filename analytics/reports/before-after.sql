-- title: Did coaching change the behaviour?
-- summary: One metric of an agent (or everybody) in the days before and after a date: ratio of sums, the change and its 95 % interval.
-- question: 27
-- param change (date, required): first local date after the change
-- param days (integer, default 30): length of each side
-- param agent (text, default none): only legs of the agent with this name
-- param metric (choice agent_talk_pct|silence_pct|hold_pct|interruptions_agent_per_10min|dead_air_agent_owed_pct|interaction_ms, default agent_talk_pct): what to compare
with legs as (
    select
        local_date >= $change as is_after,
        (case $metric
            when 'agent_talk_pct' then 100 * talk_ms_agent
            when 'silence_pct' then 100 * silence_ms
            when 'hold_pct' then 100 * hold_ms
            when 'interruptions_agent_per_10min' then 600000 * interruptions_agent
            when 'dead_air_agent_owed_pct' then 100 * dead_air_agent_owed_ms
            else interaction_ms
        end)::double as part,
        (case $metric
            when 'hold_pct' then interaction_ms
            when 'interaction_ms' then 1
            else analysed_ms
        end)::double as whole
    from v_leg
    where date_key between as_date_key($change - $days::integer) and as_date_key($change + $days::integer - 1)
        and ($agent is null or agent_name = $agent)
),
sides as (
    select
        is_after,
        count(*) as n,
        sum(part) as a,
        sum(whole) as b,
        sum(part * part) as aa,
        sum(part * whole) as ab,
        sum(whole * whole) as bb
    from legs
    where part is not null
        and whole is not null
    group by is_after
),
compared as (
    select
        before.n as n_legs_before,
        after.n as n_legs_after,
        before.a / nullif(before.b, 0) as value_before,
        after.a / nullif(after.b, 0) as value_after,
        1.96 * sqrt(
            ratio_variance(before.n, before.a, before.b, before.aa, before.ab, before.bb)
            + ratio_variance(after.n, after.a, after.b, after.aa, after.ab, after.bb)
        ) as margin
    from (from sides where not is_after) as before
    full join (from sides where is_after) as after on true
)
select
    $metric as metric,
    coalesce(n_legs_before, 0) as n_legs_before,
    coalesce(n_legs_after, 0) as n_legs_after,
    value_before as value_before_ros,
    value_after as value_after_ros,
    value_after - value_before as change,
    value_after - value_before - margin as change_low,
    value_after - value_before + margin as change_high
from compared
