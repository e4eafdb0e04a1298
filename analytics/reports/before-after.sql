-- title: Did coaching change the behaviour?
-- summary: One metric in the days before and after a date: ratio of sums, change, 95 % interval; a row for each way of measuring. What depends on who spoke leaves out legs whose line leaves that in doubt.
-- question: 27
-- param change (date, required): first local date after the change
-- param days (integer, default 30): length of each side
-- param agent (text, default none): only legs of the agent with this name
-- param metric (choice agent_talk_pct|silence_pct|hold_pct|interruptions_agent_per_10min|dead_air_agent_owed_pct|interaction_ms, default agent_talk_pct): what to compare
with legs as (
    select
        local_date >= $change as is_after,
        threshold_set_id,
        metric_version,
        detector,
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
        end)::double as whole,
        $metric not in ('hold_pct', 'interaction_ms') and is_doubtful(qa_obstacle) as is_left_out
    from v_leg
    where date_key between as_date_key($change - $days::integer) and as_date_key($change + $days::integer - 1)
        and ($agent is null or agent_name = $agent)
),
sides as (
    select
        is_after,
        threshold_set_id,
        metric_version,
        detector,
        count(*) filter (where not is_left_out) as n,
        count(*) filter (where is_left_out) as n_left_out,
        sum(part) filter (where not is_left_out) as a,
        sum(whole) filter (where not is_left_out) as b,
        sum(part * part) filter (where not is_left_out) as aa,
        sum(part * whole) filter (where not is_left_out) as ab,
        sum(whole * whole) filter (where not is_left_out) as bb
    from legs
    where part is not null
        and whole is not null
    group by
        is_after,
        threshold_set_id,
        metric_version,
        detector
),
compared as (
    -- a change of thresholds, formulas or detector is none of behaviour: what was measured in one way is compared with the same only
    select
        coalesce(before.threshold_set_id, after.threshold_set_id)::text as threshold_set_id,
        coalesce(before.metric_version, after.metric_version) as metric_version,
        coalesce(before.detector, after.detector) as detector,
        coalesce(before.n, 0) as n_legs_before,
        coalesce(after.n, 0) as n_legs_after,
        coalesce(before.n_left_out, 0) + coalesce(after.n_left_out, 0) as n_left_out,
        before.a / nullif(before.b, 0) as value_before,
        after.a / nullif(after.b, 0) as value_after,
        1.96 * sqrt(
            ratio_variance(before.n, before.a, before.b, before.aa, before.ab, before.bb)
            + ratio_variance(after.n, after.a, after.b, after.aa, after.ab, after.bb)
        ) as margin
    from (from sides where not is_after) as before
    full join (from sides where is_after) as after
        on after.threshold_set_id is not distinct from before.threshold_set_id
        and after.metric_version is not distinct from before.metric_version
        and after.detector is not distinct from before.detector
)
select
    $metric as metric,
    threshold_set_id,
    metric_version,
    detector,
    n_legs_before,
    n_legs_after,
    n_left_out,
    value_before as value_before_ros,
    value_after as value_after_ros,
    value_after - value_before as change,
    value_after - value_before - margin as change_low,
    value_after - value_before + margin as change_high
from compared
order by
    n_legs_before + n_legs_after desc,
    threshold_set_id,
    metric_version,
    detector
