-- title: Which calls began badly and ended well, and who turns them round?
-- summary: Of an agent's legs whose customer began at or below a score, the share that ended at or above another, with its 95 % interval, and the call with the greatest change. Text only, by a word list of English: small numbers of legs say little, so agents are in order of name and not ranked.
-- question: 11
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
-- param bad_from (number, default -1): a leg began badly where its first quarter has this score or less
-- param good_from (number, default 1): and was turned round where its last quarter has this score or more
with legs as (
    select
        agent_name,
        user_id,
        call_id,
        sentiment_customer_start,
        sentiment_customer_change,
        sentiment_coverage_pct,
        sentiment_customer_start <= $bad_from as is_bad,
        sentiment_customer_start <= $bad_from and sentiment_customer_end >= $good_from as is_turned
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
),
agents as (
    select
        agent_name,
        user_id,
        count(*) as n_legs,
        count(sentiment_customer_change) as n_measured,
        count(*) filter (where sentiment_customer_change is not null and is_bad) as n_began_badly,
        count(*) filter (where is_turned) as n_turned_round,
        avg(sentiment_customer_change) filter (where is_bad) as sentiment_customer_change_mean,
        avg(sentiment_coverage_pct) as sentiment_coverage_pct_mean,
        arg_max(call_id, sentiment_customer_change) filter (where is_turned) as call_id
    from legs
    group by
        agent_name,
        user_id
)
select
    agent_name,
    user_id,
    n_legs,
    n_measured,
    n_began_badly,
    n_turned_round,
    100 * n_turned_round / nullif(n_began_badly, 0) as turned_round_pct,
    wilson_low_pct(n_turned_round, nullif(n_began_badly, 0)) as turned_round_pct_low,
    wilson_high_pct(n_turned_round, nullif(n_began_badly, 0)) as turned_round_pct_high,
    sentiment_customer_change_mean,
    sentiment_coverage_pct_mean,
    call_id
from agents
where n_began_badly > 0
order by
    agent_name,
    user_id,
    n_legs
