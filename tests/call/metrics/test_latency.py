"""Response latency, greeting and their percentiles (1.3)."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.analysis import Interval
from cc_voice.call.events import EventName
from cc_voice.call.metrics.latency import greeting, latencies, percentile
from cc_voice.call.metrics.turns import Ipu, Party, Turn
from cc_voice.call.reasons import Unmeasured
from tests.call.calls import ANSWERED, DEFAULTS, between_two, channel, measured, of_kind, reasons_of, stream
from tests.call.golden import event


def turn(start: int, end: int, party: Party, piece: int = 0) -> Turn:
    return Turn(start, end, party, piece)


TURNS = (
    turn(0, 2_000, "agent"),
    turn(2_500, 4_000, "customer"),
    turn(3_800, 6_000, "agent"),
    turn(6_000, 8_000, "customer"),
    turn(18_000, 19_000, "agent"),
    turn(29_001, 30_000, "customer"),
)


def test_latency_is_start_minus_end_negative_in_overlap_and_capped() -> None:
    assert [pair.latency_ms for pair in latencies(TURNS, "agent", DEFAULTS)] == [-200, 10_000]
    assert [pair.latency_ms for pair in latencies(TURNS, "customer", DEFAULTS)] == [500, 0, 10_000]
    last = latencies(TURNS, "customer", DEFAULTS)[-1]
    assert (last.party, last.before_ms, last.after_ms) == ("customer", 19_000, 29_001)


def test_the_agents_first_turn_is_a_greeting_not_an_answer() -> None:
    turns = (turn(0, 1_000, "customer"), turn(1_500, 3_000, "agent"), turn(3_100, 4_000, "customer"), turn(4_300, 5_000, "agent"))
    assert [pair.latency_ms for pair in latencies(turns, "agent", DEFAULTS)] == [300]
    assert [pair.latency_ms for pair in latencies(turns, "customer", DEFAULTS)] == [100]


def test_pairs_across_hold_and_two_turns_of_one_party_are_none() -> None:
    turns = (
        turn(0, 1_000, "agent"),
        turn(1_500, 3_000, "customer"),
        turn(9_000, 9_900, "agent", piece=1),
        turn(13_000, 14_000, "agent", piece=1),
    )
    assert latencies(turns, "agent", DEFAULTS) == ()
    assert len(latencies(turns, "customer", DEFAULTS)) == 1


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, Unmeasured("no_pairs")), ([7], 0.9, 7), ([1, 3], 0.5, 2), ([0, 100, 200], 0.9, 180), ([300, -800, 500], 0.5, 300)],
)
def test_percentiles_interpolate(values: list[int], share: float, expected: object) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.integers(-10_000, 10_000), min_size=2, max_size=30))
def test_percentiles_are_those_of_the_library(values: list[int]) -> None:
    assert percentile(values, 0.5) == round(statistics.median(values))
    ninetieth = statistics.quantiles(values, n=10, method="inclusive")[-1]
    found = percentile(values, 0.9)
    assert isinstance(found, int)
    assert found == pytest.approx(ninetieth, abs=0.51)


def ipu(start: int, party: Party) -> Ipu:
    return Ipu(start, start + 500, party)


def test_greeting_runs_from_the_answer_to_the_agents_first_unit() -> None:
    assert greeting([ipu(1_000, "customer"), ipu(2_500, "agent"), ipu(9_000, "agent")], 500, ()) == (500, 2_500)
    assert greeting([ipu(100, "agent")], -2_000, ()) == (-2_000, 100)
    assert greeting([ipu(1_000, "customer")], 500, ()) is None


@pytest.mark.parametrize(
    ("holds", "since"), [(((0, 5_000),), 5_000), (((0, 500),), 500), (((500, 4_000),), 4_000), (((501, 4_000),), 500)]
)
def test_an_agent_who_answers_during_hold_greets_after_it(holds: tuple[tuple[int, int], ...], since: int) -> None:
    assert greeting([ipu(6_000, "agent")], 500, holds) == (since, 6_000)


def test_latency_of_a_call_skips_what_a_hold_separates() -> None:
    call, leg = measured(
        stream(
            channel("a", (0, 2_000), (5_000, 9_000), (20_000, 22_000)),
            channel("c", (2_300, 4_600), (9_900, 12_000)),
            events=(*ANSWERED, event(13_000, EventName.USER_HOLD, "a"), event(19_000, EventName.USER_UNHOLD, "a")),
        )
    )
    assert (leg.response_latency_ms_agent_p50, leg.response_latency_ms_agent_p90) == (400, 400)
    assert (leg.response_latency_ms_customer_p50, leg.response_latency_ms_customer_p90) == (600, 840)
    assert (leg.latency_pair_count_agent, leg.latency_pair_count_customer) == (1, 2)
    assert [(row.start_ms, row.end_ms, row.party, row.value) for row in of_kind(call, "latency")] == [
        (2_000, 2_300, "customer", 300),
        (4_600, 5_000, "agent", 400),
        (9_000, 9_900, "customer", 900),
    ]


@pytest.mark.parametrize("hold", [(0, 500), (1_500, 1_900)])
def test_greeting_counts_from_the_answer_whoever_speaks_first(hold: Interval) -> None:
    told = [event(0, ANSWERED[0].name, "c"), event(1_000, EventName.USER_ANSWERED, "a")]  # type: ignore[arg-type]
    held = [event(hold[0], EventName.USER_HOLD, "a"), event(hold[1], EventName.USER_UNHOLD, "a")]
    call = stream(channel("a", (4_000, 6_000)), channel("c", (1_200, 3_000)), events=[*told, *held])
    assert measured(call)[1].greeting_latency_ms == 3_000


def test_an_agent_who_spoke_on_hold_only_did_not_greet() -> None:
    told = (event(10_000, EventName.USER_HOLD, "a"), event(20_000, EventName.USER_UNHOLD, "a"))
    call, leg = measured(between_two([(11_000, 15_000)], [(21_000, 25_000)], *told))
    assert (leg.greeting_latency_ms, leg.talk_ms_agent) == (None, 0)
    assert reasons_of(call)["greeting_latency_ms"] == "agent_did_not_speak"


def test_turns_without_answers_have_no_latency() -> None:
    call, leg = measured(between_two([(0, 5_000)], [(40_000, 45_000)]))
    assert (leg.response_latency_ms_customer_p50, leg.response_latency_ms_agent_p50) == (10_000, None)
    assert reasons_of(call)["response_latency_ms_agent_p90"] == "no_pairs"
    assert (leg.latency_pair_count_customer, leg.latency_pair_count_agent) == (1, 0)
