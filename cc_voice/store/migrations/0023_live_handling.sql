-- Who handles a live call, by id: what somebody may see of the floor is decided by it. `agent_since_ms`: since when, on the stream's clock.
alter table stream add column agent_user_id text;
alter table stream add column queue_id text;
alter table stream add column agent_since_ms bigint;
