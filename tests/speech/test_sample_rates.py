"""Sample rates: the sound stays, silence stays silent, and blocks do not matter."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.speech.sample_rates import Resampler, resample
from tests.conftest import examples

NOISE = np.random.default_rng(1).integers(-8000, 8000, 4000).astype(np.int16)


def converted(cuts: list[int], from_hz: int, to_hz: int) -> np.ndarray:
    resampler = Resampler(from_hz, to_hz)
    edges = [0, *sorted(cuts), len(NOISE)]
    parts = [resampler.feed(NOISE[start:end]) for start, end in pairwise(edges)]
    return np.concatenate([*parts, resampler.finish()])


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.integers(0, len(NOISE)), max_size=12),
    st.sampled_from([(8000, 16000), (16000, 8000), (48000, 16000), (16000, 16000)]),
)
def test_cutting_the_input_changes_nothing(cuts: list[int], rates: tuple[int, int]) -> None:
    np.testing.assert_array_equal(converted(cuts, *rates), converted([], *rates))


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (44100, 16000), (16000, 8000), (22050, 16000)])
def test_a_tone_keeps_its_pitch_level_and_length(from_hz: int, to_hz: int) -> None:
    tone = (np.sin(np.arange(from_hz) * 2 * np.pi * 500 / from_hz) * 10000).astype(np.int16)
    for out in (resample(tone, from_hz, to_hz), np.concatenate([(r := Resampler(from_hz, to_hz)).feed(tone), r.finish()])):
        assert abs(len(out) - to_hz) <= 2
        middle = out[to_hz // 4 : to_hz * 3 // 4].astype(float)
        spectrum = np.abs(np.fft.rfft(middle))
        assert abs(np.argmax(spectrum) * to_hz / len(middle) - 500) < 3
        assert np.abs(middle).max() == pytest.approx(10000, rel=0.02)


@pytest.mark.parametrize("to_hz", [8000, 16000, 48000])
def test_digital_silence_stays_digital_silence(to_hz: int) -> None:
    assert not resample(np.zeros(16000, np.int16), 16000, to_hz).any()
    assert not Resampler(16000, to_hz).feed(np.zeros(16000, np.int16)).any()
