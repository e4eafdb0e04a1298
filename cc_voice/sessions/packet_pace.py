"""Packet pace: whether packets last as long as they lie apart, and what they are if not.

A server says how audio is encoded, and may send another (rtms/README.md 6.3): half as many bytes for the same 20 ms are 8 kHz where
16 were agreed on. Written down as they claim to be, they would be speech at double speed with holes between. So packets of another
size than agreed wait until a few have come: lie they as far apart as they last, they are what they claim, only cut otherwise; else
the rate is what makes them so, if it is one of Zoom's. Whether what lies between two packets is missing or was never there, the
sound itself tells: it goes on smoothly from one packet to the next, or jumps.

Packets of the agreed size are written at once and only watched: a process that is killed must not lose what they hold. Where their
pace is wrong the party is told as not to be measured (`ODD`), as is one of whose packets nothing known makes sense.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import mean, median

import msgspec
import numpy as np
from numpy.typing import NDArray

from cc_voice.call.analysis import Doubt
from cc_voice.rtms.events import AudioFormat
from cc_voice.sessions.clock import Timed

ODD: Doubt = "packets_odd"
AS_TOLD = 4
"""So many packets that lie as far apart as they last are what they claim."""
RUN = 12
"""So many tell that packets do not."""
PLACES = 24
"""So many places between packets with sound around them tell what they are. Measured on six voices: the mean bend is 1.8 at most
where the sound goes on, and 2.1 at least where half of it is missing."""
PATIENT = 500
"""Silence does not tell; after so many packets with little sound they are written as they claim, and the question stays."""
RATES_HZ = (8_000, 16_000, 32_000, 48_000)
_NEAR = 0.1
_QUIET = 64
"""Below this amplitude there is nothing to hear a jump in."""
_BREAK = 2.0
"""A bend between two packets this many times as sharp as those within them is a break: something is missing there."""
_MOST_BEND = 8.0
_HALVES = 0.02
"""Two sides of a stereo packet of one voice differ by less than this part of it; neighbouring samples of speech by more."""


Sounds = list[NDArray[np.float64]]
"""The samples of packets."""


class PacketShape(msgspec.Struct, frozen=True):
    """How packets are to be decoded, other than told."""

    rate_hz: int
    channels: int = 1


class _Source(msgspec.Struct):
    """What is known of one source."""

    waiting: list[Timed]
    known: set[int]
    """Sizes that are decided on."""
    watched: list[Timed]
    """The last packets of the agreed size."""


class PacketPace:
    """The packets of one stream, L16 only: what compresses says itself how long it lasts."""

    def __init__(self, decided: Callable[[str, PacketShape], None], doubted: Callable[[str], None]) -> None:
        """`decided` is told how a source is to be decoded from now on; `doubted` whose packets make no sense."""
        self._told: AudioFormat | None = None
        self._decided = decided
        self._doubted = doubted
        self._sources: dict[str, _Source] = {}

    def set_format(self, told: AudioFormat) -> list[Timed]:
        """The server says how the audio that follows is encoded. Return what waited, which it is not said of."""
        waiting = self.finish()
        self._told = told if told.packet_bytes else None
        self._sources.clear()
        return waiting

    def take(self, timed: Timed) -> list[Timed]:
        """Return the packets that can be written now that this one is here."""
        if self._told is None:
            return [timed]
        source = self._sources.setdefault(timed.packet.source, _Source([], set(), []))
        size = len(timed.packet.pcm)
        if size in source.known:
            return [timed]
        if size == self._told.packet_bytes:
            self._watch(source, timed)
            return [*self._release(source), timed]
        given_up = self._release(source) if source.waiting and len(source.waiting[0].packet.pcm) != size else []
        source.waiting.append(timed)
        return [*given_up, *self._decide(source, size)]

    def finish(self) -> list[Timed]:
        """Return all that waits."""
        return [timed for source in self._sources.values() for timed in self._release(source)]

    def _length_ms(self, size: int) -> float:
        assert self._told is not None
        return size * 1000 / (2 * self._told.channels * self._told.sample_rate_hz)

    def _decide(self, source: _Source, size: int) -> list[Timed]:
        length_ms, count = self._length_ms(size), len(source.waiting)
        if count < AS_TOLD:
            return []
        step_ms = _step_ms(source.waiting)
        if abs(step_ms - length_ms) <= _NEAR * length_ms:
            source.known.add(size)
            return self._release(source)
        if count < RUN:
            return []
        bends = _bends(source.waiting, step_ms)
        if len(bends) < PLACES:
            return self._release(source) if count >= PATIENT else []
        shape = self._shape(source.waiting, length_ms, step_ms, mean(bends) <= _BREAK)
        source.known.add(size)
        name = source.waiting[0].packet.source
        if shape is None:
            self._doubted(name)
        else:
            self._decided(name, shape)
        return self._release(source)

    def _shape(self, run: list[Timed], length_ms: float, step_ms: float, goes_on: bool) -> PacketShape | None:
        """Return what makes packets last as long as they lie apart; None: nothing known does, or the sound does not bear it out."""
        assert self._told is not None
        of_told = self._told.channels * length_ms / step_ms if step_ms else 0.0
        if self._told.channels == 1 and abs(of_told - 2) <= _NEAR and _is_doubled(_sounds(run)):
            return PacketShape(self._told.sample_rate_hz, 2)
        true_hz = self._told.sample_rate_hz * of_told
        rate_hz = min(RATES_HZ, key=lambda rate: abs(rate - true_hz))
        return PacketShape(rate_hz) if goes_on and abs(rate_hz - true_hz) <= _NEAR * rate_hz else None

    def _watch(self, source: _Source, timed: Timed) -> None:
        """See whether packets of the agreed size keep their pace; once it is known, nothing more is looked at."""
        assert self._told is not None
        source.watched.append(timed)
        if len(source.watched) < RUN:
            return
        length_ms = self._length_ms(len(timed.packet.pcm))
        steps = [b.at_unix_ms - a.at_unix_ms for a, b in pairwise(source.watched)]
        if any(abs(step - length_ms) <= _NEAR * length_ms for step in steps):
            source.known.add(len(timed.packet.pcm))
        elif len(set(steps)) == 1 and steps[0] > length_ms and _is_loud(source.watched):
            source.known.add(len(timed.packet.pcm))
            self._doubted(timed.packet.source)
        source.watched.clear()

    @staticmethod
    def _release(source: _Source) -> list[Timed]:
        waiting, source.waiting = source.waiting, []
        return waiting


def _step_ms(run: list[Timed]) -> float:
    times = sorted(one.at_unix_ms for one in run)
    return median(b - a for a, b in pairwise(times))


def _is_loud(run: list[Timed]) -> bool:
    return any(np.abs(samples).max(initial=0) > _QUIET for samples in _sounds(run))


def _sounds(run: list[Timed]) -> Sounds:
    return [np.frombuffer(one.packet.pcm[: len(one.packet.pcm) // 2 * 2], dtype="<i2").astype(np.float64) for one in run]


def _is_doubled(sounds: Sounds) -> bool:
    """Whether every two samples are the two sides of one voice."""
    whole = np.concatenate([one[: len(one) // 2 * 2] for one in sounds]).reshape(-1, 2)
    return bool(np.abs(whole[:, 0] - whole[:, 1]).mean() <= _HALVES * np.abs(whole).mean())


def _bends(run: list[Timed], step_ms: float) -> list[float]:
    """Return how much the sound bends where a packet follows another, as a multiple of how much it bends around there.

    Silence is left out. Bends tell more than jumps: voices move fast and smoothly.
    """
    ordered = sorted(zip((one.at_unix_ms for one in run), _sounds(run), strict=True), key=lambda pair: pair[0])
    found = []
    for (at, a), (to, b) in pairwise(ordered):
        if abs(to - at - step_ms) > 1 or min(len(a), len(b)) < 3:
            continue
        usual = np.abs(np.concatenate([np.diff(a, 2), np.diff(b, 2)])).mean()
        bend = (abs(b[0] - 2 * a[-1] + a[-2]) + abs(a[-1] - 2 * b[0] + b[1])) / 2
        if usual > _QUIET / 2:
            found.append(min(bend / usual, _MOST_BEND))
    return found
