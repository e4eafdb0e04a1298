"""Levels of whole seconds on another clock, and of one second that two streams heard. What they say of a leg is in
call/metrics/loudness.py."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from statistics import median, pstdev

from cc_voice.call.analysis import ChannelAnalysis, SecondLevel
from cc_voice.call.intervals import canonical, intersect, length, union

Levels = tuple[SecondLevel, ...]
"""Of every second of a clock, the first one first."""

_SAME_SPEECH, _SAME_CB = 0.9, 10
"""Channels are one sound where nine tenths of their speech are common, and of their seconds within 1 dB of the same distance."""
_SAME_SECONDS, _SAME_SECOND_MS = 5, 400
"""So many seconds with so much speech are needed to tell."""

_NOTHING = SecondLevel()


def power(centibels: int) -> float:
    """Return the mean square of a level, 1 is full scale."""
    return float(10 ** (centibels / 100))


def place(levels: Levels, offset_ms: int) -> Levels:
    """Move levels by an offset that is not negative, to the nearest second: half a second of error at the most."""
    return (_NOTHING,) * ((offset_ms + 500) // 1000) + levels if levels else ()


def combine(one: Levels, other: Levels) -> Levels:
    """Return what both heard: a second that only one of them has is that one's."""
    return tuple(_both(first, second) for first, second in zip_longest(one, other, fillvalue=_NOTHING))


def mean_power(seconds: Iterable[tuple[int, int | None]]) -> float | None:
    """Return the mean square over (speech_ms, level_cb) of several seconds, weighted by speech; None without any."""
    heard = [(ms, level) for ms, level in seconds if ms and level is not None]
    return sum(ms * power(level) for ms, level in heard) / sum(ms for ms, _ in heard) if heard else None


def is_same_sound(channels: Sequence[ChannelAnalysis]) -> bool:
    """Whether all channels with speech are one sound, if at different levels: the same seconds are spoken, apart by the same."""
    spoken = [channel for channel in channels if channel.speech]
    return len(spoken) > 1 and all(_are_same(spoken[0], other) for other in spoken[1:])


def _are_same(one: ChannelAnalysis, other: ChannelAnalysis) -> bool:
    mine, theirs = canonical(one.speech), canonical(other.speech)
    if _SAME_SPEECH * length(union(mine, theirs)) > length(intersect(mine, theirs)):
        return False
    pairs = zip(one.levels, other.levels, strict=False)
    apart = [
        a.level_cb - b.level_cb
        for a, b in pairs
        if a.level_cb is not None and b.level_cb is not None and min(a.speech_ms, b.speech_ms) >= _SAME_SECOND_MS
    ]
    if len(apart) < _SAME_SECONDS or not _varies(one):
        return False
    usual = median(apart)
    return sum(abs(one - usual) <= _SAME_CB for one in apart) >= _SAME_SPEECH * len(apart)


def _varies(channel: ChannelAnalysis) -> bool:
    """A voice does; two steady sounds say nothing of each other."""
    levels = [second.level_cb for second in channel.levels if second.level_cb is not None]
    return pstdev(levels) >= _SAME_CB


def _both(one: SecondLevel, other: SecondLevel) -> SecondLevel:
    """A second at the seam of two streams, in which each heard a part; noise is the lower of the two."""
    if _NOTHING in (one, other):
        return other if one == _NOTHING else one
    louder = max(one, other, key=lambda second: second.speech_ms)
    noises = [second.noise_cb for second in (one, other) if second.noise_cb is not None]
    return SecondLevel(
        speech_ms=min(1000, one.speech_ms + other.speech_ms),
        level_cb=louder.level_cb,
        clipped_us=one.clipped_us + other.clipped_us,
        noise_cb=min(noises, default=None),
    )
