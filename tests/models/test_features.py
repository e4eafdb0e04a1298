"""MFCC: what holds for every signal, and the numbers of Kaldi's own code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.mini.features import DIMENSION, MFCC_CONF, RATE_HZ, mfcc

pytestmark = pytest.mark.build

KALDI = [
    [104.115, 9.885, -28.942, -71.747, -12.454, -17.455, 15.361, -29.454, -14.413, 12.474, -0.628, -12.543, -5.563, 12.929, -9.810,
     1.634, -5.207, 8.367, -6.629, 1.536, -0.139, 1.058, -0.836, -0.359, 0.512, -0.065, 1.403, -1.770, 0.809, 0.701],
    [98.359, -24.008, -76.051, -45.497, 60.230, -8.596, -0.526, -2.405, -8.067, -22.784, -12.180, -6.952, -21.386, -6.530, -13.314,
     0.440, -10.083, 7.585, -2.515, 4.176, 0.542, 1.961, -0.349, -0.387, 1.022, -0.401, 1.046, 0.018, 1.673, -0.923],
    [94.062, -47.106, -60.609, 39.977, 43.927, -73.070, 12.684, -11.979, -7.755, 4.249, -29.441, -14.846, -17.311, -18.817, -18.977,
     -0.664, -7.054, 12.373, -0.664, 4.738, -1.799, 0.770, -0.361, -0.279, 0.695, -1.024, 1.747, -0.831, 0.239, -1.033],
]  # fmt: skip
"""`chirp()` through kaldi-native-fbank 1.23.0 (Kaldi's feature code as a Python package) with the options of MFCC_CONF."""


def chirp() -> NDArray[np.float64]:
    """A rising tone with a little noise that needs no generator."""
    at = np.arange(360)
    seconds = at / RATE_HZ
    return np.round(8000 * np.sin(2 * np.pi * (200 * seconds + 20_000 * seconds**2)) + 500 * ((at * 7919) % 101 - 50) / 50)


def bands(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Undo the lifter and the cosine transform: log energies of the mel bands."""
    order = np.arange(DIMENSION)
    lifter = 1 + 11 * np.sin(np.pi * order / 22)
    cosines = np.sqrt(2 / DIMENSION) * np.cos(np.pi / DIMENSION * (order + 0.5) * order[:, None])
    cosines[0] = np.sqrt(1 / DIMENSION)
    return features / lifter @ cosines


def test_kaldi_computes_the_same() -> None:
    assert mfcc(chirp()) == pytest.approx(np.array(KALDI), abs=2e-3)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (199, 0), (200, 1), (279, 1), (280, 2), (8000, 98)])
def test_only_whole_frames_are_made(samples: int, frames: int) -> None:
    assert mfcc(np.ones(samples)).shape == (frames, DIMENSION)


@pytest.mark.parametrize("level", [0.0, 1200.0])
def test_digital_silence_is_the_floor_in_every_band(level: float) -> None:
    features = mfcc(np.full(800, level))
    assert bands(features) == pytest.approx(np.log(np.finfo(np.float32).eps), abs=1e-4)


@pytest.mark.parametrize("hz", [300, 700, 1000, 1850, 3000])
def test_a_tone_is_loudest_in_its_own_band(hz: int) -> None:
    edges = 1127 * np.log1p(np.array([80, 3700]) / 700)
    centres = np.linspace(*edges, DIMENSION + 2)[1:-1]
    nearest = np.abs(centres - 1127 * np.log1p(hz / 700)).argsort()[:2]
    loudest = bands(mfcc(8000 * np.sin(2 * np.pi * hz * np.arange(1600) / RATE_HZ))).argmax(axis=1)
    assert set(loudest) <= set(nearest)


@given(gain=st.floats(0.1, 3.0))
def test_a_gain_moves_the_first_coefficient_alone(gain: float) -> None:
    plain, louder = mfcc(chirp()), mfcc(chirp() * gain)
    assert louder[:, 0] - plain[:, 0] == pytest.approx(2 * np.log(gain) * np.sqrt(DIMENSION), abs=1e-3)
    assert louder[:, 1:] == pytest.approx(plain[:, 1:], abs=1e-3)


@settings(deadline=None)
@given(cut=st.integers(0, 3000), seed=st.integers(0, 9))
def test_a_frame_depends_on_its_own_samples_only(cut: int, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 1000, 3000)
    whole = mfcc(samples)
    begun = mfcc(samples[:cut])
    assert begun == pytest.approx(whole[: len(begun)])
    hops = cut // 80
    assert mfcc(samples[80 * hops :]) == pytest.approx(whole[hops:])


def test_the_recogniser_is_told_the_same_options() -> None:
    options = dict(line.removeprefix("--").split("=") for line in MFCC_CONF.splitlines())
    assert options["sample-frequency"] == str(RATE_HZ)
    assert options["num-ceps"] == options["num-mel-bins"] == str(DIMENSION)
    assert (options["low-freq"], options["high-freq"]) == ("80", "3700")
    assert (options["use-energy"], options["dither"]) == ("false", "0")
