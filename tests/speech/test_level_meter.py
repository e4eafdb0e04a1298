"""Level meter: how loud a channel is: levels, clipping and noise of known signals."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.analysis import SecondLevel
from cc_voice.speech.codecs import Samples, bytes_from_int16
from cc_voice.speech.level_meter import LevelMeter

RATE = 16_000
FRAME = RATE // 100
SPEECH, PAUSE = [True] * 100, [False] * 100


def sine(dbfs: float, frames: int = 100, rate: int = RATE, hz: int = 397) -> Samples:
    """A sine of an RMS level; what goes beyond full scale is cut off."""
    amplitude = 32768 * 10 ** (dbfs / 20) * 2**0.5
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(frames * rate // 100) / rate)
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def noise(dbfs: float, frames: int = 100) -> Samples:
    wave = np.random.default_rng(1).normal(0, 32768 * 10 ** (dbfs / 20), frames * FRAME)
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def measured(samples: Samples, voiced: list[bool], rate: int = RATE) -> tuple[SecondLevel, ...]:
    meter = LevelMeter(rate)
    meter.push(bytes_from_int16(samples))
    meter.judge(voiced)
    meter.finish()
    return meter.levels()


@pytest.mark.parametrize("dbfs", [-3.2, -20, -45, -60])
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_a_sine_has_the_level_it_was_made_with(dbfs: float, rate: int) -> None:
    (second,) = measured(sine(dbfs, rate=rate), SPEECH, rate)
    assert second.level_cb == pytest.approx(10 * dbfs, abs=1)
    assert (second.speech_ms, second.noise_cb) == (1000, None)


def test_only_speech_counts_for_the_level_and_only_what_is_far_from_it_for_the_noise() -> None:
    samples = np.concatenate((sine(-20, 50), sine(-35, 20), noise(-60, 30)))
    second = measured(samples, [True] * 50 + [False] * 50)[0]
    assert (second.speech_ms, second.level_cb) == (500, -200)
    assert second.noise_cb == pytest.approx(-600, abs=3)


def test_without_speech_there_is_no_level_and_without_pauses_no_noise() -> None:
    assert measured(noise(-50), PAUSE)[0].level_cb is None
    assert measured(noise(-50), SPEECH)[0].noise_cb is None


def test_speech_that_follows_is_kept_out_of_the_noise_of_the_second_before() -> None:
    samples = np.concatenate((noise(-60, 85), sine(-30, 15), sine(-20)))
    assert measured(samples, PAUSE + SPEECH)[0].noise_cb == pytest.approx(-600, abs=3)
    assert measured(samples, SPEECH + PAUSE)[1].noise_cb == -200


def test_what_was_not_sent_is_no_noise() -> None:
    samples = np.concatenate((np.zeros(60 * FRAME, np.int16), noise(-55, 40)))
    assert measured(samples, PAUSE)[0].noise_cb == pytest.approx(-550, abs=3)
    assert measured(np.zeros(100 * FRAME, np.int16), PAUSE) == (SecondLevel(),)


def test_samples_at_full_scale_are_clipped() -> None:
    clean, overdriven = measured(sine(-6), SPEECH)[0], measured(sine(+3), SPEECH)[0]
    assert clean.clipped_us == 0
    # A sine of twice the amplitude of full scale lies beyond 32,000/32,768 of it for all but two asin(0.49)/π of its time
    assert overdriven.clipped_us == pytest.approx(1e6 * (1 - 2 * np.arcsin(32_000 / 32_768 / 1.995) / np.pi), rel=0.02)


def test_clipping_outside_speech_is_not_the_speakers() -> None:
    assert measured(sine(+3), PAUSE)[0].clipped_us == 0


@pytest.mark.parametrize("gain_db", [-12, -6, 6])
def test_gain_moves_every_level_by_as_much(gain_db: int) -> None:
    samples = np.concatenate((noise(-55), sine(-20), noise(-55), sine(-17)))
    louder = np.rint(samples * 10 ** (gain_db / 20)).astype(np.int16)
    voiced = PAUSE + SPEECH + PAUSE + SPEECH
    for one, other in zip(measured(samples, voiced), measured(louder, voiced), strict=True):
        for before, after in ((one.level_cb, other.level_cb), (one.noise_cb, other.noise_cb)):
            assert (before is None) == (after is None)
            assert before is None or after == pytest.approx(before + 10 * gain_db, abs=2)


def test_what_is_left_of_a_second_at_the_end_is_measured_too() -> None:
    seconds = measured(sine(-20, 130), SPEECH + [True] * 30)
    assert [second.speech_ms for second in seconds] == [1000, 300]
    assert seconds[1].level_cb == -200
    assert measured(np.zeros(0, np.int16), []) == ()


def test_the_envelope_has_a_value_for_every_20_ms() -> None:
    meter = LevelMeter(RATE)
    meter.push(bytes_from_int16(np.concatenate((sine(-30), np.zeros(51 * FRAME, np.int16)))))
    meter.judge(SPEECH + [False] * 51)
    meter.finish()
    assert meter.envelope() == bytes([140] * 50 + [0] * 26)


@given(
    st.lists(st.integers(0, 350), max_size=8),
    st.lists(st.integers(0, 350), max_size=8),
    st.lists(st.booleans(), min_size=350, max_size=350),
    st.integers(0, 2**32 - 1),
)
def test_grouping_and_late_answers_change_nothing(cuts: list[int], waits: list[int], voiced: list[bool], seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 9000, 350 * FRAME).clip(-32768, 32767).astype(np.int16)
    meter, answered = LevelMeter(RATE), 0
    for number, (low, high) in enumerate(pairwise([0, *sorted(cuts), 350])):
        meter.push(bytes_from_int16(samples[low * FRAME : high * FRAME]))
        upto = max(answered, high - (waits[number] if number < len(waits) else 0))
        meter.judge(voiced[answered:upto])
        answered = upto
    meter.judge(voiced[answered:])
    meter.finish()
    whole = LevelMeter(RATE)
    whole.push(bytes_from_int16(samples))
    whole.judge(voiced)
    whole.finish()
    assert meter.levels() == whole.levels()
    assert meter.envelope() == whole.envelope()


def test_a_rate_without_whole_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="44100 Hz"):
        LevelMeter(44_100)
