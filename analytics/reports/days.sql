-- title: How did the days go?
-- summary: Calls, legs, transfers and the main ratios of each queue by local date; talk, silence and overtalk without legs whose line leaves in doubt who spoke.
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
select
    local_date,
    queue_name,
    n_calls,
    n_legs,
    n_left_out,
    n_agents,
    n_transferred_out,
    n_legs_transfer_known,
    interaction_ms_mean,
    agent_talk_pct_ros,
    silence_pct_ros,
    overtalk_pct_ros,
    hold_pct_ros
from v_queue_day
where date_key between as_date_key($since) and as_date_key($until)
    and ($queue is null or queue_name = $queue)
order by
    local_date desc,
    queue_name nulls last,
    queue_id
