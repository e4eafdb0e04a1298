"""Talk speed, response latency, greeting and percentiles (1.3)."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.events import EventName
from cc_voice.call.pace import greeting, latencies, main_language, percentile, speed_drift, speed_unit, talk_speed
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.turns import Ipu, Party, Turn
from cc_voice.call.words import SpokenWord, counted, spoken
from tests.call.calls import ANSWERED, DEFAULTS, channel, local, measured, of_kind, reasons_of, stream, zoom
from tests.call.golden import event


def words(count: int, start: int = 0, end: int = 20_000, text: str = "word", language: str = "en") -> tuple[SpokenWord, ...]:
    return spoken([local("a", (start, end), " ".join([text] * count), language)])


@pytest.mark.parametrize(("count", "speed"), [(30, 90.0), (29, Unmeasured("too_few_words"))])
def test_thirty_words_make_a_speed(count: int, speed: object) -> None:
    assert talk_speed(words(count), ((0, 20_000),), DEFAULTS) == speed


@pytest.mark.parametrize(("talk", "speed"), [(10_000, 300.0), (9_999, Unmeasured("too_little_speech"))])
def test_ten_seconds_of_talk_make_a_speed(talk: int, speed: object) -> None:
    assert talk_speed(words(50), ((0, talk),), DEFAULTS) == speed


def test_time_between_pieces_of_speech_does_not_count() -> None:
    assert talk_speed(words(60), ((0, 10_000), (50_000, 60_000)), DEFAULTS) == 180.0


def test_a_number_read_out_leaves_words_and_time() -> None:
    plain = words(40, 0, 20_000)
    number = spoken([local("a", (20_000, 26_000), "four one one one two three")])
    speech = ((0, 26_000),)
    assert talk_speed((*plain, *number), speech, DEFAULTS) == talk_speed(plain, ((0, 20_000),), DEFAULTS) == 120.0


def test_five_digits_are_words_like_others() -> None:
    number = spoken([local("a", (20_000, 24_000), "four one one one two")])
    assert talk_speed((*words(43), *number), ((0, 24_000),), DEFAULTS) == 120.0


def test_a_call_of_digits_only_has_too_few_words() -> None:
    assert talk_speed(words(40, text="four"), ((0, 20_000),), DEFAULTS) == Unmeasured("too_few_words")


def test_scripts_without_spaces_are_measured_in_characters() -> None:
    assert (speed_unit("ja"), speed_unit("en")) == ("cpm", "wpm")
    assert talk_speed(counted(words(10, text="こんに", language="ja")), ((0, 20_000),), DEFAULTS) == 90.0
    assert talk_speed(words(9, text="こんに", language="ja"), ((0, 20_000),), DEFAULTS) == Unmeasured("too_few_words")


def test_the_main_language_has_most_words_and_the_first_wins_a_tie() -> None:
    assert main_language(()) is None
    assert main_language((*words(2, language="es"), *words(3, language="en"))) == "en"
    assert main_language((*words(3, language="es"), *words(3, language="en"))) == "es"


def test_drift_is_last_quarter_minus_first() -> None:
    analysed = ((0, 40_000), (50_000, 90_000))
    said = (*words(40, 0, 20_000), *words(500, 20_000, 70_000), *words(60, 70_000, 90_000))
    assert speed_drift(said, analysed, analysed, DEFAULTS) == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("first", "last", "reason"), [(29, 60, "too_few_words"), (60, 29, "too_few_words"), (60, 0, "too_few_words")]
)
def test_drift_needs_words_in_both_quarters(first: int, last: int, reason: str) -> None:
    analysed = ((0, 80_000),)
    said = (*words(first, 0, 20_000), *words(200, 20_000, 60_000), *(words(last, 60_000, 80_000) if last else ()))
    assert speed_drift(said, analysed, analysed, DEFAULTS) == Unmeasured(reason)


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
    assert [(row.start_ms, row.end_ms, row.party, row.value) for row in of_kind(call, "latency")] == [
        (2_000, 2_300, "customer", 300),
        (4_600, 5_000, "agent", 400),
        (9_000, 9_900, "customer", 900),
    ]


def test_speed_is_per_language_and_units_are_never_mixed() -> None:
    said = [
        local("a", (0, 20_000), " ".join(["word"] * 40)),
        zoom("c", (20_000, 40_000), " ".join(["はい"] * 40), "ja"),
    ]
    call, leg = measured(stream(channel("a", (0, 20_000)), channel("c", (20_000, 40_000)), utterances=said))
    assert (leg.wpm_agent, leg.wpm_customer, leg.talk_speed_unit) == (120.0, None, "wpm")
    assert reasons_of(call)["wpm_customer"] == "mixed_talk_speed_units"
    assert {row.language_code: row.wpm for row in call.leg_languages} == {"en": 120.0, "ja": 240.0}


def test_a_party_of_two_languages_is_measured_in_the_one_it_spoke_most() -> None:
    said = [
        local("a", (0, 20_000), " ".join(["word"] * 40)),
        zoom("c", (20_000, 40_000), " ".join(["word"] * 60)),
        zoom("c", (40_000, 55_000), " ".join(["palabra"] * 30), "es"),
    ]
    call, leg = measured(stream(channel("a", (0, 20_000)), channel("c", (20_000, 55_000)), utterances=said))
    assert leg.wpm_customer == 180.0
    assert {(row.party, row.language_code): row.wpm for row in call.leg_languages} == {
        ("agent", "en"): 120.0,
        ("customer", "en"): 180.0,
        ("customer", "es"): 120.0,
    }
