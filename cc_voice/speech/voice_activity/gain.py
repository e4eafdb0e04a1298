"""Gain: one loudness for all lines. 8 kHz frames of a channel, amplified by what the channel's recent past needs.

Lines differ by 30 dB, and both detectors hear by level: WebRTC's loses a third of speech that peaks at −28 dBFS, Silero finds
more of what is loud. So the loudest of the recent past – of what stays for 30 ms, so that a click does not count; fading by 2 dB
a second – is brought to −20 dBFS. Loud lines are left alone: attenuated music and ringing were taken for speech.

Noise is not raised to that: where nobody speaks for long, the noise of the line is the loudest of the recent past, and Silero, used
to it at the level of speech, missed whole sentences. So the quietest of the recent past – of what stays under it for 30 ms, rising
by 2 dB a second – is kept 17 dB under the target.

The same memory is the gate on quiet frames: what lies 36 dB under the loudest is the other party's echo, or breath.
"""

import msgspec
import numpy as np

from cc_voice.speech.codecs import Samples, bytes_from_int16
from cc_voice.speech.frames import FRAME_MS, frame_energies, frame_samples

RATE_HZ = 8000
"""Telephone speech has nothing above, and Silero measured talk time better at 8 kHz than at 16 kHz."""

_FULL_SCALE = 32768.0**2 * frame_samples(RATE_HZ)
"""Energy of a frame at 0 dBFS."""
_TARGET_DBFS = -20
_START_DBFS = -25
"""What an unheard line is taken for. Lower: the first notes of hold music are amplified; higher: quiet callers begin late."""
_FLOOR_DBFS = -60
"""No amplification beyond 40 dB: under this is the noise of silent lines."""
_FADE_DB_PER_S = 2
_GATE_DB = 36
_LOUD_DB = 12
_HEADROOM_DB = 17
"""How far the noise of a line stays under the target."""


def _energy(dbfs: float) -> float:
    return _FULL_SCALE * 10 ** (dbfs / 10)


class LevelFrames(msgspec.Struct, frozen=True):
    """Some frames at common level."""

    samples: Samples
    audible: list[bool]
    """Which frames are loud enough to be this channel's own voice."""
    loud: list[bool]
    """Which are about as loud as it gets."""


class GainControl:
    """Level one channel. Frames in order; grouping them otherwise changes nothing."""

    def __init__(self) -> None:
        self._loudest = _energy(_START_DBFS)
        self._before = (0, 0)
        self._quietest = self._lowest = _energy(_FLOOR_DBFS - _HEADROOM_DB)
        self._rise = 10 ** (_FADE_DB_PER_S / 10 * FRAME_MS / 1000)
        self._headroom = 10 ** (_HEADROOM_DB / 10)
        self._fade = 10 ** (-_FADE_DB_PER_S / 10 * FRAME_MS / 1000)
        self._gate = 10 ** (-_GATE_DB / 10)
        self._near = 10 ** (-_LOUD_DB / 10)

    def level(self, samples: Samples) -> LevelFrames:
        """Take whole frames at 8 kHz."""
        gains, audible, loud = [], [], []
        for energy in frame_energies(bytes_from_int16(samples), RATE_HZ):
            self._quietest = max(self._lowest, min(self._quietest * self._rise, max(energy, *self._before)))
            self._loudest = max(self._loudest * self._fade, min(energy, *self._before), self._quietest * self._headroom)
            self._before = (energy, self._before[0])
            gains.append(max(1.0, (_energy(_TARGET_DBFS) / self._loudest) ** 0.5))
            audible.append(energy > self._loudest * self._gate)
            loud.append(energy > self._loudest * self._near)
        frames = samples.reshape(-1, frame_samples(RATE_HZ)) * np.array(gains).reshape(-1, 1)
        return LevelFrames(np.clip(np.rint(frames), -32768, 32767).astype(np.int16).reshape(-1), audible, loud)
