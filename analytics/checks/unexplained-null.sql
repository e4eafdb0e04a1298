-- check: a metric is NULL if and only if a reason says why
with metrics as (
    select
        leg_id,
        columns([
            'interaction_ms',
            'conversation_ms',
            'analysed_ms',
            'hold_ms',
            'hold_count',
            'longest_hold_ms',
            'hold_pct',
            'acw_ms',
            'handle_ms',
            'monitored_ms',
            'takeover',
            'transferred_out',
            'talk_ms_agent',
            'talk_ms_customer',
            'talk_ms_any',
            'agent_only_ms',
            'customer_only_ms',
            'overtalk_ms',
            'overtalk_count',
            'overtalk_pct',
            'agent_talk_pct',
            'agent_talk_pct_t1',
            'agent_talk_pct_t2',
            'agent_talk_pct_t3',
            'customer_talk_pct',
            'talk_ratio_agent',
            'silence_ms',
            'silence_pct',
            'long_silence_count',
            'long_silence_ms',
            'longest_silence_ms',
            'dead_air_count',
            'dead_air_ms',
            'dead_air_agent_owed_ms',
            'non_talk_ms',
            'interruptions_agent',
            'interruptions_customer',
            'interruption_ms_agent',
            'interruption_ms_customer',
            'agent_overlap_turn_pct',
            'backchannel_method',
            'wpm_agent',
            'wpm_customer',
            'wpm_agent_delta',
            'talk_speed_unit',
            'response_latency_ms_agent_p50',
            'response_latency_ms_agent_p90',
            'response_latency_ms_customer_p50',
            'response_latency_ms_customer_p90',
            'cust_speech_on_hold_ms',
            'greeting_latency_ms',
            'longest_monologue_ms_agent',
            'longest_monologue_ms_customer',
            'monologue_count_agent',
            'turn_switch_count',
            'turn_switch_per_min',
            'word_count_agent',
            'word_count_customer',
            'asr_conf_mean',
            'low_conf_word_pct',
            'lang_switch_count',
            'lang_switch_count_agent',
            'lang_switch_count_customer',
            'lang_mismatch_ms',
            'cmi_agent',
            'cmi_customer',
            'lid_conf_mean',
            'lid_undecided_pct',
            'unsupported_lang_ms',
            'one_way_audio',
            'mixed_audio',
            'multi_party',
            'media_gap_ms',
            'qa_eligible'
        ]) is null
    from fact_leg
),
states as (
    unpivot metrics
    on columns(* exclude (leg_id))
    into
        name metric
        value is_missing
)
select
    s.leg_id,
    s.metric,
    r.reason
from states as s
left join fact_null_reason as r on r.leg_id = s.leg_id and r.metric = s.metric
where s.is_missing = (r.reason is null)
