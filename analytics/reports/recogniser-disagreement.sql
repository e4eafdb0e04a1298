-- title: How often do our recogniser and Zoom's transcript hear different words?
-- summary: Words that differ ÷ words that both heard in one language, with its 95 % interval: high where one of the two is wrong.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param by (choice language|model|queue|agent, default language): what a row is; the language is the call's primary one
-- param queue (text, default none): only legs of the queue with this name
-- param min_legs (integer, default 20): legs from which on a row is ranked
with legs as (
    select
        case $by
            when 'language' then primary_language
            when 'model' then asr_model
            when 'queue' then queue_name
            else agent_name
        end as group_name,
        case $by
            when 'queue' then queue_id
            when 'agent' then user_id
        end as group_id,
        compared_word_count,
        differing_word_count,
        compared_word_count_agent,
        differing_word_count_agent,
        compared_word_count_customer,
        differing_word_count_customer
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
        and compared_word_count is not null
),
groups as (
    select
        group_name,
        group_id,
        count(*) as n_legs,
        sum(compared_word_count)::bigint as compared_word_count,
        sum(differing_word_count)::bigint as differing_word_count,
        100 * ros(differing_word_count, compared_word_count) as word_disagreement_pct_ros,
        100 * 1.96 * sqrt(
            ratio_variance(
                count(*),
                sum(differing_word_count),
                sum(compared_word_count),
                sum(differing_word_count * differing_word_count),
                sum(differing_word_count * compared_word_count),
                sum(compared_word_count * compared_word_count)
            )
        ) as margin,
        100 * ros(differing_word_count_agent, compared_word_count_agent) as word_disagreement_pct_agent_ros,
        100 * ros(differing_word_count_customer, compared_word_count_customer) as word_disagreement_pct_customer_ros
    from legs
    group by
        group_name,
        group_id
)
select
    if(n_legs >= $min_legs, rank() over (partition by n_legs >= $min_legs order by word_disagreement_pct_ros desc), null) as rank,
    group_name,
    group_id,
    n_legs,
    compared_word_count,
    differing_word_count,
    word_disagreement_pct_ros,
    if(margin is null, null, greatest(0, word_disagreement_pct_ros - margin)) as word_disagreement_pct_low,
    if(margin is null, null, least(100, word_disagreement_pct_ros + margin)) as word_disagreement_pct_high,
    word_disagreement_pct_agent_ros,
    word_disagreement_pct_customer_ros
from groups
order by
    rank nulls last,
    word_disagreement_pct_ros desc,
    group_name nulls last,
    group_id
