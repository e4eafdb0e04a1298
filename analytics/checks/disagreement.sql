-- check: no more words differ than were compared, those of both parties sum to the leg's, and where some differ there is evidence
with evidence as (
    select
        leg_id,
        count(*) as n
    from fact_interval
    where kind = 'disagreement'
    group by leg_id
)
select
    l.leg_id,
    l.compared_word_count,
    l.differing_word_count,
    coalesce(e.n, 0) as intervals
from fact_leg as l
left join evidence as e on e.leg_id = l.leg_id
where l.differing_word_count > l.compared_word_count
    or l.compared_word_count <> l.compared_word_count_agent + l.compared_word_count_customer
    or l.differing_word_count <> l.differing_word_count_agent + l.differing_word_count_customer
    or (l.differing_word_count > 0) <> (coalesce(e.n, 0) > 0)
