-- What was odd about a stream, as JSON: name → how often. For operators: what Zoom sent that this version does not know.
alter table stream add column notes json;
