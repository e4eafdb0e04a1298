-- title: How do transferred calls go on?
-- summary: By receiving agent: time from hand-over to greeting, length of the customer's first turn (telling it again), length of the leg. The first two without legs whose line leaves in doubt who spoke.
-- question: 14
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
with legs as (
    select
        leg_id,
        call_id,
        leg_no,
        date_key,
        start_ms,
        end_ms,
        agent_name,
        user_id,
        queue_name,
        transferred_out,
        unless_doubtful(greeting_latency_ms, qa_obstacle) as greeting_latency_ms,
        interaction_ms,
        qa_obstacle
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
),
received as (
    select
        l.leg_id,
        l.date_key,
        l.agent_name,
        l.user_id,
        l.queue_name,
        l.start_ms - before.end_ms as handover_gap_ms,
        l.greeting_latency_ms,
        l.interaction_ms,
        l.qa_obstacle
    from legs as l
    join legs as before on before.call_id = l.call_id and before.leg_no = l.leg_no - 1
    where before.transferred_out
        and ($queue is null or l.queue_name = $queue)
),
first_turns as (
    select
        r.leg_id,
        arg_min(i.end_ms - i.start_ms, i.start_ms) as first_turn_ms
    from received as r
    join fact_interval as i on i.leg_id = r.leg_id and i.date_key = r.date_key
    where i.kind = 'turn'
        and i.party = 'customer'
        and not is_doubtful(r.qa_obstacle)
    group by r.leg_id
)
select
    r.agent_name,
    r.user_id,
    r.queue_name,
    count(*) as n_legs,
    n_doubtful(r.qa_obstacle) as n_left_out,
    quantile_cont(r.handover_gap_ms, 0.5) as handover_gap_ms_p50,
    quantile_cont(r.greeting_latency_ms, 0.5) as greeting_latency_ms_p50,
    quantile_cont(t.first_turn_ms, 0.5) as customer_first_turn_ms_p50,
    avg(r.interaction_ms) as interaction_ms_mean
from received as r
left join first_turns as t on t.leg_id = r.leg_id
group by
    r.agent_name,
    r.user_id,
    r.queue_name
order by
    n_legs desc,
    r.agent_name,
    r.user_id,
    r.queue_name
