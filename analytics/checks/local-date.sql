-- check: a call and its legs lie on the site's local date of their start
select
    c.call_id as row_id,
    c.date_key,
    as_date_key(timezone(s.timezone, c.start_ts)) as expected_date_key
from fact_call as c
join dim_site as s on s.site_id = c.site_id
where c.date_key <> as_date_key(timezone(s.timezone, c.start_ts))
union all
select
    l.leg_id as row_id,
    l.date_key,
    as_date_key(timezone(s.timezone, l.answered_ts)) as expected_date_key
from fact_leg as l
join fact_call as c on c.call_id = l.call_id
join dim_site as s on s.site_id = c.site_id
where l.date_key <> as_date_key(timezone(s.timezone, l.answered_ts))
