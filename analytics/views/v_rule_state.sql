-- grain: one row per step (a rule that must be said) and leg
select
    s.leg_id,
    s.call_id,
    s.date_key,
    d.local_date,
    c.category_id as rule_id,
    c.version as rule_version,
    c.name as rule_title,
    c.state as rule_status,
    case s.state when 0 then 'missed' when 1 then 'undetermined' when 2 then 'matched' else 'not_applicable' end as step_state,
    s.reason as step_reason,
    s.value as instance_share,
    s.rule_set,
    s.run_id
from fact_rule_state as s
join dim_category as c on c.category_key = s.category_key
left join dim_date as d on d.date_key = s.date_key
