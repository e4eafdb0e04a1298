"""Needs: the conditions of metrics, looked at before their values; the first that fails is the reason why there is none."""

from cc_voice.call.metric import Need
from cc_voice.call.metric_dictionary import METRICS
from cc_voice.call.reasons import Metrics, Unmeasured
from cc_voice.call.scope import LegScope
from cc_voice.thresholds import ThresholdSet

_NOBODY = ("no_audio", "one_way_audio", "roles_unknown", "no_agent_answered")
NEED_REASONS: dict[Need, tuple[str, ...]] = {
    "handled": ("no_agent_answered", "no_answer_time"),
    "events": ("no_events", "no_hold_in_product", "no_agent_answered", "no_answer_time"),
    "agent": ("mixed_audio", *_NOBODY),
    "customer": ("mixed_audio", "no_audio", "one_way_audio", "roles_unknown"),
    "parties": ("mixed_audio", *_NOBODY),
    "anybody": _NOBODY,
    "length": ("too_short",),
    "setting": ("setting_off",),
    "raised_voice": ("setting_off",),
    "import": ("not_imported",),
    "answer": ("no_answer_time", "no_agent_answered"),
}
"""With which reasons each of them fails."""


def gate(metrics: Metrics, scope: LegScope, thresholds: ThresholdSet) -> Metrics:
    """Return every metric of the dictionary, in its order: its value, or the first reason why it has none."""
    failing = {need: reason for need, reason in _obstacles(scope, thresholds).items() if reason}
    gated: Metrics = {}
    for name, metric in METRICS.items():
        reason = next((failing[need] for need in metric.needs if need in failing), None)
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
