-- grain: one row per second of a channel of a measured call in which somebody speaks
with seconds as (
    select
        h.call_id,
        h.channel_id,
        h.party,
        c.date_key,
        d.local_date,
        unnest(h.level_dbfs) as level_dbfs,
        generate_subscripts(h.level_dbfs, 1) - 1 as second
    from fact_channel as h
    join fact_call as c on c.call_id = h.call_id
    left join dim_date as d on d.date_key = c.date_key
)
select
    call_id,
    channel_id,
    party,
    date_key,
    local_date,
    1000 * second as start_ms,
    1000 * second + 1000 as end_ms,
    level_dbfs,
    loudness_score(level_dbfs) as loudness_score
from seconds
where level_dbfs is not null
