"""`measure`: the golden example of 1.10 with its exact values, and what holds for every call."""

import msgspec
import pytest

from cc_voice.call.analysis import ChannelAnalysis
from cc_voice.call.events import CallEvent, EventName, Participant
from cc_voice.call.measure import METRIC_VERSION, measure
from cc_voice.call.rows import LegRow, MeasuredCall
from cc_voice.config.thresholds import QueueThresholds, ThresholdSet
from tests.call.calls import channel, of_kind, stream
from tests.call.golden import T0, THRESHOLDS, event, golden_stream


@pytest.fixture(scope="module")
def golden() -> MeasuredCall:
    return measure([golden_stream()], THRESHOLDS)


@pytest.fixture(scope="module")
def leg(golden: MeasuredCall) -> LegRow:
    assert len(golden.legs) == 1
    return golden.legs[0]


def test_golden_partition(leg: LegRow) -> None:
    assert leg.analysed_ms == 49_000
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == (25_300, 14_000)
    assert (leg.agent_only_ms, leg.customer_only_ms, leg.overtalk_ms, leg.silence_ms) == (23_400, 12_100, 1_900, 11_600)


def test_golden_overtalk(golden: MeasuredCall, leg: LegRow) -> None:
    assert leg.overtalk_count == 3
    assert [(row.start_ms, row.end_ms, row.subkind, row.party, row.outcome) for row in of_kind(golden, "overtalk")] == [
        (13_200, 14_000, "interruption", "customer", "taken"),
        (16_500, 17_000, "backchannel", "agent", None),
        (22_000, 22_600, "backchannel", "customer", None),
    ]
    assert (leg.interruptions_agent, leg.interruptions_customer) == (0, 1)
    assert (leg.interruption_ms_agent, leg.interruption_ms_customer) == (0, 800)


def test_golden_silence(golden: MeasuredCall, leg: LegRow) -> None:
    assert (leg.long_silence_count, leg.long_silence_ms, leg.longest_silence_ms) == (1, 4_500, 4_500)
    assert [(row.start_ms, row.end_ms) for row in of_kind(golden, "long_silence")] == [(48_000, 52_500)]
    assert (leg.dead_air_count, leg.dead_air_ms) == (0, 0)
    assert leg.non_talk_ms == 14_500


def test_golden_shares_and_speed(leg: LegRow) -> None:
    assert leg.agent_talk_pct == pytest.approx(51.63, abs=0.005)
    assert leg.talk_ratio_agent == pytest.approx(0.6438, abs=0.00005)
    assert (leg.word_count_agent, leg.word_count_customer) == (66, 45)
    assert leg.wpm_agent == pytest.approx(156.5, abs=0.05)
    assert leg.wpm_customer == pytest.approx(192.9, abs=0.05)


def test_golden_latency(golden: MeasuredCall, leg: LegRow) -> None:
    assert (leg.greeting_latency_ms, leg.cust_speech_on_hold_ms) == (1_500, 1_500)
    assert leg.longest_monologue_ms_agent == 10_500
    pairs = of_kind(golden, "latency")
    assert [row.value for row in pairs if row.party == "agent"] == [200, 500, 600]
    assert [row.value for row in pairs if row.party == "customer"] == [500, -800, 300]
    assert (leg.response_latency_ms_agent_p50, leg.response_latency_ms_customer_p50) == (500, 300)


def test_golden_turns(leg: LegRow) -> None:
    assert leg.turn_switch_count == 6
    assert leg.turn_switch_per_min == pytest.approx(7.35, abs=0.005)


def transfer() -> MeasuredCall:
    told = [
        event(0, EventName.CONSUMER_ANSWERED, "c"),
        event(1_000, EventName.USER_ANSWERED, "a", user_id="ana"),
        event(20_000, EventName.TRANSFER_INITIATED, "a"),
        event(20_500, EventName.USER_HOLD, "a"),
        event(23_000, EventName.USER_ANSWERED, "b", user_id="bob"),
        event(25_000, EventName.TRANSFER_COMPLETED, "a"),
        event(25_100, EventName.USER_END, "a"),
        event(59_000, EventName.CONSUMER_END, "c"),
        event(59_500, EventName.USER_END, "b"),
    ]
    speech = (channel("a", (2_000, 9_000)), channel("b", (26_000, 33_000)), channel("c", (10_000, 20_000), (34_000, 50_000)))
    return measure([stream(*speech, channel("ivr", (0, 900)), events=told)], THRESHOLDS)


def test_a_transferred_call_is_one_call_of_two_legs() -> None:
    call = transfer()
    row = call.call
    assert (row.leg_count, row.transfer_count, row.ended_by, row.primary_language) == (2, 1, "customer", "en")
    assert (row.start_unix_ms, row.end_unix_ms) == (T0, T0 + 60_000)
    assert [(leg.leg_id, leg.agent_user_id, leg.transferred_out, leg.interaction_ms, leg.hold_ms) for leg in call.legs] == [
        ("call-1", "ana", True, 24_000, 4_500),
        ("call-2", "bob", False, 36_500, 2_000),
    ]
    assert [(leg.answered_unix_ms - T0, leg.ended_unix_ms - T0) for leg in call.legs] == [(1_000, 25_000), (23_000, 59_500)]
    assert [(leg.talk_ms_agent, leg.talk_ms_customer, leg.greeting_latency_ms) for leg in call.legs] == [
        (7_000, 10_000, 1_000),
        (7_000, 16_000, 1_000),
    ]


def test_an_event_belongs_to_the_leg_of_the_agent_it_names() -> None:
    """Also when it comes after the leg, as the old agent's end after a transfer; else to the earliest leg that was open."""
    assert [(row.at_ms, row.leg_id, row.participant) for row in transfer().events] == [
        (0, None, "c"),
        (1_000, "call-1", "a"),
        (20_000, "call-1", "a"),
        (20_500, "call-1", "a"),
        (23_000, "call-2", "b"),
        (25_000, "call-1", "a"),
        (25_100, "call-1", "a"),
        (59_000, "call-2", "c"),
        (59_500, "call-2", "b"),
    ]


def test_channels_have_the_role_of_their_party() -> None:
    assert [(row.channel_id, row.party) for row in transfer().channels] == [
        ("a", "agent"),
        ("b", "agent"),
        ("c", "customer"),
        ("ivr", "other"),
    ]
    mixed = measure([stream(channel("x", party="agent"), mixed_audio=True)], THRESHOLDS)
    assert [row.party for row in mixed.channels] == [None]


def test_a_leg_without_named_agent_takes_the_name_of_its_channel() -> None:
    heard = ChannelAnalysis(channel_id="0", party="agent", user_id="ana", name="Ana", speech=((0, 900),))
    call = measure([stream(heard, channel("1", party="customer"), events=(), product="import")], THRESHOLDS)
    assert [(leg.agent_user_id, leg.agent_name) for leg in call.legs] == [("ana", "Ana")]
    unnamed = CallEvent(at_ms=0, at_unix_ms=T0, name=EventName.USER_ANSWERED, participants=(Participant(channel_id="0"),))
    call = measure([stream(channel("1"), heard, events=[unnamed])], THRESHOLDS)
    assert [(leg.agent_user_id, leg.agent_name) for leg in call.legs] == [("ana", "Ana")]


def test_the_name_in_the_event_goes_before_the_name_of_the_channel() -> None:
    told = [event(0, EventName.USER_ANSWERED, "a", user_id="ana")]
    heard = ChannelAnalysis(channel_id="a", user_id="other", name="Other")
    call = measure([stream(heard, channel("c"), events=told)], THRESHOLDS)
    assert [(leg.agent_user_id, leg.agent_name) for leg in call.legs] == [("ana", "ana")]


def test_an_event_at_the_very_end_of_a_leg_is_in_it_and_a_later_one_in_none() -> None:
    told = [event(0, EventName.USER_ANSWERED, "a"), event(30_000, EventName.USER_END, "a")]
    told += [event(30_000, EventName.CONSUMER_END, "c"), event(30_001, EventName.CONSUMER_END, "c")]
    call = measure([stream(channel("a"), channel("c"), events=told)], THRESHOLDS)
    assert [row.leg_id for row in call.events] == ["call-1", "call-1", "call-1", None]


def test_a_leg_says_what_measured_it() -> None:
    (leg,) = measure([golden_stream()], ThresholdSet(threshold_set_id=7)).legs
    assert (leg.metric_version, leg.threshold_set_id, leg.detector, leg.asr_model) == (METRIC_VERSION, 7, "webrtcvad-3", "tiny")


def test_each_leg_is_measured_with_the_thresholds_of_its_queue() -> None:
    def named(told: CallEvent) -> CallEvent:
        people = tuple(msgspec.structs.replace(person, queue_id="Q_billing") for person in told.participants)
        return msgspec.structs.replace(told, participants=people)

    example = golden_stream()
    of_billing = msgspec.structs.replace(example, events=tuple(map(named, example.events)))
    patient = QueueThresholds(name="patient", queues=("Q_billing",), long_silence_ms=4_600)
    ours, theirs = (measure([one], THRESHOLDS, by_queue=[patient]) for one in (example, of_billing))
    assert [call.legs[0].long_silence_count for call in (ours, theirs)] == [1, 0]  # the one of the example lasts 4.5 s
    assert (ours.thresholds, theirs.thresholds) == ({}, {theirs.legs[0].leg_id: patient.values})  # what the store is told
