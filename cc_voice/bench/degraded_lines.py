"""Degraded lines: calls with human times, made worse in known ways, and how far the talk time of each party is then off.

Both parties are heard as after a call: each by itself, then without the other's echo. Noise is mixed with the power told below the
mean power of what the party says; the sounds are the recordings of the corpus.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec
import numpy as np
from rich import box
from rich.table import Table

from cc_voice.bench.degrade import Floats, echoed, high_passed, lossy, noisy, telephone
from cc_voice.call.analysis import ChannelAnalysis, Interval, StreamAnalysis
from cc_voice.call.intervals import Intervals, canonical, length
from cc_voice.call.measure import measure
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.speech.codecs import Samples, int16_from_float
from cc_voice.speech.echo import ChannelEnvelope, echoes, own_speech
from cc_voice.speech.pipeline import ChannelPipeline, speech_of

Heard = Callable[[Samples], ChannelPipeline]
"""A channel, heard to its end."""

OFFICE, BABBLE, MUSIC = "office", "babble", "hold-music"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One party of a call and when people say that it speaks."""

    audio: Floats
    speech: Intervals


class MarkedCall(msgspec.Struct, frozen=True, kw_only=True):
    """Two parties, the agent among them."""

    lines: Mapping[str, Line]
    duration_ms: int


Condition = Callable[[Mapping[str, Line]], dict[str, Floats]]


class ConditionScore(msgspec.Struct, frozen=True, kw_only=True):
    """Talk time of all parties of all calls under one condition, against what people marked."""

    condition: str
    median_pct: float
    worst_pct: float
    lowest_pct: float
    highest_pct: float
    false_interruptions: float
    """Interruptions per call that nobody made."""
    eligible: int
    """Legs that count as fit for evaluation …"""
    legs: int
    """… of so many."""


def conditions(noises: Mapping[str, Floats], rate_hz: int) -> dict[str, Condition]:
    """Return the conditions by name; those whose noise is not there are left out."""
    known: dict[str, Condition] = {
        "as it is": _each(lambda line, _: line.audio),
        "300–3400 Hz, mu-law": _each(lambda line, _: _telephone(line.audio, rate_hz)),
        "nothing below 300 Hz": _each(lambda line, _: high_passed(line.audio, rate_hz, 300)),
        "5 % of packets lost": _each(lambda line, seed: lossy(line.audio, rate_hz, 5, seed)),
        "20 dB louder, cut off": _each(lambda line, _: np.clip(10 * line.audio, -1, 1)),
        "20 dB quieter": _each(lambda line, _: line.audio / 10),
    }
    for name, levels in ((OFFICE, (20, 10, 5)), (BABBLE, (20, 15, 10)), (MUSIC, (20, 10))):
        if name in noises:
            known |= {f"{name} {snr} dB": _noisy(noises[name], rate_hz, snr) for snr in levels}
    for level, delay in ((15, 200), (25, 130), (35, 130), (35, 400)):
        known[f"echo −{level} dB, {delay} ms"] = _echo(rate_hz, -level, delay, both=False)
    return known | {"echo −25 dB, 130 ms, both": _echo(rate_hz, -25, 130, both=True)}


def _each(change: Callable[[Line, int], Floats]) -> Condition:
    return lambda lines: {party: change(line, seed) for seed, (party, line) in enumerate(lines.items())}


def _telephone(audio: Floats, rate_hz: int) -> Floats:
    return telephone(int16_from_float(audio), rate_hz, (), None) / 32768.0


def _noisy(noise: Floats, rate_hz: int, snr_db: float) -> Condition:
    """Each party hears another part of the recording."""
    return _each(lambda line, seed: noisy(line.audio, rate_hz, line.speech, np.roll(noise, -seed * 7 * rate_hz), snr_db))


def _echo(rate_hz: int, level_db: float, delay_ms: int, *, both: bool) -> Condition:
    """The agent comes back on the customer's line, and with `both` the customer on the agent's."""

    def change(lines: Mapping[str, Line]) -> dict[str, Floats]:
        def line(party: str) -> Floats:
            if party == "agent" and not both:
                return lines[party].audio
            other = next(one for name, one in lines.items() if name != party)
            return echoed(lines[party].audio, other.audio, rate_hz, level_db, delay_ms)

        return {party: line(party) for party in lines}

    return change


def score(name: str, condition: Condition, calls: Sequence[MarkedCall], hear: Heard) -> ConditionScore:
    """Hear all calls under a condition."""
    errors: list[float] = []
    added, eligible = 0, 0
    for call in calls:
        heard = {party: hear(int16_from_float(np.clip(audio, -1, 1))) for party, audio in condition(call.lines).items()}
        envelopes = {party: ChannelEnvelope(one.envelope(), canonical(one.voiced())) for party, one in heard.items()}
        found = echoes(envelopes)
        own = own_speech(envelopes, found)
        channels = [
            ChannelAnalysis(
                channel_id=party,
                party="agent" if party == "agent" else "customer",
                speech=speech_of(own[party], (), ThresholdSet()),
                levels=one.levels(),
                echoes=found[party],
            )
            for party, one in heard.items()
        ]
        errors += [100 * (length(one.speech) / length(call.lines[one.channel_id].speech) - 1) for one in channels]
        interruptions, is_eligible = _measured(channels, call.duration_ms)
        marked = [msgspec.structs.replace(one, speech=call.lines[one.channel_id].speech) for one in channels]
        added += max(0, interruptions - _measured(marked, call.duration_ms)[0])
        eligible += is_eligible
    sizes = [abs(error) for error in errors]
    return ConditionScore(
        condition=name,
        median_pct=median(sizes),
        worst_pct=max(sizes),
        lowest_pct=min(errors),
        highest_pct=max(errors),
        false_interruptions=added / len(calls),
        eligible=eligible,
        legs=len(calls),
    )


def _measured(channels: Sequence[ChannelAnalysis], duration_ms: int) -> tuple[int, bool]:
    """Return the interruptions of a call, and whether it is fit for evaluation."""
    stream = StreamAnalysis(
        call_id="bench",
        stream_id="bench",
        product="import",
        instance_id="bench",
        t0_unix_ms=0,
        duration_ms=duration_ms,
        channels=tuple(channels),
    )
    (leg,) = measure([stream], ThresholdSet()).legs
    return (leg.interruptions_agent or 0) + (leg.interruptions_customer or 0), bool(leg.qa_eligible)


def table(scores: Sequence[ConditionScore]) -> Table:
    """Return the rows as Markdown."""
    made = Table("line", "median error", "worst", "from … to", "false interruptions a call", "eligible legs", box=box.MARKDOWN)
    for one in scores:
        made.add_row(
            one.condition,
            f"{one.median_pct:.1f} %",
            f"{one.worst_pct:.1f} %",
            f"{one.lowest_pct:+.0f} … {one.highest_pct:+.0f} %",
            f"{one.false_interruptions:.2f}",
            f"{one.eligible} of {one.legs}",
        )
    return made


def speech_marked(utterances: Sequence[tuple[str, Interval]], party: str) -> Intervals:
    """Return when people say that a party speaks."""
    return canonical(span for who, span in utterances if who == party)
