-- What Zoom's reports say of engagements, kept as it was read: a report may come before its call is measured, and a call that is
-- measured again gets it again. Operational tables: what is published of them stands in fact_call and fact_leg.

-- grain: one agent's handling of one engagement, as Zoom booked it
create table zoom_leg (
    engagement_id text,
    user_id text,
    start_ts timestamptz,
    acw_ms bigint,
    origin_method text,
    primary key (engagement_id, user_id, start_ts)
);

-- grain: one engagement
create table zoom_engagement (
    engagement_id text primary key,
    direction text,
    channel_source text,
    queue_wait_ms bigint,
    abandoned boolean,
    disposition_id text
);

create sequence disposition_key start 1;
