"""Call quality: flags by which a leg is left out of evaluation (metric dictionary 1.7)."""

from cc_voice.call.intervals import length
from cc_voice.call.metrics.entry import Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.reasons import UNSURE, Metrics, Unmeasured

METRICS = (
    Metric(
        name="one_way_audio",
        type="boolean",
        unit="true/false",
        reasons=("mixed_audio", *UNSURE),
        no_evidence="It is told of the call as a whole.",
        label="One-way audio",
        meaning="Whether only one party can be heard: the other’s channel is missing, silent or only noise.",
        formula="one party is never heard in the call while the other is",
    ),
    Metric(
        name="mixed_audio",
        type="boolean",
        unit="true/false",
        formula="the parties share a channel",
    ),
    Metric(
        name="multi_party",
        type="boolean",
        unit="true/false",
        reasons=("mixed_audio", *UNSURE),
        formula="more than two people are heard in A",
    ),
    Metric(
        name="qa_eligible",
        type="boolean",
        unit="true/false",
        formula=(
            "fit for evaluation: both parties are heard and told apart, {min_analysed_s} s and more were analysed, and at most a "
            "tenth of the leg lies in media gaps"
        ),
    ),
)


def quality_metrics(scope: LegInput, min_analysed_ms: int) -> Metrics:
    """Flags of 1.7, used to leave a leg out of evaluation.

    `one_way_audio`: one party is never heard in the call while the other is; `multi_party`: more than two humans are heard in A;
    `qa_eligible`: both parties heard, long enough, at most a tenth of the leg lost in media gaps.
    """
    one_way = [reason == "one_way_audio" for reason in scope.obstacles.values()]
    unknown = "mixed_audio" if scope.mixed else scope.unsure
    eligible = scope.two_party_obstacle is None and scope.analysed_ms >= min_analysed_ms
    return {
        "one_way_audio": Unmeasured(unknown) if unknown else any(one_way),
        "mixed_audio": scope.mixed,
        "multi_party": Unmeasured(unknown) if unknown else scope.speakers > 2,
        "qa_eligible": eligible and 10 * length(scope.gaps) <= scope.leg.end_ms - scope.leg.start_ms,
    }
