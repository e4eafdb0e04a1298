-- grain: one row per set of thresholds and threshold in it
with thresholds as (
    select
        threshold_set_id,
        name,
        params,
        unnest(json_keys(params)) as threshold
    from dim_threshold_set
)
select
    threshold_set_id,
    name as threshold_set_name,
    threshold,
    json_extract_string(params, '$.' || threshold) as threshold_value
from thresholds
