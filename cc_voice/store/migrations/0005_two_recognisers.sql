-- What one recogniser wrote and the transcript does not hold, kept beside it: fact_utterance and fact_word stay one choice for each
-- piece of speech, so that nothing is counted twice.
-- date_key is the local date of the call: what every large table is filtered by.

-- grain: line of a recogniser that is not in the transcript
create table fact_unused_utterance (
    utterance_id text primary key,
    call_id text,
    leg_id text,
    channel_id text,
    party text,
    source text,
    unused_reason text,
    used_utterance_id text,
    start_ms bigint,
    end_ms bigint,
    language_code text,
    lid_conf double,
    text text,
    word_count integer,
    asr_conf double,
    on_hold boolean,
    redaction_count integer,
    asr_model text,
    date_key integer
);

-- grain: word of a line that is not in the transcript
create table fact_unused_word (
    utterance_id text,
    word_seq integer,
    start_ms bigint,
    end_ms bigint,
    word text,
    conf double,
    language_code text,
    is_redacted boolean,
    entity_type text,
    date_key integer,
    primary key (utterance_id, word_seq)
);

create index unused_utterance_by_call on fact_unused_utterance(call_id);

-- How far the recognisers disagree: words of the longer version, words that differ, and the second as a percentage of the first
alter table fact_call add column compared_word_count integer;
alter table fact_call add column differing_word_count integer;
alter table fact_call add column word_disagreement_pct double;
alter table fact_leg add column compared_word_count integer;
alter table fact_leg add column compared_word_count_agent integer;
alter table fact_leg add column compared_word_count_customer integer;
alter table fact_leg add column differing_word_count integer;
alter table fact_leg add column differing_word_count_agent integer;
alter table fact_leg add column differing_word_count_customer integer;
alter table fact_leg add column word_disagreement_pct double;
alter table fact_leg add column word_disagreement_pct_agent double;
alter table fact_leg add column word_disagreement_pct_customer double;
