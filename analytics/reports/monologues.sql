-- title: Who lectures?
-- summary: The longest uninterrupted turns of agents (customer backchannels do not break them) with how they begin. Legs whose line leaves in doubt who spoke are left out and counted.
-- question: 20
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param agent (text, default none): only legs of the agent with this name
-- param min_ms (integer, default 30000): shorter turns are left out
-- param limit (integer, default 50): rows at most
with left_out as (
    select n_doubtful(l.qa_obstacle) as n_left_out
    from v_leg as l
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
        and ($agent is null or l.agent_name = $agent)
        and l.longest_monologue_ms_agent >= $min_ms
),
longest as (
    select
        l.call_id,
        c.call_no,
        l.leg_id,
        l.agent_name,
        l.queue_name,
        l.answered_ts,
        i.start_ms,
        i.end_ms
    from fact_interval as i
    join v_leg as l on l.leg_id = i.leg_id and l.date_key = i.date_key
    join fact_call as c on c.call_id = l.call_id
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
        and ($agent is null or l.agent_name = $agent)
        and l.longest_monologue_ms_agent >= $min_ms
        and not is_doubtful(l.qa_obstacle)
        and i.kind = 'turn'
        and i.party = 'agent'
        and i.end_ms - i.start_ms >= $min_ms
    order by
        i.end_ms - i.start_ms desc,
        l.leg_id,
        i.start_ms
    limit $limit
),
said as (
    select
        t.leg_id,
        t.start_ms,
        string_agg(u.text, ' ' order by u.start_ms, u.utterance_id) as text
    from longest as t
    join fact_utterance as u on u.call_no = t.call_no and u.leg_id = t.leg_id
    where u.party = 'agent'
        and u.start_ms < t.end_ms
        and u.end_ms > t.start_ms
        and u.date_key between as_date_key($since - 1) and as_date_key($until) -- that of the call, which may be the day before the leg's
    group by
        t.leg_id,
        t.start_ms
)
select
    t.call_id,
    t.leg_id,
    t.agent_name,
    t.queue_name,
    t.answered_ts,
    t.start_ms,
    t.end_ms,
    t.end_ms - t.start_ms as duration_ms,
    o.n_left_out,
    left(s.text, 200) as begins
from longest as t
cross join left_out as o
left join said as s on s.leg_id = t.leg_id and s.start_ms = t.start_ms
order by
    duration_ms desc,
    t.leg_id,
    t.start_ms
