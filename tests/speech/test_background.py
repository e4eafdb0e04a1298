"""A party and what is heard behind it, told apart by levels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.intervals import length, subtract
from cc_voice.speech.background import foreground
from tests.conftest import examples

STEP_MS = 20


def envelope(*levels: tuple[int, int]) -> bytes:
    """(milliseconds, dBFS) one after the other, wandering by a decibel."""
    parts = [np.full(ms // STEP_MS, dbfs, dtype=float) for ms, dbfs in levels]
    wandering = np.concatenate(parts) + np.random.default_rng(4).normal(0, 1, sum(len(part) for part in parts))
    return np.clip(np.rint(2 * (wandering + 100)), 0, 200).astype(np.uint8).tobytes()


def test_voices_as_loud_as_the_noise_around_are_no_speech() -> None:
    heard = envelope((6_000, -40), (2_000, -25), (6_000, -40))
    assert foreground([(1_000, 2_500), (6_000, 8_000)], heard, ()) == ((6_000, 8_000),)


def test_what_hangs_on_to_speech_is_cut_off_but_for_its_edge() -> None:
    heard = envelope((6_000, -40), (2_000, -25), (6_000, -40))
    assert foreground([(4_500, 10_000)], heard, ()) == ((5_900, 8_100),)


def test_soft_sounds_within_a_word_stay() -> None:
    heard = envelope((6_000, -40), (1_000, -25), (200, -40), (1_000, -25), (6_000, -40))
    assert foreground([(6_000, 8_200)], heard, ()) == ((6_000, 8_200),)


def test_clean_lines_are_left_as_they_are() -> None:
    heard = envelope((6_000, -70), (2_000, -25), (1_000, -69), (6_000, -70))
    assert foreground([(6_000, 9_000)], heard, ()) == ((6_000, 9_000),)


def test_noise_counts_where_it_is() -> None:
    """A lorry in the first half minute says nothing of speech in the second."""
    heard = envelope((30_000, -30), (20_000, -70), (2_000, -35), (20_000, -70))
    assert foreground([(50_000, 52_000)], heard, ()) == ((50_000, 52_000),)


def test_hold_music_is_no_noise_of_the_line() -> None:
    heard = envelope((20_000, -20), (2_000, -40), (2_000, -28), (6_000, -40))
    assert foreground([(22_000, 24_000)], heard, ()) == ()
    assert foreground([(22_000, 24_000)], heard, [(0, 20_000)]) == ((22_000, 24_000),)


def test_without_a_pause_nothing_is_known() -> None:
    assert foreground([(0, 10_000)], envelope((10_000, -25)), ()) == ((0, 10_000),)


@settings(max_examples=examples(50), deadline=None)
@given(st.binary(max_size=800), st.lists(st.integers(0, 20_000), max_size=8))
def test_never_more_than_was_heard(heard: bytes, edges: list[int]) -> None:
    ordered = sorted(edges)
    voiced = tuple((a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False) if a < b)
    kept = foreground(voiced, heard, ())
    assert length(subtract(kept, foreground(voiced, b"", ()))) == 0
