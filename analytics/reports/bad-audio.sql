-- title: Who has bad audio?
-- summary: One-way calls, media gaps and the recogniser's doubt about the agent's own words by site and agent; a bad headset shows in all legs.
-- question: 29
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param min_legs (integer, default 20): legs with judged words from which on an agent is ranked
with legs as (
    select
        site_name,
        agent_name,
        user_id,
        one_way_audio,
        mixed_audio,
        media_gap_ms,
        interaction_ms,
        asr_conf_mean_agent,
        low_conf_word_pct_agent,
        conf_word_count_agent
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
),
agents as (
    select
        site_name,
        agent_name,
        user_id,
        count(*) as n_legs,
        count(*) filter (where one_way_audio) as n_one_way,
        count(*) filter (where mixed_audio) as n_mixed,
        ros(100 * media_gap_ms, interaction_ms) as media_gap_pct_ros,
        count(low_conf_word_pct_agent) as n_legs_words,
        ros(asr_conf_mean_agent * conf_word_count_agent, conf_word_count_agent) as asr_conf_agent_ros,
        ros(low_conf_word_pct_agent * conf_word_count_agent, conf_word_count_agent) as low_conf_word_pct_agent_ros
    from legs
    group by
        site_name,
        agent_name,
        user_id
)
select
    if(
        n_legs_words >= $min_legs,
        rank() over (partition by n_legs_words >= $min_legs order by low_conf_word_pct_agent_ros desc nulls last),
        null
    ) as rank,
    site_name,
    agent_name,
    user_id,
    n_legs,
    n_one_way,
    100 * n_one_way / n_legs as one_way_pct,
    wilson_low_pct(n_one_way, n_legs) as one_way_pct_low,
    wilson_high_pct(n_one_way, n_legs) as one_way_pct_high,
    n_mixed,
    media_gap_pct_ros,
    n_legs_words,
    asr_conf_agent_ros,
    low_conf_word_pct_agent_ros
from agents
order by
    rank nulls last,
    low_conf_word_pct_agent_ros desc nulls last,
    site_name,
    agent_name,
    user_id
