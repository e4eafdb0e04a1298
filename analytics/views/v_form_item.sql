-- grain: one row per version of a form and question
select
    m.form_id,
    m.form_version,
    f.title as form_title,
    f.state as form_state,
    m.item_reference_id as question_id,
    m.section as question_section,
    m.place as question_place,
    m.title as question_title,
    m.item_type as question_kind,
    m.weight_pct as question_weight,
    m.max_base_point as max_points,
    m.is_critical,
    m.critical_cap,
    m.review,
    f.author,
    f.published_ts
from dim_form_item as m
join form_version as f on f.form_id = m.form_id and f.version = m.form_version
