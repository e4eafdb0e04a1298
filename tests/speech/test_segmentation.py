"""Segmentation: where speech begins and ends, frame by frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.frames import FRAME_MS
from cc_voice.speech.segmentation import Edge, TightRule, TightSpeech, WideRule, WideSegment, close_gaps

Runs = list[tuple[bool, int]]
Found = list[tuple[int, int]]


def frames(runs: Runs) -> list[bool]:
    """Spell out (voiced, ms) runs."""
    return [voiced for voiced, ms in runs for _ in range(ms // FRAME_MS)]


def follow(flags: list[bool], rule: WideRule | None = None) -> tuple[Found, Found]:
    """Return tight and wide intervals in ms."""
    tight, wide = TightSpeech(), WideSegment(rule)
    found: tuple[Found, Found] = ([], [])
    for flag in flags:
        for edge, follower, out in ((tight.push(flag), tight, found[0]), (wide.follow(tight), wide, found[1])):
            if edge is Edge.CLOSED:
                out.append((follower.start * FRAME_MS, follower.end * FRAME_MS))
    for follower, out in ((tight, found[0]), (wide, found[1])):
        if follower.finish() is Edge.CLOSED:
            out.append((follower.start * FRAME_MS, follower.end * FRAME_MS))
    return found


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([(False, 1000)], []),
        ([(False, 300), (True, 50), (False, 300)], []),
        ([(False, 300), (True, 60), (False, 300)], [(260, 360)]),
        ([(False, 300), (True, 500), (False, 300)], [(260, 800)]),
        ([(True, 500)], [(0, 500)]),
        ([(True, 500), (False, 190), (True, 500), (False, 500)], [(0, 1190)]),
        ([(True, 500), (False, 200), (True, 500), (False, 500)], [(0, 500), (660, 1200)]),
        ([(False, 200), *[(True, 10), (False, 10)] * 10, (False, 400)], []),
        ([(False, 200), *[(True, 20), (False, 10)] * 10, (False, 400)], [(180, 490)]),
    ],
)
def test_tight_intervals(runs: Runs, expected: Found) -> None:
    assert follow(frames(runs))[0] == expected


def test_a_phrase_with_short_pauses_is_one_wide_segment() -> None:
    runs = [(True, 500), (False, 530), (True, 500), (False, 550), (True, 500)]
    assert follow(frames(runs))[1] == [(0, 1530), (2040, 2580)]


def test_clicks_do_not_keep_a_segment_open() -> None:
    runs = [(True, 500), *[(False, 300), (True, 20)] * 20]
    assert follow(frames(runs))[1] == [(0, 500)]


def test_past_the_soft_cap_the_next_short_pause_ends_the_segment() -> None:
    runs = [(True, 11_000), (False, 150), (True, 1_500), (False, 100), (True, 1_000)]
    assert follow(frames(runs))[1] == [(0, 12_650), (12_650, 13_750)]


def test_a_monologue_without_any_pause_is_cut_without_a_hole() -> None:
    assert follow(frames([(True, 40_000)])) == ([(0, 40_000)], [(0, 14_700), (14_700, 29_400), (29_400, 40_000)])


RUNS = st.lists(st.tuples(st.booleans(), st.integers(1, 90)), max_size=40)
FLAGS = RUNS.map(lambda runs: [voiced for voiced, length in runs for _ in range(length)])


@given(FLAGS)
def test_intervals_are_sorted_disjoint_and_end_voiced(flags: list[bool]) -> None:
    for found in follow(flags):
        edges = [edge for one in found for edge in one]
        assert edges == sorted(edges)
        assert all(start < end <= len(flags) * FRAME_MS for start, end in found)
    for start, end in follow(flags)[0]:
        assert flags[end // FRAME_MS - 1]
        assert sum(flags[start // FRAME_MS : end // FRAME_MS]) * FRAME_MS >= TightRule().needed_ms


@given(FLAGS)
def test_wide_segments_keep_all_tight_speech(flags: list[bool]) -> None:
    tight, wide = follow(flags)
    for start, end in tight:
        assert sum(max(0, min(end, high) - max(start, low)) for low, high in wide) == end - start


@given(FLAGS)
def test_without_caps_wide_segments_begin_and_end_with_tight_intervals(flags: list[bool]) -> None:
    tight, wide = follow(flags, WideRule(soft_cap_ms=10**9, cap_ms=10**9))
    assert {low for low, _ in wide} <= {start for start, _ in tight}
    assert {high for _, high in wide} <= {end for _, end in tight}
    assert all(any(low <= start and end <= high for low, high in wide) for start, end in tight)


@given(FLAGS)
def test_no_wide_segment_exceeds_the_cap(flags: list[bool]) -> None:
    assert all(end - start <= WideRule().cap_ms for start, end in follow(flags)[1])


def test_gaps_up_to_the_limit_are_closed() -> None:
    assert close_gaps([(0, 100), (300, 400), (601, 700)], 200) == [(0, 400), (601, 700)]
    assert close_gaps([], 200) == []
