-- check: the intervals of hold, agent only, customer only, overtalk classes and raised voices add up to the numbers that they prove
with evidence as (
    select
        leg_id,
        coalesce(sum(end_ms - start_ms) filter (where kind = 'hold'), 0) as hold_ms,
        coalesce(sum(end_ms - start_ms) filter (where kind = 'agent_only'), 0) as agent_only_ms,
        coalesce(sum(end_ms - start_ms) filter (where kind = 'customer_only'), 0) as customer_only_ms,
        count(*) filter (where kind = 'dead_air') as dead_air_count,
        count(*) filter (where kind = 'raised_voice' and party = 'customer') as raised_voice_count_customer
    from fact_interval
    group by leg_id
)
select
    l.leg_id,
    l.hold_ms,
    coalesce(e.hold_ms, 0) as hold_ms_evidence,
    l.agent_only_ms,
    coalesce(e.agent_only_ms, 0) as agent_only_ms_evidence,
    l.customer_only_ms,
    coalesce(e.customer_only_ms, 0) as customer_only_ms_evidence,
    l.dead_air_count,
    coalesce(e.dead_air_count, 0) as dead_air_count_evidence,
    l.raised_voice_count_customer,
    coalesce(e.raised_voice_count_customer, 0) as raised_voice_count_customer_evidence
from fact_leg as l
left join evidence as e on e.leg_id = l.leg_id
where l.hold_ms <> coalesce(e.hold_ms, 0)
    or l.agent_only_ms <> coalesce(e.agent_only_ms, 0)
    or l.customer_only_ms <> coalesce(e.customer_only_ms, 0)
    or l.dead_air_count <> coalesce(e.dead_air_count, 0)
    or l.raised_voice_count_customer <> coalesce(e.raised_voice_count_customer, 0)
