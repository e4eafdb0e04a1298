-- title: After whom do customers call again?
-- summary: Share of calls whose customer called again within the window, by queue and last agent, with its 95 % interval; closed windows only.
-- question: 13
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param days (integer, default 7): the window after the end of a call; judged once a later call began after it
-- param queues (choice same|any, default same): which later calls count: in the same queue group (queue, where it has none), or in any queue
with calls as (
    select
        c.call_id,
        called_again(
            c.customer_key,
            q.queue_group,
            q.queue_id,
            c.call_id,
            c.start_ts,
            c.end_ts,
            $days::integer,
            $queues = 'any'
        ) as repeated
    from fact_call as c
    left join fact_leg as l on l.call_no = c.call_no and l.leg_no = 1
    left join dim_queue as q on q.queue_key = l.queue_key
    where c.date_key between as_date_key($since) and as_date_key($until + $days::integer + 1) -- a call may end after midnight
        and c.customer_key is not null
),
judged as (
    select
        v.first_queue_name as queue_name,
        v.last_agent_name as agent_name,
        v.last_user_id as user_id,
        c.repeated
    from calls as c
    join v_call as v on v.call_id = c.call_id
    where v.date_key between as_date_key($since) and as_date_key($until)
        and is_over(v.end_ts, $days::integer)
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
