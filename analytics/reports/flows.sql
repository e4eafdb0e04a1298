-- title: What happens in the flows before an agent answers?
-- summary: Runs, engagements and mean time of each flow from imported flow reports, and how many of its engagements were given up; without them no row.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
with site as (
    select timezone
    from dim_site
    order by site_id
    limit 1
),
runs as (
    select
        f.flow_id,
        f.flow_name,
        f.engagement_id,
        coalesce(f.flow_ms, epoch_ms(f.exit_ts) - epoch_ms(f.enter_ts)) as flow_ms,
        e.abandoned
    from zoom_flow as f
    cross join site as s
    left join zoom_engagement as e on e.engagement_id = f.engagement_id
    where as_date_key(timezone(s.timezone, f.enter_ts)::date) between as_date_key($since) and as_date_key($until)
)
select
    max(flow_name) as flow_name,
    flow_id,
    count(*) as n_runs,
    count(distinct engagement_id) as n_engagements,
    count(flow_ms) as n_timed,
    avg(flow_ms) as flow_ms_mean,
    count(distinct engagement_id) filter (where abandoned is not null) as n_known,
    100 * count(distinct engagement_id) filter (where abandoned)
    / nullif(count(distinct engagement_id) filter (where abandoned is not null), 0) as abandoned_pct_ros
from runs
group by flow_id
order by
    n_runs desc,
    flow_id
