-- grain: one row per ordinary webhook of Zoom's that is about a queue, a recording or a user and no call
select
    webhook_id,
    name as webhook_name,
    at_ts,
    user_id,
    user_name,
    queue_id,
    queue_name,
    status,
    payload
from site_webhook
