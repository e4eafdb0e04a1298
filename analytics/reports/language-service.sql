-- title: Which customers are not served in their language?
-- summary: By queue: time in which the parties spoke different languages, speech in languages without a model, and switches. The share of speech without legs whose line leaves in doubt who spoke.
-- question: 16
-- param since (date, default today-30): first local date
-- param until (date, default today): last local date
-- param queue (text, default none): only legs of the queue with this name
with legs as (
    select
        queue_name,
        analysed_ms,
        unless_doubtful(talk_ms_agent + talk_ms_customer, qa_obstacle) as talk_ms,
        lang_mismatch_ms,
        unsupported_lang_ms,
        lang_switch_count,
        qa_obstacle
    from v_leg
    where date_key between as_date_key($since) and as_date_key($until)
        and ($queue is null or queue_name = $queue)
)
select
    queue_name,
    count(*) as n_legs,
    n_doubtful(qa_obstacle) as n_left_out,
    count(lang_mismatch_ms) as n_identified,
    count(*) filter (where lang_mismatch_ms > 0) as n_mismatch,
    ros(100 * lang_mismatch_ms, analysed_ms) as lang_mismatch_pct_ros,
    count(*) filter (where unsupported_lang_ms > 0) as n_unsupported,
    ros(100 * unsupported_lang_ms, talk_ms) as unsupported_lang_pct_ros,
    sum(lang_switch_count)::bigint as lang_switch_count
from legs
group by queue_name
order by
    unsupported_lang_pct_ros desc nulls last,
    lang_mismatch_pct_ros desc nulls last,
    queue_name nulls last
