-- The star schema and the operational tables behind it. Never edited: later changes are new files.
-- Units are in the names: _ms integer milliseconds, _pct 0–100, _ts UTC. Surrogate keys come from the sequences below.

-- dimensions (SCD2 where people or names move)
create table dim_site (
    site_id integer primary key,
    site_name text,
    timezone text,
    region text
);

create table dim_date (
    date_key integer primary key,
    local_date date,
    iso_week integer,
    month integer,
    year integer,
    is_holiday boolean
);

create table dim_agent (
    agent_key integer primary key,
    user_id text,
    display_name text,
    team_id text,
    team_name text,
    hire_date date,
    spoken_languages text,
    valid_from timestamptz,
    valid_to timestamptz,
    is_current boolean
);

create table dim_queue (
    queue_key integer primary key,
    queue_id text,
    queue_name text,
    queue_group text,
    sl_seconds integer,
    sl_target_pct double,
    valid_from timestamptz,
    valid_to timestamptz,
    is_current boolean
);

create table dim_language (
    language_code text primary key,
    language_name text,
    asr_model text,
    sentiment_model text,
    talk_speed_unit text
);

create table dim_disposition (
    disposition_key integer primary key,
    disposition_id text,
    name text,
    level1 text,
    level2 text,
    is_resolved boolean
);

create table dim_threshold_set (
    threshold_set_id integer primary key,
    name text,
    params json,
    valid_from timestamptz
);

create table dim_category (
    category_key integer primary key,
    category_id text,
    version integer,
    name text,
    folder text,
    kind text,
    rule json,
    is_alert boolean,
    valid_from timestamptz,
    valid_to timestamptz
);

create table dim_form_item (
    form_item_key integer primary key,
    form_id text,
    form_version integer,
    item_reference_id text,
    parent_item_id text,
    item_type text,
    title text,
    weight_pct double,
    max_base_point integer,
    is_critical boolean,
    automation json
);

-- facts
-- grain: one call: a Zoom engagement, meeting, webinar, session or phone call
create table fact_call (
    call_id text primary key,
    product text,
    instance_id text,
    site_id integer,
    date_key integer,
    direction text,
    channel_source text,
    customer_key text,
    start_ts timestamptz,
    end_ts timestamptz,
    leg_count integer,
    transfer_count integer,
    conference_count integer,
    ended_by text,
    queue_wait_ms bigint,
    abandoned boolean,
    primary_language text,
    repeat_7d boolean,
    fcr_mature boolean,
    disposition_key integer,
    legal_hold boolean,
    delete_after date,
    stop_reason integer,
    revision bigint,
    last_update_ts timestamptz
);

-- grain: one agent handling within a call; the table that most reports use
create table fact_leg (
    leg_id text primary key,
    call_id text,
    agent_key integer,
    queue_key integer,
    date_key integer,
    origin_method text,
    answered_ts timestamptz,
    ended_ts timestamptz,
    interaction_ms bigint,
    conversation_ms bigint,
    analysed_ms bigint,
    hold_ms bigint,
    hold_count integer,
    longest_hold_ms bigint,
    acw_ms bigint,
    handle_ms bigint,
    monitored_ms bigint,
    takeover boolean,
    transferred_out boolean,
    talk_ms_agent bigint,
    talk_ms_customer bigint,
    talk_ms_any bigint,
    agent_only_ms bigint,
    customer_only_ms bigint,
    overtalk_ms bigint,
    overtalk_count integer,
    agent_talk_pct double,
    talk_ratio_agent double,
    silence_ms bigint,
    long_silence_count integer,
    long_silence_ms bigint,
    longest_silence_ms bigint,
    dead_air_count integer,
    dead_air_ms bigint,
    dead_air_agent_owed_ms bigint,
    non_talk_ms bigint,
    interruptions_agent integer,
    interruptions_customer integer,
    interruption_ms_agent bigint,
    interruption_ms_customer bigint,
    wpm_agent double,
    wpm_customer double,
    talk_speed_unit text,
    response_latency_ms_agent_p50 integer,
    response_latency_ms_agent_p90 integer,
    response_latency_ms_customer_p50 integer,
    response_latency_ms_customer_p90 integer,
    cust_speech_on_hold_ms bigint,
    greeting_latency_ms integer,
    longest_monologue_ms_agent bigint,
    longest_monologue_ms_customer bigint,
    turn_switch_count integer,
    turn_switch_per_min double,
    question_count_agent integer,
    loudness_p95_agent double,
    loudness_p95_customer double,
    raised_voice_count_customer integer,
    sentiment_customer double,
    sentiment_customer_start double,
    sentiment_customer_end double,
    sentiment_coverage_pct double,
    adherence_pct double,
    auto_score_pct double,
    asr_conf_mean double,
    low_conf_word_pct double,
    lang_switch_count integer,
    lang_mismatch_ms bigint,
    cmi_customer double,
    one_way_audio boolean,
    mixed_audio boolean,
    multi_party boolean,
    media_gap_ms bigint,
    qa_eligible boolean,
    leg_no integer,
    start_ms bigint,
    end_ms bigint,
    hold_pct double,
    overtalk_pct double,
    agent_talk_pct_t1 double,
    agent_talk_pct_t2 double,
    agent_talk_pct_t3 double,
    customer_talk_pct double,
    silence_pct double,
    agent_overlap_turn_pct double,
    backchannel_method text,
    wpm_agent_delta double,
    monologue_count_agent integer,
    word_count_agent integer,
    word_count_customer integer,
    detector text,
    asr_model text,
    metric_version text,
    threshold_set_id integer,
    computed_at timestamptz
);

-- grain: audio channel of a call, with the role of whoever speaks on it
create table fact_channel (
    call_id text,
    channel_id text,
    party text,
    user_id text,
    display_name text,
    received_ms bigint,
    first_packet_ms bigint,
    primary key (call_id, channel_id)
);

-- grain: leg x party x language
create table fact_leg_language (
    leg_id text,
    party text,
    language_code text,
    speech_ms bigint,
    share_pct double,
    word_count integer,
    wpm double,
    lid_conf_mean double,
    asr_conf_mean double,
    primary key (leg_id, party, language_code)
);

-- grain: transcript segment (one party, one language, one endpoint)
create table fact_utterance (
    utterance_id text primary key,
    call_id text,
    leg_id text,
    channel_id text,
    seq integer,
    party text,
    source text,
    start_ms bigint,
    end_ms bigint,
    language_code text,
    lid_conf double,
    text text,
    word_count integer,
    asr_conf double,
    sentiment_label text,
    sentiment_score double,
    loudness_mean double,
    is_question boolean,
    is_backchannel boolean,
    on_hold boolean,
    redaction_count integer,
    asr_model text
);

-- grain: word (optional, Parquet partitioned by date; drives search and all re-runs)
create table fact_word (
    utterance_id text,
    word_seq integer,
    start_ms bigint,
    end_ms bigint,
    word text,
    conf double,
    language_code text,
    is_redacted boolean,
    entity_type text,
    primary key (utterance_id, word_seq)
);

-- grain: typed time interval = the evidence of every metric
create table fact_interval (
    interval_id bigint primary key,
    leg_id text,
    kind text,
    subkind text,
    party text,
    start_ms bigint,
    end_ms bigint,
    value double,
    outcome text,
    metric_version text
);

-- grain: leg x metric that could not be measured
create table fact_null_reason (
    leg_id text,
    metric text,
    reason text,
    primary key (leg_id, metric)
);

-- grain: platform event as received (phone numbers masked; the raw payload stays in the operational inbox)
create table fact_event (
    event_id bigint primary key,
    call_id text,
    leg_id text,
    source text,
    event_type integer,
    event_name text,
    at_ms bigint,
    at_ts timestamptz,
    participant text,
    payload json
);

-- grain: category hit (absence hits have NULL offsets)
create table fact_category_hit (
    hit_id bigint primary key,
    leg_id text,
    category_key integer,
    party text,
    start_ms bigint,
    end_ms bigint,
    utterance_id text,
    matched_text text,
    is_live boolean,
    run_id bigint,
    reviewed_correct boolean
);

-- grain: evaluation
create table fact_evaluation (
    evaluation_id text primary key,
    leg_id text,
    form_id text,
    form_version integer,
    evaluator_id text,
    evaluation_source text,
    evaluation_type text,
    calibration_session_id text,
    state text,
    score_pct double,
    automatic_fail boolean,
    is_sampled boolean,
    submitted_ts timestamptz,
    acknowledged_ts timestamptz,
    appeal_text text
);

-- grain: evaluation x question (scorecard answer)
create table fact_evaluation_item (
    evaluation_id text,
    form_item_key integer,
    answer text,
    state text,
    earned_points double,
    weighted_score double,
    auto_answer text,
    auto_confidence double,
    auto_accepted boolean,
    override_reason text,
    evidence_interval_id bigint,
    primary key (evaluation_id, form_item_key)
);

-- grain: live alert
create table fact_alert (
    alert_id bigint primary key,
    leg_id text,
    category_key integer,
    raised_ts timestamptz,
    lag_ms integer,
    acknowledged_by text,
    acknowledged_ts timestamptz,
    useful boolean
);

-- grain: queue x 15 minutes (imported; without it service level is NULL)
create table fact_queue_interval (
    queue_key integer,
    interval_ts timestamptz,
    offered integer,
    answered integer,
    answered_in_sl integer,
    abandoned integer,
    short_abandoned integer,
    flow_out integer,
    wait_ms_total bigint,
    primary key (queue_key, interval_ts)
);

create sequence agent_key start 1;
create sequence queue_key start 1;
create sequence interval_id start 1;
create sequence event_id start 1;

create index utterance_by_call on fact_utterance(call_id);
create index leg_by_call on fact_leg(call_id);
create index event_by_call on fact_event(call_id);

-- Operational tables: what is in flight. Not part of the star.

-- grain: webhook as received
create table inbox (
    webhook_id text primary key,
    received_ts timestamptz,
    app text,
    event text,
    stream_id text,
    body blob,
    state text,
    note text
);

-- grain: RTMS stream
create table stream (
    stream_id text primary key,
    call_id text,
    product text,
    instance_id text,
    app text,
    target text,
    language text,
    stage text,
    epoch integer,
    started_ts timestamptz,
    updated_ts timestamptz,
    t0_ts timestamptz,
    media_ms bigint,
    recognised_ms bigint,
    agent_name text,
    queue_name text,
    held_since_ms bigint,
    stop_reason integer,
    failure text
);
