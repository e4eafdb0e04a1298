-- A copy of the audit log for views: `<data>/audit.sqlite` is the record, this follows it within a minute.
-- grain: one entry
create table access_log (
    seq bigint primary key,
    at_ts timestamptz not null,
    actor text not null,
    token_id bigint,
    address text not null,
    action text not null,
    object text not null,
    call_id text,
    hash text not null
);
