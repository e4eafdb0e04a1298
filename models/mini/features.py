"""Kaldi's MFCC in numpy, with the options of this model: povey window, no dither, C0 instead of energy.

The recogniser computes the same numbers with Kaldi's own code at run time; training must see what it will see.
"""

from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
"""A telephone front end on purpose: libvosk resamples, so 8, 16 and 48 kHz audio all give the same features."""
DIMENSION = 30
_FRAME = RATE_HZ // 40
_HOP = RATE_HZ // 100
_FFT = 256
_LOW_HZ, _HIGH_HZ = 80.0, 3700.0
_LIFTER = 22.0

MFCC_CONF = f"""\
--sample-frequency={RATE_HZ}
--use-energy=false
--num-mel-bins={DIMENSION}
--num-ceps={DIMENSION}
--low-freq={_LOW_HZ:g}
--high-freq={_HIGH_HZ:g}
--dither=0
--allow-downsample=true
--allow-upsample=true
"""
"""conf/mfcc.conf. Without dither results repeat to the bit; `allow-upsample` is for audio below 8 kHz."""


class _Tables(msgspec.Struct, frozen=True):
    window: NDArray[np.float64]
    mel_bank: NDArray[np.float64]
    cosines: NDArray[np.float64]


@cache
def _tables() -> _Tables:
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / (_FRAME - 1))) ** 0.85
    return _Tables(window, _mel_bank(), _cosines())


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(hz / 700.0)


def _mel_bank() -> NDArray[np.float64]:
    low, high = _mel(np.array([_LOW_HZ, _HIGH_HZ]))
    edges = np.linspace(low, high, DIMENSION + 2)
    mel = _mel(np.arange(_FFT // 2) * RATE_HZ / _FFT)
    bank = np.zeros((_FFT // 2 + 1, DIMENSION))
    for band in range(DIMENSION):
        left, middle, right = edges[band : band + 3]
        triangle = np.minimum((mel - left) / (middle - left), (right - mel) / (right - middle))
        bank[: _FFT // 2, band] = np.where((mel > left) & (mel < right), triangle, 0)
    return bank


def _cosines() -> NDArray[np.float64]:
    order = np.arange(DIMENSION)[:, None]
    cosines = np.sqrt(2 / DIMENSION) * np.cos(np.pi / DIMENSION * (np.arange(DIMENSION) + 0.5) * order)
    cosines[0] = np.sqrt(1 / DIMENSION)
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(DIMENSION) / _LIFTER)
    rows: NDArray[np.float64] = cosines * lifter[:, None]
    return rows.T


def mfcc(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """Frames × 30 of samples at int16 scale and 8 kHz; a frame of 25 ms every 10 ms, no frame beyond the end."""
    if len(samples) < _FRAME:
        return np.zeros((0, DIMENSION), np.float32)
    tables = _tables()
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    frames = frames - frames.mean(1, keepdims=True)
    emphasised = np.empty_like(frames)
    emphasised[:, 1:] = frames[:, 1:] - 0.97 * frames[:, :-1]
    emphasised[:, 0] = frames[:, 0] * (1 - 0.97)
    power = np.abs(np.fft.rfft(emphasised * tables.window, _FFT)) ** 2
    bands: NDArray[np.float64] = np.log(np.maximum(power @ tables.mel_bank, np.finfo(np.float32).eps))
    return (bands @ tables.cosines).astype(np.float32)
