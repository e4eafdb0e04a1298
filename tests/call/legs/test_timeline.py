"""Several streams of one call on one clock: what moves, what merges, and what is a gap."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import ChannelAnalysis, Echo, SecondLevel, StreamAnalysis
from cc_voice.call.events import EventName
from cc_voice.call.intervals import length, union
from cc_voice.call.legs.timeline import merge
from tests.call.calls import channel, local, stream, zoom
from tests.call.golden import T0, event
from tests.call.strategies import streams
from tests.conftest import examples


def test_a_call_without_a_stream_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="without a stream"):
        merge([])


def test_one_stream_is_the_call() -> None:
    timeline = merge([stream(channel("a", (0, 100)), media_gaps=((5_000, 6_000),))])
    assert (timeline.t0_unix_ms, timeline.duration_ms) == (T0, 60_000)
    assert timeline.heard == ((0, 5_000), (6_000, 60_000))
    assert timeline.gaps == ((5_000, 6_000),)


def test_the_earliest_stream_sets_the_clock_and_everything_of_the_later_moves() -> None:
    first = stream(ChannelAnalysis(channel_id="a", speech=((0, 100),)), duration_ms=10_000, events=())
    heard = ChannelAnalysis(channel_id="a", speech=((0, 500),), first_packet_ms=20, received_ms=900)
    second = stream(
        heard,
        events=[event(100, EventName.USER_HOLD, "a", t0=T0 + 15_000)],
        utterances=[local("a", (0, 500), "one two"), zoom("a", (600, 700), "three")],
        media_gaps=((1_000, 2_000),),
        later_ms=15_000,
    )
    timeline = merge([second, first])
    assert (timeline.t0_unix_ms, timeline.duration_ms) == (T0, 75_000)
    assert timeline.channels == (
        ChannelAnalysis(channel_id="a", speech=((0, 100), (15_000, 15_500)), first_packet_ms=15_020, received_ms=900),
    )
    assert [(told.at_ms, told.at_unix_ms) for told in timeline.events] == [(15_100, T0 + 15_100)]
    assert [(said.start_ms, said.end_ms) for said in timeline.utterances] == [(15_000, 15_500), (15_600, 15_700)]
    assert [(word.start_ms, word.end_ms) for word in timeline.utterances[0].words] == [(15_000, 15_250), (15_250, 15_500)]
    assert [(word.start_ms, word.end_ms) for word in timeline.utterances[1].words] == [(None, None)]
    assert timeline.gaps == ((10_000, 15_000), (16_000, 17_000))


def test_a_gap_of_one_stream_that_another_heard_is_none() -> None:
    first = stream(media_gaps=((30_000, 60_000),))
    assert merge([first, stream(later_ms=25_000)]).gaps == ()
    assert merge([first, stream(later_ms=35_000)]).gaps == ((30_000, 35_000),)


def test_a_longer_earlier_stream_keeps_the_call_long() -> None:
    assert merge([stream(), stream(later_ms=1_000, duration_ms=2_000)]).duration_ms == 60_000


def test_a_channel_seen_twice_is_one_and_learns_what_was_unknown() -> None:
    first = stream(ChannelAnalysis(channel_id="a", received_ms=1_000, first_packet_ms=0), channel("c"))
    second = stream(
        ChannelAnalysis(channel_id="a", name="Ana", user_id="ana", party="agent", received_ms=500, first_packet_ms=9),
        later_ms=70_000,
    )
    known, customer = merge([first, second]).channels
    assert (known.channel_id, known.name, known.user_id, known.party) == ("a", "Ana", "ana", "agent")
    assert (known.received_ms, known.first_packet_ms, customer.channel_id) == (1_500, 0, "c")


def test_music_and_tones_of_all_streams_are_on_the_calls_clock() -> None:
    first = stream(ChannelAnalysis(channel_id="a", music=((5_000, 9_000), (1_000, 2_000)), tones=((0, 100),)))
    second = stream(ChannelAnalysis(channel_id="a", music=((0, 3_000),), tones=((500, 600),)), later_ms=70_000)
    (known,) = merge([first, second]).channels
    assert known.music == ((1_000, 2_000), (5_000, 9_000), (70_000, 73_000))
    assert known.tones == ((0, 100), (70_500, 70_600))


def test_levels_and_echoes_of_all_streams_are_on_the_calls_clock() -> None:
    early, late = Echo("c", 200, ((2_000, 90),)), Echo("c", 240, ((2_000, 80),))
    first = stream(
        ChannelAnalysis(channel_id="a", levels=(SecondLevel(800, -200, 0, None), SecondLevel(noise_cb=-600)), echoes=(early,))
    )
    second = stream(ChannelAnalysis(channel_id="a", levels=(SecondLevel(500, -300, 9, None),), echoes=(late,)), later_ms=2_800)
    (known,) = merge([second, first]).channels
    assert known.echoes == (Echo("c", 200, ((2_000, 90),)), Echo("c", 240, ((4_800, 80),)))
    assert [level.level_cb for level in known.levels] == [-200, None, None, -300]


def test_what_the_first_stream_knew_is_not_overwritten() -> None:
    first = stream(ChannelAnalysis(channel_id="a", name="Ana", party="agent"))
    second = stream(ChannelAnalysis(channel_id="a", name="Bob", party="customer"), later_ms=70_000)
    (known,) = merge([first, second]).channels
    assert (known.name, known.party) == ("Ana", "agent")


def test_an_event_that_a_second_stream_repeats_counts_once() -> None:
    answered = event(0, EventName.CONSUMER_ANSWERED, "c")
    repeated = msgspec.structs.replace(answered, at_ms=-70_000)
    both = merge([stream(events=[answered]), stream(events=[repeated], later_ms=70_000)])
    assert [told.at_ms for told in both.events] == [0]


def test_events_are_in_order_of_time_and_equal_times_in_order_of_arrival() -> None:
    told = [
        event(500, EventName.USER_END, "a"),
        event(100, EventName.USER_HOLD, "a"),
        event(100, EventName.TRANSFER_ACCEPTED, "b"),
        event(100, EventName.USER_ANSWERED, "b"),
    ]
    assert [said.name for said in merge([stream(events=told)]).events] == [
        EventName.USER_HOLD,
        EventName.TRANSFER_ACCEPTED,
        EventName.USER_ANSWERED,
        EventName.USER_END,
    ]


@pytest.mark.parametrize(
    ("call", "mixed"),
    [
        (stream(channel("0"), product="import"), True),
        (stream(channel("0", party="agent"), product="import"), False),
        (stream(channel("0"), channel("1"), product="import"), False),
        (stream(channel("0")), False),
        (stream(channel("0"), mixed_audio=True), True),
    ],
)
def test_one_channel_of_an_import_that_nobody_gave_a_party_is_mixed(call: StreamAnalysis, mixed: bool) -> None:
    assert merge([call]).mixed_audio is mixed


def test_the_last_stream_tells_why_the_call_stopped_and_the_latest_model_counts() -> None:
    first = msgspec.structs.replace(stream(), stop_reason=3, detector="old")
    second = msgspec.structs.replace(stream(later_ms=70_000, asr_model=None), stop_reason=21, detector="new")
    timeline = merge([second, first])
    assert (timeline.stop_reason, timeline.detector, timeline.asr_model) == (21, "new", "tiny")


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(streams(), min_size=1, max_size=3))
def test_heard_and_gaps_are_the_call_and_speech_is_never_lost(many: list[StreamAnalysis]) -> None:
    timeline = merge(many)
    assert length(timeline.heard) + length(timeline.gaps) == timeline.duration_ms
    assert union(timeline.heard, timeline.gaps) == (((0, timeline.duration_ms),) if timeline.duration_ms else ())
    assert len({one.channel_id for one in timeline.channels}) == len(timeline.channels)
    assert list(timeline.events) == sorted(timeline.events, key=lambda told: told.at_ms)
    assert len(timeline.utterances) == sum(len(one.utterances) for one in many)
    for one in many:
        offset = one.t0_unix_ms - timeline.t0_unix_ms
        for theirs in one.channels:
            (known,) = (mine for mine in timeline.channels if mine.channel_id == theirs.channel_id)
            there = tuple((start + offset, end + offset) for start, end in theirs.speech)
            assert union(known.speech, there) == known.speech


@settings(max_examples=examples(60), deadline=None)
@given(streams(1), streams(2), streams(3))
def test_the_order_in_which_streams_are_given_means_nothing(
    first: StreamAnalysis, second: StreamAnalysis, third: StreamAnalysis
) -> None:
    assert merge([first, second, third]) == merge([third, second, first]) == merge([second, third, first])
