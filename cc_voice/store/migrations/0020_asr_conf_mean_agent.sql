-- Legs that an earlier version measured have a reason instead of a value; `cc-voice recompute` measures them.
alter table fact_leg add column asr_conf_mean_agent double;
alter table fact_leg add column low_conf_word_pct_agent double;
alter table fact_leg add column conf_word_count_agent integer;
alter table fact_leg add column asr_conf_mean_customer double;
alter table fact_leg add column low_conf_word_pct_customer double;
alter table fact_leg add column conf_word_count_customer integer;
insert into fact_null_reason (leg_id, metric, reason, date_key)
select
    l.leg_id,
    added.metric,
    'earlier_version',
    l.date_key
from fact_leg as l
cross join (values
    ('asr_conf_mean_agent'),
    ('low_conf_word_pct_agent'),
    ('conf_word_count_agent'),
    ('asr_conf_mean_customer'),
    ('low_conf_word_pct_customer'),
    ('conf_word_count_customer')
) as added(metric);
