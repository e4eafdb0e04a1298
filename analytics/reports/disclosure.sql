-- title: Where was the mandatory sentence missing?
-- summary: Share of legs in which the agent said a phrase within the first part of the leg, by agent and queue, with its 95 % interval.
-- question: 7
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param phrase (text, required): words in the order in which they must be said, in any case
-- param within_ms (integer, default 60000): the phrase counts when it begins at most this long after the answer
with legs as (
    select
        leg_id,
        call_id,
        start_ms,
        agent_name,
        user_id,
        queue_name
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and word_count_agent > 0
),
saying as (
    select distinct
        u.leg_id
    from v_utterance as u
    join legs as l on l.leg_id = u.leg_id
    where u.party = 'agent'
        and u.start_ms between l.start_ms and l.start_ms + $within_ms
        and says(u.text, $phrase)
        and u.date_key between as_date_key($since - 1) and as_date_key($until) -- that of the call, which may be the day before the leg's
)
select
    l.agent_name,
    l.user_id,
    l.queue_name,
    count(*) as n_legs,
    count(*) - count(s.leg_id) as n_missing,
    100 * count(s.leg_id) / count(*) as said_pct,
    wilson_low_pct(count(s.leg_id), count(*)) as said_pct_low,
    wilson_high_pct(count(s.leg_id), count(*)) as said_pct_high,
    arg_min(l.call_id, l.leg_id) filter (where s.leg_id is null) as example_call_id
from legs as l
left join saying as s on s.leg_id = l.leg_id
group by
    l.agent_name,
    l.user_id,
    l.queue_name
order by
    n_missing desc,
    l.agent_name,
    l.user_id,
    l.queue_name
