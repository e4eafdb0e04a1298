-- title: Where was the mandatory sentence missing?
-- summary: Share of legs in which the agent said a phrase within the first part of the leg, by agent and queue, with its 95 % interval.
-- question: 7
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param phrase (text, required): words in the order in which they must be said, in any case
-- param within_ms (integer, default 60000): the phrase counts when it begins at most this long after the answer
with legs as (
    select
        l.leg_id,
        l.call_id,
        l.call_no,
        l.start_ms,
        l.end_ms,
        a.display_name as agent_name,
        a.user_id,
        q.queue_name
    from fact_leg as l
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
    where l.date_key between as_date_key($since) and as_date_key($until)
        and l.word_count_agent > 0
),
saying as (
    select distinct
        l.leg_id
    from calls_saying($phrase, as_date_key($since - 1), as_date_key($until)) as c
    join legs as l on l.call_no = c.call_no
    join fact_utterance as u
        on u.call_no = c.call_no
        and u.start_ms between l.start_ms and least(l.end_ms, l.start_ms + $within_ms)
        and says_words(u.text, c.words, c.first_word)
    where u.date_key between as_date_key($since - 1) and as_date_key($until) -- of the call: it may be the day before the leg's
        and u.party = 'agent'
        and u.leg_id = l.leg_id
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
