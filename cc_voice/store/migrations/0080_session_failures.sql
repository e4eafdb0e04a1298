-- Sessions of a stream that failed and were replaced, as JSON: [{"epoch": ..., "at_unix_ms": ..., "error": ...}]. null where none did.
alter table stream add column failures json;
