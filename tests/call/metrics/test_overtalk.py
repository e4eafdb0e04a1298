"""Overtalk and its five classes (1.2), every threshold on both sides."""

from collections.abc import Iterable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, canonical, intersect, length
from cc_voice.call.metrics.overtalk import Overtalk, events_of, interruptions, overtalk, overtalk_metrics
from cc_voice.call.metrics.turns import Party, take_turns
from cc_voice.call.reasons import Unmeasured
from tests.call.calls import DEFAULTS, between_two, measured, reasons_of, scopes_of
from tests.call.strategies import spans
from tests.conftest import examples


def found(agent: Iterable[Interval], customer: Iterable[Interval]) -> list[Overtalk]:
    speech: dict[Party, Intervals] = {"agent": canonical(agent), "customer": canonical(customer)}
    taking = take_turns(speech, ((0, 100_000),), {"agent": (), "customer": ()}, DEFAULTS)
    return list(overtalk(speech, taking, DEFAULTS))


def classes(agent: Iterable[Interval], customer: Iterable[Interval]) -> list[tuple[str, Party | None, str | None]]:
    return [(event.subkind, event.party, event.outcome) for event in found(agent, customer)]


@pytest.mark.parametrize(("overlap", "counted"), [(299, 0), (300, 1)])
def test_an_event_is_300_ms_of_both(overlap: int, counted: int) -> None:
    events = found([(0, 5_000)], [(5_000 - overlap, 9_000)])
    assert len(events_of(events)) == counted
    assert [event.duration_ms for event in events] == [overlap]


def test_a_short_overlap_is_charged_to_nobody() -> None:
    assert classes([(0, 5_000)], [(4_800, 9_000)]) == [("short", None, None)]


@pytest.mark.parametrize(
    ("onset", "subkind", "party"), [(0, "dual_start", None), (300, "dual_start", None), (301, "early_overlap", "customer")]
)
def test_onsets_within_300_ms_are_a_dual_start(onset: int, subkind: str, party: Party | None) -> None:
    assert classes([(1_000, 6_000)], [(1_000 + onset, 6_000)]) == [(subkind, party, None)]


def test_a_dual_start_comes_before_every_other_class() -> None:
    """The customer's short unit would be a backchannel, and the agent's turn has only begun."""
    assert classes([(0, 6_000)], [(200, 900)]) == [("dual_start", None, None)]


def test_a_backchannel_is_no_interruption() -> None:
    assert classes([(0, 6_000)], [(3_000, 3_900)]) == [("backchannel", "customer", None)]
    assert classes([(3_000, 3_900)], [(0, 6_000)]) == [("backchannel", "agent", None)]


@pytest.mark.parametrize(("left", "subkind", "outcome"), [(500, "terminal_overlap", None), (501, "interruption", "taken")])
def test_an_overlap_in_the_last_half_second_is_a_hand_over(left: int, subkind: str, outcome: str | None) -> None:
    assert classes([(0, 5_000)], [(5_000 - left, 9_000)]) == [(subkind, "customer", outcome)]


@pytest.mark.parametrize(("since", "subkind"), [(999, "early_overlap"), (1_000, "interruption")])
def test_the_turn_must_have_lasted_a_second_to_be_interrupted(since: int, subkind: str) -> None:
    assert classes([(0, 5_000)], [(since, 9_000)])[0][0] == subkind


def test_the_turn_counts_not_the_unit() -> None:
    """The agent paused and went on; the customer comes in 400 ms after the pause, deep in the agent's turn."""
    assert classes([(0, 3_000), (3_500, 8_000)], [(3_900, 10_000)]) == [("interruption", "customer", "attempted")]


def test_a_turn_that_began_after_the_pause_is_early() -> None:
    """The same after a pause of 3 s, which ends a turn."""
    assert classes([(0, 3_000), (6_000, 8_000)], [(6_400, 10_000)]) == [("early_overlap", "customer", None)]


@pytest.mark.parametrize(("yields_after", "outcome"), [(3_000, "taken"), (3_001, "attempted")])
def test_taken_when_the_floor_is_yielded_within_three_seconds(yields_after: int, outcome: str) -> None:
    assert classes([(0, 4_000 + yields_after)], [(4_000, 12_000)]) == [("interruption", "customer", outcome)]


@pytest.mark.parametrize(("alone", "outcome"), [(1_000, "taken"), (999, "attempted")])
def test_taken_when_the_interrupter_goes_on_alone_for_a_second(alone: int, outcome: str) -> None:
    assert classes([(0, 5_000)], [(3_000, 5_000 + alone)]) == [("interruption", "customer", outcome)]


@pytest.mark.parametrize(("silent", "outcome"), [(1_000, "taken"), (999, "attempted")])
def test_alone_lasts_until_the_other_resumes(silent: int, outcome: str) -> None:
    events = classes([(0, 5_000), (5_000 + silent, 9_000)], [(3_000, 12_000)])
    assert events[0] == ("interruption", "customer", outcome)


def test_who_stops_before_the_other_only_attempted() -> None:
    assert classes([(0, 9_000)], [(3_000, 5_000)]) == [("interruption", "customer", "attempted")]


def test_each_unit_that_comes_in_is_an_event_of_its_own() -> None:
    """The customer's unit overlaps two of the agent's: first it comes in, then the agent does."""
    assert classes([(0, 4_000), (7_000, 12_000)], [(2_000, 9_000)]) == [
        ("interruption", "customer", "taken"),
        ("interruption", "agent", "taken"),
    ]


def test_interruptions_are_counted_by_who_interrupts() -> None:
    events = found([(0, 4_000), (20_000, 28_000)], [(2_000, 5_100), (22_000, 24_000)])
    assert [(event.start_ms, event.outcome) for event in interruptions(events, "customer")] == [
        (2_000, "taken"),
        (22_000, "attempted"),
    ]
    assert interruptions(events, "agent") == ()


sets = st.lists(spans, max_size=10).map(canonical)
MIRROR: dict[Party | None, Party | None] = {"agent": "customer", "customer": "agent", None: None}


@settings(max_examples=examples(150), deadline=None)
@given(sets, sets)
def test_events_are_the_overlap_of_both_and_one_class_each(agent: Intervals, customer: Intervals) -> None:
    events = found(agent, customer)
    assert tuple((event.start_ms, event.end_ms) for event in events) == intersect(agent, customer)
    assert sum(event.duration_ms for event in events) == length(intersect(agent, customer))
    for event in events:
        assert (event.subkind == "short") is (event.duration_ms < 300)
        assert (event.party is None) is (event.subkind in ("short", "dual_start"))
        assert (event.outcome is not None) is (event.subkind == "interruption")
        if event.party is not None:
            incoming = agent if event.party == "agent" else customer
            assert event.start_ms in {start for start, _ in incoming}


@settings(max_examples=examples(100), deadline=None)
@given(sets, sets)
def test_swapping_the_parties_swaps_the_blame(agent: Intervals, customer: Intervals) -> None:
    assume(not set(agent) & set(customer))  # who comes first of two units with equal start and end is a convention
    mirrored = [(subkind, MIRROR[party], outcome) for subkind, party, outcome in classes(customer, agent)]
    assert mirrored == classes(agent, customer)


def test_overtalk_is_counted_by_class_and_charged_to_the_interrupter() -> None:
    def overlap(start: int, end: int, subkind: str, party: str | None = None) -> Overtalk:
        return Overtalk(start_ms=start, end_ms=end, subkind=subkind, party=party)  # type: ignore[arg-type]

    events = [
        overlap(0, 200, "short"),
        overlap(1_000, 1_400, "dual_start"),
        overlap(2_000, 2_500, "backchannel", "agent"),
        overlap(3_000, 3_600, "interruption", "agent"),
        overlap(4_000, 4_700, "interruption", "customer"),
        overlap(5_000, 5_800, "interruption", "customer"),
    ]
    (scope,) = scopes_of(between_two([(0, 30_000)], [(20_000, 50_000)]))
    assert overtalk_metrics(scope, events, ()) == {
        "overtalk_ms": 10_000,
        "overtalk_pct": pytest.approx(100 / 6),
        "overtalk_count": 5,
        "interruptions_agent": 1,
        "interruption_ms_agent": 600,
        "interruptions_customer": 2,
        "interruption_ms_customer": 1_500,
        "agent_overlap_turn_pct": Unmeasured("no_turns"),
    }


def test_vocis_overtalk_is_the_share_of_agent_turns_that_begin_in_overlap() -> None:
    _, leg = measured(between_two([(0, 5_000), (9_000, 15_000), (30_000, 35_000), (40_000, 45_000)], [(4_000, 10_000)]))
    assert leg.agent_overlap_turn_pct == 25.0
    call, silent = measured(between_two([], [(4_000, 10_000)]))
    assert (silent.agent_overlap_turn_pct, reasons_of(call)["agent_overlap_turn_pct"]) == (None, "one_way_audio")
