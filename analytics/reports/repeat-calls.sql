-- title: After whom do customers call again?
-- summary: Share of calls whose customer called again within the window, by queue and last agent, with its 95 % interval; closed windows only.
-- question: 13
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param days (integer, default 7): the window after the end of a call
with calls as (
    select
        first_queue_name as queue_name,
        last_agent_name as agent_name,
        last_user_id as user_id,
        local_date,
        end_ts,
        lead(start_ts) over (partition by customer_key order by start_ts, call_id) as next_ts
    from v_call
    where date_key between as_date_key($since) and as_date_key($until + $days::integer)
        and customer_key is not null
),
judged as (
    select
        queue_name,
        agent_name,
        user_id,
        coalesce(next_ts <= end_ts + to_days($days::integer), false) as repeated
    from calls
    where local_date <= $until
        and end_ts + to_days($days::integer) <= now()
)
select
    queue_name,
    agent_name,
    user_id,
    count(*) as n_calls,
    count(*) filter (where repeated) as n_repeated,
    100 * count(*) filter (where repeated) / count(*) as repeated_pct,
    wilson_low_pct(count(*) filter (where repeated), count(*)) as repeated_pct_low,
    wilson_high_pct(count(*) filter (where repeated), count(*)) as repeated_pct_high
from judged
group by
    queue_name,
    agent_name,
    user_id
order by
    n_repeated desc,
    n_calls desc,
    queue_name,
    agent_name,
    user_id
