-- title: Who asks questions, and do customers of those agents call again less?
-- summary: Questions by agent per 10 minutes, beside the share of the agent's last legs whose customer called again, with its 95 % interval.
-- question: 21
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param days (integer, default 7): the window in which a call counts as a repeat; only calls whose window is closed are judged
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
        last_user_id as user_id,
        last_queue_name as queue_name,
        local_date,
        end_ts,
        lead(start_ts) over (partition by customer_key order by start_ts, call_id) as next_ts
    from v_call
    where date_key between as_date_key($since) and as_date_key($until + $days::integer)
        and customer_key is not null
),
judged as (
    select
        user_id,
        count(*) as n_calls,
        count(*) filter (where next_ts <= end_ts + to_days($days::integer)) as n_repeated
    from calls
    where local_date <= $until
        and ($queue is null or queue_name = $queue)
        and end_ts + to_days($days::integer) <= now()
    group by user_id
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
