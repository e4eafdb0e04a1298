-- grain: one row per mark of a person on a hit, or on a leg of which a rule says nothing was said
select
    m.hit_key,
    m.category_id as rule_id,
    m.version as rule_version,
    m.mark,
    m.sample,
    m.marked_by,
    m.marked_ts,
    m.seed,
    m.call_id,
    m.leg_id,
    m.condition,
    m.party,
    m.start_ms,
    m.end_ms
from rule_mark as m
