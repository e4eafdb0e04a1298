-- One row per leg. Weeks begin on Monday, by the local date of the site. A metric that could not be measured is NULL and stays so.
select
    leg_id,
    call_id,
    leg_no,
    site_name,
    local_date,
    date_trunc('week', local_date)::date as week,
    queue_name,
    agent_name,
    user_id,
    interaction_ms,
    hold_ms,
    hold_count,
    analysed_ms,
    talk_ms_agent
from {{ source('exports', 'legs') }}
