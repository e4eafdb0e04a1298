"""The low band that a line has cut off, or noise covers, and what is put there."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.speech.codecs import Samples
from cc_voice.speech.voice_activity.gain import RATE_HZ, GainControl
from cc_voice.speech.voice_activity.low_band import LowBand
from tests.conftest import examples

Floats = npt.NDArray[np.float64]


def voice(seconds: float, *, from_hz: float, seed: int = 1) -> Floats:
    """Harmonics of 120 Hz, half a second on, half a second off."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.cos(2 * np.pi * hz * at + hz) for hz in range(120, 3400, 120) if hz >= from_hz)
    noise = np.random.default_rng(seed).normal(0, 1, len(at))
    return np.asarray(np.where(at % 1 < 0.5, tone, 0.0) * 600 + noise, dtype=np.float64)


def rumble(seconds: float) -> Floats:
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(0, 1, int(seconds * RATE_HZ)))
    spectrum[np.fft.rfftfreq(int(seconds * RATE_HZ), 1 / RATE_HZ) > 150] = 0
    low = np.fft.irfft(spectrum, int(seconds * RATE_HZ))
    return np.asarray(low / low.std() * 400, dtype=np.float64)


def restored(sound: Floats, step: int = 800) -> tuple[Samples, Samples]:
    """Return what came, at common level, and what LowBand makes of it."""
    gain, band = GainControl(), LowBand()
    before, after = [], []
    for at in range(0, len(sound), step):
        heard = np.rint(sound[at : at + step]).astype(np.int16)
        levelled = gain.level(heard)
        before.append(levelled.samples)
        after.append(band.restore(heard, levelled))
    return np.concatenate(before), np.concatenate(after)


def below_db(samples: Samples) -> float:
    """Power between 100 and 250 Hz in the last four seconds."""
    power = np.square(np.abs(np.fft.rfft(samples[-4 * RATE_HZ :].astype(float))))
    hz = np.fft.rfftfreq(4 * RATE_HZ, 1 / RATE_HZ)
    return float(10 * np.log10(power[(hz > 100) & (hz < 250)].sum() / power.sum()))


def test_a_line_with_a_low_band_is_not_touched() -> None:
    before, after = restored(voice(8, from_hz=0))
    assert np.array_equal(before, after)


def test_a_fundamental_that_was_cut_off_comes_back() -> None:
    before, after = restored(voice(8, from_hz=300))
    assert below_db(before) < -40
    assert below_db(after) > -15
    assert np.array_equal(before[: RATE_HZ // 4], after[: RATE_HZ // 4])


def test_rumble_that_covers_it_is_taken_out_first() -> None:
    before, after = restored(voice(8, from_hz=300) + rumble(8))
    assert not np.array_equal(before, after)
    quiet = slice(-RATE_HZ // 3, -RATE_HZ // 10)
    assert np.abs(after[quiet].astype(float)).mean() < np.abs(before[quiet].astype(float)).mean() / 2


def test_a_tone_gets_nothing_that_sounds_like_a_voice() -> None:
    at = np.arange(6 * RATE_HZ) / RATE_HZ
    before, after = restored(8000 * np.sin(2 * np.pi * 1000 * at))
    assert below_db(after) < below_db(before) + 1 or below_db(after) < -40


@pytest.mark.parametrize("step", [80, 400, 8000])
def test_however_it_is_cut(step: int) -> None:
    sound = voice(4, from_hz=300)
    assert np.array_equal(restored(sound, step)[1], restored(sound)[1])


@settings(max_examples=examples(20), deadline=None)
@given(st.binary(max_size=3200))
def test_whatever_is_heard_has_an_answer(noise: bytes) -> None:
    samples = np.frombuffer(noise[: len(noise) // 160 * 160], np.int16).astype(float)
    before, after = restored(samples) if len(samples) else (np.zeros(0), np.zeros(0))
    assert len(before) == len(after)
