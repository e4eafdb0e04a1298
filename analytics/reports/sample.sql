-- title: Which calls should be evaluated next?
-- summary: A random sample of eligible legs per agent that nobody evaluated yet; the same seed gives the same sample.
-- question: 24
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param per_agent (integer, default 5): legs per agent
-- param min_ms (integer, default 180000): shorter interactions are left out
-- param seed (text, default 1): another seed, another sample
with eligible as (
    select
        l.agent_name,
        l.user_id,
        l.queue_name,
        l.call_id,
        l.leg_id,
        l.answered_ts,
        l.interaction_ms,
        row_number() over (partition by l.user_id order by md5(l.leg_id || ':' || $seed)) as place
    from v_leg as l
    anti join fact_evaluation as e on e.leg_id = l.leg_id
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
        and l.qa_eligible
        and l.interaction_ms >= $min_ms
        and l.user_id is not null
)
select
    agent_name,
    user_id,
    queue_name,
    call_id,
    leg_id,
    answered_ts,
    interaction_ms
from eligible
where place <= $per_agent
order by
    agent_name,
    user_id,
    place
