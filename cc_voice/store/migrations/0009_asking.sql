-- Questions, requests to repeat, conferences and answers, and how transfers went.
alter table fact_leg add column questions_per_10min_agent double;
alter table fact_leg add column question_method text;
alter table fact_leg add column filler_per_min_agent double;
alter table fact_leg add column repeat_request_count integer;
alter table fact_leg add column asr_conf_p10 double;
alter table fact_leg add column answer_delay_ms bigint;
alter table fact_leg add column conference_ms bigint;
alter table fact_call add column transfer_initiated_count integer;
alter table fact_call add column transfer_rejected_count integer;
alter table fact_call add column transfer_timeout_count integer;
alter table fact_call add column transfer_canceled_count integer;
