-- check: agent only, customer only, overtalk and silence sum to analysed time
select
    leg_id,
    analysed_ms,
    agent_only_ms + customer_only_ms + overtalk_ms + silence_ms as sum_ms
from fact_leg
where agent_only_ms + customer_only_ms + overtalk_ms + silence_ms <> analysed_ms
