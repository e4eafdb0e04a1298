-- grain: one row per evaluation of a leg with a form: the automatic one, and one for each person who opened one
select
    e.evaluation_id,
    e.leg_id,
    e.call_id,
    e.date_key,
    d.local_date,
    a.user_id,
    a.display_name as agent_name,
    a.team_id,
    q.queue_name,
    e.form_id,
    e.form_version,
    f.title as form_title,
    e.evaluator_id,
    e.evaluator_name,
    e.evaluation_source,
    e.evaluation_type,
    e.calibration_session_id,
    e.state as evaluation_state,
    e.evaluation_type = 'standard'
    and (e.state = 'auto' or e.state in ('acknowledged', 'changed', 'final')) as evaluation_counts,
    e.score_pct,
    e.score_uncapped_pct,
    e.coverage_pct,
    e.adherence_pct as evaluation_adherence_pct,
    e.score_reason,
    e.applicable / 720720 as applicable_weight,
    e.determined / 720720 as determined_weight,
    e.earned / 720720 as earned_weight,
    e.earned as earned_units,
    e.determined as determined_units,
    e.weight as evaluation_weight,
    e.automatic_fail,
    e.is_sampled,
    e.is_resubmitted,
    e.is_timed_out,
    e.asr_model,
    e.opened_ts,
    e.submitted_ts,
    e.acknowledged_ts,
    e.appeal_text
from fact_evaluation as e
left join fact_leg as l on l.leg_id = e.leg_id
left join dim_agent as a on a.agent_key = l.agent_key
left join dim_queue as q on q.queue_key = l.queue_key
left join dim_date as d on d.date_key = e.date_key
left join form_version as f on f.form_id = e.form_id and f.version = e.form_version
where e.evaluation_type = 'standard'
    or not exists (
        select 1
        from fact_evaluation as o
        where o.calibration_session_id = e.calibration_session_id and o.state = 'draft'
    )
