"""Leg records: all of one leg that rules look at, whether it is live, measured just now, or read from the store."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.rows import LegRow, MeasuredCall, UnusedUtteranceRow, UtteranceRow, WordRow
from cc_voice.call.utterances import Word
from cc_voice.config.languages import primary
from cc_voice.quality.rules.rule import Moment


class LegLine(msgspec.Struct, frozen=True, gc=False):
    """An utterance, as rules see it. Its fields have the order of a column list (`store/rule_history.py`)."""

    utterance_id: str
    channel_id: str
    party: str | None
    source: str
    start_ms: int
    end_ms: int
    language: str
    """Primary subtag."""
    text: str
    on_hold: bool = False
    word_count: int = 0
    asr_conf: float | None = None
    words: tuple[Word, ...] = ()
    """Needed for lines with a match only; empty: not known, and spread evenly over the line."""


class TypedInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A row of fact_interval."""

    kind: str
    start_ms: int
    end_ms: int
    subkind: str | None = None
    party: str | None = None


class LegRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A leg. While it is live `is_over` is false and `heard_ms` tells how far its words are known."""

    leg_id: str | None
    call_id: str
    start_ms: int
    end_ms: int
    queues: tuple[str, ...] = ()
    """Id and name of its queue."""
    is_over: bool = True
    heard_ms: int = 0
    lines: tuple[LegLine, ...] = ()
    unused: tuple[LegLine, ...] = ()
    """What the other recogniser heard."""
    metrics: Mapping[str, Any] = {}
    """Empty while it is live."""
    reasons: Mapping[str, str] = {}
    intervals: tuple[TypedInterval, ...] = ()
    moments: Mapping[Moment, tuple[int, ...]] = {}
    low_conf: float = 0.6

    @property
    def span(self) -> Interval:
        return self.start_ms, self.end_ms


def leg_records(call: MeasuredCall, low_conf: float) -> tuple[LegRecord, ...]:
    """Return the legs of a call that was just measured."""
    words: dict[str, list[Word]] = {}
    for row in (*call.words, *call.unused_words):
        words.setdefault(row.utterance_id, []).append(_word(row))
    found = []
    for leg in call.legs:
        intervals = tuple(
            TypedInterval(kind=row.kind, start_ms=row.start_ms, end_ms=row.end_ms, subkind=row.subkind, party=row.party)
            for row in call.intervals
            if row.leg_id == leg.leg_id
        )
        metrics = {name: getattr(leg, name) for name in METRICS}
        thresholds = call.thresholds.get(leg.leg_id)
        found.append(
            LegRecord(
                leg_id=leg.leg_id,
                call_id=leg.call_id,
                start_ms=leg.start_ms,
                end_ms=leg.end_ms,
                heard_ms=leg.end_ms,
                queues=tuple(each for each in (leg.queue_id, leg.queue_name) if each),
                lines=tuple(spoken_line(row, words) for row in call.utterances if row.leg_id == leg.leg_id),
                unused=tuple(spoken_line(row, words) for row in call.unused_utterances if row.leg_id == leg.leg_id),
                metrics=metrics,
                reasons={row.metric: row.reason for row in call.null_reasons if row.leg_id == leg.leg_id},
                intervals=intervals,
                moments=moments(
                    leg.start_ms,
                    leg.end_ms,
                    intervals,
                    transferred_out=bool(metrics["transferred_out"]),
                    transferred_in=_is_transferred_in(leg),
                    hung_up=call.call.ended_by == "customer" and leg is call.legs[-1],
                ),
                low_conf=thresholds.low_conf if thresholds else low_conf,
            )
        )
    return tuple(found)


def _is_transferred_in(leg: LegRow) -> bool:
    return bool(leg.leg_no > 1)


def _word(row: WordRow) -> Word:
    return Word(row.word, row.start_ms, row.end_ms, row.conf)


def spoken_line(row: UtteranceRow | UnusedUtteranceRow, words: Mapping[str, Iterable[Word]]) -> LegLine:
    """Return a row of the transcript as a line."""
    return LegLine(
        utterance_id=row.utterance_id,
        channel_id=row.channel_id,
        party=row.party,
        source=row.source,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        language=primary(row.language_code),
        text=row.text,
        on_hold=bool(row.on_hold),
        word_count=row.word_count,
        asr_conf=row.asr_conf,
        words=tuple(words.get(row.utterance_id, ())),
    )


def moments(
    start_ms: int,
    end_ms: int,
    intervals: Iterable[TypedInterval],
    *,
    transferred_out: bool,
    transferred_in: bool,
    hung_up: bool,
    is_over: bool = True,
) -> Mapping[Moment, tuple[int, ...]]:
    """Return when what rules may name happened in a leg."""
    held = [row for row in intervals if row.kind == "hold"]
    over = (end_ms,) if is_over else ()
    return {
        "answered": (start_ms,),
        "hold_start": tuple(row.start_ms for row in held),
        "hold_end": tuple(row.end_ms for row in held if row.end_ms < end_ms or is_over),
        "transferred_in": (start_ms,) if transferred_in else (),
        "transferred_out": over if transferred_out else (),
        "conference_start": tuple(row.start_ms for row in intervals if row.kind == "conference"),
        "customer_hung_up": over if hung_up else (),
        "leg_end": over,
    }
