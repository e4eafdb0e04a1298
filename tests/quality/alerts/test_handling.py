"""Alert handling: worst first, quiet for as long as somebody said, few for each call, one line for a storm."""

from hypothesis import given
from hypothesis import strategies as st

from cc_voice.quality.alerts.handling import MANY, MANY_MS, OpenAlert, board, is_quiet, is_storm, is_within_limits


def alert(**values: object) -> OpenAlert:
    given_values: dict[str, object] = {
        "alert_id": "a",
        "call_id": "c",
        "stream_id": "s",
        "reason": "dead_air",
        "rule_id": "",
        "level": 1,
        "weight": 0,
        "alert_text": "Silence for 14 s",
        "raised_unix_ms": 0,
        "acknowledged_level": None,
        "snoozed_until_unix_ms": None,
    }
    return OpenAlert(**(given_values | values))  # type: ignore[arg-type]


def test_the_worst_is_first_by_level_then_weight_then_age() -> None:
    found = board(
        [
            alert(alert_id="young", call_id="1", raised_unix_ms=9),
            alert(alert_id="old", call_id="2", raised_unix_ms=1),
            alert(alert_id="heavy", call_id="3", weight=5, raised_unix_ms=8),
            alert(alert_id="bad", call_id="4", level=2, raised_unix_ms=9),
            alert(alert_id="also", call_id="4", raised_unix_ms=2),
            alert(alert_id="third", call_id="4", raised_unix_ms=3),
        ],
        10,
    )
    assert [(each.worst.alert_id, each.more) for each in found.values()] == [("bad", 2), ("heavy", 0), ("old", 0), ("young", 0)]


def test_acknowledged_is_quiet_until_it_gets_worse() -> None:
    assert is_quiet(alert(acknowledged_level=1), 0)
    assert not is_quiet(alert(acknowledged_level=1, level=2), 0)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_snooze_ends(until: int, now: int) -> None:
    assert is_quiet(alert(snoozed_until_unix_ms=until), now) == (now < until)
    assert not is_quiet(alert(snoozed_until_unix_ms=until), until)


@given(st.lists(st.integers(0, 3_600), max_size=200, unique=True).map(sorted))
def test_a_call_shows_one_in_half_a_minute_and_six_in_ten(seconds: list[int]) -> None:
    shown: list[int] = []
    for second in seconds:
        if is_within_limits(shown, second * 1000, 1):
            shown.append(second * 1000)
        assert is_within_limits(shown, second * 1000, 2)
    for at in shown:
        assert sum(0 <= at - other < MANY_MS for other in shown) <= MANY
        assert all(other == at or abs(at - other) >= 30_000 for other in shown)


def test_many_calls_at_once_are_the_platform() -> None:
    assert is_storm(3, 10)
    assert not is_storm(2, 10)
    assert not is_storm(2, 3)
    assert not is_storm(8, 40)
    assert is_storm(9, 40)
