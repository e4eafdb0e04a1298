-- title: Does a second language lengthen the call?
-- summary: Legs whose customer spoke one language beside legs with several: interaction time with 95 % intervals, by queue.
-- question: 17
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param min_share_pct (number, default 10): share of the customer's speech from which on a language counts
with spoken as (
    select
        l.leg_id,
        l.queue_name,
        l.interaction_ms,
        count(*) filter (where s.share_pct >= $min_share_pct) as n_languages
    from v_leg as l
    join fact_leg_language as s on s.leg_id = l.leg_id and s.date_key = l.date_key
    where l.date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or l.queue_name = $queue)
        and s.party = 'customer'
        and l.interaction_ms is not null
    group by
        l.leg_id,
        l.queue_name,
        l.interaction_ms
),
compared as (
    select
        queue_name,
        if(n_languages > 1, 'several', 'one') as languages,
        count(*) as n_legs,
        avg(interaction_ms) as interaction_ms_mean,
        1.96 * sqrt(var_samp(interaction_ms) / count(*)) as margin
    from spoken
    group by
        queue_name,
        languages
)
select
    queue_name,
    languages,
    n_legs,
    100 * n_legs / sum(n_legs) over (partition by queue_name) as legs_pct,
    interaction_ms_mean,
    interaction_ms_mean - margin as interaction_ms_mean_low,
    interaction_ms_mean + margin as interaction_ms_mean_high
from compared
order by
    queue_name nulls last,
    languages
