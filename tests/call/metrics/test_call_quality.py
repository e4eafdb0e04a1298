"""Flags by which a leg is left out of evaluation (1.7)."""

from typing import Any

import pytest

from cc_voice.call.events import EventName
from cc_voice.call.metrics.call_quality import quality_metrics
from tests.call.calls import ANSWERED, channel, scopes_of, stream
from tests.call.golden import event

LATE = (ANSWERED[0], event(10_000, EventName.USER_ANSWERED, "a"))


def only(scope_call: Any) -> Any:
    (scope,) = scopes_of(scope_call)
    return scope


@pytest.mark.parametrize(("gap", "eligible"), [(5_000, True), (5_001, False)])
def test_the_tenth_is_of_the_leg_not_of_the_call(gap: int, eligible: bool) -> None:
    parties = (channel("a", (11_000, 15_000)), channel("c", (16_000, 19_000)))
    scope = only(stream(*parties, events=LATE, media_gaps=((30_000, 30_000 + gap),)))
    assert quality_metrics(scope, 10_000)["qa_eligible"] is eligible


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
