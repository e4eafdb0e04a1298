"""Alert states by property: nothing flaps, nothing is told twice, and what is taken back is gone."""

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.config.alert_thresholds import ALERT_REASONS, AlertReason
from cc_voice.quality.alerts.reasons import TIMES, AlertChange, AlertCondition, alert_id
from cc_voice.quality.alerts.state_machine import AlertMachine

LASTING = [reason for reason in ALERT_REASONS if not TIMES[reason].is_hit]


def played(reason: AlertReason, seconds: list[int], machine: AlertMachine | None = None) -> list[AlertChange]:
    """Play seconds: 0 where the reason is untrue, else its level."""
    machine = machine or AlertMachine("c", "s", 1)
    found: list[AlertChange] = []
    since = 0
    for second, level in enumerate(seconds, 1):
        since = since if level and second > 1 and seconds[second - 2] else second * 1000
        true = [AlertCondition(reason=reason, level=2 if level > 1 else 1, true_ms=since, text="t")] if level else []
        found += machine.step(second * 1000, true)
    return found


@given(st.sampled_from(LASTING), st.lists(st.integers(0, 2), max_size=300))
def test_raised_and_closed_alternate_and_ids_are_of_one_alert(reason: AlertReason, seconds: list[int]) -> None:
    open_id: str | None = None
    for change in played(reason, seconds):
        if change.kind == "raised":
            assert open_id is None
            open_id = change.alert_id
            assert change.at_ms - change.true_ms >= TIMES[reason].for_ms
        elif change.kind == "worse":
            assert (change.alert_id, change.level) == (open_id, 2)
        else:
            assert change.alert_id == open_id
            open_id = None


@given(st.sampled_from(LASTING), st.lists(st.integers(0, 1), max_size=300))
def test_the_same_is_not_told_again_before_its_time(reason: AlertReason, seconds: list[int]) -> None:
    closed_ms = None
    for change in played(reason, seconds):
        if change.kind == "raised" and closed_ms is not None:
            assert change.at_ms - closed_ms >= TIMES[reason].again_ms
        if change.kind == "closed":
            closed_ms = change.at_ms


@given(st.integers(10, 60).flatmap(lambda n: st.lists(st.integers(0, 1), min_size=n, max_size=n)))
def test_a_value_about_its_threshold_makes_one_alert(flapping: list[int]) -> None:
    """True for the time that overtalk needs, then untrue for less than its `clear` however often."""
    seconds = [1] * 6 + [level for each in flapping for level in ([0] * 10 + [1] if not each else [1])]
    assert [change.kind for change in played("overtalk", seconds)] == ["raised"]


def test_a_reason_true_for_less_than_it_needs_is_not_told() -> None:
    assert played("overtalk", [1, 1, 1, 1, 1, 0] * 10) == []
    assert [change.kind for change in played("overtalk", [1] * 6)] == ["raised"]


def test_dead_air_is_told_again_as_worse_and_once_over_not_for_a_minute() -> None:
    changes = played("dead_air", [1] * 20 + [2] * 5 + [0] * 2 + [1] * 70)
    assert [(change.kind, change.level, change.at_ms) for change in changes] == [
        ("raised", 1, 1_000),
        ("worse", 2, 21_000),
        ("closed", 2, 27_000),
        ("raised", 1, 87_000),
    ]


HITS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 600)), max_size=30, unique=True)


@given(HITS, st.randoms())
def test_hits_of_a_rule_are_told_no_sooner_than_two_minutes_apart(hits: list[tuple[str, int]], random: object) -> None:
    machine = AlertMachine("c", "s", 1)
    told: list[AlertChange] = []
    for second in range(0, 610, 5):
        stand = [AlertCondition(reason="rule", rule=rule, true_ms=at * 1000, text="t") for rule, at in hits if at <= second]
        told += machine.step(second * 1000, stand)
    for rule in ("a", "b"):
        times = [change.true_ms for change in told if change.kind == "raised" and change.rule == rule]
        assert all(after - before >= 120_000 for before, after in pairwise(times))
        assert bool(times) == any(name == rule for name, _ in hits)


@given(HITS, st.sets(st.integers(0, 29)))
def test_what_is_taken_back_is_as_if_it_had_not_been_said(hits: list[tuple[str, int]], gone: set[int]) -> None:
    """After everything, the alerts that stand are those of the hits that stand: each withdrawn with its hit."""
    machine = AlertMachine("c", "s", 1)
    everything = [AlertCondition(reason="rule", rule=rule, true_ms=at * 1000, text="t") for rule, at in hits]
    left = [each for number, each in enumerate(everything) if number not in gone]
    changes = machine.step(700_000, everything) + machine.step(701_000, left)
    standing: set[str] = set()
    for change in changes:
        if change.kind == "raised":
            standing.add(change.alert_id)
        elif change.kind == "withdrawn" or change.kind == "closed":
            standing.discard(change.alert_id)
    possible = {alert_id("c", "rule", each.rule, each.true_ms) for each in left}
    assert standing <= possible
    raised = {change.alert_id: change.rule for change in changes if change.kind == "raised"}
    assert {each.rule for each in left} == {rule for told, rule in raised.items() if told in possible}


def test_the_same_call_taken_up_again_tells_of_the_same_alert() -> None:
    first = played("hold_long", [1] * 3)
    second = played("hold_long", [1] * 3, AlertMachine("c", "s", 2))
    assert [each.alert_id for each in first] == [each.alert_id for each in second]
    assert msgspec.structs.replace(second[0], epoch=1) == first[0]
