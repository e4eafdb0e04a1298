"""Sounds: what is loud, lasts and is no speech, tones (DTMF, ringback, a test tone) and music.

A tone is one line or two in the spectrum. Music is more, but it stands still while a note lasts, which neither speech nor noise
does: two spectra 32 ms apart point in the same direction (cosine ≥ 0.9) in four of five chunks of hold music, in one of twenty of
babble, dishes or an office. Everything else – dogs, clicks, babble, the noise of a line – gets no label: nobody asks for it.
"""

from enum import Enum

import msgspec
import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import Interval
from cc_voice.speech.frames import FRAME_MS
from cc_voice.speech.segmentation import Edge, TightRule, TightSpeech, close_gaps

WINDOW_SAMPLES = 512
"""64 ms at 8 kHz: lines are 16 Hz apart, and the two of every DTMF digit are well apart."""

_LOWEST_BIN = 4
"""62 Hz: hum below is no tone that anybody hears."""
_LINE_BINS = 2
"""A line's energy lies in so many bins on either side of its peak (Hann window)."""
_TONE_SHARE = 0.95
"""Of the energy, in the two strongest lines: a tone. DTMF has 0.99, ringing bells and dogs up to 0.9."""
_STEADY_COSINE = 0.9
_LOUD = 10 ** (-40 / 10)
"""Mean square of a window at common level: under this is hum and what a codec leaves of silence."""
_MOST = 0.5
"""Of the frames of an interval."""
_PIECE_MS = 5_000
"""Longer sounds are judged in pieces, so that a tone that turns into music is both."""
_MUSIC_GAP_MS = 1_000
_MIN_MUSIC_MS = 2_000
"""A held vowel that was refused is no music."""
_RULE = TightRule(window_ms=60, needed_ms=60, hang_ms=100)
"""DTMF lasts 40 ms at the least, what people dial 100 ms; digits closer than the hang are one interval."""


class Sounds(msgspec.Struct, frozen=True):
    """Labelled intervals of one channel, in ms: sorted, disjoint."""

    music: tuple[Interval, ...] = ()
    tones: tuple[Interval, ...] = ()


class Texture(Enum):
    """What a spectrum looks like."""

    NOISE = 0
    STEADY = 1
    TONE = 2


class SpectrumAnalyser:
    """Look at windows of one channel, one per chunk; where chunks are left out there is nothing to compare with."""

    def __init__(self) -> None:
        self._chunk = -1
        self._before: npt.NDArray[np.float64] | None = None
        self._hann = np.hanning(WINDOW_SAMPLES)

    def look(self, chunk: int, window: npt.NDArray[np.float32]) -> Texture:
        """Say what 512 samples look like."""
        if float(np.square(window).mean()) < _LOUD:
            return Texture.NOISE
        amplitudes = np.abs(np.fft.rfft(window * self._hann))
        amplitudes[:_LOWEST_BIN] = 0
        before = self._before if chunk == self._chunk + 1 else None
        self._chunk, self._before = chunk, amplitudes
        if _two_lines(np.square(amplitudes)) >= _TONE_SHARE:
            return Texture.TONE
        return Texture.STEADY if before is not None and _cosine(before, amplitudes) >= _STEADY_COSINE else Texture.NOISE


def _two_lines(power: npt.NDArray[np.float64]) -> float:
    """Return the share of energy in the two strongest lines."""
    whole = float(power.sum())
    rest = power.copy()
    for _ in range(2):
        peak = int(rest.argmax())
        rest[max(0, peak - _LINE_BINS) : peak + _LINE_BINS + 1] = 0
    return 1 - float(rest.sum()) / whole if whole > 0 else 0.0


def _cosine(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    norm = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / norm if norm > 0 else 0.0


class SoundLog:
    """Collect the frames of one channel that may be music or a tone, and label what lasts."""

    def __init__(self) -> None:
        self._tight = TightSpeech(_RULE)
        self._seen = dict.fromkeys(Texture, 0)
        self._tones: list[Interval] = []
        self._music: list[Interval] = []

    def push(self, heard: bool, texture: Texture) -> None:
        """Take the next frame: whether there is a sound that is no speech, and what it looks like."""
        edge = self._tight.push(heard)
        if edge is Edge.OPENED:
            self._seen = dict.fromkeys(Texture, 0)
        if self._tight.open and heard:
            self._seen[texture] += 1
        if edge is Edge.NONE and self._tight.open and (self._tight.frames - self._tight.start) * FRAME_MS >= _PIECE_MS:
            edge = self._tight.finish()
        if edge is Edge.CLOSED:
            self._label()

    def finish(self) -> None:
        """The audio ends."""
        if self._tight.finish() is Edge.CLOSED:
            self._label()

    def sounds(self) -> Sounds:
        """Return what has been labelled so far."""
        music = close_gaps(self._music, _MUSIC_GAP_MS)
        lasting = tuple(one for one in music if one[1] - one[0] >= _MIN_MUSIC_MS)
        return Sounds(music=lasting, tones=tuple(close_gaps(self._tones, 0)))

    def _label(self) -> None:
        span = (self._tight.start * FRAME_MS, self._tight.end * FRAME_MS)
        frames = sum(self._seen.values())
        if self._seen[Texture.TONE] >= _MOST * frames:
            self._tones.append(span)
        elif self._seen[Texture.TONE] + self._seen[Texture.STEADY] >= _MOST * frames:
            self._music.append(span)
