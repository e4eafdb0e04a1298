-- title: Who greets within ten seconds?
-- summary: Share of an agent's legs in which the agent spoke within the limit after answering, with its 95 % interval; who never spoke greeted nobody. Legs whose line leaves in doubt who spoke are left out and counted.
-- question: 6
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param within_ms (integer, default 10000): a greeting in time begins at most this long after the answer
with legs as (
    select
        l.agent_name,
        l.user_id,
        l.greeting_latency_ms,
        -- an agent whom nobody heard in the whole call counts too: the customer waited as long, whoever's fault it is
        coalesce(r.reason in ('agent_did_not_speak', 'one_way_audio'), false) as never_spoke,
        is_doubtful(l.qa_obstacle) as is_left_out
    from v_leg as l
    left join v_null_reason as r
        on r.leg_id = l.leg_id
        and r.date_key = l.date_key
        and r.metric = 'greeting_latency_ms'
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
),
agents as (
    select
        agent_name,
        user_id,
        count(*) filter (where not is_left_out and (greeting_latency_ms is not null or never_spoke)) as n_legs,
        count(*) filter (where is_left_out and (greeting_latency_ms is not null or never_spoke)) as n_left_out,
        count(*) filter (where not is_left_out and greeting_latency_ms <= $within_ms) as n_in_time,
        count(*) filter (where not is_left_out and never_spoke) as n_never_spoke,
        count(*) filter (where greeting_latency_ms is null and not never_spoke) as n_unknown,
        quantile_cont(greeting_latency_ms, 0.5) filter (where not is_left_out) as greeting_latency_ms_p50,
        quantile_cont(greeting_latency_ms, 0.9) filter (where not is_left_out) as greeting_latency_ms_p90
    from legs
    group by
        agent_name,
        user_id
)
select
    agent_name,
    user_id,
    n_legs,
    n_left_out,
    n_in_time,
    100 * n_in_time / nullif(n_legs, 0) as in_time_pct,
    wilson_low_pct(n_in_time, nullif(n_legs, 0)) as in_time_pct_low,
    wilson_high_pct(n_in_time, nullif(n_legs, 0)) as in_time_pct_high,
    n_never_spoke,
    n_unknown,
    greeting_latency_ms_p50,
    greeting_latency_ms_p90
from agents
where n_legs + n_left_out > 0
order by
    in_time_pct nulls last,
    n_legs desc,
    agent_name,
    user_id
