-- title: Who talks how much, and how fast?
-- summary: Talk %, share of speech, talk speed and monologues per agent, beside tenure; ratios of sums over the agent's legs.
-- question: 19
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
with legs as (
    select
        agent_name,
        user_id,
        team_name,
        hire_date,
        analysed_ms,
        talk_ms_agent,
        talk_ms_customer,
        wpm_agent,
        talk_speed_unit,
        monologue_count_agent,
        longest_monologue_ms_agent
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
)
select
    agent_name,
    user_id,
    any_value(team_name) as team_name,
    date_diff('day', min(hire_date), $until) as tenure_days,
    count(*) as n_legs,
    ros(100 * talk_ms_agent, analysed_ms) as agent_talk_pct_ros,
    ros(talk_ms_agent, talk_ms_agent + talk_ms_customer) as talk_ratio_agent_ros,
    ros(if(talk_speed_unit = 'wpm', wpm_agent * talk_ms_agent, null), talk_ms_agent) as wpm_agent_ros,
    ros(if(talk_speed_unit = 'cpm', wpm_agent * talk_ms_agent, null), talk_ms_agent) as cpm_agent_ros,
    max(longest_monologue_ms_agent) as longest_monologue_ms_agent,
    avg(monologue_count_agent) as monologues_per_leg
from legs
group by
    agent_name,
    user_id
order by
    n_legs desc,
    agent_name,
    user_id
