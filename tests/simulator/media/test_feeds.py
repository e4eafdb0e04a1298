"""Cutting, going back, dropping and counting, as values."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator import wire
from cc_voice.simulator.media.feeds import AudioFeed, ChatQueue, EventQueue, LineQueue, Packet, Tally, loud_frames, mixed
from cc_voice.simulator.media.sound import Frames, SoundEncoding
from cc_voice.simulator.scenario import BYTES_PER_MS, ChatLine, Event, Party, Script, ScriptChannel, ScriptLine
from cc_voice.simulator.wire import WireCodec


def track(key: str, duration_ms: int, *, start_ms: int = 0, value: int | None = None) -> ScriptChannel:
    """A track whose every sample tells where it belongs, or a constant one."""
    samples = np.arange(duration_ms * 16) % 30_000 if value is None else np.full(duration_ms * 16, value)
    return ScriptChannel(
        who=Party(channel_id=key), key=key, pcm=samples.astype("<i2").tobytes(), start_ms=start_ms, end_ms=duration_ms
    )


def test_packets_come_in_time_order_over_all_sources():
    feed = AudioFeed([track("a", 100), track("b", 100, start_ms=45)])
    packets = [(packet.key, packet.at_ms) for packet in feed.take(99)]
    assert packets == [("a", 0), ("a", 20), ("a", 40), ("b", 45), ("a", 60), ("b", 65)]
    assert [(packet.key, packet.at_ms) for packet in feed.take(100)] == [("a", 80), ("b", 85)]
    assert feed.finished
    assert feed.next_due_ms() is None


def test_a_packet_is_due_when_it_was_said():
    feed = AudioFeed([track("a", 100)])
    assert not list(feed.take(19))
    assert [packet.at_ms for packet in feed.take(20)] == [0]


def test_the_last_packet_is_due_at_the_end_of_the_call_and_filled_with_silence():
    feed = AudioFeed([track("a", 30)], send_rate_ms=100)
    assert not list(feed.take(29))
    (packet,) = feed.take(30)
    assert feed.finished
    assert len(packet.payload) == 3200
    assert packet.payload[30 * BYTES_PER_MS :] == bytes(70 * BYTES_PER_MS)


@given(
    steps=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([20, 60, 100, 1000])), max_size=8),
    start_ms=st.integers(0, 300),
)
def test_going_back_and_changing_the_packet_length_loses_and_doubles_nothing(steps, start_ms):
    source = track("a", 2000, start_ms=start_ms)
    feed = AudioFeed([source])
    packets: list[Packet] = []
    for until_ms, back_to_ms, rate_ms in steps:
        packets += feed.take(until_ms)
        feed.rewind(back_to_ms)
        feed.retune(rate_ms)
    packets += feed.take(10_000)
    sound = bytearray(4000 * BYTES_PER_MS)
    for packet in packets:
        assert packet.payload.rstrip(b"\0") == source.pcm[packet.at_ms * BYTES_PER_MS :][: len(packet.payload)].rstrip(b"\0")
        sound[packet.at_ms * BYTES_PER_MS : packet.at_ms * BYTES_PER_MS + len(packet.payload)] = packet.payload
    assert bytes(sound[start_ms * BYTES_PER_MS : 2000 * BYTES_PER_MS]) == source.pcm[start_ms * BYTES_PER_MS :]
    result = feed.tallies["a"].result(0)
    end_ms = max(packet.at_ms + len(packet.payload) // BYTES_PER_MS for packet in packets)
    whole = source.pcm[start_ms * BYTES_PER_MS :].ljust((end_ms - start_ms) * BYTES_PER_MS, b"\0")
    assert result.sha256 == hashlib.sha256(whole).hexdigest()
    assert result.bytes == len(whole)
    assert result.packets + result.replayed_packets == len(packets)


def test_replayed_packets_keep_their_timestamps():
    feed = AudioFeed([track("a", 200, start_ms=7)])
    first = [packet.at_ms for packet in feed.take(150)]
    feed.rewind(90)
    again = [packet.at_ms for packet in feed.take(150)]
    assert again == [87, 107, 127]
    assert set(again) <= set(first)


def test_dropped_audio_does_not_come_back():
    feed = AudioFeed([track("a", 1000)])
    feed.skip_to(505)
    feed.rewind(0)
    assert [packet.at_ms for packet in feed.take(560)] == [520, 540]
    assert feed.tallies["a"].result(0).dropped_ms == 520


def test_nothing_is_dropped_after_the_end():
    feed = AudioFeed([track("a", 100)])
    list(feed.take(100))
    feed.skip_to(5000)
    assert feed.tallies["a"].result(0).dropped_ms == 0
    assert feed.finished


def test_tally_gives_times_and_counts():
    tally = Tally(track("a", 100))
    for at_ms in (0, 20, 0, 20, 40):
        tally.add(Packet("a", at_ms, bytes([at_ms]) * 640))
    result = tally.result(1_000_000)
    assert (result.packets, result.replayed_packets, result.bytes) == (3, 2, 1920)
    assert (result.first_timestamp, result.last_timestamp) == (1_000_000, 1_000_040)
    assert result.sha256 == hashlib.sha256(bytes(640) + bytes([20]) * 640 + bytes([40]) * 640).hexdigest()


@given(
    steps=st.lists(st.tuples(st.sampled_from(["take", "rewind", "lose"]), st.integers(0, 2500)), max_size=12),
    rate_ms=st.sampled_from([20, 100]),
)
def test_what_is_lost_is_never_sent_and_what_was_sent_can_be_sent_again(steps, rate_ms):
    source = track("a", 2000)
    feed = AudioFeed([source], send_rate_ms=rate_ms)
    packets: list[Packet] = []
    for step, at_ms in steps:
        if step == "take":
            packets += feed.take(at_ms)
        else:
            getattr(feed, step)(at_ms)
    feed.rewind(0)
    again = list(feed.take(10_000))
    times = [packet.at_ms for packet in again]
    assert times == sorted(set(times)), "each once, in order"
    assert {packet.at_ms for packet in packets} <= set(times), "all that was ever sent is there to be sent again"
    result = feed.tallies["a"].result(0)
    assert result.packets == len(again)
    assert len(again) * rate_ms + result.dropped_ms == 2000
    assert result.sha256 == hashlib.sha256(b"".join(packet.payload for packet in again)).hexdigest()


@given(steps=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=8), start_ms=st.integers(0, 99))
def test_packets_that_cannot_be_divided_are_counted_once(steps, start_ms):
    """As Opus in place of what the script holds: every frame once, however often a link was lost."""
    count = -(-(2000 - start_ms) // 20)
    names = tuple(f"<{number}>".encode() for number in range(count))
    feed = AudioFeed([track("a", 2000, start_ms=start_ms)])
    feed.retune(20, {"a": Frames(names, phase_ms=start_ms)})
    for until_ms, back_to_ms in steps:
        list(feed.take(until_ms))
        feed.rewind(back_to_ms)
    list(feed.take(10_000))
    result = feed.tallies["a"].result(0)
    assert (result.packets, result.sha256) == (count, hashlib.sha256(b"".join(names)).hexdigest())


def test_a_feed_in_another_encoding_goes_on_where_it_was():
    source = track("a", 400, start_ms=30)
    feed = AudioFeed([source])
    before = list(feed.take(100))
    feed.retune(20, feed.encoded(SoundEncoding(codec=WireCodec.G711, rate_hz=8000)))
    after = list(feed.take(400))
    assert [packet.at_ms for packet in (*before, *after)] == list(range(30, 400, 20))
    assert {len(packet.payload) for packet in before} == {640}
    assert {len(packet.payload) for packet in after} == {160}
    assert feed.tallies["a"].result(0).bytes == 640 * len(before) + 160 * len(after)


def test_dtx_sends_sound_and_its_surroundings_only():
    samples = np.zeros(2000 * 16, dtype="<i2")
    samples[1000 * 16 : 1100 * 16] = 5000
    quiet = ScriptChannel(who=Party(channel_id="a"), key="a", pcm=samples.tobytes(), start_ms=0, end_ms=2000)
    sent = [packet.at_ms for packet in AudioFeed([quiet], dtx=True).take(2000)]
    assert sent == list(range(800, 1300, 20))
    assert not loud_frames(bytes(640 * 10)).any()
    assert not loud_frames(b"").any()


def test_mixed_audio_is_the_clipped_sum_of_who_is_there():
    script = Script(
        name="x",
        title="x",
        product=wire.PRODUCTS["meeting"],
        language="en",
        duration_ms=60,
        tracks=(track("a", 60, value=20_000), track("b", 40, start_ms=20, value=20_000)),
        events=(),
        lines=(),
        stop_reason=6,
    )
    samples = np.frombuffer(mixed(script).pcm, dtype="<i2").reshape(3, 320)
    assert samples.max(axis=1).tolist() == samples.min(axis=1).tolist() == [20_000, 32_767, 20_000]


def answered(at_ms: int, channel: str, number: int = 10) -> Event:
    return Event(at_ms=at_ms, event_type=number, channel_id=channel)


def test_events_wait_for_their_subscriber():
    queue = EventQueue([answered(50, "a"), answered(-20, "c", 8), Event(at_ms=60, event_type=12, channel_id="a")])
    assert queue.next_due_ms() == -20
    queue.happen(55)
    assert not list(queue.take(frozenset({12})))
    assert [event.at_ms for event in queue.take(frozenset({8, 10}))] == [-20, 50]
    assert not list(queue.take(frozenset({8, 10})))
    queue.happen(1000)
    assert [event.event_type for event in queue.take(frozenset({12}))] == [12]


def test_a_new_subscriber_hears_who_is_still_on_the_call():
    queue = EventQueue([answered(0, "c", 8), answered(10, "a"), answered(20, "b"), answered(30, "a", 11)])
    queue.happen(40)
    assert len(list(queue.take(frozenset({8, 10, 11})))) == 4
    queue.recall(frozenset({8, 10, 11}))
    again = [(event.event_type, event.channel_id) for event in queue.take(frozenset({8, 10, 11}))]
    assert again == [(8, "c"), (10, "b")]


def test_an_event_given_up_half_way_is_not_told_twice():
    queue = EventQueue([answered(0, "a"), answered(1, "b")])
    queue.happen(5)
    next(queue.take(frozenset({10})))  # the link died here
    assert [event.channel_id for event in queue.take(frozenset({10}))] == ["b"]


def test_lines_are_known_a_while_after_they_were_said():
    queue = LineQueue([ScriptLine(start_ms=0, end_ms=900, text="b"), ScriptLine(start_ms=0, end_ms=500, text="a")])
    assert queue.next_due_ms() == 900
    assert [line.text for line in queue.take(899)] == []
    assert [line.text for line in queue.take(5000)] == ["a", "b"]
    assert queue.next_due_ms() is None


@pytest.mark.parametrize("rate_ms", [20, 40, 1000])
def test_timestamps_advance_by_the_send_rate(rate_ms):
    times = [packet.at_ms for packet in AudioFeed([track("a", 3000)], send_rate_ms=rate_ms).take(3000)]
    assert {after - before for before, after in pairwise(times)} == {rate_ms}


def test_chat_comes_when_it_was_written_and_once():
    lines = [ChatLine(at_ms=at_ms, text=str(at_ms), user_id="1", message_id="m") for at_ms in (500, 100)]
    queue = ChatQueue(lines)
    assert queue.next_due_ms() == 100
    assert [line.text for line in queue.take(499)] == ["100"]
    assert [line.text for line in queue.take(5000)] == ["500"]
    assert queue.next_due_ms() is None


def test_an_event_may_be_told_later_than_it_happened():
    queue = EventQueue([Event(at_ms=0, event_type=8, channel_id="c", late_ms=100), answered(50, "a")])
    queue.happen(60)
    assert [event.event_type for event in queue.take(frozenset({8, 10}))] == [10]
    queue.happen(100)
    assert [event.at_ms for event in queue.take(frozenset({8, 10}))] == [0]


def test_cameras_of_others_do_not_hide_one_that_is_on():
    """Numbers 8 and 9 of a meeting: by user, as there is no channel to tell them apart."""
    on = [Event(at_ms=0, event_type=8, user_id=user) for user in ("1", "2")]
    queue = EventQueue([*on, Event(at_ms=10, event_type=9, user_id="1")])
    queue.happen(20)
    list(queue.take(frozenset({8})))
    queue.recall(frozenset({8}))
    assert [event.user_id for event in queue.take(frozenset({8}))] == ["2"]
