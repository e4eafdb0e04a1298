-- title: Which languages does each queue speak, and who serves them?
-- summary: Legs by the call's primary language and the share of the queue that they are, with the agents who took most of them.
-- question: 16
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
with legs as (
    select
        queue_name,
        primary_language,
        coalesce(agent_name, user_id) as agent,
        interaction_ms
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
),
served as (
    select
        queue_name,
        primary_language,
        agent,
        count(*) as n,
        sum(interaction_ms) as interaction_ms,
        count(interaction_ms) as n_interaction
    from legs
    group by
        queue_name,
        primary_language,
        agent
),
languages as (
    select
        queue_name,
        primary_language,
        sum(n)::bigint as n_legs,
        count(agent) as n_agents,
        sum(interaction_ms) / nullif(sum(n_interaction), 0) as interaction_ms_mean,
        array_to_string(list(agent order by n desc, agent)[:3], ', ') as most_by
    from served
    group by
        queue_name,
        primary_language
)
select
    queue_name,
    primary_language,
    n_legs,
    100 * n_legs / sum(n_legs) over (partition by queue_name) as legs_pct,
    n_agents,
    most_by,
    interaction_ms_mean
from languages
order by
    queue_name nulls last,
    n_legs desc,
    primary_language
