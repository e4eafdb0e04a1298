"""Samples of hits and the precision that marks on them give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.quality.rules.samples import estimated_misses, precision, sampled


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(18, 20, 69.9, 97.2), (45, 50, 78.6, 95.7), (95, 100, 88.8, 97.8), (0, 5, 0.0, 43.4)]
)
def test_precision_is_told_with_its_wilson_interval(right: int, n: int, low: float, high: float) -> None:
    told = precision(right, n - right)
    assert (told.n, told.pct) == (n, 100 * right / n)
    assert told.low_pct == pytest.approx(low, abs=0.06)
    assert told.high_pct == pytest.approx(high, abs=0.06)


def test_nothing_is_known_of_no_marks() -> None:
    assert precision(0, 0).pct is None
    assert estimated_misses(0, 0, 100) is None
    assert estimated_misses(5, 15, 100) == 25


@given(st.lists(st.integers(0, 999).map(str), unique=True, max_size=50), st.integers(0, 9))
def test_the_same_seed_and_hits_give_the_same_sample_and_a_new_hit_moves_nothing_else(keys: list[str], seed: int) -> None:
    first = sampled(keys, str, seed, 5)
    assert sampled(sorted(keys), str, seed, 5) == first
    more = sampled([*keys, "another"], str, seed, 5)
    kept = [key for key in more if key != "another"]
    assert kept == first[: len(kept)]
