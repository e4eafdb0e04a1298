-- grain: one row per agent and time in which the same was true of the agent
select
    user_id,
    display_name as agent_name,
    team_id,
    team_name,
    hire_date,
    spoken_languages,
    valid_from,
    valid_to,
    is_current
from dim_agent
