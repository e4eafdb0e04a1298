-- Kinds of media that Zoom did not send of a stream, as JSON: [{"media": ..., "error": ...}]. null where nothing is missing.
alter table stream add column refused json;
