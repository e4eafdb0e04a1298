"""Level meter: how loud one channel is, measured beside the detector in one pass: the levels of every second, and a coarse
envelope.

Levels are root mean squares against a full-scale square wave (a full-scale sine has −3 dBFS), of the audio as it came: the
detector's own levelling (speech/voice_activity/gain.py) is not in them. What they say of a call is in `call/metrics/loudness.py`;
this only measures.
"""

import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import SecondLevel
from cc_voice.speech.codecs import int16_from_bytes
from cc_voice.speech.frames import FRAME_MS, check_rate, frame_samples

CLIPPED_FROM = 32_000
"""Samples from here on are taken for cut off: full scale is 32,767, and mu-law's largest value is 32,124."""
ENVELOPE_MS = 20
"""Length of a value of the envelope."""
ENVELOPE_FLOOR_DBFS = -100
"""What a value of 0 stands for; one step is half a decibel, 200 is full scale."""

_SECOND = 1000 // FRAME_MS
_GUARD = 200 // FRAME_MS
"""Frames around speech that are no noise: breath, and what rooms and codecs leave of a word."""
_MIN_NOISE = 100 // FRAME_MS
"""Frames that a second needs for a noise floor."""
_FULL_SCALE = 32768.0**2

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class LevelMeter:
    """Measure one channel. Frames in order; however they are grouped, the figures are the same."""

    def __init__(self, sample_rate_hz: int) -> None:
        """Raises ValueError for a rate that has no whole frames."""
        check_rate(sample_rate_hz)
        self._frame = frame_samples(sample_rate_hz)
        self._power = np.zeros(0)
        """Mean square of the frames from the first of the second being measured on, 1 is full scale."""
        self._clipped = np.zeros(0, dtype=np.int64)
        self._voiced = np.zeros(_GUARD, dtype=np.bool_)
        """Begins so many frames earlier: what was said just before is no noise either."""
        self._seconds: list[SecondLevel] = []
        self._envelope = bytearray()

    def push(self, pcm: bytes) -> None:
        """Take whole frames, before the detector has answered for them."""
        samples = int16_from_bytes(pcm).astype(np.float32).reshape(-1, self._frame)
        # Products of integers up to 2^30: exact in double precision, so that grouping cannot change the last digit
        power = np.einsum("ij,ij->i", samples, samples, dtype=np.float64) / (_FULL_SCALE * self._frame)
        self._power = np.concatenate((self._power, power))
        self._clipped = np.concatenate((self._clipped, np.count_nonzero(np.abs(samples) >= CLIPPED_FROM, axis=1)))

    def judge(self, voiced: list[bool]) -> None:
        """Take the detector's answers for the frames next in order."""
        self._voiced = np.concatenate((self._voiced, np.array(voiced, dtype=np.bool_)))
        while len(self._voiced) >= _GUARD + _SECOND + _GUARD:
            self._measure(_SECOND)

    def finish(self) -> None:
        """The audio ends, and the detector has answered for all of it."""
        while len(self._power):
            self._measure(min(_SECOND, len(self._power)))

    def levels(self) -> tuple[SecondLevel, ...]:
        """Return the seconds measured so far, the first one first."""
        return tuple(self._seconds)

    def envelope(self) -> bytes:
        """Return the level of every 20 ms measured so far, in half decibels over −100 dBFS."""
        return bytes(self._envelope)

    def _measure(self, frames: int) -> None:
        """Measure the next frames: a second, or what is left at the end."""
        power, clipped, speech = self._power[:frames], self._clipped[:frames], self._voiced[_GUARD : _GUARD + frames]
        # Exact zeros are no sound of the line: nothing was sent, or it was switched off
        noise = power[~_near(self._voiced, frames) & (power > 0)]
        heard = int(np.count_nonzero(speech))
        self._seconds.append(
            SecondLevel(
                speech_ms=heard * FRAME_MS,
                level_cb=_centibels(float(power[speech].mean())) if heard else None,
                clipped_us=round(int(clipped[speech].sum()) * FRAME_MS * 1000 / self._frame),
                noise_cb=_centibels(float(np.median(noise))) if len(noise) >= _MIN_NOISE else None,
            )
        )
        self._envelope += _envelope(power)
        self._power, self._clipped, self._voiced = self._power[frames:], self._clipped[frames:], self._voiced[frames:]


def _near(voiced: Flags, frames: int) -> Flags:
    """Return which frames have speech within the guard; the first of them is at `_GUARD` in `voiced`."""
    counts = np.concatenate(([0], np.cumsum(voiced)))
    at = np.arange(frames)
    return counts[np.minimum(at + 2 * _GUARD + 1, len(voiced))] > counts[at]


def _centibels(power: float) -> int | None:
    """Tenths of a decibel; None for digital silence, which has no level."""
    return round(100 * float(np.log10(power))) if power > 0 else None


def _envelope(power: Floats) -> bytes:
    step = ENVELOPE_MS // FRAME_MS
    pairs = np.pad(power, (0, -len(power) % step)).reshape(-1, step).mean(axis=1)
    half_decibels = 2 * (10 * np.log10(np.maximum(pairs, 1e-10)) - ENVELOPE_FLOOR_DBFS)
    values: bytes = np.clip(np.rint(half_decibels), 0, 200).astype(np.uint8).tobytes()
    return values
