"""Handling of a leg (1.7): hold, interaction, how it ended, how long the conversation lasted."""

from typing import Any

import pytest

from cc_voice.call.events import EventName
from cc_voice.call.metrics.handling import conversation_metrics, handling_metrics
from cc_voice.call.metrics.spoken_words import spoken
from cc_voice.call.reasons import Unmeasured
from tests.call.calls import ANSWERED, between_two, channel, local, measured, scopes_of, stream, zoom
from tests.call.golden import event

HOLD, UNHOLD, END = EventName.USER_HOLD, EventName.USER_UNHOLD, EventName.USER_END


def only(scope_call: Any) -> Any:
    (scope,) = scopes_of(scope_call)
    return scope


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
