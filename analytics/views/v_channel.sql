-- grain: one row per audio channel of a measured call
select
    h.call_id,
    h.channel_id,
    c.date_key,
    d.local_date,
    h.party,
    masked(h.user_id) as participant,
    masked(h.display_name) as display_name,
    h.received_ms,
    h.first_packet_ms
from fact_channel as h
join fact_call as c on c.call_id = h.call_id
left join dim_date as d on d.date_key = c.date_key
