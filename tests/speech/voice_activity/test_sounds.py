"""Labels for what is no speech: tones, music, or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.voice_activity.sounds import WINDOW_SAMPLES, SoundLog, Sounds, SpectrumAnalyser, Texture

STEP = WINDOW_SAMPLES // 2
SECONDS = np.arange(8000) / 8000


def looks(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[Texture]:
    eye = SpectrumAnalyser()
    windows = range((len(samples) - WINDOW_SAMPLES) // STEP)
    return [eye.look(chunk, samples[chunk * STEP : chunk * STEP + WINDOW_SAMPLES].astype(np.float32)) for chunk in windows]


@pytest.mark.parametrize("pitches", [(400,), (425,), (440, 480), (350, 440), (697, 1209), (941, 1477), (1004,), (2100,)])
def test_signalling_tones_are_tones(pitches: tuple[int, ...]) -> None:
    tone = sum(np.sin(2 * np.pi * pitch * SECONDS) for pitch in pitches) * 0.05
    assert set(looks(tone + np.random.default_rng(1).normal(0, 0.002, 8000))) == {Texture.TONE}


def test_a_held_chord_is_steady() -> None:
    chord = sum(np.sin(2 * np.pi * pitch * SECONDS + pitch) for pitch in (196, 247, 294, 392, 494, 784)) * 0.05
    assert set(looks(chord)[1:]) == {Texture.STEADY}


def test_noise_and_what_cannot_be_heard_are_neither() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 8000)
    assert set(looks(noise)) == {Texture.NOISE}
    assert set(looks(np.sin(2 * np.pi * 440 * SECONDS) * 0.01)) == {Texture.NOISE}
    assert set(looks(np.zeros(8000))) == {Texture.NOISE}


def test_after_a_gap_there_is_nothing_to_compare_with() -> None:
    eye, chord = SpectrumAnalyser(), sum(np.sin(2 * np.pi * pitch * SECONDS) for pitch in (200, 300, 450, 700)) * 0.1
    window = chord[:WINDOW_SAMPLES].astype(np.float32)
    assert [eye.look(chunk, window) for chunk in (0, 1, 3, 4)] == [Texture.NOISE, Texture.STEADY, Texture.NOISE, Texture.STEADY]


def logged(*runs: tuple[int, bool, Texture]) -> Sounds:
    """What is labelled of runs of frames: (ms, heard, texture)."""
    log = SoundLog()
    for length_ms, heard, texture in runs:
        for _ in range(length_ms // 10):
            log.push(heard, texture)
    log.finish()
    return log.sounds()


def test_dialled_digits_are_intervals_of_their_own() -> None:
    digit, pause = (100, True, Texture.TONE), (300, False, Texture.NOISE)
    assert logged(pause, digit, pause, digit, pause).tones == ((300, 400), (700, 800))


def test_long_sounds_are_one_interval_and_change_their_label_on_the_way() -> None:
    found = logged((7000, True, Texture.TONE), (60_000, True, Texture.STEADY))
    assert found.tones == ((0, 5000),) or found.tones == ((0, 10_000),)
    assert found.music == ((found.tones[0][1], 67_000),)


def test_short_pauses_do_not_divide_music_and_short_music_is_none() -> None:
    piece, pause = (3000, True, Texture.STEADY), (600, False, Texture.NOISE)
    assert logged(piece, pause, piece).music == ((0, 6600),)
    assert logged((1500, True, Texture.STEADY), (3000, False, Texture.NOISE)).music == ()


def test_other_sounds_get_no_label() -> None:
    assert logged((9000, True, Texture.NOISE)) == Sounds()


@given(st.lists(st.tuples(st.sampled_from([10, 60, 200, 900, 4000]), st.booleans(), st.sampled_from(Texture)), max_size=12))
def test_labels_are_disjoint_and_lie_in_the_audio(runs: list[tuple[int, bool, Texture]]) -> None:
    found = logged(*runs)
    length = sum(run[0] for run in runs)
    for spans in (found.music, found.tones):
        edges = [edge for span in spans for edge in span]
        assert edges == sorted(edges)
        assert all(0 <= start < end <= length for start, end in spans)
