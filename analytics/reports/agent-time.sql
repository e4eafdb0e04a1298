-- title: How do agents spend their time?
-- summary: Ready, occupied and not ready time of each agent from imported time cards, and occupancy; without time cards no row.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param agent (text, default none): only the agent with this id
with site as (
    select timezone
    from dim_site
    order by site_id
    limit 1
),
agents as (
    select
        z.user_id,
        count(*) as n_statuses,
        sum(z.ready_ms) as ready_ms,
        sum(z.occupied_ms) as occupied_ms,
        sum(z.not_ready_ms) as not_ready_ms
    from zoom_agent_status as z
    cross join site as s
    where as_date_key(timezone(s.timezone, z.start_ts)::date) between as_date_key($since) and as_date_key($until)
        and ($agent is null or z.user_id = $agent)
    group by z.user_id
),
named as (
    select
        user_id,
        max_by(display_name, valid_from) as agent_name
    from dim_agent
    group by user_id
)
select
    n.agent_name,
    a.user_id,
    a.n_statuses,
    a.ready_ms::bigint as ready_ms,
    a.occupied_ms::bigint as occupied_ms,
    a.not_ready_ms::bigint as not_ready_ms,
    100 * a.occupied_ms / nullif(a.occupied_ms + a.ready_ms, 0) as occupancy_pct_ros
from agents as a
left join named as n on n.user_id = a.user_id
order by
    n.agent_name nulls last,
    a.user_id
