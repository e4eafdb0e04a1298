"""Latency: how soon each party answers the other, and the agent the call (metric dictionary 1.3)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from cc_voice.call.intervals import Intervals
from cc_voice.call.metrics.entry import AGENT, BOTH, Evidence, Metric
from cc_voice.call.metrics.percentiles import interpolated
from cc_voice.call.metrics.turns import PARTIES, Ipu, Party, Turn, other
from cc_voice.call.reasons import Metrics, Unmeasured, Value
from cc_voice.config.thresholds import ThresholdSet

_OF_AGENT, _OF_CUSTOMER = (Evidence("latency", party) for party in PARTIES)

METRICS = (
    Metric(
        name="greeting_latency_ms",
        type="integer",
        unit="ms",
        needs=("answer", *AGENT),
        reasons=("agent_did_not_speak",),
        evidence=Evidence("greeting"),
        label="Greeting latency",
        meaning="From the moment the agent answered to the agent’s first words.",
        formula="answer → the agent's first speech in A; where the leg begins on hold, from the end of that hold",
    ),
    Metric(
        name="response_latency_ms_agent_p50",
        type="integer",
        unit="ms",
        needs=BOTH,
        reasons=("no_pairs",),
        evidence=_OF_AGENT,
        label="Response latency of agent, median",
        meaning="From the end of a customer’s turn to the agent’s next turn; negative where the agent starts early.",
        formula=(
            "from the end of a customer's turn to the start of the agent's that follows it, median; no pair across hold or a gap, "
            "nor the agent's first turn, none longer than {latency_cap_s} s; negative is overlap"
        ),
    ),
    Metric(
        name="response_latency_ms_agent_p90",
        type="integer",
        unit="ms",
        needs=BOTH,
        reasons=("no_pairs",),
        evidence=_OF_AGENT,
        label="Response latency of agent, p90",
        meaning="Nine of ten responses of the agent come sooner.",
        formula="of the same pairs the 90th percentile",
    ),
    Metric(
        name="response_latency_ms_customer_p50",
        type="integer",
        unit="ms",
        needs=BOTH,
        reasons=("no_pairs",),
        evidence=_OF_CUSTOMER,
        label="Response latency of customer, median",
        meaning="From the end of an agent’s turn to the customer’s next turn.",
        formula=(
            "from the end of an agent's turn to the start of the customer's that follows it, median; no pair across hold or a gap, "
            "none longer than {latency_cap_s} s; negative is overlap"
        ),
    ),
    Metric(
        name="response_latency_ms_customer_p90",
        type="integer",
        unit="ms",
        needs=BOTH,
        reasons=("no_pairs",),
        evidence=_OF_CUSTOMER,
        formula="of the same pairs the 90th percentile",
    ),
    Metric(
        name="latency_pair_count_agent",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=_OF_AGENT,
        label="Responses of agent",
        meaning="How many responses the agent’s median and p90 are taken from.",
        formula="pairs of a customer's turn and the agent's answer behind the agent's response latencies",
        since="0.2.0",
    ),
    Metric(
        name="latency_pair_count_customer",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=_OF_CUSTOMER,
        label="Responses of customer",
        meaning="How many responses the customer’s median is taken from.",
        formula="pairs of an agent's turn and the customer's answer behind the customer's response latencies",
        since="0.2.0",
    ),
)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long `party` took to take the floor; negative when it began before the other had finished."""

    party: Party
    before_ms: int
    """End of the other party's turn."""
    after_ms: int
    """Start of this party's turn."""
    latency_ms: int


def latencies(turns: Sequence[Turn], party: Party, thresholds: ThresholdSet) -> tuple[Latency, ...]:
    """`response_latency_ms_p`: for every turn of the other party followed by a turn of p, start − end.

    Pairs across hold or exclusion are skipped, so is the agent's first turn (it is the greeting, see below). Capped at 10 s.
    """
    greeting = next((turn for turn in turns if turn.party == "agent"), None)
    return tuple(
        Latency(
            party=party,
            before_ms=theirs.end_ms,
            after_ms=ours.start_ms,
            latency_ms=min(ours.start_ms - theirs.end_ms, thresholds.latency_cap_ms),
        )
        for theirs, ours in pairwise(turns)
        if theirs.party == other(party) and ours.party == party and theirs.piece == ours.piece and ours is not greeting
    )


def greeting(ipus: Sequence[Ipu], answered_ms: int, holds: Intervals) -> tuple[int, int] | None:
    """`greeting_latency_ms`: from `USER_ANSWERED` to the agent's first unit, also if the customer spoke first (1.3).

    A leg that begins while the customer is still on hold (a transfer with consultation) is timed from the end of that hold: before
    it there was nobody to greet, and what the agent said then is not in A.
    """
    since = next((end for start, end in holds if start <= answered_ms < end), answered_ms)
    first = next((ipu.start_ms for ipu in ipus if ipu.party == "agent"), None)
    return None if first is None else (since, max(since, first))


def latency_metrics(found: Mapping[Party, Sequence[Latency]], greeted: tuple[int, int] | None) -> Metrics:
    """Latencies of both parties, and of the greeting (1.3).

    `response_latency_ms_p_p50`, `_p90`: median and 90th percentile, interpolated; `latency_pair_count_p`: of how many pairs.
    """
    metrics: Metrics = {}
    for party in PARTIES:
        values = [pair.latency_ms for pair in found[party]]
        metrics[f"response_latency_ms_{party}_p50"] = percentile(values, 0.5)
        metrics[f"response_latency_ms_{party}_p90"] = percentile(values, 0.9)
        metrics[f"latency_pair_count_{party}"] = len(values)
    metrics["greeting_latency_ms"] = Unmeasured("agent_did_not_speak") if greeted is None else greeted[1] - greeted[0]
    return metrics


def percentile(values: Sequence[int], share: float) -> Value:
    """Return a percentile with linear interpolation, in whole ms; `share` is 0–1."""
    return round(interpolated(values, share)) if values else Unmeasured("no_pairs")
