"""Retries: when a stream that failed is taken up again: soon while Zoom waits, seldom later, and not for ever."""

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.fleet.retries import CALM_S, DELAYS_S, Retries

ZOOM_WAITS_S = 60.0


def attempts(retries: Retries, stream_id: str = "s") -> list[float]:
    """Fail as soon as tried, until no more is tried; the times of the attempts."""
    now, times = 0.0, []
    while (wait := retries.failed(stream_id, now)) is not None:
        now += wait
        times.append(now)
    return times


def test_the_first_attempts_fall_into_zooms_window() -> None:
    times = attempts(Retries())
    assert times[0] == 0
    assert len([at for at in times if at < ZOOM_WAITS_S]) >= 4
    assert len(times) == len(DELAYS_S)


def test_a_stream_that_was_well_for_long_starts_anew() -> None:
    retries = Retries((1.0, 5.0))
    assert [retries.failed("s", 0), retries.failed("s", 10)] == [1.0, 5.0]
    assert retries.failed("s", 10 + CALM_S + 1) == 1.0


def test_a_stream_that_was_finished_is_forgotten() -> None:
    retries = Retries((1.0,))
    retries.failed("s", 0)
    retries.done("s")
    assert retries.failed("s", 1) == 1.0
    retries.done("never failed")


def test_nothing_is_kept_of_a_stream_that_was_given_up() -> None:
    retries = Retries((1.0,))
    assert attempts(retries) == [1.0]
    assert retries._failed == {}


@given(st.lists(st.sampled_from("ab"), max_size=20))
def test_streams_do_not_count_for_each_other(failing: list[str]) -> None:
    together, apart = Retries(), {name: Retries() for name in "ab"}
    for now, name in enumerate(failing):
        assert together.failed(name, now) == apart[name].failed(name, now)
