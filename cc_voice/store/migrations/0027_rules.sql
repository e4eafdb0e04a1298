-- Rules: their published versions, what they found, which of it people marked, and runs over history.

alter table dim_category add column state text;
alter table dim_category add column sha256 text;
alter table dim_category add column origin text;
alter table dim_category add column author text;
alter table dim_category add column note text;
alter table dim_category add column is_unmarked boolean;
create sequence category_key start 1;

-- Until now nothing filled it; anew, as hits are found by call and day, and a key would have to be kept for nobody
drop table fact_category_hit;
-- grain: hit of a rule in a leg (found without words: NULL offsets); live hits of a call in progress have no leg
create table fact_category_hit (
    hit_id bigint,
    call_id text,
    call_no integer,
    date_key integer,
    leg_id text,
    category_key integer,
    condition text,
    party text,
    channel_id text,
    start_ms bigint,
    end_ms bigint,
    utterance_id text,
    first_word_seq integer,
    last_word_seq integer,
    expression integer,
    matched_text text,
    source text,
    conf double,
    timed boolean,
    hit_key text,
    rule_set text,
    is_live boolean,
    run_id bigint,
    withdrawn_ts timestamptz
);
create sequence hit_id start 1;

-- grain: rule version x leg, of steps: 0 missed, 1 undetermined, 2 matched, 3 not applicable
create table fact_rule_state (
    leg_id text,
    call_id text,
    category_key integer,
    state utinyint,
    reason text,
    value double,
    rule_set text,
    run_id bigint,
    date_key integer
);

-- grain: run of a rule over history
create table rule_run (
    run_id bigint,
    category_key integer,
    since date,
    until date,
    n_legs bigint,
    n_matched bigint,
    n_missed bigint,
    n_undetermined bigint,
    started_ts timestamptz,
    finished_ts timestamptz,
    code_version text
);
create sequence run_id start 1;

-- grain: mark of a person on a hit, or on a step that is said to be missed; the last of one person on one hit counts
create table rule_mark (
    hit_key text,
    category_id text,
    version integer,
    mark text,
    sample text,
    marked_by text,
    marked_ts timestamptz,
    seed bigint,
    call_id text,
    leg_id text,
    condition text,
    party text,
    start_ms bigint,
    end_ms bigint
);
