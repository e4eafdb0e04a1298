-- One row per measured call.
select
    call_id,
    site_name,
    product,
    local_date,
    date_trunc('week', local_date)::date as week,
    start_ts,
    duration_ms,
    leg_count,
    transfer_count,
    primary_language
from {{ source('exports', 'calls') }}
