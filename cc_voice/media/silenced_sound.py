"""Silenced sound: a channel's audio with zeros, or a tone, where nobody shall hear what was said; and the proof that it is so."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cc_voice.call.analysis import Interval
from cc_voice.media.files import RecordingError
from cc_voice.media.sound_files import read_sound

_TONE_HZ, _TONE_PEAK = 1_000, 2_000
_BLOCK = 1 << 18


class SilencedSpans:
    """When one channel is silenced, in its samples."""

    def __init__(self, spans: Iterable[Interval], rate_hz: int, *, is_tone: bool = False) -> None:
        self._rate_hz, self._is_tone = rate_hz, is_tone
        self.samples = [(start * rate_hz // 1000, -(-end * rate_hz // 1000)) for start, end in spans]

    def applied(self, first: int, block: Any) -> Any:
        """Return a block whose first sample is number `first`, silenced where it lies in a span."""
        inside = [(max(0, start - first), min(len(block), end - first)) for start, end in self.samples]
        inside = [(low, high) for low, high in inside if low < high]
        if not inside:
            return block
        found = np.array(block, dtype="<i2")
        for low, high in inside:
            found[low:high] = self._tone(first + low, high - low) if self._is_tone else 0
        return found

    def _tone(self, first: int, count: int) -> Any:
        at = (np.arange(count) + first) * (2 * np.pi * _TONE_HZ / self._rate_hz)
        return np.round(_TONE_PEAK * np.sin(at)).astype("<i2")


def check(path: Path, frames: int, wanted: Callable[[int, int], Any]) -> None:
    """Compare a file with the sound that should be in it, sample by sample. Raises RecordingError, OSError."""
    for at in range(0, frames, _BLOCK):
        count = min(_BLOCK, frames - at)
        if not np.array_equal(read_sound(path, at, count), wanted(at, count)):
            raise RecordingError(f"{path} is not the sound that was written")


def sounding(path: Path, spans: SilencedSpans) -> Sequence[int]:
    """Return the first samples of those spans of a FLAC that are not silent as they should be. Raises OSError."""
    found = []
    for start, end in spans.samples:
        heard = read_sound(path, start, end - start)
        if not np.array_equal(heard, spans.applied(start, heard)):
            found.append(start)
    return found
