-- grain: one row per version of a rule and run over stored calls (a month of it)
select
    r.run_id,
    c.category_id as rule_id,
    c.version as rule_version,
    r.since,
    r.until,
    r.n_legs,
    r.n_matched,
    r.n_missed,
    r.n_undetermined,
    r.started_ts,
    r.finished_ts,
    r.code_version
from rule_run as r
join dim_category as c on c.category_key = r.category_key
