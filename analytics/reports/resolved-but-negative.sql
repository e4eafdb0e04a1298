-- title: Which calls ended negative though the disposition says resolved?
-- summary: Calls whose disposition says resolved and whose last measured leg ended at or below a score, worst first. Text only, by a word list of English; dispositions come with Zoom's reports (cc-voice enrich).
-- question: 12
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only calls whose last measured leg is of the queue with this name
-- param bad_from (number, default -1): a call ended negative where the last quarter of that leg has this score or less
-- param limit (integer, default 100): so many rows
with last_legs as (
    select
        call_id,
        date_key,
        leg_no,
        queue_name,
        agent_name,
        sentiment_customer_start,
        sentiment_customer_end,
        sentiment_coverage_pct
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and sentiment_customer_end is not null
    qualify row_number() over (partition by call_id order by leg_no desc) = 1
)
select
    c.local_date,
    c.call_id,
    c.disposition_name,
    l.queue_name,
    l.agent_name,
    l.leg_no,
    l.sentiment_customer_start,
    l.sentiment_customer_end,
    l.sentiment_coverage_pct
from v_call as c
join last_legs as l on l.call_id = c.call_id and l.date_key = c.date_key
where c.disposition_is_resolved
    and l.sentiment_customer_end <= $bad_from
    and ($queue is null or l.queue_name = $queue)
order by
    l.sentiment_customer_end,
    c.call_id
limit $limit
