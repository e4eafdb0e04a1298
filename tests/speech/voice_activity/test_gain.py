"""One loudness for all lines."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.codecs import Samples
from cc_voice.speech.voice_activity.gain import RATE_HZ, GainControl

FRAME = RATE_HZ // 100


def hum(dbfs: float, length_ms: int = 1000) -> Samples:
    """A square wave: its level is its amplitude."""
    amplitude = round(32768 * 10 ** (dbfs / 20))
    return np.resize(np.repeat(np.array([amplitude, -amplitude], np.int16), 20), RATE_HZ * length_ms // 1000)


def dbfs(samples: Samples) -> float:
    return float(10 * np.log10(np.square(samples.astype(float)).mean() / 32768**2))


@pytest.mark.parametrize(("line", "common"), [(-25, -20), (-40, -35 + 10), (-10, -10), (-3, -3)])
def test_quiet_lines_are_raised_and_loud_ones_left_alone(line: float, common: float) -> None:
    """A line at −40 dBFS is raised by the 5 dB that an unheard line gets, and by 2 dB more each second."""
    levelled = GainControl().level(hum(line, 5000)).samples
    assert dbfs(levelled[-FRAME:]) == pytest.approx(common, abs=0.3)


def test_no_line_is_raised_by_more_than_40_db() -> None:
    leveller = GainControl()
    leveller.level(np.zeros(RATE_HZ * 60, np.int16))
    assert dbfs(leveller.level(hum(-70, 100)).samples) == pytest.approx(-30, abs=1)


@pytest.mark.parametrize("noise", [-60, -45, -42])
def test_noise_stays_well_under_the_level_of_speech(noise: float) -> None:
    """However long nobody speaks; and who speaks then is neither raised nor lowered."""
    leveller = GainControl()
    quiet = leveller.level(hum(noise, 60_000)).samples
    assert dbfs(quiet[-FRAME:]) == pytest.approx(-37, abs=0.3)
    speech = leveller.level(hum(-20, 500)).samples
    assert dbfs(speech[-FRAME:]) == pytest.approx(-20, abs=0.3)


def test_what_is_far_below_the_loudest_is_not_audible_until_that_is_forgotten() -> None:
    leveller = GainControl()
    assert all(leveller.level(hum(-10)).audible[5:])
    echo = leveller.level(hum(-50, 5000)).audible
    assert not any(echo[:180])
    assert all(echo[220:])


def test_a_click_is_not_loud() -> None:
    leveller = GainControl()
    click = hum(-30, 100)
    click[FRAME : 2 * FRAME] = 32767
    leveller.level(click)
    assert all(leveller.level(hum(-45, 100)).audible)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 2**32 - 1))
def test_grouping_changes_nothing(cuts: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 3000, 50 * FRAME).astype(np.int16)
    whole, leveller = GainControl().level(samples), GainControl()
    edges = [0, *sorted(cuts), 50]
    parts = [leveller.level(samples[low * FRAME : high * FRAME]) for low, high in pairwise(edges)]
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole.samples)
    assert [audible for part in parts for audible in part.audible] == whole.audible
