"""Before and after: what counts as a change, and what is said about it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.measure import measure
from cc_voice.call.metric_changes import MetricComparison
from cc_voice.call.rows import LegRow
from tests.call.golden import THRESHOLDS, golden_stream

(LEG,) = measure([golden_stream()], THRESHOLDS).legs


def changed(**columns: object) -> LegRow:
    return msgspec.structs.replace(LEG, **columns)


def before(*legs: LegRow) -> dict[str, dict[str, object]]:
    return {leg.leg_id: msgspec.structs.asdict(leg) for leg in legs}


def test_a_value_that_is_lost_or_found_is_a_change_without_a_difference() -> None:
    comparison = MetricComparison(["wpm_agent"])
    comparison.add(before(LEG), [changed(wpm_agent=None)])
    comparison.add(before(changed(wpm_agent=None)), [LEG])
    (found,) = comparison.result().metrics
    assert (found.legs_changed, found.measured_before, found.measured_after, found.largest) == (2, 1, 1, None)
    assert found.mean_before == found.mean_after == LEG.wpm_agent
    assert found.largest_leg_id == LEG.leg_id


def test_names_and_truths() -> None:
    comparison = MetricComparison(["talk_speed_unit", "multi_party"])
    comparison.add(before(LEG), [changed(talk_speed_unit="cpm", multi_party=True)])
    truth, name = sorted(comparison.result().metrics, key=lambda change: change.metric)
    assert (truth.mean_before, truth.mean_after, truth.largest) == (0, 1, 1)
    assert (name.mean_before, name.mean_after, name.largest) == (None, None, None)


def test_what_differs_by_rounding_is_the_same() -> None:
    assert LEG.agent_talk_pct
    comparison = MetricComparison()
    comparison.add(before(LEG), [changed(agent_talk_pct=LEG.agent_talk_pct * (1 + 1e-12))])
    assert comparison.result().legs_changed == 0


def test_legs_that_come_and_go_are_counted_apart() -> None:
    comparison = MetricComparison()
    comparison.add(before(LEG, changed(leg_id="gone")), [LEG, changed(leg_id="new")])
    found = comparison.result()
    assert (found.legs, found.legs_new, found.legs_gone, found.legs_changed) == (1, 1, 1, 0)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1))
def test_the_means_and_the_largest_difference_are_those_of_the_legs(values: list[tuple[int, int]]) -> None:
    comparison = MetricComparison(["hold_ms"])
    for number, (old, new) in enumerate(values):
        one = changed(leg_id=f"leg-{number}")
        comparison.add(before(msgspec.structs.replace(one, hold_ms=old)), [msgspec.structs.replace(one, hold_ms=new)])
    differences = [new - old for old, new in values if new != old]
    found = comparison.result()
    assert found.legs_changed == len(differences)
    if differences:
        (change,) = found.metrics
        assert change.mean_before == sum(old for old, _ in values) / len(values)
        assert change.mean_after == sum(new for _, new in values) / len(values)
        assert abs(change.largest or 0) == max(map(abs, differences))
    else:
        assert found.metrics == ()


def test_what_reports_of_zoom_told_is_no_change() -> None:
    comparison = MetricComparison()
    comparison.add(before(changed(acw_ms=45_000, handle_ms=90_000)), [changed(acw_ms=None, handle_ms=None)])
    assert comparison.result().legs_changed == 0
