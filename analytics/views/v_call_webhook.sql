-- grain: one row per ordinary webhook of Zoom's about a call's engagement, whether or not a stream of it came
select
    w.webhook_id,
    w.call_id,
    w.name as webhook_name,
    w.at_ts,
    w.transfer_from_call_id,
    c.call_id is not null as is_measured,
    w.payload
from call_webhook as w
left join fact_call as c on c.call_id = w.call_id
