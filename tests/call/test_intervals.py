"""The interval algebra against a naive model: one boolean per millisecond."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call import intervals as iv
from cc_voice.call.intervals import Interval, Intervals

SPAN = 60
pieces = st.tuples(st.integers(0, SPAN), st.integers(0, SPAN))
raw = st.lists(pieces, max_size=8)
sets = raw.map(iv.canonical)


def model(intervals: Intervals | list[Interval]) -> np.ndarray:
    present = np.zeros(SPAN, dtype=bool)
    for start, end in intervals:
        present[start : max(start, end)] = True
    return present


def is_canonical(intervals: Intervals) -> bool:
    return all(a < b for a, b in intervals) and all(x[1] < y[0] for x, y in pairwise(intervals))


@given(raw)
def test_canonical_is_the_same_set_in_normal_form(intervals: list[Interval]) -> None:
    result = iv.canonical(intervals)
    assert is_canonical(result)
    assert (model(result) == model(intervals)).all()
    assert iv.canonical(result) == result
    assert iv.length(result) == model(intervals).sum()


@given(sets, sets)
def test_operations_equal_boolean_arithmetic(a: Intervals, b: Intervals) -> None:
    for result, expected in (
        (iv.union(a, b), model(a) | model(b)),
        (iv.intersect(a, b), model(a) & model(b)),
        (iv.subtract(a, b), model(a) & ~model(b)),
        (iv.complement(a, (0, SPAN)), ~model(a)),
    ):
        assert is_canonical(result)
        assert (model(result) == expected).all()


@given(sets, pieces)
def test_clip_and_overlapping_agree(a: Intervals, piece: Interval) -> None:
    assert (model(iv.clip(a, piece)) == (model(a) & model([piece]))).all()
    if piece[0] < piece[1]:
        assert [a[i] for i in iv.overlapping(a, piece)] == [p for p in a if p[0] < piece[1] and piece[0] < p[1]]


@given(sets, st.integers(0, SPAN - 1))
def test_an_instant_is_in_the_set_or_not(a: Intervals, at: int) -> None:
    assert iv.contains(a, at) == model(a)[at]
    index = iv.index_at(a, at)
    assert index is None or a[index][0] <= at < a[index][1]


@given(sets, st.integers(0, SPAN))
def test_splitting_an_interval_changes_nothing(a: Intervals, at: int) -> None:
    cut = [piece for start, end in a for piece in ((start, min(end, at)), (max(start, at), end))]
    assert iv.canonical(cut) == a


@given(sets, st.integers(1, 5))
def test_parts_are_equal_consecutive_and_complete(a: Intervals, parts: int) -> None:
    found = iv.split(a, parts)
    assert len(found) == parts
    assert iv.union(*found) == a
    assert sum(iv.length(part) for part in found) == iv.length(a)
    assert max(iv.length(part) for part in found) - min(iv.length(part) for part in found) <= 1
    filled = [part for part in found if part]
    assert all(x[-1][1] <= y[0][0] for x, y in pairwise(filled))


@given(sets, st.integers(-100, 100))
def test_shifting_keeps_length(a: Intervals, by: int) -> None:
    moved = iv.shift(a, by)
    assert iv.length(moved) == iv.length(a)
    assert iv.shift(moved, -by) == a


def test_longest_and_at_least() -> None:
    a = ((0, 10), (20, 25), (30, 40))
    assert iv.longest(a) == 10
    assert iv.longest(()) == 0
    assert iv.at_least(a, 10) == ((0, 10), (30, 40))
