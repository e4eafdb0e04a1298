-- title: Where was the mandatory sentence missing?
-- summary: Share of legs in which the agent said a phrase within the first part of the leg, by agent and queue, with its 95 % interval.
-- question: 7
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param phrase (text, required): words in the order in which they must be said, in any case
-- param within_ms (integer, default 60000): the phrase counts when the utterance in which it begins starts at most this long after the answer
with legs as (
    select
        l.leg_id,
        l.call_id,
        a.display_name as agent_name,
        a.user_id,
        q.queue_name,
        -- without words nobody knows what was said, unless nothing was
        coalesce(l.word_count_agent > 0 or l.talk_ms_agent = 0, false) as is_known,
        s.leg_id is not null as is_said
    from fact_leg as l
    left join dim_agent as a on a.agent_key = l.agent_key
    left join dim_queue as q on q.queue_key = l.queue_key
    left join legs_opening_with($phrase, as_date_key($since - 1), as_date_key($until), $within_ms) as s on s.leg_id = l.leg_id
    where l.date_key between as_date_key($since) and as_date_key($until)
),
groups as (
    select
        agent_name,
        user_id,
        queue_name,
        count(*) filter (where is_known) as n_legs,
        count(*) filter (where is_known and is_said) as n_said,
        count(*) filter (where not is_known) as n_unknown,
        arg_min(call_id, leg_id) filter (where is_known and not is_said) as example_call_id
    from legs
    group by
        agent_name,
        user_id,
        queue_name
)
select
    agent_name,
    user_id,
    queue_name,
    n_legs,
    n_legs - n_said as n_missing,
    100 * n_said / n_legs as said_pct,
    wilson_low_pct(n_said, n_legs) as said_pct_low,
    wilson_high_pct(n_said, n_legs) as said_pct_high,
    n_unknown,
    example_call_id
from groups
where n_legs > 0
order by
    n_missing desc,
    agent_name,
    user_id,
    queue_name
