-- title: Who greets within ten seconds?
-- summary: Share of an agent's legs in which the agent spoke within the limit after answering, with its 95 % interval.
-- question: 6
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param within_ms (integer, default 10000): a greeting in time begins at most this long after the answer
with legs as (
    select
        agent_name,
        user_id,
        greeting_latency_ms,
        greeting_latency_ms <= $within_ms as in_time
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
        and greeting_latency_ms is not null
)
select
    agent_name,
    user_id,
    count(*) as n_legs,
    count(*) filter (where in_time) as n_in_time,
    100 * count(*) filter (where in_time) / count(*) as in_time_pct,
    wilson_low_pct(count(*) filter (where in_time), count(*)) as in_time_pct_low,
    wilson_high_pct(count(*) filter (where in_time), count(*)) as in_time_pct_high,
    quantile_cont(greeting_latency_ms, 0.5) as greeting_latency_ms_p50,
    quantile_cont(greeting_latency_ms, 0.9) as greeting_latency_ms_p90
from legs
group by
    agent_name,
    user_id
order by
    in_time_pct,
    n_legs desc,
    agent_name,
    user_id
