-- check: percentages lie between 0 and 100, shares and confidences between 0 and 1
select
    leg_id
from fact_leg
where agent_talk_pct not between 0 and 100
    or customer_talk_pct not between 0 and 100
    or agent_talk_pct_t1 not between 0 and 100
    or agent_talk_pct_t2 not between 0 and 100
    or agent_talk_pct_t3 not between 0 and 100
    or overtalk_pct not between 0 and 100
    or silence_pct not between 0 and 100
    or hold_pct not between 0 and 100
    or agent_overlap_turn_pct not between 0 and 100
    or low_conf_word_pct not between 0 and 100
    or cmi_agent not between 0 and 100
    or cmi_customer not between 0 and 100
    or lid_undecided_pct not between 0 and 100
    or lid_conf_mean not between 0 and 1
    or word_disagreement_pct not between 0 and 100
    or word_disagreement_pct_agent not between 0 and 100
    or word_disagreement_pct_customer not between 0 and 100
    or quiet_pct_agent not between 0 and 100
    or quiet_pct_customer not between 0 and 100
    or clipping_pct_agent not between 0 and 100
    or clipping_pct_customer not between 0 and 100
    or loudness_p95_agent not between 0 and 100
    or loudness_p95_customer not between 0 and 100
    or talk_ratio_agent not between 0 and 1
    or asr_conf_mean not between 0 and 1
