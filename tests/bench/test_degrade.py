"""The telephone line that measurements are made over."""

import numpy as np
import pytest

from cc_voice.bench.degrade import telephone
from cc_voice.speech.codecs import Samples

RATE_HZ = 16000


def tone(hz: int, seconds: float = 2.0) -> Samples:
    return np.round(8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)).astype(np.int16)


def power(samples: Samples) -> float:
    return float(np.square(samples[RATE_HZ // 4 : -RATE_HZ // 4].astype(float)).mean())


@pytest.mark.parametrize(("hz", "passes"), [(100, False), (1000, True), (3000, True), (5000, False)])
def test_the_band_of_a_telephone_passes(hz: int, passes: bool) -> None:
    through = telephone(tone(hz), RATE_HZ, [], None)
    assert power(through) == pytest.approx(power(tone(hz)) if passes else 0, rel=0.02, abs=power(tone(hz)) / 1000)


@pytest.mark.parametrize("snr_db", [5, 15, 25])
def test_noise_is_as_far_below_speech_as_was_said(snr_db: float) -> None:
    speech = tone(1000)
    speech[RATE_HZ:] = 0
    noisy = telephone(speech, RATE_HZ, [(0, 1000)], snr_db)
    silence = np.square(noisy[RATE_HZ + 800 : -800].astype(float)).mean()
    loud = np.square(speech[:RATE_HZ].astype(float)).mean()
    assert 10 * np.log10(loud / silence) == pytest.approx(snr_db, abs=0.7)


def test_the_same_line_every_time_and_as_long_as_before() -> None:
    speech = tone(1000, 1.01)
    one, two, other = (telephone(speech, RATE_HZ, [], 15, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert len(one) == len(speech)
