-- How loud and how clean each party is heard. Levels of single seconds are a list per channel, not a row per second: a million calls
-- have a thousand million seconds, and whoever draws one call's curve wants all of them at once. The view v_level makes rows of them.
alter table fact_leg add column level_dbfs_agent double;
alter table fact_leg add column level_dbfs_customer double;
alter table fact_leg add column quiet_pct_agent double;
alter table fact_leg add column quiet_pct_customer double;
alter table fact_leg add column clipping_pct_agent double;
alter table fact_leg add column clipping_pct_customer double;
alter table fact_leg add column snr_db_agent double;
alter table fact_leg add column snr_db_customer double;
alter table fact_leg add column raised_voice_count_agent integer;
alter table fact_leg add column raised_voice_ms_agent bigint;
alter table fact_leg add column raised_voice_ms_customer bigint;
alter table fact_leg add column echo_suspect boolean;
alter table fact_channel add column level_dbfs tinyint[];
