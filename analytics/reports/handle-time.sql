-- title: Where does handle time come from?
-- summary: Mean handle time split into talk, silence, hold, unheard time and wrap-up; the parts of interaction time sum to it exactly.
-- question: 4
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice queue|agent, default queue): what a row is
with legs as (
    select
        if($by = 'queue', queue_name, agent_name) as group_name,
        if($by = 'queue', queue_id, user_id) as group_id,
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
        and overtalk_ms is not null
)
select
    group_name,
    group_id,
    count(*) as n_legs,
    avg(interaction_ms) + coalesce(avg(acw_ms), 0) as handle_ms_mean,
    avg(interaction_ms) as interaction_ms_mean,
    avg(agent_only_ms) as agent_only_ms_mean,
    avg(customer_only_ms) as customer_only_ms_mean,
    avg(overtalk_ms) as overtalk_ms_mean,
    avg(silence_ms) as silence_ms_mean,
    avg(hold_ms) as hold_ms_mean,
    avg(interaction_ms - hold_ms - agent_only_ms - customer_only_ms - overtalk_ms - silence_ms) as unheard_ms_mean,
    avg(acw_ms) as acw_ms_mean,
    count(acw_ms) as n_legs_acw,
    ros(100 * (agent_only_ms + customer_only_ms + overtalk_ms), interaction_ms) as talk_pct_ros,
    ros(100 * silence_ms, interaction_ms) as silence_pct_ros,
    ros(100 * hold_ms, interaction_ms) as hold_pct_ros
from legs
group by
    group_name,
    group_id
order by
    sum(interaction_ms) desc,
    group_name,
    group_id
