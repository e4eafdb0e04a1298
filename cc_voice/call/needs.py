"""Which conditions each metric needs; the first that fails is the reason why it is NULL.

The keys are, in the order of `LegRow`, all columns of fact_leg that are measured (a test holds this): whatever is not listed here
names or dates the leg and may be None without a reason.
"""

from typing import Literal

from cc_voice.call.reasons import Metrics, Unmeasured
from cc_voice.call.scope import LegScope
from cc_voice.thresholds import ThresholdSet

Need = Literal[
    "handled", "events", "agent", "customer", "parties", "anybody", "length", "setting", "raised_voice", "import", "answer"
]

_AGENT: tuple[Need, ...] = ("agent", "length")
_CUSTOMER: tuple[Need, ...] = ("customer", "length")
_LOUD: tuple[Need, ...] = ("raised_voice", *_AGENT)
_BOTH: tuple[Need, ...] = ("parties", "length")
_ANYBODY: tuple[Need, ...] = ("anybody", "length")

NEEDS: dict[str, tuple[Need, ...]] = {
    "interaction_ms": ("handled",),
    "conversation_ms": ("handled",),
    "analysed_ms": (),
    "hold_ms": ("events",),
    "hold_count": ("events",),
    "longest_hold_ms": ("events",),
    "hold_pct": ("events", "length"),
    "acw_ms": ("import",),
    "handle_ms": ("import",),
    "answer_delay_ms": ("answer",),
    "conference_ms": ("events",),
    "monitored_ms": ("events",),
    "takeover": ("events",),
    "transferred_out": ("events",),
    "talk_ms_agent": ("agent",),
    "talk_ms_customer": ("customer",),
    "talk_ms_any": ("anybody",),
    "agent_only_ms": ("parties",),
    "customer_only_ms": ("parties",),
    "overtalk_ms": ("parties",),
    "overtalk_count": _BOTH,
    "overtalk_pct": _BOTH,
    "agent_talk_pct": _AGENT,
    "agent_talk_pct_t1": _AGENT,
    "agent_talk_pct_t2": _AGENT,
    "agent_talk_pct_t3": _AGENT,
    "customer_talk_pct": _CUSTOMER,
    "talk_ratio_agent": _BOTH,
    "silence_ms": ("anybody",),
    "silence_pct": _ANYBODY,
    "long_silence_count": _ANYBODY,
    "long_silence_ms": _ANYBODY,
    "longest_silence_ms": _ANYBODY,
    "dead_air_count": _BOTH,
    "dead_air_ms": _BOTH,
    "dead_air_agent_owed_ms": _BOTH,
    "non_talk_ms": _ANYBODY,
    "interruptions_agent": _BOTH,
    "interruptions_customer": _BOTH,
    "interruption_ms_agent": _BOTH,
    "interruption_ms_customer": _BOTH,
    "agent_overlap_turn_pct": _BOTH,
    "backchannel_method": _BOTH,
    "wpm_agent": _AGENT,
    "wpm_customer": _CUSTOMER,
    "wpm_agent_delta": _AGENT,
    "talk_speed_unit": (),
    "response_latency_ms_agent_p50": _BOTH,
    "response_latency_ms_agent_p90": _BOTH,
    "response_latency_ms_customer_p50": _BOTH,
    "response_latency_ms_customer_p90": _BOTH,
    "cust_speech_on_hold_ms": ("setting", "events", "customer"),
    "greeting_latency_ms": ("answer", "agent", "length"),
    "longest_monologue_ms_agent": _BOTH,
    "longest_monologue_ms_customer": _BOTH,
    "monologue_count_agent": _BOTH,
    "turn_switch_count": _BOTH,
    "turn_switch_per_min": _BOTH,
    "question_count_agent": _AGENT,
    "questions_per_10min_agent": _AGENT,
    "question_method": _AGENT,
    "filler_per_min_agent": _AGENT,
    "repeat_request_count": _BOTH,
    "word_count_agent": _AGENT,
    "word_count_customer": _CUSTOMER,
    "asr_conf_mean": ("length",),
    "asr_conf_p10": ("length",),
    "low_conf_word_pct": ("length",),
    "lang_switch_count": _BOTH,
    "lang_switch_count_agent": _AGENT,
    "lang_switch_count_customer": _CUSTOMER,
    "lang_mismatch_ms": _BOTH,
    "cmi_agent": _AGENT,
    "cmi_customer": _CUSTOMER,
    "lid_conf_mean": _ANYBODY,
    "lid_undecided_pct": _ANYBODY,
    "unsupported_lang_ms": ("anybody",),
    "compared_word_count": ("length",),
    "compared_word_count_agent": _AGENT,
    "compared_word_count_customer": _CUSTOMER,
    "differing_word_count": ("length",),
    "differing_word_count_agent": _AGENT,
    "differing_word_count_customer": _CUSTOMER,
    "word_disagreement_pct": ("length",),
    "word_disagreement_pct_agent": _AGENT,
    "word_disagreement_pct_customer": _CUSTOMER,
    "level_dbfs_agent": _AGENT,
    "level_dbfs_customer": _CUSTOMER,
    "loudness_p95_agent": _AGENT,
    "loudness_p95_customer": _CUSTOMER,
    "quiet_pct_agent": _AGENT,
    "quiet_pct_customer": _CUSTOMER,
    "clipping_pct_agent": _AGENT,
    "clipping_pct_customer": _CUSTOMER,
    "snr_db_agent": _AGENT,
    "snr_db_customer": _CUSTOMER,
    "raised_voice_count_agent": _LOUD,
    "raised_voice_count_customer": _CUSTOMER,
    "raised_voice_ms_agent": _LOUD,
    "raised_voice_ms_customer": _CUSTOMER,
    "echo_suspect": _BOTH,
    "one_way_audio": (),
    "mixed_audio": (),
    "multi_party": (),
    "media_gap_ms": (),
    "qa_eligible": (),
}


def gate(metrics: Metrics, scope: LegScope, thresholds: ThresholdSet) -> Metrics:
    """Return every metric of `NEEDS`: its value, or the first reason why it has none."""
    failing = {need: reason for need, reason in _obstacles(scope, thresholds).items() if reason}
    gated: Metrics = {}
    for name, needs in NEEDS.items():
        reason = next((failing[need] for need in needs if need in failing), None)
        gated[name] = Unmeasured(reason) if reason else metrics[name]
    return gated


def _obstacles(scope: LegScope, thresholds: ThresholdSet) -> dict[Need, str | None]:
    together = scope.two_party_obstacle
    unanswered = scope.no_handling if scope.no_handling in ("no_agent_answered", "no_answer_time") else None
    return {
        "handled": unanswered,
        "events": scope.no_handling,
        "agent": scope.obstacles["agent"],
        "customer": scope.obstacles["customer"],
        "parties": together,
        "anybody": None if together == "mixed_audio" else together,
        "length": "too_short" if scope.analysed_ms < thresholds.min_analysed_ms else None,
        "setting": None if thresholds.cust_speech_on_hold else "setting_off",
        "raised_voice": None if thresholds.raised_voice_agent else "setting_off",
        "import": "not_imported",
        "answer": None if scope.leg.answered else unanswered or "no_answer_time",
    }
