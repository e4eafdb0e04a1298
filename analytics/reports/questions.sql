-- title: Who asks questions, and do customers of those agents call again less?
-- summary: Questions by agent per 10 minutes, beside the share of the agent's last legs whose customer called again, with its 95 % interval.
-- question: 21
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param days (integer, default 7): the window in which a call counts as a repeat; only calls whose window ended before the newest call began are judged
-- param queues (choice same|any, default same): which later calls count: in the same queue group (queue, where it has none), or in any queue
with asked as (
    select
        user_id,
        any_value(agent_name) as agent_name,
        count(*) as n_legs,
        ros(600000 * question_count_agent, analysed_ms) as questions_per_10min_agent_ros,
        avg(question_count_agent) as questions_per_leg
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
        and question_count_agent is not null
    group by user_id
),
calls as (
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
        v.last_user_id as user_id,
        count(*) as n_calls,
        count(*) filter (where c.repeated) as n_repeated
    from calls as c
    join v_call as v on v.call_id = c.call_id
    where v.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or v.last_queue_name = $queue)
        and is_over(v.end_ts, $days::integer)
    group by v.last_user_id
)
select
    a.agent_name,
    a.user_id,
    a.n_legs,
    a.questions_per_10min_agent_ros,
    a.questions_per_leg,
    coalesce(j.n_calls, 0) as n_calls,
    100 * j.n_repeated / j.n_calls as repeated_pct,
    wilson_low_pct(j.n_repeated, j.n_calls) as repeated_pct_low,
    wilson_high_pct(j.n_repeated, j.n_calls) as repeated_pct_high
from asked as a
left join judged as j on j.user_id is not distinct from a.user_id
order by
    a.questions_per_10min_agent_ros desc nulls last,
    a.user_id
