"""Flags by which a leg is left out of evaluation (1.7)."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from cc_voice.call.analysis import ChannelAnalysis, Echo, Interval, SecondLevel
from cc_voice.call.events import EventName
from cc_voice.call.metrics.call_quality import quality_metrics
from cc_voice.call.reasons import Metrics
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import ANSWERED, channel, local, measured, reasons_of, scopes_of, stream
from tests.call.golden import event

LATE = (ANSWERED[0], event(10_000, EventName.USER_ANSWERED, "a"))
CLEAN: Metrics = {"snr_db_agent": 40.0, "snr_db_customer": 40.0, "clipping_pct_agent": 0.0, "clipping_pct_customer": 0.0}


def only(scope_call: Any) -> Any:
    (scope,) = scopes_of(scope_call)
    return scope


def quality(call: Any, has_echo: bool = False, **loudness: float) -> Metrics:
    return quality_metrics(only(call), CLEAN | loudness, has_echo, ThresholdSet())


TWO = stream(channel("a", (0, 1_000)), channel("c", (1_000, 2_000)))


@pytest.mark.parametrize(("gap", "obstacle"), [(5_000, "none"), (5_001, "media_gap")])
def test_the_tenth_is_of_the_leg_not_of_the_call(gap: int, obstacle: str) -> None:
    parties = (channel("a", (11_000, 15_000)), channel("c", (16_000, 19_000)))
    found = quality(stream(*parties, events=LATE, media_gaps=((30_000, 30_000 + gap),)))
    assert (found["qa_obstacle"], found["qa_eligible"]) == (obstacle, obstacle == "none")


@pytest.mark.parametrize(("gap", "eligible"), [(6_000, True), (6_001, False)])
def test_a_leg_with_a_tenth_lost_is_not_evaluated(gap: int, eligible: bool) -> None:
    call = stream(channel("a", (0, 1_000)), channel("c", (1_000, 2_000)), media_gaps=((10_000, 10_000 + gap),))
    assert quality(call) == {
        "one_way_audio": False,
        "mixed_audio": False,
        "same_audio": False,
        "multi_party": False,
        "qa_eligible": eligible,
        "qa_obstacle": "none" if eligible else "media_gap",
    }


@pytest.mark.parametrize(
    ("loudness", "obstacle"),
    [
        ({}, "none"),
        ({"snr_db_customer": 19.9}, "low_snr"),
        ({"snr_db_agent": 20.0}, "none"),
        ({"clipping_pct_agent": 5.1}, "clipping"),
        ({"clipping_pct_agent": 5.1, "snr_db_agent": 3.0}, "low_snr"),
    ],
)
def test_a_line_on_which_nobody_can_say_who_spoke_is_not_evaluated(loudness: dict[str, float], obstacle: str) -> None:
    found = quality(TWO, **loudness)
    assert (found["qa_obstacle"], found["qa_eligible"]) == (obstacle, obstacle == "none")
    assert quality(TWO, has_echo=True, **loudness)["qa_obstacle"] == "echo"


def test_a_gap_does_not_hide_that_nobody_can_say_who_spoke() -> None:
    call = stream(channel("a", (0, 1_000)), channel("c", (1_000, 2_000)), media_gaps=((10_000, 20_000),))
    assert quality(call)["qa_obstacle"] == "media_gap"
    assert quality(call, has_echo=True)["qa_obstacle"] == "echo"
    assert quality(call, snr_db_agent=3.0)["qa_obstacle"] == "low_snr"
    assert quality(call, clipping_pct_customer=50.0)["qa_obstacle"] == "clipping"


def test_what_stands_in_the_way_of_two_parties_is_told_first() -> None:
    assert quality(stream(channel("a", (0, 1_000)), channel("c")), has_echo=True)["qa_obstacle"] == "one_way_audio"
    short = stream(channel("a", (0, 1_000)), channel("c", (1_000, 2_000)), duration_ms=9_999)
    assert quality(short, has_echo=True)["qa_obstacle"] == "too_short"


@pytest.mark.parametrize(("into", "obstacle"), [((2_000, 3_900), "none"), ((2_000, 4_100), "echo")])
def test_a_suspected_echo_matters_where_speech_may_be_it(into: Interval, obstacle: str) -> None:
    """The agent speaks from 0 to 20 s and comes back 200 ms later; of the customer's 20 s a tenth may lie in that."""
    echo = Echo("c", 200, tuple((at * 2_000, 60) for at in range(10)))
    customer = (into, (30_000, 50_000 - (into[1] - into[0])))
    agent = msgspec.structs.replace(channel("a", (0, 20_000)), echoes=(echo,))
    _, leg = measured(stream(agent, channel("c", *customer)))
    assert (leg.echo_suspect, leg.qa_obstacle) == (True, obstacle)


def test_more_than_two_humans_in_analysed_time_are_many() -> None:
    meeting = [channel("h", (0, 1_000)), channel("x", (1_000, 2_000)), channel("y", (2_000, 3_000))]
    assert quality(stream(*meeting, product="meeting", events=()))["multi_party"] is True
    assert quality(stream(*meeting[:2], product="meeting", events=()))["multi_party"] is False
    silent = [*meeting[:2], channel("y")]
    assert quality(stream(*silent, product="meeting", events=()))["multi_party"] is False


# -- one sound on both channels --------------------------------------------------------------------------------------


def loud(channel_id: str, start_ms: int, levels_cb: Iterable[int]) -> ChannelAnalysis:
    levels = tuple(SecondLevel(speech_ms=800, level_cb=level) for level in levels_cb)
    return ChannelAnalysis(channel_id=channel_id, speech=((start_ms, 8_000),), levels=levels)


VOICE = (-200, -240, -180, -310, -220, -260, -190, -270)


@pytest.mark.parametrize("lower", [0, 60])
def test_channels_that_are_one_sound_are_mixed(lower: int) -> None:
    call, leg = measured(stream(loud("a", 0, VOICE), loud("c", 20, (level - lower for level in VOICE))))
    assert (leg.mixed_audio, leg.same_audio, leg.qa_obstacle, leg.talk_ms_agent) == (True, True, "same_audio", None)
    assert reasons_of(call)["talk_ms_agent"] == reasons_of(call)["overtalk_ms"] == "same_audio"


def test_what_one_sound_says_is_said_once() -> None:
    said = [local(name, (0, 3_000), "good morning everybody") for name in ("a", "c")]
    call, _ = measured(stream(loud("a", 0, VOICE), loud("c", 0, VOICE), utterances=said))
    assert [(row.channel_id, row.text) for row in call.utterances] == [("a", "good morning everybody")]


@pytest.mark.parametrize("other", [tuple(reversed(VOICE)), (-250,) * 8, VOICE[:4]])
def test_two_who_speak_at_once_are_not_one_sound(other: tuple[int, ...]) -> None:
    _, leg = measured(stream(loud("a", 0, VOICE), loud("c", 0, other)))
    assert (leg.mixed_audio, leg.same_audio) == (False, False)
