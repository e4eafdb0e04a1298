"""Telephone line: what it and the room do to speech: band, companding, loss, clipping, noise, echo. The same numbers every time.

For measuring only: calls reach this product as they are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cc_voice.call.analysis import Interval
from cc_voice.speech.codecs import Samples, int16_from_float
from cc_voice.speech.sample_rates import resample

LINE_HZ = 8000
_BAND_HZ = (300, 3400)
_MU = 255.0


def telephone(samples: Samples, rate_hz: int, speech: Sequence[Interval], snr_db: float | None, seed: int = 1) -> Samples:
    """Return a channel as a telephone line would carry it, at the same rate: 300–3400 Hz, mu-law, and pink noise.

    The noise lies `snr_db` below the mean power of the channel while there is `speech` (intervals in ms), both within the band;
    None: no noise. Where there is no speech the noise is measured against the whole channel.
    """
    line = _in_band(resample(samples, rate_hz, LINE_HZ) / 32768.0)
    if snr_db is not None:
        noise = _in_band(_pink(len(line), seed))
        spoken = [line[start * LINE_HZ // 1000 : end * LINE_HZ // 1000] for start, end in speech]
        level = np.square(np.concatenate(spoken) if spoken else line).mean() / 10 ** (snr_db / 10)
        line = line + noise * np.sqrt(level / np.square(noise).mean())
    back = resample(int16_from_float(_mu_law(line)), LINE_HZ, rate_hz)
    return np.pad(back, (0, max(0, len(samples) - len(back))))[: len(samples)]


Floats = npt.NDArray[np.float64]
"""A line: 1 is full scale."""


def high_passed(line: Floats, rate_hz: int, from_hz: float) -> Floats:
    """Return a line without what lies below a frequency, cut off as by a brick wall."""
    spectrum = np.fft.rfft(line)
    spectrum[np.fft.rfftfreq(len(line), 1 / rate_hz) < from_hz] = 0
    return np.fft.irfft(spectrum, len(line))


def lossy(line: Floats, rate_hz: int, pct: float, seed: int) -> Floats:
    """Return a line of whose packets of 20 ms some never came."""
    packet = rate_hz // 50
    whole = line.copy()
    for number in np.flatnonzero(np.random.default_rng(seed).random(-(-len(line) // packet)) < pct / 100):
        whole[number * packet : (number + 1) * packet] = 0
    return whole


def noisy(line: Floats, rate_hz: int, speech: Sequence[Interval], noise: Floats, snr_db: float) -> Floats:
    """Return a line with a noise, as often as it takes, whose power is so far below that of the speech (the whole line without)."""
    spoken = [line[start * rate_hz // 1000 : end * rate_hz // 1000] for start, end in speech]
    level = np.square(np.concatenate(spoken) if spoken else line).mean() / 10 ** (snr_db / 10)
    background = np.resize(noise, len(line))
    mixed: Floats = line + background * np.sqrt(level / np.square(background).mean())
    return mixed


def echoed(line: Floats, other: Floats, rate_hz: int, level_db: float, delay_ms: int) -> Floats:
    """Return a line on which another's voice comes back, out of a small room, so much quieter and later."""
    tail = np.random.default_rng(3).standard_normal(rate_hz * 60 // 1000) * np.exp(
        -np.arange(rate_hz * 60 // 1000) / (rate_hz * 0.012)
    )
    tail[0] = 3
    returned = np.convolve(other, tail / np.sqrt(np.square(tail).sum()))
    late = np.concatenate((np.zeros(delay_ms * rate_hz // 1000), returned))
    mixed: Floats = line + np.pad(late, (0, max(0, len(line) - len(late))))[: len(line)] * 10 ** (level_db / 20)
    return mixed


def _pink(length: int, seed: int) -> npt.NDArray[np.float64]:
    """Return noise whose power falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    return np.fft.irfft(spectrum, length)


def _in_band(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(line)
    hz = np.fft.rfftfreq(len(line), 1 / LINE_HZ)
    spectrum[(hz < _BAND_HZ[0]) | (hz > _BAND_HZ[1])] = 0
    return np.fft.irfft(spectrum, len(line))


def _mu_law(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compress, keep 8 bits, expand (ITU-T G.711 in its continuous form)."""
    clipped = np.clip(line, -1, 1)
    code = np.rint(np.sign(clipped) * np.log1p(_MU * np.abs(clipped)) / np.log1p(_MU) * 127) / 127
    expanded: npt.NDArray[np.float64] = np.sign(code) * np.expm1(np.abs(code) * np.log1p(_MU)) / _MU
    return expanded
