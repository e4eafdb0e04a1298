-- Sessions of a stream that failed and were replaced, as JSON: [{"epoch": ..., "at_unix_ms": ..., "error": ...}]. null where none did.
alter table stream add column failures json;

-- Ordinary webhooks about a Contact Center engagement, kept raw with its call (phone numbers masked), whether or not a stream of it came.
-- grain: one webhook. `transfer_from_call_id`: the call it was transferred from.
create table call_webhook (
    webhook_id text primary key,
    call_id text not null,
    name text not null,
    at_ts timestamptz not null,
    transfer_from_call_id text,
    payload json not null
);
