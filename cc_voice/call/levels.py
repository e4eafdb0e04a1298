"""Levels of whole seconds on another clock, and of one second that two streams heard. What they say of a leg is in
call/metrics/loudness.py."""

from collections.abc import Iterable
from itertools import zip_longest

from cc_voice.call.analysis import SecondLevel

Levels = tuple[SecondLevel, ...]
"""Of every second of a clock, the first one first."""

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
