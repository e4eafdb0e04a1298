-- What further reports of Zoom's say, kept as they were read. Operational tables, as those of 0007: reports ask them.

-- grain: one time for which an agent had a status
create table zoom_agent_status (
    user_id text,
    start_ts timestamptz,
    status text,
    end_ts timestamptz,
    sub_status text,
    ready_ms bigint,
    occupied_ms bigint,
    not_ready_ms bigint,
    primary key (user_id, start_ts, status)
);

-- grain: one way of an engagement through a flow
create table zoom_flow (
    engagement_id text,
    run_id text,
    flow_id text,
    flow_name text,
    enter_ts timestamptz,
    exit_ts timestamptz,
    flow_ms bigint,
    primary key (engagement_id, run_id)
);

-- grain: one step of an engagement; user_id is empty where nobody is named
create table zoom_timeline (
    engagement_id text,
    start_ts timestamptz,
    step text,
    user_id text,
    end_ts timestamptz,
    duration_ms bigint,
    queue_id text,
    flow_id text,
    primary key (engagement_id, start_ts, step, user_id)
);
