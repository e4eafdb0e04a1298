"""Backchannels and turns: the four steps of 1.0, every threshold on both sides."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import Interval
from cc_voice.call.intervals import Intervals, canonical, intersect, shift
from cc_voice.call.metrics.spoken_words import SpokenWord, spoken
from cc_voice.call.metrics.turns import (
    Party,
    Turn,
    TurnTaking,
    floor_changes,
    longest_turn_ms,
    other,
    overlapping_turns,
    take_turns,
)
from tests.call.calls import DEFAULTS, local, zoom
from tests.call.strategies import spans
from tests.conftest import examples

ALL: Intervals = ((0, 100_000),)
FLOOR = (0, 10_000)
"""The agent's turn that a customer's short unit lies in."""


def said(channel: str, utterances: Iterable[tuple[Interval, str]], language: str = "en") -> tuple[SpokenWord, ...]:
    return spoken(local(channel, span, text, language) for span, text in utterances)


def taken(
    agent: Iterable[Interval],
    customer: Iterable[Interval],
    *,
    analysed: Intervals = ALL,
    agent_words: tuple[SpokenWord, ...] = (),
    customer_words: tuple[SpokenWord, ...] = (),
) -> TurnTaking:
    speech: dict[Party, Intervals] = {"agent": canonical(agent), "customer": canonical(customer)}
    return take_turns(speech, analysed, {"agent": agent_words, "customer": customer_words}, DEFAULTS)


def backchannels(taking: TurnTaking) -> list[Interval]:
    return [(ipu.start_ms, ipu.end_ms) for ipu in taking.ipus if ipu.backchannel]


def turns(taking: TurnTaking) -> list[tuple[int, int, Party]]:
    return [(turn.start_ms, turn.end_ms, turn.party) for turn in taking.turns]


def test_the_other_of_two() -> None:
    assert (other("agent"), other("customer")) == ("customer", "agent")


@pytest.mark.parametrize(("duration", "is_one"), [(1_000, True), (1_001, False)])
def test_a_backchannel_lasts_a_second_at_most(duration: int, is_one: bool) -> None:
    assert bool(backchannels(taken([FLOOR], [(4_000, 4_000 + duration)]))) is is_one


@pytest.mark.parametrize(("end", "is_one"), [(9_500, True), (9_501, False)])
def test_the_turn_around_a_backchannel_goes_on_for_half_a_second(end: int, is_one: bool) -> None:
    assert bool(backchannels(taken([FLOOR], [(end - 600, end)]))) is is_one


@pytest.mark.parametrize(
    ("text", "language", "is_one"),
    [
        ("no never", "en", True),
        ("that is wrong", "en", False),
        ("yeah okay right sure", "en", True),
        ("yeah okay right wrong", "en", False),
        ("Yeah, okay. Right!", "en-US", True),
        ("… yeah — ok", "en", True),
        ("sí claro vale bueno", "es", True),
        ("sí claro vale bueno", "en", False),
        ("yeah okay right", "ja", False),
    ],
)
def test_a_backchannel_is_two_words_or_listed_words_only(text: str, language: str, is_one: bool) -> None:
    span = (4_000, 4_900)
    taking = taken([FLOOR], [span], customer_words=said("c", [(span, text)], language))
    assert (backchannels(taking) == [span]) is is_one


def test_words_of_another_unit_do_not_count() -> None:
    span = (4_000, 4_600)
    words = said("c", [((4_700, 5_200), "that is quite another matter")])
    assert backchannels(taken([FLOOR], [span], customer_words=words)) == [span]


def test_a_candidate_outside_any_turn_of_the_other_takes_a_turn() -> None:
    taking = taken([(0, 3_000)], [(3_200, 3_600)])
    assert backchannels(taking) == []
    assert turns(taking) == [(0, 3_000, "agent"), (3_200, 3_600, "customer")]


def test_a_backchannel_in_a_pause_of_the_turn_does_not_break_it() -> None:
    taking = taken([(0, 3_000), (5_000, 8_000)], [(3_500, 4_000)])
    assert backchannels(taking) == [(3_500, 4_000)]
    assert turns(taking) == [(0, 8_000, "agent")]
    assert longest_turn_ms(taking.of("agent")) == 8_000


def test_a_candidate_that_became_an_ordinary_unit_breaks_the_turns_when_they_are_rebuilt() -> None:
    """Step 3 looks at the turns without candidates, step 4 builds them once more: the second "yes" is not judged again."""
    taking = taken([(0, 3_000), (5_000, 8_000), (8_700, 9_000)], [(3_500, 4_000), (8_200, 8_600)])
    assert backchannels(taking) == [(3_500, 4_000)]
    assert turns(taking) == [(0, 8_000, "agent"), (8_200, 8_600, "customer"), (8_700, 9_000, "agent")]


@pytest.mark.parametrize(("gap", "expected"), [(2_999, 1), (3_000, 2)])
def test_an_own_gap_of_three_seconds_ends_a_turn(gap: int, expected: int) -> None:
    assert len(taken([(0, 2_000), (2_000 + gap, 10_000)], []).turns) == expected


def test_a_unit_of_the_other_party_ends_a_turn() -> None:
    taking = taken([(0, 3_000), (5_000, 8_000)], [(3_200, 4_800)])
    assert turns(taking) == [(0, 3_000, "agent"), (3_200, 4_800, "customer"), (5_000, 8_000, "agent")]
    assert floor_changes(taking.turns) == 2


def test_no_turn_crosses_hold_or_a_gap_however_short() -> None:
    taking = taken([(0, 3_000), (3_100, 6_000)], [], analysed=((0, 3_000), (3_100, 9_000)))
    assert [(turn.start_ms, turn.piece) for turn in taking.turns] == [(0, 0), (3_100, 1)]
    assert floor_changes(taking.turns) == 0


def test_a_candidate_is_not_held_by_a_turn_on_the_other_side_of_a_hold() -> None:
    taking = taken([(0, 3_000), (5_000, 8_000)], [(3_100, 3_600)], analysed=((0, 4_000), (5_000, 9_000)))
    assert backchannels(taking) == []


def test_two_parties_who_only_murmur_have_turns() -> None:
    taking = taken([(0, 500)], [(1_000, 1_500)])
    assert (backchannels(taking), len(taking.turns)) == ([], 2)


@pytest.mark.parametrize(
    ("agent", "customer", "method"),
    [
        (said("a", [(FLOOR, "hello there")]), said("c", [((4_000, 4_500), "yes")]), "words"),
        (said("a", [(FLOOR, "hello there")]), (), "duration"),
        (said("a", [(FLOOR, "hello there")]), spoken([zoom("c", (4_000, 4_500), "yes")]), "duration"),
    ],
)
def test_without_the_times_of_a_partys_words_the_method_is_duration(
    agent: tuple[SpokenWord, ...], customer: tuple[SpokenWord, ...], method: str
) -> None:
    assert taken([FLOOR], [(4_000, 4_500)], agent_words=agent, customer_words=customer).method == method


def test_words_that_zoom_gave_no_time_make_no_long_unit_of_a_short_one() -> None:
    words = spoken([zoom("c", (4_000, 4_500), "that is quite wrong")])
    assert backchannels(taken([FLOOR], [(4_000, 4_500)], customer_words=words)) == [(4_000, 4_500)]


def test_who_did_not_speak_does_not_change_the_method() -> None:
    assert taken([FLOOR], [], agent_words=said("a", [(FLOOR, "hello there")])).method == "words"
    assert taken([], []).method == "words"


def test_turns_that_begin_while_the_other_speaks() -> None:
    mine = [Turn(start, start + 2_000, "agent", 0) for start in (500, 1_000, 4_999, 5_000, 9_000)]
    assert overlapping_turns(mine, ((1_000, 5_000),)) == 2
    assert overlapping_turns([], ((1_000, 5_000),)) == 0
    assert (longest_turn_ms([]), floor_changes([])) == (0, 0)


sets = st.lists(spans, max_size=10).map(canonical)
cuts = st.lists(spans, min_size=1, max_size=3).map(canonical)


@settings(max_examples=examples(150), deadline=None)
@given(sets, sets, cuts)
def test_turns_and_backchannels_are_all_the_units(agent: Intervals, customer: Intervals, analysed: Intervals) -> None:
    speech: dict[Party, Intervals] = {"agent": intersect(agent, analysed), "customer": intersect(customer, analysed)}
    taking = take_turns(speech, analysed, {"agent": (), "customer": ()}, DEFAULTS)
    assert len(taking.ipus) == len(speech["agent"]) + len(speech["customer"])
    for ipu in taking.ipus:
        around = [turn for turn in taking.of(ipu.party) if turn.start_ms <= ipu.start_ms and ipu.end_ms <= turn.end_ms]
        assert ipu.backchannel or len(around) == 1
        theirs = [turn for turn in taking.of(other(ipu.party)) if turn.start_ms <= ipu.start_ms and ipu.end_ms + 500 <= turn.end_ms]
        assert not ipu.backchannel or len(theirs) == 1
    for turn in taking.turns:
        low, high = analysed[turn.piece]
        assert low <= turn.start_ms < turn.end_ms <= high
    assert list(taking.turns) == sorted(taking.turns)


@settings(max_examples=examples(80), deadline=None)
@given(sets, sets, st.integers(-900, 900))
def test_shifting_everything_shifts_turns(agent: Intervals, customer: Intervals, by: int) -> None:
    wide: Intervals = ((-1_000, 200_000),)
    one = taken(agent, customer, analysed=wide)
    two = taken(shift(agent, by), shift(customer, by), analysed=shift(wide, by))
    assert [(start + by, end + by, party) for start, end, party in turns(one)] == turns(two)
    assert [(start + by, end + by) for start, end in backchannels(one)] == backchannels(two)
