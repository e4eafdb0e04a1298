"""A transcript as lines: who, when, what, with the holds and silences between them. Live calls have lines without parties yet."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from cc_voice.call.batch import LiveWords
from cc_voice.call.ids import utterance_id
from cc_voice.call.redactions import is_chip
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.store.calls import CallInterval, CallLeg, CallUtterance, UnusedLine
from cc_voice.web.rendering import formats
from cc_voice.web.rendering.timeline import describe

SEPARATE_MS = 1000
"""Shorter ones (the end of a hold that a transfer cut in two) would be read as 0:00."""
SEPARATORS = ("hold", "dead_air", "excluded")
SAYING = "saying:"
"""What the keys of lines begin with that are still being said."""


class TranscriptWord(msgspec.Struct, frozen=True):
    """A word; times are None where only the utterance is timed."""

    text: str
    start_ms: int | None
    end_ms: int | None
    low_conf: float | None
    """The confidence, where it is low enough to be marked."""

    @property
    def hidden(self) -> str | None:
        """What a chip says was there; None: it is a word."""
        return self.text.strip("[]").replace("_", " ").lower() if is_chip(self.text) else None


class Chip(msgspec.Struct, frozen=True):
    """A mark behind a line."""

    css: str
    text: str
    title: str


class Other(msgspec.Struct, frozen=True):
    """What the recogniser that is not in the transcript made of a line, or of a few of which this is the first."""

    source: str
    """Whose words they are, in a word or two."""
    reason: str
    language: str
    text: str


class TranscriptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the transcript: an utterance, or with `formats` empty a separator whose text is `chips[0]`."""

    key: str
    party: str
    glyph: str
    start_ms: int
    end_ms: int
    clock: str
    language: str
    words: tuple[TranscriptWord, ...]
    chips: tuple[Chip, ...]
    others: tuple[Other, ...] = ()
    """Only versions that differ."""
    saying: bool = False
    """Being said: the words may still change."""


def lines(
    utterances: Sequence[CallUtterance],
    legs: Sequence[CallLeg],
    primary_language: str | None,
    unused: Sequence[UnusedLine] = (),
) -> tuple[TranscriptLine, ...]:
    """Return the transcript of a measured call, in order, separators included; beside its lines what is `unused` and differs."""
    low_conf = {leg.leg_id: leg.thresholds.low_conf for leg in legs}
    others = _others(unused, [i for leg in legs for i in leg.intervals if i.kind == "disagreement"])
    spoken = [
        msgspec.structs.replace(
            _line(u, u.party or "", u.party or "", primary_language, low_conf.get(u.leg_id or "", ThresholdSet().low_conf)),
            others=tuple(others.get(u.utterance_id, ())),
        )
        for u in utterances
    ]
    between = [
        _separator(i, leg.thresholds)
        for leg in legs
        for i in leg.intervals
        if i.kind in SEPARATORS and i.end_ms - i.start_ms >= SEPARATE_MS
    ]
    starts = [_leg_start(leg) for leg in legs] if len(legs) > 1 else []
    return tuple(sorted([*starts, *between, *spoken], key=lambda line: (line.start_ms, bool(line.words))))


_SOURCES = {"local": "Our recogniser", "zoom": "Zoom"}
_REASONS = {
    "other_language": "Not used: heard by a speech model of another language",
    "other_preferred": "Not used: this site prefers the other recogniser",
    "low_confidence": "Not used: too uncertain of its words",
    "fewer_words": "Not used: most of what was said is missing",
}


def _others(unused: Iterable[UnusedLine], differing: Sequence[CallInterval]) -> dict[str, list[Other]]:
    """Return utterance_id → the other version. One in which every word is the same has no interval of disagreement."""
    found: dict[str, list[Other]] = {}
    for line in unused:
        same = line.unused_reason != "other_language" and not any(
            i.start_ms < line.end_ms and line.start_ms < i.end_ms and i.party == line.party for i in differing
        )
        if line.used_utterance_id is not None and not same:
            other = Other(_SOURCES[line.source], _REASONS[line.unused_reason], line.language_code, line.text)
            found.setdefault(line.used_utterance_id, []).append(other)
    return found


def live_lines(
    utterances: Sequence[CallUtterance],
    language: str | None,
    words: Sequence[LiveWords] = (),
    parties: Mapping[str, str | None] | None = None,
) -> tuple[TranscriptLine, ...]:
    """Return what was said so far; `language` is the stream's, `formats` are what is being said, `parties` who is on which channel.

    A channel on which nobody was announced yet is numbered. What both our recogniser and Zoom heard is shown once, in our words, as
    the measured call most often has it.
    """
    stored = {utterance.utterance_id for utterance in utterances}
    said = [*utterances, *(one for one in (_said(live, parties or {}) for live in words) if one.utterance_id not in stored)]
    said.sort(key=_start)
    numbers: dict[str, str] = {}
    for utterance in said:
        numbers.setdefault(utterance.channel_id, str(len(numbers) + 1))
    ours: dict[str, list[CallUtterance]] = {}
    for utterance in said:
        if utterance.source == "local":
            ours.setdefault(utterance.channel_id, []).append(utterance)
    shown = (u for u in said if u.source == "local" or not _heard(u, ours.get(u.channel_id, [])))
    return tuple(_live_line(u, numbers[u.channel_id], language) for u in shown)


def _said(live: LiveWords, parties: Mapping[str, str | None]) -> CallUtterance:
    """Return words that are not stored as if they were; final ones have the id under which they will be, and stay one line."""
    place = f"{SAYING}{live.stream_id}:{live.channel_id}"
    return CallUtterance(
        utterance_id=utterance_id(live.call_id, live.channel_id, live.start_ms) if live.is_final else place,
        leg_id=None,
        channel_id=live.channel_id,
        party=parties.get(live.channel_id),
        source="local",
        start_ms=live.start_ms,
        end_ms=live.end_ms,
        language_code=live.language,
        text=live.text,
        asr_conf=None,
        is_backchannel=None,
        on_hold=None,
        asr_model=None,
    )


def _live_line(utterance: CallUtterance, number: str, language: str | None) -> TranscriptLine:
    line = _line(
        utterance, utterance.party or "", number, language, ThresholdSet().low_conf
    )  # words in progress have no confidence
    return msgspec.structs.replace(line, saying=utterance.utterance_id.startswith(SAYING))


def _heard(said: CallUtterance, ours: Sequence[CallUtterance]) -> bool:
    """Whether most of an utterance lies on others of its channel, which are in order and apart from one another."""
    together = 0
    for other in reversed(ours[: bisect_left(ours, said.end_ms, key=_start)]):
        if other.end_ms <= said.start_ms:
            break
        together += min(said.end_ms, other.end_ms) - max(said.start_ms, other.start_ms)
    return 2 * together > said.end_ms - said.start_ms


def _start(utterance: CallUtterance) -> int:
    return utterance.start_ms


def confidence(utterances: Iterable[CallUtterance]) -> Mapping[str, float]:
    """Return the mean word confidence per party, weighted by the length of the words."""
    sums: dict[str, tuple[float, int]] = {}
    for utterance in utterances:
        for word in utterance.words:
            if utterance.party and word.conf is not None and word.start_ms is not None and word.end_ms is not None:
                total, weight = sums.get(utterance.party, (0.0, 0))
                length = max(1, word.end_ms - word.start_ms)
                sums[utterance.party] = total + word.conf * length, weight + length
    return {party: total / weight for party, (total, weight) in sums.items()}


def _line(utterance: CallUtterance, party: str, name: str, primary_language: str | None, low_conf: float) -> TranscriptLine:
    timed = [w for w in utterance.words if w.start_ms is not None]
    said = tuple(
        TranscriptWord(w.word, w.start_ms, w.end_ms, w.conf if w.conf is not None and w.conf < low_conf else None)
        for w in (utterance.words if timed else ())
    )
    return TranscriptLine(
        key=utterance.utterance_id,
        party=party if party in ("agent", "customer") else "other",
        glyph={"agent": "A", "customer": "C"}.get(party, name[:1].upper() or "?"),
        start_ms=utterance.start_ms,
        end_ms=utterance.end_ms,
        clock=formats.clock(utterance.start_ms),
        language=utterance.language_code,
        words=said or tuple(TranscriptWord(piece, None, None, None) for piece in _PIECES.split(utterance.text) if piece),
        chips=tuple(_chips(utterance, primary_language)),
    )


_PIECES = re.compile(r"(\[[A-Z][A-Z_]*\])")
"""Text that is not timed, parted at what is hidden in it."""


def _chips(utterance: CallUtterance, primary_language: str | None) -> Iterable[Chip]:
    is_zoom = utterance.source == "zoom"
    if utterance.language_code != primary_language:
        title = "No speech model for this language here: the words are Zoom’s" if is_zoom else "Language"
        yield Chip("lang off" if is_zoom else "lang", utterance.language_code, title)
    if is_zoom:
        yield Chip("lang", "Zoom", "The words come from Zoom’s transcript and have no times of their own")
    if utterance.is_backchannel:
        yield Chip("lang", "listening", "A listening sound, not a turn")
    if utterance.on_hold:
        yield Chip("lang", "on hold", "Said while the customer was on hold; not part of talk time")


def _separator(interval: CallInterval, thresholds: ThresholdSet) -> TranscriptLine:
    length = interval.end_ms - interval.start_ms
    size = formats.clock(length) if interval.kind == "hold" else f"{formats.seconds(length)} s"
    text = describe(interval, (thresholds,))
    css = "warn" if interval.kind == "dead_air" else ""
    return _between(f"{interval.kind}-{interval.start_ms}", interval.start_ms, f"{text[:1].upper()}{text[1:]}, {size}", css)


def _leg_start(leg: CallLeg) -> TranscriptLine:
    who = leg.metrics.get("agent_name") or "agent without a name"
    return _between(f"leg-{leg.leg_no}", leg.metrics.get("start_ms") or 0, f"Leg {leg.leg_no}, {who}", "")


def _between(key: str, start_ms: int, text: str, css: str) -> TranscriptLine:
    return TranscriptLine(
        key=key,
        party="",
        glyph="",
        start_ms=start_ms,
        end_ms=start_ms,
        clock=formats.clock(start_ms),
        language="",
        words=(),
        chips=(Chip(css, text, ""),),
    )
