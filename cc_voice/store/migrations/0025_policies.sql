-- What people decided while the service ran: every published text of a policy, who published it and what was before.
-- grain: one version of a policy
create table policy_version (
    kind text not null,
    version integer not null,
    at_ts timestamptz not null,
    actor text not null,
    before_text text not null,
    after_text text not null,
    primary key (kind, version)
);
-- The versions that a call began with: (kind, version) pairs as JSON. NULL: taken by a program that knew none.
alter table stream add column policies text;
-- The versions that a leg was measured under, in words.
alter table fact_leg add column policies text;
