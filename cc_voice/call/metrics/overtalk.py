"""Overtalk and its classes (metric dictionary 1.2): an interruption is only one of the ways in which two people speak at once."""

from collections.abc import Sequence

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, index_at, intersect, length
from cc_voice.call.metrics.entry import BOTH, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.turns import PARTIES, Ipu, Party, Turn, TurnTaking, overlapping_turns
from cc_voice.call.reasons import Metrics, percent
from cc_voice.config.thresholds import ThresholdSet

INTO_SPEECH = "into_speech"
"""A turn that begins while the other party speaks."""
SHORT = "short"
"""Overlap below the threshold: part of `overtalk_ms`, no event."""
DUAL_START, BACKCHANNEL = "dual_start", "backchannel"
TERMINAL, EARLY, INTERRUPTION = "terminal_overlap", "early_overlap", "interruption"

_BY_AGENT, _BY_CUSTOMER = (Evidence("overtalk", party, only=(INTERRUPTION,)) for party in PARTIES)

METRICS = (
    Metric(
        name="overtalk_ms",
        type="bigint",
        unit="ms",
        needs=("parties",),
        evidence=Evidence("overtalk"),
        formula="time in A in which both speak",
    ),
    Metric(
        name="overtalk_pct",
        type="double",
        unit="%",
        needs=BOTH,
        evidence=Evidence("overtalk"),
        label="Overtalk",
        meaning="Share of analysed time in which both speak.",
        formula="100 · overtalk_ms ÷ analysed_ms",
    ),
    Metric(
        name="overtalk_count",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=Evidence("overtalk", without=(SHORT,)),
        label="Overtalk events",
        meaning="Times both speak for {overtalk_ms} ms or more, whatever came of it.",
        formula="times both speak for {overtalk_ms} ms and more",
    ),
    Metric(
        name="interruptions_agent",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=_BY_AGENT,
        label="Interruptions by agent",
        meaning="The agent starts while the customer holds the floor and goes on; hand-overs and listening sounds are not counted.",
        formula=(
            "times the agent cuts the customer off, in overtalk of {overtalk_ms} ms and more: no backchannel, no dual start "
            "(both within {dual_start_ms} ms), no hand-over (the customer ends within {terminal_overlap_ms} ms), none of a turn "
            "younger than {early_overlap_ms} ms"
        ),
    ),
    Metric(
        name="interruptions_customer",
        type="integer",
        unit="count",
        needs=BOTH,
        evidence=_BY_CUSTOMER,
        label="Interruptions by customer",
        meaning="The customer starts while the agent holds the floor and goes on; hand-overs and listening sounds are not counted.",
        formula=(
            "times the customer cuts the agent off, in overtalk of {overtalk_ms} ms and more: no backchannel, no dual start "
            "(both within {dual_start_ms} ms), no hand-over (the agent ends within {terminal_overlap_ms} ms), none of a turn "
            "younger than {early_overlap_ms} ms"
        ),
    ),
    Metric(
        name="interruption_ms_agent",
        type="bigint",
        unit="ms",
        needs=BOTH,
        evidence=_BY_AGENT,
        formula="overlap of the agent's interruptions",
    ),
    Metric(
        name="interruption_ms_customer",
        type="bigint",
        unit="ms",
        needs=BOTH,
        evidence=_BY_CUSTOMER,
        formula="overlap of the customer's interruptions",
    ),
    Metric(
        name="agent_overlap_turn_pct",
        type="double",
        unit="%",
        needs=BOTH,
        reasons=("no_turns",),
        evidence=Evidence("turn", "agent", only=(INTO_SPEECH,)),
        label="Agent turns into speech",
        meaning="Share of the agent’s turns that begin while the customer speaks.",
        formula="100 · the agent's turns that begin while the customer speaks ÷ the agent's turns",
    ),
)


class Overtalk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of time in which both parties speak. `party` came in later; None where nobody did."""

    start_ms: int
    end_ms: int
    subkind: str
    party: Party | None = None
    outcome: str | None = None
    """Of interruptions: taken or attempted."""

    @property
    def duration_ms(self) -> int:
        """How long both spoke."""
        return self.end_ms - self.start_ms


def overtalk(speech: dict[Party, Intervals], taking: TurnTaking, thresholds: ThresholdSet) -> tuple[Overtalk, ...]:
    """Return every overlap of the two parties, classified. Each lies in exactly one unit of each party."""
    units = {party: [ipu for ipu in taking.ipus if ipu.party == party] for party in PARTIES}
    turns = {party: taking.of(party) for party in PARTIES}
    found: list[Overtalk] = []
    for start, end in intersect(speech["agent"], speech["customer"]):
        if end - start < thresholds.overtalk_ms:
            found.append(Overtalk(start_ms=start, end_ms=end, subkind=SHORT))
            continue
        pair = [_unit_at(units[party], speech[party], start) for party in PARTIES]
        floor, incoming = sorted(pair, key=lambda ipu: (ipu.start_ms, ipu.party))
        found.append(_classified((start, end), floor, incoming, turns[floor.party], units[floor.party], thresholds))
    return tuple(found)


def _unit_at(units: Sequence[Ipu], speech: Intervals, at_ms: int) -> Ipu:
    index = index_at(speech, at_ms)
    if index is None:
        raise AssertionError("an overlap lies in a unit of each party")
    return units[index]


def _classified(
    span: Interval, floor: Ipu, incoming: Ipu, floor_turns: Sequence[Turn], floor_units: Sequence[Ipu], thresholds: ThresholdSet
) -> Overtalk:
    """The five rules of 1.2 in order; I is `incoming`, F is `floor`."""
    if incoming.start_ms - floor.start_ms <= thresholds.dual_start_ms:
        return Overtalk(start_ms=span[0], end_ms=span[1], subkind=DUAL_START)
    outcome = None
    if incoming.backchannel:
        subkind = BACKCHANNEL
    elif floor.end_ms - incoming.start_ms <= thresholds.terminal_overlap_ms:
        subkind = TERMINAL
    elif incoming.start_ms - _floor_since(floor, floor_turns) < thresholds.early_overlap_ms:
        subkind = EARLY
    else:
        subkind, outcome = INTERRUPTION, _outcome(floor, incoming, floor_units, thresholds)
    return Overtalk(start_ms=span[0], end_ms=span[1], subkind=subkind, party=incoming.party, outcome=outcome)


def _floor_since(floor: Ipu, turns: Sequence[Turn]) -> int:
    """When the floor holder's turn began; a backchannel belongs to no turn and began with itself."""
    around = (turn.start_ms for turn in turns if turn.start_ms <= floor.start_ms and floor.end_ms <= turn.end_ms)
    return next(around, floor.start_ms)


def _outcome(floor: Ipu, incoming: Ipu, floor_units: Sequence[Ipu], thresholds: ThresholdSet) -> str:
    """Taken: F's unit ends within 3 s of I's onset and I goes on alone for 1 s; else attempted."""
    resumes = next((ipu.start_ms for ipu in floor_units if ipu.start_ms >= floor.end_ms), incoming.end_ms)
    alone_ms = min(incoming.end_ms, resumes) - floor.end_ms
    yields = floor.end_ms - incoming.start_ms <= thresholds.taken_within_ms
    return "taken" if yields and alone_ms >= thresholds.taken_alone_ms else "attempted"


def interruptions(events: Sequence[Overtalk], party: Party) -> tuple[Overtalk, ...]:
    """`interruptions_p` counts these, `interruption_ms_p` adds their overlap (1.2): class interruption by p, taken or attempted."""
    return tuple(event for event in events if event.subkind == INTERRUPTION and event.party == party)


def events_of(found: Sequence[Overtalk]) -> tuple[Overtalk, ...]:
    """`overtalk_count` counts these (1.1): both speak for at least the threshold."""
    return tuple(event for event in found if event.subkind != SHORT)


def overtalk_metrics(scope: LegInput, found: Sequence[Overtalk], agent: Sequence[Turn]) -> Metrics:
    """`overtalk_ms`, `_pct` and `_count` (1.1); `interruptions_p` and `interruption_ms_p` (1.2).

    `agent_overlap_turn_pct` = agent turns that begin while the customer speaks ÷ agent turns, which Voci calls overtalk %.
    """
    both_ms = length(intersect(scope.speech["agent"], scope.speech["customer"]))
    metrics: Metrics = {
        "overtalk_ms": both_ms,
        "overtalk_pct": percent(both_ms, scope.analysed_ms, "too_short"),
        "overtalk_count": len(events_of(found)),
        "agent_overlap_turn_pct": percent(overlapping_turns(agent, scope.speech["customer"]), len(agent), "no_turns"),
    }
    for party in PARTIES:
        mine = interruptions(found, party)
        metrics[f"interruptions_{party}"] = len(mine)
        metrics[f"interruption_ms_{party}"] = sum(event.duration_ms for event in mine)
    return metrics
