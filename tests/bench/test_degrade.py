"""The telephone line that measurements are made over."""

import numpy as np
import pytest

from cc_voice.bench.degrade import echoed, high_passed, lossy, noisy, telephone
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


def test_what_lies_below_a_frequency_goes() -> None:
    low, high = tone(100) / 32768.0, tone(1000) / 32768.0
    left = high_passed(low + high, RATE_HZ, 300)
    assert np.abs(left - high).max() < 1e-3


def test_packets_are_lost_whole_and_about_as_many() -> None:
    line = lossy(np.ones(RATE_HZ * 20), RATE_HZ, 5, seed=2)
    packets = line.reshape(-1, RATE_HZ // 50)
    assert set(packets.mean(axis=1)) == {0.0, 1.0}
    assert (packets[:, 0] == 0).mean() == pytest.approx(0.05, abs=0.02)


def test_a_noise_that_is_shorter_goes_on() -> None:
    line = np.concatenate((tone(1000), np.zeros(RATE_HZ * 4))) / 32768.0
    noise = np.random.default_rng(1).normal(0, 1, RATE_HZ)
    added = noisy(line, RATE_HZ, [(0, 2000)], noise, 10) - line
    assert 10 * np.log10(np.square(line[: RATE_HZ * 2]).mean() / np.square(added).mean()) == pytest.approx(10, abs=0.1)
    assert np.abs(added[-100:]).max() > 0


@pytest.mark.parametrize(("level_db", "delay_ms"), [(-10, 80), (-25, 130)])
def test_an_echo_comes_as_late_and_as_quiet_as_was_said(level_db: float, delay_ms: int) -> None:
    click = np.zeros(RATE_HZ)
    click[0] = 1
    heard = echoed(np.zeros(RATE_HZ), click, RATE_HZ, level_db, delay_ms)
    assert np.flatnonzero(heard)[0] == delay_ms * RATE_HZ // 1000
    assert 10 * np.log10(np.square(heard).sum()) == pytest.approx(level_db, abs=0.1)
