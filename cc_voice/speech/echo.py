"""Echo: does what one party says come back on the other's channel, and what there is its own voice? Looked for when a stream has
ended, in the envelopes of `level_meter.py`.

Blocks of two seconds in which the party mostly speaks are compared with the other channel at every lag up to 600 ms: correlation
of levels in decibels, so that only the pattern counts, not how loud it is. An echo keeps its delay, so correlations are averaged
over all blocks, lag by lag; what others say averages out. Negative lags are looked at too: if the best lag is one of them, or
under 50 ms, the other party is heard here, or both hear one room, and neither is this party's echo. Whether an average is high
enough to be told is for `call/metrics/loudness.py` to say; measured values are in the README.

An echo is speech of the channel for any detector. So what is 12 dB quieter than the other channel was within 600 ms before, and
8 dB quieter than this channel is by itself, is no speech of this party (8 and 4 dB where the echo was found). Both are asked: a
line that is quieter as a whole keeps what it says into the other's speech. Two channels that are the same sound are left alone:
neither is the other's echo, but nobody can say who speaks (`same_sound`).
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec
import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import ECHO_BLOCK_MS, Echo, Interval
from cc_voice.call.intervals import Intervals, canonical
from cc_voice.speech.level_meter import ENVELOPE_FLOOR_DBFS, ENVELOPE_MS
from cc_voice.speech.segmentation import close_gaps

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
_FOUND_PCT = 40
"""Mean correlation of an echo that is certain enough to be looked for more closely."""
_UNDER_OTHER_DB, _UNDER_OWN_DB = 12, 8
_FOUND_UNDER_OTHER_DB, _FOUND_UNDER_OWN_DB = 8, 4
_OWN_MIN = 500 // ENVELOPE_MS
"""Of a party's own speech, without which its own level is not known."""
_BRIDGED_MS, _EDGE_MS, _LEAST_MS = 300, 80, 60
"""Soft sounds within a word are as quiet as an echo, and so are its edges; what is left between them may be chance."""
_SAME_WITHIN_DB, _SAME_SHARE, _SAME_REACH = 1.5, 0.9, 2
"""Channels are one sound where nine tenths of their levels differ by the same, at a lag of 40 ms at the most."""
_SAME_MIN = 2_000 // ENVELOPE_MS
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


def own_speech(channels: Mapping[str, ChannelEnvelope], found: Mapping[str, Sequence[Echo]]) -> dict[str, Intervals]:
    """Return of every channel what of its speech is no other channel's echo; `found` are their `echoes`."""
    levels = {name: _levels(heard.envelope) for name, heard in channels.items()}
    own: dict[str, Intervals] = {}
    for name, heard in channels.items():
        own[name] = canonical(heard.speech)
        for other in channels:
            if other != name and not _is_same(levels[other], levels[name]):
                known = any(echo.on == name and fmean(pct for _, pct in echo.blocks) >= _FOUND_PCT for echo in found[other])
                own[name] = _own(own[name], levels[name], levels[other], known)
    return own


def same_sound(channels: Mapping[str, ChannelEnvelope]) -> bool:
    """Whether every channel with sound has the sound of another one, if inverted or at another level."""
    levels = {name: _levels(heard.envelope) for name, heard in channels.items() if heard.speech}
    shared = [any(_is_same(one, levels[other]) for other in levels if other != name) for name, one in levels.items()]
    return bool(shared) and all(shared)


def _own(speech: Intervals, ours: Levels, theirs: Levels, known: bool) -> Intervals:
    theirs = np.pad(theirs, (0, max(0, len(ours) - len(theirs))), constant_values=ENVELOPE_FLOOR_DBFS)[: len(ours)]
    recent = np.lib.stride_tricks.sliding_window_view(np.pad(theirs, (_REACH, 0), constant_values=-200), _REACH + 1).max(axis=1)
    spoken = np.zeros(len(ours), dtype=np.bool_)
    for start, end in speech:
        spoken[start // ENVELOPE_MS : end // ENVELOPE_MS] = True
    under = recent - ours >= (_FOUND_UNDER_OTHER_DB if known else _UNDER_OTHER_DB)
    alone = ours[spoken & ~under]
    if len(alone) >= _OWN_MIN:
        usual = 10 * np.log10(np.mean(10 ** (alone / 10)))
        under &= ours <= usual - (_FOUND_UNDER_OWN_DB if known else _UNDER_OWN_DB)
    return canonical(part for span in speech for part in _kept(span, ~under))


def _kept(span: Interval, own: npt.NDArray[np.bool_]) -> list[Interval]:
    first, last = span[0] // ENVELOPE_MS, min(-(-span[1] // ENVELOPE_MS), len(own))
    frames = [(at * ENVELOPE_MS, (at + 1) * ENVELOPE_MS) for at in range(first, last) if own[at]]
    joined = [one for one in close_gaps(frames, _BRIDGED_MS) if one[1] - one[0] >= _LEAST_MS]
    return [(max(span[0], start - _EDGE_MS), min(span[1], end + _EDGE_MS)) for start, end in joined]


def _is_same(one: Levels, other: Levels) -> bool:
    return any(_differ_by_one_level(one, other, lag) for lag in range(-_SAME_REACH, _SAME_REACH + 1))


def _differ_by_one_level(one: Levels, other: Levels, lag: int) -> bool:
    a, b = one[max(0, lag) :], other[max(0, -lag) :]
    both = min(len(a), len(b))
    a, b = a[:both], b[:both]
    heard = (np.maximum(a, b) >= _AUDIBLE_DBFS) & (np.minimum(a, b) > ENVELOPE_FLOOR_DBFS)
    if np.count_nonzero(heard) < _SAME_MIN or a[heard].std() < _MIN_SPREAD_DB:
        return False
    apart = a[heard] - b[heard]
    return bool(np.mean(np.abs(apart - np.median(apart)) <= _SAME_WITHIN_DB) >= _SAME_SHARE)


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
