-- Ordinary webhooks of Contact Center that are about no engagement: what a queue, a recording or a user's status did. Phone numbers are
-- masked in the payload.
-- grain: one webhook.
create table site_webhook (
    webhook_id text primary key,
    name text not null,
    at_ts timestamptz not null,
    user_id text,
    user_name text,
    queue_id text,
    queue_name text,
    status text,
    payload json not null
);
