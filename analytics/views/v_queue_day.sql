-- grain: one row per queue and local date
select
    queue_id,
    queue_name,
    local_date,
    date_key,
    count(*) as n_legs,
    count(distinct call_id) as n_calls,
    count(distinct user_id) as n_agents,
    count(*) filter (where transferred_out) as n_transferred_out,
    sum(interaction_ms)::bigint as interaction_ms,
    sum(handle_ms)::bigint as handle_ms,
    sum(analysed_ms)::bigint as analysed_ms,
    sum(hold_ms)::bigint as hold_ms,
    sum(acw_ms)::bigint as acw_ms,
    sum(talk_ms_agent)::bigint as talk_ms_agent,
    sum(talk_ms_customer)::bigint as talk_ms_customer,
    sum(agent_only_ms)::bigint as agent_only_ms,
    sum(customer_only_ms)::bigint as customer_only_ms,
    sum(overtalk_ms)::bigint as overtalk_ms,
    sum(silence_ms)::bigint as silence_ms,
    sum(dead_air_agent_owed_ms)::bigint as dead_air_agent_owed_ms,
    avg(interaction_ms) as interaction_ms_mean,
    ros(100 * talk_ms_agent, analysed_ms) as agent_talk_pct_ros,
    ros(100 * silence_ms, analysed_ms) as silence_pct_ros,
    ros(100 * overtalk_ms, analysed_ms) as overtalk_pct_ros,
    ros(100 * hold_ms, interaction_ms) as hold_pct_ros
from v_leg
group by
    queue_id,
    queue_name,
    local_date,
    date_key
