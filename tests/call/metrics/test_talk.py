"""Talk times and shares (1.1)."""

from typing import Any

import msgspec
import pytest

from cc_voice.call.events import EventName
from cc_voice.call.intervals import length, union
from cc_voice.call.metrics.talk import balance_metrics, partition, talk_metrics
from cc_voice.call.reasons import Unmeasured
from tests.call.calls import between_two, channel, scopes_of, stream
from tests.call.golden import event

HOLD, UNHOLD = EventName.USER_HOLD, EventName.USER_UNHOLD


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
    assert found["agent_talk_pct"] == Unmeasured("too_short")


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
