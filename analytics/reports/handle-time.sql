-- title: Where does handle time come from?
-- summary: Mean interaction time split into talk, silence, hold and unheard time, which sum to it exactly; handle time of the legs with wrap-up. Legs whose line leaves in doubt who spoke are not split.
-- question: 4
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice queue|agent, default queue): what a row is
with legs as (
    select
        if($by = 'queue', queue_name, agent_name) as group_name,
        if($by = 'queue', queue_id, user_id) as group_id,
        overtalk_ms is not null and not is_doubtful(qa_obstacle) as is_heard,
        overtalk_ms is not null and is_doubtful(qa_obstacle) as is_left_out,
        interaction_ms,
        agent_only_ms,
        customer_only_ms,
        overtalk_ms,
        silence_ms,
        coalesce(hold_ms, 0) as hold_ms,
        acw_ms
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and interaction_ms is not null
)
select
    group_name,
    group_id,
    count(*) filter (where is_heard) as n_legs,
    count(*) filter (where not is_heard and not is_left_out) as n_legs_not_heard,
    count(*) filter (where is_left_out) as n_left_out,
    avg(interaction_ms) filter (where is_heard) as interaction_ms_mean,
    avg(agent_only_ms) filter (where is_heard) as agent_only_ms_mean,
    avg(customer_only_ms) filter (where is_heard) as customer_only_ms_mean,
    avg(overtalk_ms) filter (where is_heard) as overtalk_ms_mean,
    avg(silence_ms) filter (where is_heard) as silence_ms_mean,
    avg(hold_ms) filter (where is_heard) as hold_ms_mean,
    avg(interaction_ms - hold_ms - agent_only_ms - customer_only_ms - overtalk_ms - silence_ms) filter (where is_heard) as unheard_ms_mean,
    count(acw_ms) as n_legs_acw,
    -- of the legs with wrap-up, heard or not: the sum of the two that follow
    avg(interaction_ms + acw_ms) as handle_ms_mean,
    avg(interaction_ms) filter (where acw_ms is not null) as interaction_ms_mean_acw,
    avg(acw_ms) as acw_ms_mean,
    ros(if(is_heard, 100 * (agent_only_ms + customer_only_ms + overtalk_ms), null), interaction_ms) as talk_pct_ros,
    100 * sum(silence_ms) filter (where is_heard) / nullif(sum(interaction_ms) filter (where is_heard), 0) as silence_pct_ros,
    100 * sum(hold_ms) filter (where is_heard) / nullif(sum(interaction_ms) filter (where is_heard), 0) as hold_pct_ros
from legs
group by
    group_name,
    group_id
order by
    sum(interaction_ms) desc,
    group_name,
    group_id
