-- title: Who interrupts customers, and on which calls?
-- summary: Interruptions by the agent per 10 minutes and the share of legs with at least one, with its 95 % interval; and the customers'. Legs whose line leaves in doubt who spoke are left out and counted.
-- question: 9
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice agent|queue|language, default agent): what a row is
-- param min_legs (integer, default 20): legs from which on a row is ranked
with legs as (
    select
        case $by
            when 'agent' then agent_name
            when 'queue' then queue_name
            else primary_language
        end as group_name,
        case $by
            when 'agent' then user_id
            when 'queue' then queue_id
        end as group_id,
        analysed_ms,
        interruptions_agent,
        interruptions_customer,
        interruption_ms_agent,
        is_doubtful(qa_obstacle) as is_left_out
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and interruptions_agent is not null
),
groups as (
    select
        group_name,
        group_id,
        count(*) filter (where not is_left_out) as n_legs,
        count(*) filter (where is_left_out) as n_left_out,
        count(*) filter (where interruptions_agent > 0 and not is_left_out) as n_interrupted,
        ros(if(is_left_out, null, 600000 * interruptions_agent), analysed_ms) as interruptions_agent_per_10min_ros,
        avg(interruptions_agent) filter (where not is_left_out) as interruptions_agent_per_leg,
        (sum(interruption_ms_agent) filter (where not is_left_out))::bigint as interruption_ms_agent,
        ros(if(is_left_out, null, 600000 * interruptions_customer), analysed_ms) as interruptions_customer_per_10min_ros
    from legs
    group by
        group_name,
        group_id
)
select
    if(n_legs >= $min_legs, rank() over (partition by n_legs >= $min_legs order by interruptions_agent_per_10min_ros desc), null)
        as rank,
    group_name,
    group_id,
    n_legs,
    n_left_out,
    interruptions_agent_per_10min_ros,
    interruptions_agent_per_leg,
    interruption_ms_agent,
    100 * n_interrupted / nullif(n_legs, 0) as interrupted_pct,
    wilson_low_pct(n_interrupted, nullif(n_legs, 0)) as interrupted_pct_low,
    wilson_high_pct(n_interrupted, nullif(n_legs, 0)) as interrupted_pct_high,
    interruptions_customer_per_10min_ros
from groups
order by
    rank nulls last,
    interruptions_agent_per_10min_ros desc,
    group_name,
    group_id
