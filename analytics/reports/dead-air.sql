-- title: Where does the agent leave the customer in unexplained silence?
-- summary: Silences of ten seconds and more that nobody announced and that the agent owed an answer, longest first, with what was said last. Legs whose line leaves in doubt who spoke are left out and counted.
-- question: 10
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param agent (text, default none): only legs of the agent with this name
-- param limit (integer, default 100): rows at most
with left_out as (
    select n_doubtful(l.qa_obstacle) as n_left_out
    from v_leg as l
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
        and ($agent is null or l.agent_name = $agent)
        and l.dead_air_agent_owed_ms > 0
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
        and l.dead_air_agent_owed_ms > 0
        and not is_doubtful(l.qa_obstacle)
        and i.kind = 'dead_air'
        and i.party = 'agent'
    order by
        i.end_ms - i.start_ms desc,
        l.leg_id,
        i.start_ms
    limit $limit
),
said_before as (
    select
        d.leg_id,
        d.start_ms,
        arg_max(u.party, (u.end_ms, u.utterance_id)) as last_party,
        arg_max(u.text, (u.end_ms, u.utterance_id)) as last_text
    from longest as d
    join fact_utterance as u on u.call_no = d.call_no and u.leg_id = d.leg_id
    where u.end_ms <= d.start_ms + 500
        and u.date_key between as_date_key($since - 1) and as_date_key($until) -- that of the call, which may be the day before the leg's
    group by
        d.leg_id,
        d.start_ms
)
select
    d.call_id,
    d.leg_id,
    d.agent_name,
    d.queue_name,
    d.answered_ts,
    d.start_ms,
    d.end_ms,
    d.end_ms - d.start_ms as duration_ms,
    o.n_left_out,
    s.last_party,
    s.last_text
from longest as d
cross join left_out as o
left join said_before as s on s.leg_id = d.leg_id and s.start_ms = d.start_ms
order by
    duration_ms desc,
    d.leg_id,
    d.start_ms
