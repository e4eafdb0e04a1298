-- Languages per party: what fact_leg had for the leg as a whole, and how sure it is which language was spoken.
alter table fact_leg add column lang_switch_count_agent integer;
alter table fact_leg add column lang_switch_count_customer integer;
alter table fact_leg add column cmi_agent double;
alter table fact_leg add column lid_conf_mean double;
alter table fact_leg add column lid_undecided_pct double;
alter table fact_leg add column unsupported_lang_ms bigint;
