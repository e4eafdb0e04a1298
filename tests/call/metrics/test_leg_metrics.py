"""Metrics of a leg from its findings: counts, rates, words and confidence."""

import pytest
from hypothesis import given, settings

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.events import EventName
from cc_voice.call.measure import measure
from cc_voice.call.rows import LegRow
from tests.call.calls import DEFAULTS, between_two, channel, local, measured, reasons_of, stream, zoom
from tests.call.golden import event
from tests.call.strategies import conversations
from tests.conftest import examples


def test_switches_are_per_minute_of_analysed_time() -> None:
    told = (event(30_000, EventName.USER_HOLD, "a"),)
    _, leg = measured(between_two([(0, 5_000), (12_000, 15_000)], [(6_000, 11_000), (16_000, 20_000)], *told))
    assert (leg.turn_switch_count, leg.turn_switch_per_min, leg.analysed_ms) == (3, 6.0, 30_000)


@pytest.mark.parametrize(("length", "count"), [(90_000, 1), (89_999, 0)])
def test_a_monologue_of_ninety_seconds_is_over_the_limit(length: int, count: int) -> None:
    call = stream(channel("a", (1_000, 1_000 + length)), channel("c", (95_000, 99_000)), duration_ms=100_000)
    _, leg = measured(call)
    assert (leg.monologue_count_agent, leg.longest_monologue_ms_agent, leg.longest_monologue_ms_customer) == (count, length, 4_000)


def test_words_count_in_speech_without_fillers() -> None:
    said = [local("a", (0, 4_000), "hello um there friend"), local("c", (6_000, 7_000), "uh okay")]
    _, leg = measured(between_two([(0, 4_000)], [(6_000, 7_000)], utterances=said))
    assert (leg.word_count_agent, leg.word_count_customer) == (3, 1)


def test_words_on_hold_and_outside_speech_do_not_count() -> None:
    told = (event(10_000, EventName.USER_HOLD, "a"), event(20_000, EventName.USER_UNHOLD, "a"))
    said = [local("c", (9_000, 11_000), "before after"), local("c", (30_000, 31_000), "echo"), zoom("c", (40_000, 41_000), "late")]
    _, leg = measured(between_two([(0, 4_000)], [(9_000, 11_000)], *told, utterances=said))
    assert leg.word_count_customer == 2


def test_no_source_of_words_is_not_no_words() -> None:
    speech = (channel("a", (0, 4_000)), channel("c", (5_000, 9_000)))
    call, leg = measured(stream(*speech, asr_model=None))
    assert (leg.word_count_agent, leg.wpm_agent, leg.asr_conf_mean) == (None, None, None)
    names = ("word_count_agent", "word_count_customer", "wpm_agent", "wpm_agent_delta", "asr_conf_mean", "low_conf_word_pct")
    assert {reasons_of(call)[name] for name in names} == {"no_word_source"}
    call, leg = measured(stream(*speech))
    assert leg.word_count_agent == 0
    assert (reasons_of(call)["asr_conf_mean"], reasons_of(call)["wpm_agent"]) == ("no_words", "too_few_words")


def test_a_language_without_model_is_named_for_the_party_that_spoke_it() -> None:
    said = [local("a", (0, 4_000), "hello"), local("c", (5_000, 9_000), "nonsense", "es")]
    call, leg = measured(stream(channel("a", (0, 4_000)), channel("c", (5_000, 9_000)), utterances=said))
    assert (leg.word_count_agent, leg.word_count_customer) == (1, None)
    assert reasons_of(call)["word_count_customer"] == "language_without_model"


def percentages(leg: LegRow) -> dict[str, float]:
    return {name: value for name in LegRow.__struct_fields__ if name.endswith("_pct") and (value := getattr(leg, name)) is not None}


@settings(max_examples=examples(60), deadline=None)
@given(conversations())
def test_rates_are_what_their_parts_say(call: StreamAnalysis) -> None:
    (leg,) = measure([call], DEFAULTS).legs
    assert all(0 <= value <= 100 for value in percentages(leg).values())
    analysed = leg.analysed_ms
    if leg.overtalk_pct is None or not analysed:
        return
    assert leg.overtalk_pct == pytest.approx(100 * (leg.overtalk_ms or 0) / analysed)
    assert leg.silence_pct == pytest.approx(100 * (leg.silence_ms or 0) / analysed)
    assert leg.agent_talk_pct == pytest.approx(100 * (leg.talk_ms_agent or 0) / analysed)
    assert leg.turn_switch_per_min == pytest.approx((leg.turn_switch_count or 0) * 60_000 / analysed)
    assert leg.talk_ratio_agent is None or 0 <= leg.talk_ratio_agent <= 1
    thirds = [getattr(leg, f"agent_talk_pct_t{number}") for number in (1, 2, 3)]
    assert sum(thirds) / 3 == pytest.approx(leg.agent_talk_pct, abs=0.05)
    counts = (leg.interruptions_agent or 0) + (leg.interruptions_customer or 0)
    assert counts <= (leg.overtalk_count or 0)
    assert (leg.interruption_ms_agent or 0) + (leg.interruption_ms_customer or 0) <= (leg.overtalk_ms or 0)
    assert (leg.longest_silence_ms or 0) <= (leg.silence_ms or 0)
    assert (leg.dead_air_ms or 0) <= (leg.long_silence_ms or 0) <= (leg.silence_ms or 0)


def test_a_call_in_another_language_than_configured_has_its_speed() -> None:
    said = [zoom("c", (5_000, 20_000), " ".join(["palabra"] * 30), "es-MX")]
    _, leg = measured(between_two([(0, 4_000)], [(5_000, 20_000)], utterances=said))
    assert (leg.wpm_customer, leg.talk_speed_unit) == (120.0, "wpm")


@pytest.mark.parametrize(("language", "reason"), [("en", None), ("ja", "no_phrase_list")])
def test_dead_air_needs_a_phrase_list_of_the_agents_language(language: str, reason: str | None) -> None:
    said = [zoom("a", (0, 4_000), "hello", language)]
    call, leg = measured(between_two([(0, 4_000)], [(20_000, 25_000)], utterances=said))
    assert reasons_of(call).get("dead_air_ms") == reason
    assert leg.dead_air_ms == (None if reason else 51_000)
