"""Silence, long silence and dead air (metric dictionary 1.1)."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

import msgspec

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, at_least, length, longest
from cc_voice.call.lexicon import announces_wait, normalise
from cc_voice.call.metrics.entry import ANYBODY, BOTH, NO_WORDS, Evidence, Metric
from cc_voice.call.metrics.turns import Party, other
from cc_voice.call.reasons import Metrics, Unmeasured
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet

_SILENCE, _LONG_SILENCE, _DEAD_AIR = Evidence("silence"), Evidence("long_silence"), Evidence("dead_air")

METRICS = (
    Metric(
        name="silence_ms",
        type="bigint",
        unit="ms",
        needs=("anybody",),
        evidence=_SILENCE,
        formula="time in A in which nobody speaks",
    ),
    Metric(
        name="silence_pct",
        type="double",
        unit="%",
        needs=ANYBODY,
        evidence=_SILENCE,
        label="Silence",
        meaning="Share of analysed time in which nobody speaks.",
        formula="100 · silence_ms ÷ analysed_ms",
    ),
    Metric(
        name="long_silence_count",
        type="integer",
        unit="count",
        needs=ANYBODY,
        evidence=_LONG_SILENCE,
        label="Long silences",
        meaning="Silences of {long_silence_s} s or more.",
        formula="silences of {long_silence_s} s and more",
    ),
    Metric(
        name="long_silence_ms",
        type="bigint",
        unit="ms",
        needs=ANYBODY,
        evidence=_LONG_SILENCE,
        formula="length of the silences of {long_silence_s} s and more",
    ),
    Metric(
        name="longest_silence_ms",
        type="bigint",
        unit="ms",
        needs=ANYBODY,
        # Not one kind alone: a colleague's words end a long silence and not a silence, and short ones are silences only
        evidence=Evidence("long_silence", longest=True, otherwise=Evidence("silence", longest=True)),
        label="Longest silence",
        meaning="The longest stretch in which nobody speaks.",
        formula="the longest silence",
    ),
    Metric(
        name="dead_air_count",
        type="integer",
        unit="count",
        needs=BOTH,
        reasons=(*NO_WORDS, "no_phrase_list"),
        evidence=_DEAD_AIR,
        formula="silences of {dead_air_s} s and more that the agent had not announced",
    ),
    Metric(
        name="dead_air_ms",
        type="bigint",
        unit="ms",
        needs=BOTH,
        reasons=(*NO_WORDS, "no_phrase_list"),
        evidence=_DEAD_AIR,
        label="Dead air",
        meaning="Silences of {dead_air_s} s or more that the agent did not announce.",
        formula="length of the silences of {dead_air_s} s and more that the agent had not announced",
    ),
    Metric(
        name="dead_air_agent_owed_ms",
        type="bigint",
        unit="ms",
        needs=BOTH,
        reasons=(*NO_WORDS, "no_phrase_list"),
        evidence=Evidence("dead_air", "agent"),
        label="Dead air owed by agent",
        meaning="Dead air after which it was the agent’s turn: the customer spoke last.",
        formula="of dead_air_ms, where the agent owed the next turn",
    ),
    Metric(
        name="non_talk_ms",
        type="bigint",
        unit="ms",
        needs=ANYBODY,
        formula="hold + long silences, as Amazon Connect counts",
    ),
)


class LongSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence over the threshold. `dead` is None where it cannot be told whether the agent had announced it."""

    start_ms: int
    end_ms: int
    owed_by: Party
    kind: Literal["pause", "announced", "dead", "unknown"]
    """`pause` is long but too short for dead air."""


def long_silences(
    waiting: Intervals,
    speech: dict[Party, Intervals],
    agent_words: Sequence[Utterance] | None,
    thresholds: ThresholdSet,
) -> tuple[LongSilence, ...]:
    """Return silences of at least `long_silence_ms`, judged.

    `waiting` is silence without the speech of people who are neither the leg's agent nor its customer (a conferenced colleague):
    time in which they speak counts as silence of the leg, so that the partition stays exact, but nobody waits in it.
    `agent_words` None: no word source.
    """
    return tuple(
        LongSilence(
            start_ms=start,
            end_ms=end,
            owed_by=_owed_by(start, speech),
            kind=_kind((start, end), agent_words, thresholds),
        )
        for start, end in at_least(waiting, thresholds.long_silence_ms)
    )


def _owed_by(start_ms: int, speech: dict[Party, Intervals]) -> Party:
    """The party who did not speak last owes the next turn; the agent does when nobody spoke yet or both stopped together."""
    last = {party: _last_speech_before(start_ms, speech[party]) for party in speech}
    return other("customer") if last["customer"] >= last["agent"] else other("agent")


def _last_speech_before(at_ms: int, speech: Intervals) -> int:
    index = bisect_right(speech, at_ms, key=_end) - 1
    return speech[index][1] if index >= 0 else -1


def _kind(
    silence: Interval, agent_words: Sequence[Utterance] | None, thresholds: ThresholdSet
) -> Literal["pause", "announced", "dead", "unknown"]:
    """Dead air is a silence of at least `dead_air_ms` before which the agent said no phrase that announces a wait."""
    if silence[1] - silence[0] < thresholds.dead_air_ms:
        return "pause"
    if agent_words is None:
        return "unknown"
    since = silence[0] - thresholds.wait_phrase_lookback_ms
    before = [words for words in agent_words if words.start_ms <= silence[0] and words.end_ms >= since]
    verdicts = [announces_wait([normalise(word.word) for word in words.words], words.language) for words in before]
    if any(verdicts):
        return "announced"
    return "unknown" if None in verdicts else "dead"


def silence_metrics(silence: Intervals, waiting: Intervals, analysed_ms: int) -> Metrics:
    """`silence_ms`: time of A in which neither party speaks; `silence_pct`: of A; `longest_silence_ms`: the longest wait (1.1).

    The longest is given below the threshold of a long silence too, on the same ground: a colleague who speaks ends it.
    """
    return {
        "silence_ms": length(silence),
        "silence_pct": 100 * length(silence) / analysed_ms if analysed_ms else Unmeasured("too_short"),
        "longest_silence_ms": longest(waiting),
    }


def long_silence_metrics(found: Sequence[LongSilence], hold_ms: int) -> Metrics:
    """`long_silence_count`, `_ms`: silences ≥ 3 s; `non_talk_ms` (as AWS counts it): hold + long silences (1.1)."""
    total = sum(silence.end_ms - silence.start_ms for silence in found)
    return {"long_silence_count": len(found), "long_silence_ms": total, "non_talk_ms": hold_ms + total}


def dead_air_metrics(found: Sequence[LongSilence], no_words: str) -> Metrics:
    """`dead_air_count`, `_ms`: unannounced silences ≥ 10 s; `dead_air_agent_owed_ms`: where the agent owes the next turn (1.1).

    Without words nobody can say whether a silence was announced: NULL with the reason `no_words`, unless there is no such silence.
    """
    names = ("dead_air_count", "dead_air_ms", "dead_air_agent_owed_ms")
    if any(silence.kind == "unknown" for silence in found):
        return dict.fromkeys(names, Unmeasured(no_words))
    dead = [silence for silence in found if silence.kind == "dead"]
    lengths = [silence.end_ms - silence.start_ms for silence in dead]
    owed = sum(ms for ms, silence in zip(lengths, dead, strict=True) if silence.owed_by == "agent")
    return dict(zip(names, (len(dead), sum(lengths), owed), strict=True))


def _end(interval: Interval) -> int:
    return interval[1]
