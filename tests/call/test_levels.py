"""Levels of seconds on one clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.analysis import SecondLevel
from cc_voice.call.levels import combine, mean_power, place, power

SPOKEN = SecondLevel(900, -250, 10, None)
PAUSE = SecondLevel(noise_cb=-600)
seconds = st.builds(
    SecondLevel,
    speech_ms=st.integers(0, 1000),
    level_cb=st.none() | st.integers(-960, 0),
    clipped_us=st.integers(0, 1000),
    noise_cb=st.none() | st.integers(-960, 0),
)
levels = st.lists(seconds, max_size=6).map(tuple)


@pytest.mark.parametrize(("offset_ms", "empty"), [(0, 0), (499, 0), (500, 1), (3_200, 3)])
def test_levels_are_moved_to_the_nearest_second(offset_ms: int, empty: int) -> None:
    assert place((SPOKEN,), offset_ms) == (SecondLevel(),) * empty + (SPOKEN,)
    assert place((), offset_ms) == ()


def test_a_second_that_one_stream_heard_is_that_streams() -> None:
    assert combine((SPOKEN,), place((PAUSE,), 2_000)) == (SPOKEN, SecondLevel(), PAUSE)


def test_at_a_seam_the_part_with_more_speech_gives_the_level() -> None:
    assert combine((SPOKEN,), (SecondLevel(50, -400, 5, -600),)) == (SecondLevel(950, -250, 15, -600),)
    assert combine((SPOKEN,), (SPOKEN,))[0].speech_ms == 1000


@given(levels, levels)
def test_it_does_not_matter_which_stream_is_named_first(one: tuple[SecondLevel, ...], other: tuple[SecondLevel, ...]) -> None:
    there, back = combine(one, other), combine(other, one)
    assert [(s.speech_ms, s.clipped_us, s.noise_cb) for s in there] == [(s.speech_ms, s.clipped_us, s.noise_cb) for s in back]
    assert len(there) == max(len(one), len(other))


@given(levels)
def test_nothing_changes_nothing(one: tuple[SecondLevel, ...]) -> None:
    assert combine(one, ()) == combine((), one) == place(one, 0) == one


def test_the_mean_of_levels_is_that_of_their_powers() -> None:
    assert mean_power([(500, -200), (500, -300), (0, None)]) == pytest.approx((0.01 + 0.001) / 2)
    assert mean_power([(900, -200), (100, -200)]) == pytest.approx(power(-200)) == pytest.approx(0.01)
    assert mean_power([(0, None)]) is None
