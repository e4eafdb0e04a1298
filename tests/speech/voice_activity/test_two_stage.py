"""Voiced frames, by both stages: speech at any level; no silence, noise, tones, music or echo; every frame answered once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.speech.codecs import Samples
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity.detector import DetectorFactory
from cc_voice.speech.voice_activity.sounds import Sounds
from tests.conftest import examples

RATE = 16000
FRAME_BYTES = RATE // 100 * 2


def answers(detectors: DetectorFactory, samples: Samples, rate_hz: int = RATE, cuts: list[int] | None = None) -> list[bool]:
    """All answers on whole frames, pushed in groups that end before frames `cuts`."""
    frame = rate_hz // 100
    frames = len(samples) // frame
    detector, found = detectors(rate_hz), []
    for low, high in pairwise([0, *sorted(cuts or []), frames]):
        found += detector.push(samples[low * frame : high * frame].tobytes())
        assert len(found) <= high
    found += detector.finish()
    assert len(found) == frames
    return found


def share(detectors: DetectorFactory, samples: Samples, rate_hz: int = RATE) -> float:
    return float(np.mean(answers(detectors, samples, rate_hz)))


def test_silence_and_hiss_are_not_voiced(two_stages: DetectorFactory) -> None:
    assert share(two_stages, np.zeros(RATE, np.int16)) == 0
    for level in (3, 30, 300, 3000):
        assert share(two_stages, np.random.default_rng(3).normal(0, level, 5 * RATE).astype(np.int16)) == 0


@pytest.mark.parametrize("rate_hz", [8000, 16000, 32000, 48000])
def test_speech_is_voiced_at_every_rate(two_stages: DetectorFactory, spoken: Samples, rate_hz: int) -> None:
    expected = share(two_stages, spoken)
    assert 0.2 < expected < 0.9
    assert share(two_stages, resample(spoken, RATE, rate_hz), rate_hz) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("peak_dbfs", [-1, -10, -20, -28, -35])
def test_level_does_not_matter(two_stages: DetectorFactory, spoken: Samples, peak_dbfs: int) -> None:
    scaled = spoken.astype(float) * 32767 * 10 ** (peak_dbfs / 20) / np.abs(spoken).max()
    assert share(two_stages, np.rint(scaled).astype(np.int16)) == pytest.approx(share(two_stages, spoken), abs=0.06)


def test_an_echo_of_the_other_party_is_not_voiced(two_stages: DetectorFactory, spoken: Samples) -> None:
    echo = (spoken.astype(float) / 200).astype(np.int16)[: RATE * 4]
    after = answers(two_stages, np.concatenate((spoken, echo)))[len(spoken) * 100 // RATE :]
    assert not any(after[30:]), "the speech that went on when the echo began had its time to end"


def test_a_loud_click_does_not_deafen(two_stages: DetectorFactory, spoken: Samples) -> None:
    clicked = spoken.copy()
    clicked[16000:16200] = np.resize(np.array([32767, -32768], np.int16), 200)
    assert share(two_stages, clicked) == pytest.approx(share(two_stages, spoken), abs=0.02)


def test_speech_after_music_is_voiced_and_only_the_music_is_labelled(two_stages: DetectorFactory, spoken: Samples) -> None:
    seconds = np.arange(RATE * 6) / RATE
    chord = sum(np.sin(2 * np.pi * pitch * seconds * 2 ** (np.floor(seconds) % 3 / 12)) for pitch in (220, 277, 330, 440))
    detector = two_stages(RATE)
    found = detector.push(np.concatenate(((chord * 2000).astype(np.int16), spoken)).tobytes()) + detector.finish()
    assert not any(found[:580])
    assert float(np.mean(found[600:])) == pytest.approx(share(two_stages, spoken), abs=0.05)
    (music,) = detector.sounds().music
    assert music[0] <= 200
    assert abs(music[1] - 6000) <= 300


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 600), max_size=30))
def test_grouping_changes_nothing(two_stages: DetectorFactory, spoken: Samples, cuts: list[int]) -> None:
    six_seconds = spoken[: 6 * RATE]
    assert answers(two_stages, six_seconds, cuts=cuts) == answers(two_stages, six_seconds)


@settings(max_examples=examples(30))
@given(frames=st.integers(0, 70), seed=st.integers(0, 9))
def test_every_frame_of_any_length_is_answered(two_stages: DetectorFactory, frames: int, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 2000, frames * 80 * 2).astype(np.int16)
    assert len(answers(two_stages, noise)) == frames


def test_answers_come_at_most_half_a_second_late(two_stages: DetectorFactory, spoken: Samples) -> None:
    detector, answered = two_stages(RATE), 0
    for pushed in range(1, len(spoken) * 100 // RATE + 1):
        answered += len(detector.push(spoken[(pushed - 1) * 160 : pushed * 160].tobytes()))
        assert pushed - answered <= 50


def test_channels_that_are_heard_at_once_do_not_mix(two_stages: DetectorFactory, spoken: Samples) -> None:
    alone = answers(two_stages, spoken)
    one, other, found = two_stages(RATE), two_stages(RATE), []
    noise = np.random.default_rng(5).normal(0, 2000, len(spoken)).astype(np.int16)
    for at in range(0, len(spoken), 3200):
        found += one.push(spoken[at : at + 3200].tobytes())
        other.push(noise[at : at + 3200].tobytes())
    assert found + one.finish() == alone
    other.finish()
    assert other.sounds() == Sounds()
