-- Alerts of calls in progress, and what is told to other programs. The table of the first schema was never written.
drop table fact_alert;
-- grain: alert
create table fact_alert (
    alert_id text primary key,
    call_id text not null,
    stream_id text not null,
    epoch integer not null,
    leg_id text,
    reason text not null,
    rule_id text not null,
    level utinyint not null,
    weight integer not null,
    alert_text text,
    true_ms bigint not null,
    raised_ms bigint not null,
    raised_ts timestamptz not null,
    lag_ms integer,
    closed_ts timestamptz,
    withdrawn_ts timestamptz,
    condition_ms bigint,
    is_shown boolean not null,
    is_folded boolean not null,
    acknowledged_by text,
    acknowledged_ts timestamptz,
    acknowledged_level utinyint,
    snoozed_until timestamptz,
    useful boolean,
    useful_by text,
    useful_ts timestamptz
);
-- grain: time in which a reason, of a call or as somebody sees it in all, is not shown
create table alert_snooze (
    by_account text not null,
    call_id text,
    reason text not null,
    rule_id text not null,
    at_ts timestamptz not null,
    until_ts timestamptz not null
);
-- grain: reason that many calls raised at once: the platform's trouble and no agent's
create table alert_storm (
    reason text primary key,
    since_ts timestamptz not null,
    last_ts timestamptz not null,
    calls integer not null
);
-- grain: event that other programs may want to know, written in the transaction that causes it
create table webhook_message (
    message_id text primary key,
    type text not null,
    at_ts timestamptz not null,
    call_id text,
    queue_id text,
    queue_name text,
    data text not null,
    words text,
    is_handed_out boolean not null
);
-- grain: message x receiver
create table webhook_delivery (
    message_id text not null,
    endpoint text not null,
    state text not null,
    attempts integer not null,
    next_ts timestamptz,
    status integer,
    error text,
    updated_ts timestamptz not null,
    primary key (message_id, endpoint)
);
-- grain: receiver that failed or is switched off
create table webhook_endpoint (
    endpoint text primary key,
    failing_since_ts timestamptz,
    disabled_ts timestamptz,
    disabled_reason text,
    kept_quiet integer not null
);
