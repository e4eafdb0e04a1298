"""Low band: put back where a line has cut it off, or noise covers it. Frames of a channel at 8 kHz.

A filter that ends at 300 Hz takes the fundamental of most voices away, and Silero then knows sentences no more: over such a line
talk time was wrong by 10 % (median) and 58 % (worst). What rectification makes of the harmonics that are left is a fundamental
again. Where noise of the room fills the low band, its noise is taken out first. Lines with a low band of their own are not touched,
because it costs those accuracy (worst 7 → 19 %).

Missing: four of five loud moments have 42 dB less between 80 and 230 Hz than between 300 and 3400 Hz. Of real lines the emptiest
had 30 dB less, a ringing bell has 44 for a few seconds; behind filters it is 49 (mu-law's own noise) to 80. Covered: loud moments
have less than 12 dB more there than quiet ones; real lines have 14 to 110, with noise of an office 10 dB under the speech 3 to 20.
Until half a second of loud sound was heard, a line is taken for a whole one.
"""

from collections import deque
from statistics import median

import numpy as np
import numpy.typing as npt

from cc_voice.speech.codecs import Samples
from cc_voice.speech.frames import frame_samples
from cc_voice.speech.voice_activity.gain import RATE_HZ, LevelFrames

Floats = npt.NDArray[np.float64]

_FRAME = frame_samples(RATE_HZ)
_WINDOW = 512
"""Samples (64 ms) that are looked at: 16 Hz apart, so that 230 and 300 Hz are two things."""
_EVERY_LOUD, _EVERY_QUIET = 2, 8
"""Frames: so many are enough."""
_KEPT, _NEEDED = 50, 24
"""Moments of either kind that are remembered, and without which nothing is decided."""
_SHARE = 0.8
_EMPTY_DB = -42
_COVERED_DB = 12
_LOW_HZ = (70.0, 280.0)
_TAPS = 129
"""Of the filters, which are late by half of that: 8 ms, less than a frame."""
_REACH = 2 * (_TAPS - 1)
"""Samples before a frame that both filters, one after the other, need."""
_GAIN = 2.0

_HZ = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)
_BELOW, _WITHIN = (_HZ >= 80) & (_HZ <= 230), (_HZ >= 300) & (_HZ <= 3400)
_TAPER = np.hanning(_WINDOW)


class LowBand:
    """Look at one channel, and restore what its line took. Frames in order; grouping them otherwise changes nothing."""

    def __init__(self) -> None:
        self._heard: Floats = np.zeros(_WINDOW)
        self._levelled: Floats = np.zeros(_REACH)
        """The last samples as they came, and at common level."""
        self._empty: deque[float] = deque(maxlen=_KEPT)
        """How much less is below than within, in loud moments."""
        self._loud: deque[float] = deque(maxlen=_KEPT)
        self._quiet: deque[float] = deque(maxlen=_KEPT)
        """What is below, in loud and in quiet moments."""
        self._counts = [0, 0]
        self._missing = self._covered = False

    def restore(self, samples: Samples, found: LevelFrames) -> Samples:
        """Take whole frames as they came, and the same at common level; return the latter with a low band."""
        heard: Floats = np.concatenate((self._heard, samples))
        levelled: Floats = np.concatenate((self._levelled, found.samples))
        whole = found.samples.copy()
        for number, is_loud in enumerate(found.loud):
            at = number * _FRAME
            self._counts[is_loud] += 1
            if self._counts[is_loud] % (_EVERY_LOUD if is_loud else _EVERY_QUIET) == 0:
                self._look(heard[at + _FRAME : at + _FRAME + _WINDOW], is_loud)
            if self._missing or self._covered:
                whole[at : at + _FRAME] = self._restored(levelled[at : at + _REACH + _FRAME])
        self._heard, self._levelled = heard[-_WINDOW:], levelled[-_REACH:]
        return whole

    def _restored(self, past: Floats) -> Samples:
        kept = np.convolve(past, _HIGH_PASS, "valid") if self._covered else past[_TAPS - 1 :]
        low = np.convolve(np.abs(kept), _BAND_PASS, "valid")
        return np.clip(np.rint(kept[-_FRAME:] + _GAIN * low), -32768, 32767).astype(np.int16)

    def _look(self, moment: Floats, is_loud: bool) -> None:
        power = np.square(np.abs(np.fft.rfft(moment * _TAPER)))
        below, within = (10 * float(np.log10(power[band].sum() + 1)) for band in (_BELOW, _WITHIN))
        if is_loud:
            self._empty.append(below - within)
            self._loud.append(below)
        else:
            self._quiet.append(below)
        if len(self._loud) >= _NEEDED:
            self._missing = sorted(self._empty)[int(_SHARE * len(self._empty))] < _EMPTY_DB
            known = len(self._quiet) >= _NEEDED and not self._missing
            self._covered = known and median(self._loud) - median(self._quiet) < _COVERED_DB


def _low_pass(hz: float) -> Floats:
    at = np.arange(_TAPS) - _TAPS // 2
    cut = 2 * hz / RATE_HZ
    taps: Floats = cut * np.sinc(cut * at) * np.hamming(_TAPS)
    return taps


def _band_pass() -> Floats:
    """What is rectified has a mean, of which nothing may pass."""
    taps: Floats = _low_pass(_LOW_HZ[1]) - _low_pass(_LOW_HZ[0])
    taps -= np.mean(taps)
    return taps


_BAND_PASS = _band_pass()
_HIGH_PASS = np.where(np.arange(_TAPS) == _TAPS // 2, 1.0, 0.0) - _low_pass(_LOW_HZ[1])
