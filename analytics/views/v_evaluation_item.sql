-- grain: one row per evaluation and question of its form
select
    i.evaluation_id,
    e.leg_id,
    e.call_id,
    e.date_key,
    d.local_date,
    e.form_id,
    e.form_version,
    e.evaluation_source,
    e.evaluation_type,
    e.state as evaluation_state,
    m.item_reference_id as question_id,
    m.section as question_section,
    m.title as question_title,
    m.item_type as question_kind,
    m.place as question_place,
    m.weight_pct as question_weight,
    m.critical_cap,
    i.answer,
    i.state as answer_state,
    i.units as answer_units,
    i.earned_points,
    i.weighted_score,
    i.applied_weight,
    i.reason as answer_reason,
    i.needs_review,
    i.auto_answer,
    i.auto_confidence,
    i.auto_accepted,
    i.override_reason,
    i.override_text,
    i.rule_versions,
    i.evidence,
    i.evidence_interval_id
from fact_evaluation_item as i
join fact_evaluation as e on e.evaluation_id = i.evaluation_id
left join dim_date as d on d.date_key = e.date_key
join dim_form_item as m on m.form_item_key = i.form_item_key
where e.evaluation_type = 'standard'
    or not exists (
        select 1
        from fact_evaluation as o
        where o.calibration_session_id = e.calibration_session_id and o.state = 'draft'
    )
