-- title: Whose headset is too quiet, too loud or noisy?
-- summary: How each agent (or queue) is heard by customers; a leg is faulty if any of the three limits is broken. Ranked by the share of faulty legs.
-- question: 29
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice agent|queue, default agent): what a row is
-- param quiet_pct (number, default 20): a leg is faulty from this share of too quiet seconds on
-- param clipping_pct (number, default 1): … from this share of clipped speech on
-- param snr_db (number, default 15): … below this distance from noise
-- param min_legs (integer, default 20): legs from which on a row is ranked
with legs as (
    select
        if($by = 'queue', queue_name, agent_name) as group_name,
        if($by = 'queue', queue_id, user_id) as group_id,
        talk_ms_agent,
        level_dbfs_agent,
        quiet_pct_agent,
        clipping_pct_agent,
        snr_db_agent,
        echo_suspect,
        quiet_pct_agent >= $quiet_pct
            or clipping_pct_agent >= $clipping_pct
            or coalesce(snr_db_agent < $snr_db, false) as is_faulty
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and level_dbfs_agent is not null
),
groups as (
    select
        group_name,
        group_id,
        count(*) as n_legs,
        count(*) filter (where is_faulty) as n_faulty,
        median(level_dbfs_agent) as level_dbfs_agent_p50,
        ros(quiet_pct_agent * talk_ms_agent, talk_ms_agent) as quiet_pct_agent_ros,
        ros(clipping_pct_agent * talk_ms_agent, talk_ms_agent) as clipping_pct_agent_ros,
        median(snr_db_agent) as snr_db_agent_p50,
        count(echo_suspect) as n_legs_echo,
        count(*) filter (where echo_suspect) as n_echo
    from legs
    group by
        group_name,
        group_id
)
select
    if(n_legs >= $min_legs, rank() over (partition by n_legs >= $min_legs order by n_faulty / n_legs desc), null) as rank,
    group_name,
    group_id,
    n_legs,
    n_faulty,
    100 * n_faulty / n_legs as faulty_pct,
    wilson_low_pct(n_faulty, n_legs) as faulty_pct_low,
    wilson_high_pct(n_faulty, n_legs) as faulty_pct_high,
    level_dbfs_agent_p50,
    quiet_pct_agent_ros,
    clipping_pct_agent_ros,
    snr_db_agent_p50,
    n_legs_echo,
    n_echo
from groups
order by
    rank nulls last,
    faulty_pct desc,
    group_name,
    group_id
