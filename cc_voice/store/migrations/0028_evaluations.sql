-- Evaluations: forms that were published, answers of legs, who moved an evaluation on, samples, calibrations, coaching.

create table form_version (
    form_id text,
    version integer,
    title text,
    state text,
    form json,
    text text,
    sha256 text,
    origin text,
    author text,
    note text,
    published_ts timestamptz,
    primary key (form_id, version)
);

alter table dim_form_item add column section text;
alter table dim_form_item add column place integer;
alter table dim_form_item add column critical_cap integer;
alter table dim_form_item add column review text;
create sequence form_item_key start 1;

-- Until now nothing filled them; anew, as what people made is found by call, party and time, not by a leg that may be measured anew
drop table fact_evaluation;
drop table fact_evaluation_item;

-- grain: evaluation of a leg with a form: the automatic one, and one for each person who opened one
create table fact_evaluation (
    evaluation_id text,
    leg_id text,
    call_id text,
    date_key integer,
    party text,
    start_ms bigint,
    end_ms bigint,
    form_id text,
    form_version integer,
    evaluator_id text,
    evaluator_name text,
    evaluation_source text,
    evaluation_type text,
    calibration_session_id text,
    state text,
    score_pct double,
    score_uncapped_pct double,
    coverage_pct double,
    adherence_pct double,
    score_reason text,
    applicable bigint,
    determined bigint,
    earned bigint,
    weight double,
    automatic_fail boolean,
    is_sampled boolean,
    is_resubmitted boolean,
    is_timed_out boolean,
    rule_set text,
    asr_model text,
    opened_ts timestamptz,
    submitted_ts timestamptz,
    acknowledged_ts timestamptz,
    appeal_text text
);

-- grain: evaluation x question
create table fact_evaluation_item (
    evaluation_id text,
    form_item_key integer,
    answer text,
    state text,
    units bigint,
    earned_points double,
    weighted_score double,
    applied_weight double,
    reason text,
    needs_review boolean,
    auto_answer text,
    auto_units bigint,
    auto_confidence double,
    auto_accepted boolean,
    override_reason text,
    override_text text,
    rule_versions json,
    evidence json,
    evidence_interval_id bigint
);

-- grain: answer that a person gave to a question, also those changed since; rows are added, never changed
create table evaluation_answer (
    evaluation_id text,
    question_id text,
    answer text,
    state text,
    units bigint,
    override_reason text,
    override_text text,
    answered_by text,
    answered_ts timestamptz
);

-- grain: transition of an evaluation; rows are added, never changed
create table evaluation_event (
    event_no bigint,
    evaluation_id text,
    at_ts timestamptz,
    actor text,
    deed text,
    from_state text,
    to_state text,
    question_id text,
    text text
);
create sequence evaluation_event_no start 1;

-- grain: calibration: one leg, one version of a form, several evaluators
create table calibration_session (
    calibration_session_id text,
    title text,
    call_id text,
    leg_id text,
    start_ms bigint,
    end_ms bigint,
    form_id text,
    form_version integer,
    expert_id text,
    created_by text,
    created_ts timestamptz
);

-- grain: sample that was drawn
create table qa_sample (
    sample_id text,
    form_id text,
    form_version integer,
    created_by text,
    created_ts timestamptz,
    seed text,
    filter json,
    strata json,
    n_population bigint,
    n_picks bigint
);

-- grain: leg that was drawn for a sample, also those rejected since
create table qa_pick (
    sample_id text,
    stratum text,
    place integer,
    leg_id text,
    call_id text,
    start_ms bigint,
    end_ms bigint,
    weight double,
    state text,
    reason text,
    decided_by text,
    decided_ts timestamptz
);

-- grain: coaching item
create table coaching_item (
    coaching_id text,
    agent_id text,
    call_id text,
    leg_id text,
    start_ms bigint,
    end_ms bigint,
    form_id text,
    question_id text,
    note text,
    metric text,
    author text,
    due_date date,
    state text,
    created_ts timestamptz,
    acknowledged_ts timestamptz,
    done_ts timestamptz
);
