-- grain: one row per alert of a measured call
select
    a.alert_id,
    a.call_id,
    a.leg_id,
    c.date_key,
    d.local_date,
    a.reason as alert_reason,
    a.rule_id as alert_rule_id,
    a.level as alert_level,
    a.alert_text,
    a.true_ms as alert_true_ms,
    a.raised_ms as alert_raised_ms,
    a.raised_ts as alert_raised_ts,
    a.lag_ms as alert_lag_ms,
    a.condition_ms as alert_condition_ms,
    a.closed_ts as alert_closed_ts,
    a.withdrawn_ts as alert_withdrawn_ts,
    a.is_shown as alert_is_shown,
    a.is_folded as alert_is_folded,
    a.acknowledged_ts as alert_acknowledged_ts,
    a.useful as alert_is_useful
from fact_alert as a
join fact_call as c on c.call_id = a.call_id
left join dim_date as d on d.date_key = c.date_key
