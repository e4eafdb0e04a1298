-- title: Who talks how much, and how fast?
-- summary: Talk %, talk speed in the agent's most spoken language, and monologues per agent, beside tenure; ratios of sums with 95 % intervals. Talk and monologues without legs whose line leaves in doubt who spoke.
-- question: 19
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param language (text, default none): talk speed in the language with this tag; else in the one that the agent spoke most
with legs as (
    select
        leg_id,
        date_key,
        agent_name,
        user_id,
        team_name,
        hire_date,
        analysed_ms::double as analysed_ms,
        talk_ms_agent::double as talk_ms_agent,
        talk_ms_customer,
        qa_obstacle,
        wpm_agent,
        talk_speed_unit,
        monologue_count_agent,
        longest_monologue_ms_agent
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
),
agents as (
    select
        agent_name,
        user_id,
        any_value(team_name) as team_name,
        date_diff('day', min(hire_date), $until) as tenure_days,
        count(*) - n_doubtful(qa_obstacle) as n_legs,
        n_doubtful(qa_obstacle) as n_left_out,
        ros(unless_doubtful(100 * talk_ms_agent, qa_obstacle), analysed_ms) as agent_talk_pct_ros,
        100 * ros_margin(unless_doubtful(talk_ms_agent, qa_obstacle), analysed_ms) as margin,
        ros(unless_doubtful(talk_ms_agent, qa_obstacle), talk_ms_agent + talk_ms_customer) as talk_ratio_agent_ros,
        max(unless_doubtful(longest_monologue_ms_agent, qa_obstacle)) as longest_monologue_ms_agent,
        avg(unless_doubtful(monologue_count_agent, qa_obstacle)) as monologues_per_leg
    from legs
    group by
        agent_name,
        user_id
),
spoken as (
    select
        l.agent_name,
        l.user_id,
        s.language_code,
        coalesce(s.talk_speed_unit, l.talk_speed_unit) as talk_speed_unit,
        coalesce(s.speech_ms, l.talk_ms_agent)::double as speech_ms,
        if(s.leg_id is null, l.wpm_agent, coalesce(s.wpm, s.cpm)) as speed
    from legs as l
    left join v_leg_language as s on s.leg_id = l.leg_id and s.date_key = l.date_key and s.party = 'agent'
    where ($language is null or s.language_code = $language)
),
speeds as (
    select
        agent_name,
        user_id,
        talk_speed_unit,
        language_code,
        count(speed) as n_legs_speed,
        ros(speed * speech_ms, speech_ms) as speed_ros,
        ros_margin(speed * speech_ms, speech_ms) as margin,
        row_number() over (
            partition by agent_name, user_id, talk_speed_unit
            order by sum(speech_ms) filter (where speed is not null) desc nulls last, language_code
        ) as place
    from spoken
    group by
        agent_name,
        user_id,
        talk_speed_unit,
        language_code
)
select
    a.agent_name,
    a.user_id,
    a.team_name,
    a.tenure_days,
    a.n_legs,
    a.n_left_out,
    a.agent_talk_pct_ros,
    greatest(0, a.agent_talk_pct_ros - a.margin) as agent_talk_pct_low,
    least(100, a.agent_talk_pct_ros + a.margin) as agent_talk_pct_high,
    a.talk_ratio_agent_ros,
    w.language_code as wpm_language,
    coalesce(w.n_legs_speed, 0) as n_legs_wpm,
    w.speed_ros as wpm_agent_ros,
    w.speed_ros - w.margin as wpm_agent_low,
    w.speed_ros + w.margin as wpm_agent_high,
    c.language_code as cpm_language,
    coalesce(c.n_legs_speed, 0) as n_legs_cpm,
    c.speed_ros as cpm_agent_ros,
    c.speed_ros - c.margin as cpm_agent_low,
    c.speed_ros + c.margin as cpm_agent_high,
    a.longest_monologue_ms_agent,
    a.monologues_per_leg
from agents as a
left join speeds as w
    on w.agent_name is not distinct from a.agent_name
    and w.user_id is not distinct from a.user_id
    and w.talk_speed_unit = 'wpm'
    and w.place = 1
left join speeds as c
    on c.agent_name is not distinct from a.agent_name
    and c.user_id is not distinct from a.user_id
    and c.talk_speed_unit = 'cpm'
    and c.place = 1
order by
    a.n_legs desc,
    a.agent_name,
    a.user_id
