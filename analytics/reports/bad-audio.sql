-- title: Who has bad audio?
-- summary: One-way calls, media gaps and recogniser confidence by site and agent; a bad headset shows in all of an agent's legs.
-- question: 29
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param min_legs (integer, default 20): legs from which on an agent is ranked
with legs as (
    select
        site_name,
        agent_name,
        user_id,
        one_way_audio,
        mixed_audio,
        media_gap_ms,
        interaction_ms,
        asr_conf_mean,
        low_conf_word_pct,
        coalesce(word_count_agent, 0) + coalesce(word_count_customer, 0) as words
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
        ros(asr_conf_mean * words, words) as asr_conf_ros,
        ros(low_conf_word_pct * words, words) as low_conf_word_pct_ros
    from legs
    group by
        site_name,
        agent_name,
        user_id
)
select
    if(n_legs >= $min_legs, rank() over (partition by n_legs >= $min_legs order by low_conf_word_pct_ros desc nulls last), null)
        as rank,
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
    asr_conf_ros,
    low_conf_word_pct_ros
from agents
order by
    rank nulls last,
    low_conf_word_pct_ros desc nulls last,
    site_name,
    agent_name,
    user_id
