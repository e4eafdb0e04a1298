"""Needs: the conditions of metrics, looked at before their values; the first that fails is the reason why there is none."""

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.metrics.entry import Need
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.reasons import MIXED, UNSURE, Metrics, Unmeasured
from cc_voice.config.thresholds import ThresholdSet

_NOBODY = ("no_audio", "one_way_audio", "roles_unknown", "no_agent_answered", *UNSURE)


class Precondition(msgspec.Struct, frozen=True):
    """What a need asks of a leg, and with which reasons it fails."""

    meaning: str
    reasons: tuple[str, ...]


PRECONDITIONS: dict[Need, Precondition] = {
    "handled": Precondition("an agent answered, and it is known when", ("no_agent_answered", "no_answer_time")),
    "events": Precondition(
        "the platform tells of hold, transfers and monitoring",
        ("no_events", "no_hold_in_product", "no_agent_answered", "no_answer_time"),
    ),
    "agent": Precondition("the agent can be heard, and told apart", (*MIXED, *_NOBODY)),
    "customer": Precondition(
        "the customer can be heard, and told apart", (*MIXED, "no_audio", "one_way_audio", "roles_unknown", *UNSURE)
    ),
    "parties": Precondition("both parties can be heard, and told apart", (*MIXED, *_NOBODY)),
    "anybody": Precondition("both parties can be heard, if only on one channel", _NOBODY),
    "length": Precondition("enough time was analysed", ("too_short",)),
    "setting": Precondition("the site measures what customers say on hold", ("setting_off",)),
    "raised_voice": Precondition("the site measures how loud agents speak", ("setting_off",)),
    "sentiment": Precondition("the site measures sentiment in this queue", ("setting_off",)),
    "import": Precondition("a report of Zoom's was imported", ("not_imported",)),
    "answer": Precondition("the moment of the answer is known", ("no_answer_time", "no_agent_answered")),
}


def check_preconditions(metrics: Metrics, scope: LegInput, thresholds: ThresholdSet) -> Metrics:
    """Return every metric of the dictionary, in its order: its value, or the first reason why it has none."""
    failing = {need: reason for need, reason in _obstacles(scope, thresholds).items() if reason}
    gated: Metrics = {}
    for name, metric in METRICS.items():
        reason = next((failing[need] for need in metric.needs if need in failing), None)
        gated[name] = Unmeasured(reason) if reason else metrics[name]
    return gated


def _obstacles(scope: LegInput, thresholds: ThresholdSet) -> dict[Need, str | None]:
    together = scope.two_party_obstacle
    unanswered = scope.no_handling if scope.no_handling in ("no_agent_answered", "no_answer_time") else None
    return {
        "handled": unanswered,
        "events": scope.no_handling,
        "agent": scope.obstacles["agent"],
        "customer": scope.obstacles["customer"],
        "parties": together,
        "anybody": scope.unsure if together in MIXED else together,
        "length": "too_short" if scope.analysed_ms < thresholds.min_analysed_ms else None,
        "setting": None if thresholds.cust_speech_on_hold else "setting_off",
        "raised_voice": None if thresholds.raised_voice_agent else "setting_off",
        "sentiment": None if thresholds.sentiment else "setting_off",
        "import": "not_imported",
        "answer": None if scope.leg.answered else unanswered or "no_answer_time",
    }
