-- How much was said so far, kept where it is written: counting it for every report of every live stream would scan all that was
-- ever said (stream is an operational table, so nothing outside the store knows its columns).
alter table stream add column utterance_count integer default 0;
