"""Echo: does what one party says come back on the other's channel? Looked for when a stream has ended, in the envelopes of
`level_meter.py`.

Blocks of two seconds in which the party mostly speaks are compared with the other channel at every lag up to 600 ms: correlation
of levels in decibels, so that only the pattern counts, not how loud it is. An echo keeps its delay, so correlations are averaged
over all blocks, lag by lag; what others say averages out. Negative lags are looked at too: if the best lag is one of them, or
under 50 ms, the other party is heard here, or both hear one room, and neither is this party's echo. Whether an average is high
enough to be told is for `call/metrics/loudness.py` to say; measured values are in the README.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import ECHO_BLOCK_MS, Echo, Interval
from cc_voice.speech.level_meter import ENVELOPE_FLOOR_DBFS, ENVELOPE_MS

MIN_DELAY_MS, MAX_DELAY_MS = 50, 600
KEPT_FROM = 0.2
"""Mean correlation from which an echo is kept for judgement: unrelated channels reach it in one pair of twenty."""

_BLOCK = ECHO_BLOCK_MS // ENVELOPE_MS
_REACH = MAX_DELAY_MS // ENVELOPE_MS
_MIN_BLOCKS = 5
_MIN_SPOKEN = 0.5
"""Of a block."""
_AUDIBLE_DBFS = -60
"""A block in which the other channel stays below is silent there: nobody hears an echo of that level."""
_MIN_SPREAD_DB = 1.0
"""Standard deviation of a block's levels: under this there is no pattern to find again."""

Levels = npt.NDArray[np.float64]


class ChannelEnvelope(msgspec.Struct, frozen=True):
    """One channel: `LevelMeter.envelope()` and its intervals of speech."""

    envelope: bytes
    speech: Sequence[Interval]


def echoes(channels: Mapping[str, ChannelEnvelope]) -> dict[str, tuple[Echo, ...]]:
    """Return for every channel on which others it may come back, at which delay, and how clearly block by block."""
    levels = {name: _levels(heard.envelope) for name, heard in channels.items()}
    found: dict[str, tuple[Echo, ...]] = {}
    for name, heard in channels.items():
        starts = _spoken_blocks(len(levels[name]), heard.speech)
        pairs = (_echo(other, levels[name], levels[other], starts) for other in channels if other != name)
        found[name] = tuple(echo for echo in pairs if echo is not None)
    return found


def _levels(envelope: bytes) -> Levels:
    return np.frombuffer(envelope, np.uint8) / 2.0 + ENVELOPE_FLOOR_DBFS


def _spoken_blocks(length: int, speech: Sequence[Interval]) -> list[int]:
    """Return the blocks, as positions in the envelope, in which the party mostly speaks."""
    spoken = np.zeros(length)
    for start, end in speech:
        spoken[start // ENVELOPE_MS : end // ENVELOPE_MS] = 1
    starts = range(_BLOCK, length - _BLOCK - _REACH, _BLOCK)
    return [start for start in starts if spoken[start : start + _BLOCK].mean() >= _MIN_SPOKEN]


def _echo(name: str, ours: Levels, theirs: Levels, starts: Sequence[int]) -> Echo | None:
    inside = [start for start in starts if start + _BLOCK + _REACH <= len(theirs)]
    if len(inside) < _MIN_BLOCKS:
        return None
    correlations = np.array([_correlations(ours, theirs, start) for start in inside])
    mean = correlations.mean(axis=0)
    best = int(mean.argmax())
    delay_ms = (best - _REACH) * ENVELOPE_MS
    if delay_ms < MIN_DELAY_MS or mean[best] < KEPT_FROM:
        return None
    blocks = zip(inside, correlations[:, best].tolist(), strict=True)
    return Echo(on=name, delay_ms=delay_ms, blocks=tuple((start * ENVELOPE_MS, round(100 * value)) for start, value in blocks))


def _correlations(ours: Levels, theirs: Levels, start: int) -> Levels:
    """Return Pearson's correlation of one block with the other channel, at lags from −600 to +600 ms."""
    block = ours[start : start + _BLOCK] - ours[start : start + _BLOCK].mean()
    windows = np.lib.stride_tricks.sliding_window_view(theirs[start - _REACH : start + _BLOCK + _REACH], _BLOCK)
    rest = windows - windows.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.square(rest).sum(axis=1))
    least = _MIN_SPREAD_DB * _BLOCK**0.5
    told = (spread >= least) & (windows.max(axis=1) >= _AUDIBLE_DBFS)
    if np.linalg.norm(block) < least:
        told &= False
    values: Levels = np.where(told, rest @ block / np.maximum(spread * np.linalg.norm(block), 1e-9), 0.0)
    return values
