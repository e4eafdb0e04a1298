"""The page of one measured call: identity, lanes, transcript, and a table of metrics in which every number is a door."""

import zoneinfo
from collections.abc import Mapping, Sequence

import msgspec

from cc_voice.call.metrics.entry import Metric
from cc_voice.call.reasons import explain
from cc_voice.config.thresholds import ThresholdSet, told
from cc_voice.store.calls import CallInterval, CallLeg, StoredCall
from cc_voice.web.pages.access_section import AccessSection
from cc_voice.web.pages.metric_table import BY_COLUMN, SECTIONS, behind, written
from cc_voice.web.rendering import formats, transcript
from cc_voice.web.rendering.timeline import Band, TimelineBands, describe, draw, marks

EVIDENCE_SHOWN = 200
"""More intervals than anybody walks through; the number counted stays exact."""


class EvidencePiece(msgspec.Struct, frozen=True):
    """One interval of the evidence that is open."""

    start_ms: int
    span: str
    length: str
    text: str
    current: bool


class MetricLine(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with its value, or with the reason why there is none."""

    column: str
    label: str
    meaning: str
    value: str
    unit: str
    count: int | None
    """How many intervals stand behind it; None where none are kept."""
    reason: str | None
    door: bool
    """Whether the value opens its intervals."""
    closed: str | None
    """Why a value that is there opens nothing."""
    open: bool
    evidence: tuple[EvidencePiece, ...] = ()


class Block(msgspec.Struct, frozen=True):
    """A section of the table."""

    title: str
    rows: tuple[MetricLine, ...]


class LegLink(msgspec.Struct, frozen=True):
    """A leg to switch to."""

    leg_no: int
    label: str
    current: bool


class CallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the template shows."""

    call_id: str
    name: str
    """Short name: id and leg."""
    leg_no: int
    facts: tuple[tuple[str, str], ...]
    legs: tuple[LegLink, ...]
    lanes: TimelineBands
    sides: tuple[str, ...]
    """Whose lanes there are: agent and customer, or `both` where one channel mixes them."""
    marks: tuple[Band, ...]
    lines: tuple[transcript.TranscriptLine, ...]
    refused: tuple[str, ...]
    """Kinds of media that Zoom did not send, each a sentence."""
    summary: str
    blocks: tuple[Block, ...]
    footer: str
    at_ms: int
    metric: str | None
    has_audio: bool
    may_read: bool = True
    may_play: bool = True
    accessed: AccessSection | None = None
    """Who saw and heard it; None for who may not know."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What of a call is open, as the address says."""

    leg_no: int | None = None
    metric: str | None = None
    index: int = 0
    at_ms: int | None = None


def build(stored: StoredCall, shown: Shown, zone: zoneinfo.ZoneInfo, has_audio: bool) -> CallPage | None:
    """Return the page of a call, or None where it has no such leg."""
    leg = _leg(stored.legs, shown.leg_no)
    if leg is None and (stored.legs or shown.leg_no is not None):
        return None
    open_metric = BY_COLUMN.get(shown.metric or "")
    pieces = _evidence(leg, open_metric)
    index = min(max(0, shown.index), len(pieces) - 1) if pieces else 0
    first_ms = pieces[index].start_ms if pieces else 0
    intervals = [interval for each in stored.legs for interval in each.intervals]
    duration_ms = stored.call.duration_ms
    call_id = stored.call.call_id
    return CallPage(
        call_id=call_id,
        name=f"{call_id[:6]}…{call_id[-4:]}" + (f"-{leg.leg_no}" if leg else ""),
        leg_no=leg.leg_no if leg else 0,
        facts=_facts(stored, leg, zone),
        legs=tuple(_link(each, leg) for each in stored.legs) if len(stored.legs) > 1 else (),
        lanes=draw(duration_ms, intervals, stored.events, [each.thresholds for each in stored.legs]),
        sides=("agent", "customer") if set(stored.channels.values()) & {"agent", "customer"} else ("both",),
        marks=marks(duration_ms, pieces),
        lines=transcript.lines(stored.utterances, stored.legs, stored.call.language, stored.unused),
        refused=(*map(formats.refusal, stored.refused), *map(formats.session_failure, stored.failures)),
        summary=_summary(stored),
        blocks=tuple(_blocks(leg, open_metric, index)) if leg else (),
        footer=_footer(leg),
        at_ms=min(max(0, first_ms if shown.at_ms is None else shown.at_ms), duration_ms),
        metric=open_metric.name if open_metric else None,
        has_audio=has_audio,
    )


def _leg(legs: Sequence[CallLeg], leg_no: int | None) -> CallLeg | None:
    return next((leg for leg in legs if leg_no is None or leg.leg_no == leg_no), None)


def _link(leg: CallLeg, current: CallLeg | None) -> LegLink:
    name = leg.metrics.get("agent_name") or "agent without a name"
    return LegLink(leg.leg_no, f"Leg {leg.leg_no}, {name}", leg is current)


def _facts(stored: StoredCall, leg: CallLeg | None, zone: zoneinfo.ZoneInfo) -> tuple[tuple[str, str], ...]:
    call = stored.call
    metrics = leg.metrics if leg else {}
    found = [
        ("Agent", metrics.get("agent_name")),
        ("Queue", metrics.get("queue_name")),
        ("Product", formats.product(call.product)),
        (f"Started, {zone.key}", formats.moment(call.start_ts, zone, exact=True)),
        ("Length", formats.clock(call.duration_ms)),
        ("Language", call.language),
        ("Ended by", call.ended_by),
        ("Transfers", formats.number(call.transfer_count) if call.transfer_count else None),
    ]
    return tuple((name, value) for name, value in found if value)


def _summary(stored: StoredCall) -> str:
    parts = [formats.count(len(stored.utterances), "utterance")]
    zooms = sum(line.source == "zoom" for line in stored.utterances)
    if zooms:
        parts.append(f"{formats.number(zooms)} in Zoom’s words")
    nonsense = sum(line.unused_reason == "other_language" and line.used_utterance_id is None for line in stored.unused)
    if nonsense:
        parts.append(f"{formats.count(nonsense, 'line')} left out, heard by a model of another language")
    sure: Mapping[str, float] = transcript.confidence(stored.utterances)
    if sure:
        parts.append("word confidence " + ", ".join(f"{sure[party]:.2f} {party}" for party in sorted(sure)))
    return " · ".join(parts)


def _footer(leg: CallLeg | None) -> str:
    if leg is None:
        return "No leg: no agent handled this call."
    metrics = leg.metrics
    parts = [f"Formulas {metrics.get('metric_version')}", f"thresholds {metrics.get('threshold_set_id')}"]
    parts += [
        f"{name} {metrics[key]}"
        for name, key in (("speech", "detector"), ("model", "asr_model"), ("policies", "policies"))
        if metrics.get(key)
    ]
    return " · ".join(parts)


def _evidence(leg: CallLeg | None, metric: Metric | None) -> list[CallInterval]:
    evidence = metric.evidence if metric else None
    return behind(evidence, leg.intervals) if leg and evidence else []


def _blocks(leg: CallLeg, open_metric: Metric | None, index: int) -> list[Block]:
    return [Block(section.title, tuple(_row(leg, m, m is open_metric, index) for m in section.metrics)) for section in SECTIONS]


def _row(leg: CallLeg, metric: Metric, is_open: bool, index: int) -> MetricLine:
    value = leg.metrics.get(metric.name)
    pieces = _evidence(leg, metric)
    text, unit = written(metric, value, leg.metrics) if value is not None else (formats.NOT_MEASURABLE, "")
    return MetricLine(
        column=metric.name,
        label=metric.label or metric.name,
        meaning=told(metric.meaning or metric.formula, (leg.thresholds,)),
        value=text,
        unit=unit,
        count=len(pieces) if metric.evidence else None,
        reason=_reason(leg, metric) if value is None else None,
        door=value is not None and bool(pieces),
        closed=None if value is None or pieces else _closed(metric, value),
        open=is_open and bool(pieces),
        evidence=_pieces(pieces, index, leg.thresholds) if is_open else (),
    )


def _reason(leg: CallLeg, metric: Metric) -> str:
    return explain(leg.reasons.get(metric.name, ""), (leg.thresholds,)) or "Not measured yet."


def _closed(metric: Metric, value: object) -> str:
    """Say why a number is no door."""
    if metric.no_evidence is not None:
        return metric.no_evidence
    return "An earlier version measured it and kept other intervals; cc-voice recompute keeps these." if value else "There is none."


def _pieces(intervals: Sequence[CallInterval], index: int, thresholds: ThresholdSet) -> tuple[EvidencePiece, ...]:
    return tuple(
        EvidencePiece(
            start_ms=i.start_ms,
            span=f"{formats.clock(i.start_ms)} – {formats.clock(i.end_ms)}",
            length=f"{formats.seconds(i.end_ms - i.start_ms)} s",
            text=describe(i, (thresholds,)),
            current=number == index,
        )
        for number, i in enumerate(intervals[:EVIDENCE_SHOWN])
    )
