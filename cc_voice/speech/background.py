"""Background: voices and noise behind a party, told from the party by level when a channel has ended.

People who talk in the same room are voices, so a detector of voices hears them. They are as loud where the party is silent as
where it speaks. So where a line is noisy, speech is what rises above nine tenths of what was heard around it and was no speech.
Lines whose speech is 25 dB above that are left as they are. Measured values are in the README.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, canonical
from cc_voice.speech.level_meter import ENVELOPE_FLOOR_DBFS, ENVELOPE_MS
from cc_voice.speech.segmentation import close_gaps

_CLEAN_DB = 25
_ABOVE_DB = 2
_SHARE = 0.9
_AROUND = 15_000 // ENVELOPE_MS
"""Noise comes and goes: what is compared lies within so much before and after."""
_NEEDED = 2_000 // ENVELOPE_MS
"""Of what was no speech; with less around it the whole channel is taken, and with less in that nothing is known."""
_GUARD_MS = 200
_BRIDGED_MS = 300
"""Soft sounds within a word are under the noise."""
_EDGE_MS = 100

Levels = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def foreground(voiced: Sequence[Interval], envelope: bytes, sounds: Iterable[Interval]) -> Intervals:
    """Return what of the voiced intervals rises above the noise. `sounds`: music and tones, which are no noise of the line."""
    levels = np.frombuffer(envelope, np.uint8) / 2.0 + ENVELOPE_FLOOR_DBFS
    whole = canonical(voiced)
    spoken = _flags(whole, len(levels), 0)
    noise = ~_flags(whole, len(levels), _GUARD_MS) & ~_flags(sounds, len(levels), _GUARD_MS) & (levels > ENVELOPE_FLOOR_DBFS)
    if np.count_nonzero(noise) < _NEEDED or not spoken.any():
        return whole
    speech_db = 10 * np.log10(np.mean(10 ** (levels[spoken] / 10)))
    kept = [part for span in whole for part in _above(span, levels, noise, speech_db)]
    return canonical(kept)


def _above(span: Interval, levels: Levels, noise: Flags, speech_db: float) -> list[Interval]:
    first, last = span[0] // ENVELOPE_MS, span[1] // ENVELOPE_MS
    near = slice(max(0, first - _AROUND), last + _AROUND)
    around = levels[near][noise[near]]
    if len(around) < _NEEDED:
        around = levels[noise]
    limit = float(np.quantile(around, _SHARE)) + _ABOVE_DB
    if speech_db - limit >= _CLEAN_DB:
        return [span]
    loud = [(at * ENVELOPE_MS, at * ENVELOPE_MS + ENVELOPE_MS) for at in range(first, min(last, len(levels))) if levels[at] > limit]
    joined = close_gaps(loud, _BRIDGED_MS)
    return [(max(span[0], start - _EDGE_MS), min(span[1], end + _EDGE_MS)) for start, end in joined]


def _flags(intervals: Iterable[Interval], length: int, guard_ms: int) -> Flags:
    flags = np.zeros(length, dtype=np.bool_)
    for start, end in intervals:
        flags[max(0, (start - guard_ms) // ENVELOPE_MS) : -(-(end + guard_ms) // ENVELOPE_MS)] = True
    return flags
