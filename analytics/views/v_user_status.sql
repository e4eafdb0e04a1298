-- grain: one row per status that a user of Contact Center was in, from one `user_status_changed` to the next
with changes as (
    select
        user_id,
        user_name,
        status,
        at_ts,
        lag(status) over (partition by user_id order by at_ts, webhook_id) as before
    from site_webhook
    where name = 'user_status_changed'
      and user_id is not null
      and status is not null
)
select
    user_id,
    user_name,
    status,
    at_ts as status_from_ts,
    lead(at_ts) over (partition by user_id order by at_ts) as status_until_ts,
    epoch_ms(lead(at_ts) over (partition by user_id order by at_ts)) - epoch_ms(at_ts) as status_ms
from changes
where before is distinct from status
