"""Call quality: flags by which a leg is left out of evaluation (metric dictionary 1.7)."""

from cc_voice.call.intervals import length
from cc_voice.call.metrics.entry import Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.turns import PARTIES
from cc_voice.call.reasons import MIXED, UNSURE, Metrics, Unmeasured, Value
from cc_voice.config.thresholds import ThresholdSet

FIT = "none"
"""`qa_obstacle` of an eligible leg."""

DOUBTS = ("echo", "low_snr", "clipping")
"""What on a line leaves in doubt who spoke when: numbers of talk over many legs are without such legs."""

METRICS = (
    Metric(
        name="one_way_audio",
        type="boolean",
        unit="true/false",
        reasons=(*MIXED, *UNSURE),
        no_evidence="It is told of the call as a whole.",
        label="One-way audio",
        meaning="Whether only one party can be heard: the other’s channel is missing, silent or only noise.",
        formula="one party is never heard in the call while the other is",
    ),
    Metric(
        name="mixed_audio",
        type="boolean",
        unit="true/false",
        formula="the parties share a channel, or theirs carry the same sound",
    ),
    Metric(
        name="same_audio",
        type="boolean",
        unit="true/false",
        formula="the parties' channels carry the same sound, as of a mono recording saved as stereo",
        since="0.2.0",
    ),
    Metric(
        name="multi_party",
        type="boolean",
        unit="true/false",
        reasons=(*MIXED, *UNSURE),
        formula="more than two people are heard in A",
    ),
    Metric(
        name="qa_eligible",
        type="boolean",
        unit="true/false",
        formula="fit for evaluation: `qa_obstacle` is none",
    ),
    Metric(
        name="qa_obstacle",
        type="text",
        label="Obstacle to evaluation",
        meaning=(
            "What keeps the leg from being evaluated; none where nothing does. Echo, low_snr (under {qa_min_snr_db} dB) and "
            "clipping (over {qa_max_clipping_pct} %) make who spoke when doubtful."
        ),
        formula=(
            "the first of: why two parties cannot be measured; too_short; echo (over {qa_max_echo_pct} % of a party's "
            "speech may be the other's echo); low_snr (a party's under {qa_min_snr_db} dB); clipping (over {qa_max_clipping_pct} % "
            "of a party's speech); media_gap (over a tenth of the leg); else none"
        ),
        no_evidence="It is told of the leg as a whole; the numbers that it names have doors of their own.",
        since="0.2.0",
    ),
)


def quality_metrics(scope: LegInput, loudness: Metrics, has_echo: bool, thresholds: ThresholdSet) -> Metrics:
    """Flags of 1.7, used to leave a leg out of evaluation.

    `one_way_audio`: one party is never heard in the call while the other is; `multi_party`: more than two humans are heard in A;
    `qa_obstacle`, `qa_eligible`: both parties heard, long enough, at most a tenth of the leg lost in media gaps, and neither echo
    (`has_echo`) nor noise nor clipping beyond the site's limits.
    """
    one_way = [reason == "one_way_audio" for reason in scope.obstacles.values()]
    unknown = (scope.two_party_obstacle or MIXED[0]) if scope.mixed else scope.unsure
    obstacle = _obstacle(scope, loudness, has_echo, thresholds)
    return {
        "one_way_audio": Unmeasured(unknown) if unknown else any(one_way),
        "mixed_audio": scope.mixed,
        "same_audio": scope.same_audio,
        "multi_party": Unmeasured(unknown) if unknown else scope.speakers > 2,
        "qa_eligible": obstacle == FIT,
        "qa_obstacle": obstacle,
    }


def _obstacle(scope: LegInput, loudness: Metrics, has_echo: bool, thresholds: ThresholdSet) -> str:
    if scope.two_party_obstacle is not None:
        return scope.two_party_obstacle
    if scope.analysed_ms < thresholds.min_analysed_ms:
        return "too_short"
    # Doubts before gaps: a gap says nothing of who spoke in the rest, and would hide that nobody knows
    if has_echo:
        return "echo"
    if any(_number(loudness[f"snr_db_{party}"], 100) < thresholds.qa_min_snr_db for party in PARTIES):
        return "low_snr"
    clipped = any(_number(loudness[f"clipping_pct_{party}"], 0) > thresholds.qa_max_clipping_pct for party in PARTIES)
    if clipped:
        return "clipping"
    return "media_gap" if 10 * length(scope.gaps) > scope.leg.end_ms - scope.leg.start_ms else FIT


def _number(value: Value, otherwise: float) -> float:
    return value if isinstance(value, int | float) else otherwise
