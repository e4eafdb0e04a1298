"""Talk times and shares (1.1), handling (1.7) and the quality flags."""

from typing import Any

import msgspec
import pytest

from cc_voice.call.events import EventName
from cc_voice.call.intervals import length, union
from cc_voice.call.reasons import Unmeasured
from cc_voice.call.talk import balance_metrics, conversation_metrics, handling_metrics, partition, quality_metrics, talk_metrics
from cc_voice.call.words import spoken
from tests.call.calls import ANSWERED, between_two, channel, local, measured, scopes_of, stream, zoom
from tests.call.golden import event

HOLD, UNHOLD, END = EventName.USER_HOLD, EventName.USER_UNHOLD, EventName.USER_END


def only(scope_call: Any) -> Any:
    (scope,) = scopes_of(scope_call)
    return scope


def test_overlapped_speech_counts_for_both_and_once_for_anybody() -> None:
    found = talk_metrics(only(between_two([(0, 30_000)], [(20_000, 50_000)])))
    assert found == {
        "talk_ms_agent": 30_000,
        "talk_ms_customer": 30_000,
        "talk_ms_any": 50_000,
        "agent_only_ms": 20_000,
        "customer_only_ms": 20_000,
        "overtalk_ms": 10_000,
        "overtalk_pct": pytest.approx(100 / 6),
        "agent_talk_pct": 50.0,
        "customer_talk_pct": 50.0,
        "talk_ratio_agent": 0.5,
    }


def test_the_ratio_is_of_talk_and_the_percentage_of_analysed_time() -> None:
    found = talk_metrics(only(between_two([(0, 6_000)], [(10_000, 12_000)])))
    assert (found["talk_ratio_agent"], found["agent_talk_pct"]) == (0.75, 10.0)


def test_shares_of_nothing_have_a_reason() -> None:
    found = talk_metrics(only(stream(channel("a"), channel("c"), duration_ms=0)))
    assert found["talk_ratio_agent"] == Unmeasured("no_speech")
    assert found["agent_talk_pct"] == found["overtalk_pct"] == Unmeasured("too_short")


def test_hold_and_gaps_are_in_no_part_and_no_denominator() -> None:
    held = between_two([(0, 30_000)], [(25_000, 45_000)], event(20_000, HOLD, "a"), event(40_000, UNHOLD, "a"))
    scope = only(msgspec.structs.replace(held, media_gaps=((35_000, 45_000),)))
    assert scope.analysed == ((0, 20_000), (45_000, 60_000))
    parts = partition(scope)
    assert union(*parts.values()) == scope.analysed
    assert {name: length(part) for name, part in parts.items()} == {
        "agent_only": 20_000,
        "customer_only": 0,
        "overtalk": 0,
        "silence": 15_000,
    }
    assert talk_metrics(scope)["agent_talk_pct"] == pytest.approx(100 * 20 / 35)


def test_thirds_are_of_analysed_time_not_of_the_clock() -> None:
    call = between_two([(0, 10_000), (45_000, 50_000)], [(15_000, 16_000)], event(20_000, HOLD, "a"), event(35_000, UNHOLD, "a"))
    assert balance_metrics(only(call)) == {
        "agent_talk_pct_t1": pytest.approx(100 * 10 / 15),
        "agent_talk_pct_t2": 0.0,
        "agent_talk_pct_t3": pytest.approx(100 * 5 / 15),
    }


def handling(*told: Any, customer: tuple[tuple[int, int], ...] = ()) -> Any:
    return handling_metrics(only(stream(channel("a"), channel("c", *customer), events=[*ANSWERED, *told])), ())


def test_hold_is_a_union_with_its_longest_and_its_share() -> None:
    found = handling(
        event(10_000, HOLD, "a"),
        event(14_000, UNHOLD, "a"),
        event(20_000, HOLD, "a"),
        event(30_000, UNHOLD, "a"),
        event(50_000, END, "a"),
        customer=((9_000, 11_000), (29_000, 33_000)),
    )
    assert (found["hold_ms"], found["hold_count"], found["longest_hold_ms"], found["hold_pct"]) == (14_000, 2, 10_000, 28.0)
    assert (found["interaction_ms"], found["analysed_ms"], found["cust_speech_on_hold_ms"]) == (50_000, 36_000, 2_000)


def test_interaction_counts_from_the_answer_also_before_media() -> None:
    call = stream(channel("a"), channel("c"), events=[event(-2_000, EventName.USER_ANSWERED, "a"), event(50_000, END, "a")])
    found = handling_metrics(only(call), ((5_000, 6_500),))
    assert (found["interaction_ms"], found["analysed_ms"], found["monitored_ms"]) == (52_000, 50_000, 1_500)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        (END, (False, False)),
        (EventName.TAKEOVER_STARTED, (True, False)),
        (EventName.TRANSFER_COMPLETED, (False, True)),
    ],
)
def test_how_a_leg_ended(name: EventName, flags: tuple[bool, bool]) -> None:
    told = [*ANSWERED, event(30_000, name, "a")]
    scope = scopes_of(stream(channel("a"), channel("c"), events=told))[0]
    found = handling_metrics(scope, ())
    assert (found["takeover"], found["transferred_out"]) == flags


def test_conversation_lasts_to_the_last_word_of_either_party() -> None:
    scope = only(between_two([(0, 5_000)], [(6_000, 9_000)]))
    words = spoken([local("a", (0, 5_000), "hello there"), local("c", (6_000, 8_800), "good bye")])
    assert conversation_metrics(scope, words) == {"conversation_ms": 8_800}
    assert conversation_metrics(scope, ()) == {"conversation_ms": 9_000}


LATE = (ANSWERED[0], event(10_000, EventName.USER_ANSWERED, "a"))


def test_conversation_counts_from_the_start_of_the_leg() -> None:
    scope = only(stream(channel("a", (11_000, 15_000)), channel("c", (16_000, 19_000)), events=LATE))
    assert conversation_metrics(scope, ()) == {"conversation_ms": 9_000}


@pytest.mark.parametrize(("gap", "eligible"), [(5_000, True), (5_001, False)])
def test_the_tenth_is_of_the_leg_not_of_the_call(gap: int, eligible: bool) -> None:
    parties = (channel("a", (11_000, 15_000)), channel("c", (16_000, 19_000)))
    scope = only(stream(*parties, events=LATE, media_gaps=((30_000, 30_000 + gap),)))
    assert quality_metrics(scope, 10_000)["qa_eligible"] is eligible


def test_a_word_that_runs_over_the_end_does_not_lengthen_the_leg() -> None:
    scope = only(between_two([(0, 60_000)], [(0, 1_000)]))
    assert conversation_metrics(scope, spoken([local("a", (59_000, 61_000), "bye")])) == {"conversation_ms": 60_000}


def test_conversation_without_speech_says_what_is_missing() -> None:
    assert conversation_metrics(only(between_two([], [])), ()) == {"conversation_ms": Unmeasured("no_speech")}
    mixed = only(stream(channel("x"), mixed_audio=True))
    assert conversation_metrics(mixed, ()) == {"conversation_ms": Unmeasured("no_speech")}
    unknown = only(stream(channel("x", (0, 99)), channel("y", (0, 99)), events=(), product="import"))
    assert conversation_metrics(unknown, ()) == {"conversation_ms": Unmeasured("roles_unknown")}


def test_what_an_ivr_or_a_whisper_says_does_not_lengthen_the_conversation_nor_lower_confidence() -> None:
    told = [*ANSWERED, event(1_000, EventName.MONITOR_STARTED, "s")]
    said = [
        local("a", (0, 5_000), "hello", conf=0.8),
        zoom("s", (40_000, 41_000), "say no"),
        local("s", (1_000, 4_000), "no", conf=0.1),
    ]
    channels = (channel("a", (0, 5_000)), channel("c", (5_000, 6_000)), channel("s", (1_000, 4_000), (40_000, 41_000)))
    _, leg = measured(stream(*channels, events=told, utterances=said))
    assert (leg.conversation_ms, leg.asr_conf_mean, leg.low_conf_word_pct) == (5_000, pytest.approx(0.8), 0.0)


@pytest.mark.parametrize(("gap", "eligible"), [(6_000, True), (6_001, False)])
def test_a_leg_with_a_tenth_lost_is_not_evaluated(gap: int, eligible: bool) -> None:
    call = stream(channel("a", (0, 1_000)), channel("c", (1_000, 2_000)), media_gaps=((10_000, 10_000 + gap),))
    found = quality_metrics(only(call), 10_000)
    assert found == {"one_way_audio": False, "mixed_audio": False, "multi_party": False, "qa_eligible": eligible}


def test_more_than_two_humans_in_analysed_time_are_many() -> None:
    meeting = [channel("h", (0, 1_000)), channel("x", (1_000, 2_000)), channel("y", (2_000, 3_000))]
    assert quality_metrics(only(stream(*meeting, product="meeting", events=())), 10_000)["multi_party"] is True
    assert quality_metrics(only(stream(*meeting[:2], product="meeting", events=())), 10_000)["multi_party"] is False
    silent = [*meeting[:2], channel("y")]
    assert quality_metrics(only(stream(*silent, product="meeting", events=())), 10_000)["multi_party"] is False
