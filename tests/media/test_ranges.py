"""Ranges of samples behave like a set of samples."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media.ranges import Ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=30))
def test_ranges_agree_with_a_plain_set(pieces: list[tuple[int, int]]) -> None:
    ranges, plain = Ranges(), set[int]()
    for start, length in pieces:
        new = set(range(start, start + length)) - plain
        assert ranges.add(start, start + length) == len(new)
        plain |= new
        assert {sample for a, b in ranges.pairs() for sample in range(a, b)} == plain
        assert ranges.total == len(plain)
        assert ranges.end == max(plain) + 1
    for position in range(85):
        run_end = ranges.end_of_run(position)
        assert (run_end is not None) == (position in plain)
        if run_end is not None:
            assert set(range(position, run_end)) <= plain
            assert run_end not in plain
        later = [sample for sample in plain if sample > position and sample - 1 not in plain]
        assert ranges.next_start(position) == (min(later) if later else None)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=30), st.integers(0, 90), st.integers(0, 90))
def test_what_is_missing_is_what_a_plain_set_lacks(pieces: list[tuple[int, int]], start: int, end: int) -> None:
    ranges, plain = Ranges(), set[int]()
    for at, length in pieces:
        ranges.add(at, at + length)
        plain |= set(range(at, at + length))
    missing = ranges.missing(start, end)
    assert [sample for a, b in missing for sample in range(a, b)] == [n for n in range(start, end) if n not in plain]
    assert all(a < b for a, b in missing)
    assert all(b < a for (_, b), (a, _) in itertools.pairwise(missing))
