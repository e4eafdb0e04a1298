"""Calls played over real sockets to a client of our own making."""

import asyncio
import json
from pathlib import Path

import pytest
import soundfile
from websockets.exceptions import InvalidStatus

from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.scenario import Party

SPEED = 8.0
"""A two-second file is a quarter of a second of wall clock."""


def channel_pcm(wav: Path, number: int) -> bytes:
    samples, _ = soundfile.read(wav, dtype="int16", always_2d=True)
    return samples[:, number].tobytes()


def names(status) -> list[str]:
    return [violation.name for violation in status.violations]


async def query_state(client) -> int:
    """Ask for the stream state; the answer also proves that all before it was handled."""
    client.messages["signaling"] = [message for message in client.messages["signaling"] if message["msg_type"] != 20]
    await client.send("signaling", {"msg_type": 19, "rtms_stream_id": client.stream_id})
    return (await client.expect("signaling", 20))["state"]


# Audio ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", ["max", SPEED])
async def test_a_client_hears_the_bytes_of_the_file(stage, wav, speed):
    client = await stage.call(CallRequest(file=str(wav), speed=speed))
    await client.join()
    await client.ended()
    status = await stage.simulator.wait(client.announced.call)
    assert status.completed, status
    assert [channel.party for channel in status.channels] == ["agent", "customer"]
    for number, channel in enumerate(status.channels):
        heard = client.audio()[channel.channel]
        assert b"".join(heard[timestamp] for timestamp in sorted(heard)) == channel_pcm(wav, number)
        assert client.sha256(channel.channel) == channel.sha256
        assert (channel.packets, channel.bytes, channel.replayed_packets) == (100, 64_000, 0)
        assert channel.first_timestamp == status.start_unix_ms == json.loads(client.announced.body)["event_ts"]
        assert channel.last_timestamp == status.start_unix_ms + 1980
    timestamps = [message["content"]["timestamp"] for message in client.kinds(14, "audio")]
    assert timestamps == sorted(timestamps), "both channels advance together"


@pytest.mark.parametrize("product", ["meeting", "webinar", "video_sdk", "phone"])
async def test_every_product_can_be_joined(stage, wav, product):
    source = "ch-agent-0" if product == "phone" else 16778240
    client = await stage.call(CallRequest(file=str(wav), product=product, speed="max"))
    await client.join()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    assert client.sha256(source) == status.channels[0].sha256
    first = client.kinds(14, "audio")[0]["content"]
    assert (first["user_id"], first["user_name"]) == (16778240, "Agent 1")  # on channels too: Zoom's SDK drops audio without a name


async def test_long_packets_when_asked_for(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join(send_rate=100)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert {len(payload) for payload in client.audio()["ch-agent-0"].values()} == {3200}
    assert client.sha256("ch-agent-0") == status.channels[0].sha256
    assert status.channels[0].packets == 20


async def test_mixed_audio_is_one_source_without_a_name(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join(data_opt=1)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert list(client.audio()) == [0]
    assert [channel.channel for channel in status.channels] == ["0"]
    assert client.sha256(0) == status.channels[0].sha256


async def test_dtx_sends_less_but_the_same(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max", dtx=True))
    await client.join()
    await client.ended()
    channel = stage.simulator.call(client.announced.call).channels[0]
    assert 60 < channel.packets < 100
    assert client.sha256(channel.channel) == channel.sha256


async def test_no_media_before_message_7(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.signal()
    await client.media()
    assert await query_state(client) == 0
    await client.expect("audio", 12)
    assert not client.kinds(14, "audio")
    await client.ready()
    await client.ended()
    assert client.kinds(14, "audio")


async def test_the_backlog_comes_in_a_burst_or_not_at_all(stage, wav):
    for wanted in (True, False):
        client = await stage.call(CallRequest(file=str(wav), speed=1.0))
        await client.signal(buffer_data=wanted)
        await client.expect("signaling", 12)  # 200 ms after the handshake: that much was said meanwhile
        await client.media()
        await client.ready()
        first = await client.expect("audio", 14)
        late_ms = first["content"]["timestamp"] - stage.simulator.call(client.announced.call).start_unix_ms
        assert (late_ms == 0) is wanted
        assert wanted or 200 <= late_ms < 1500
        begins = await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 1)
        assert begins["event"]["timestamp"] == first["content"]["timestamp"]
        status = await stage.simulator.end_call(client.announced.call)
        assert status.channels[0].dropped_ms == late_ms


async def test_real_time_is_kept(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=SPEED))
    begun = asyncio.get_running_loop().time()
    await client.join()
    await client.ended()
    assert asyncio.get_running_loop().time() - begun >= 2.0 / SPEED * 0.9


# Handshakes ----------------------------------------------------------------------------------------------------------


async def test_a_wrong_signature_is_refused_and_may_be_corrected(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    answer = await client.signal(signature="0" * 64)
    assert answer["status_code"] == 3
    assert "media_server" not in answer
    client.messages["signaling"] = []
    await client.send("signaling", {"msg_type": 1} | client.identity())
    corrected = await client.expect("signaling", 2)
    assert corrected["status_code"] == 0
    url = corrected["media_server"]["server_urls"]["audio"]
    assert (await client.media(url=url, signature="0" * 64))["status_code"] == 3
    assert names(stage.simulator.call(client.announced.call)) == ["wrong signature", "wrong signature"]


async def test_one_link_per_kind(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.signal()
    assert (await stage.another(client).signal())["status_code"] == 8
    assert (await client.media("audio"))["status_code"] == 0
    assert (await client.media("audio again", url=client.media_urls["all"]))["status_code"] == 16
    assert (await client.media("all", 32))["status_code"] == 16
    assert (await client.media("transcript", 8))["status_code"] == 0
    whole = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await whole.signal()
    assert (await whole.media("all", 32))["status_code"] == 0
    assert (await whole.media("audio"))["status_code"] == 15
    assert names(stage.simulator.call(whole.announced.call)) == []


async def test_foreign_clients_take_liberties(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    client.binary = True
    older = {"engagement_id": None, "meeting_uuid": client.payload["engagement_id"], "sequence": None}
    assert (await client.signal(**older))["status_code"] == 0
    url = client.media_urls["audio"]
    answer = await client.media("audio", 32, url=url, media_params=None, sequence=..., protocol_version=...)
    assert answer["status_code"] == 0
    assert answer["sequence"] == 1
    assert answer["media_params"]["audio"]["send_rate"] == 20
    assert answer["media_params"]["transcript"]["src_language"] == 9
    await client.ready()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    assert client.sha256(0) == status.channels[0].sha256


async def test_unknown_addresses_are_refused_at_the_door(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    url = client.payload["server_urls"]
    for wrong in (url + "0", url.replace("signaling", "media"), url.replace("signaling", "media") + "/pictures"):
        with pytest.raises(InvalidStatus):
            await client.open("nowhere", wrong)


@pytest.mark.stage(handshake_s=0.05)
async def test_a_silent_socket_is_closed(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.open("signaling", client.payload["server_urls"])
    await client.ended()
    (link,) = stage.simulator.call(client.announced.call).links
    assert (link.accepted, link.ended_by) == (False, "no handshake in time")


# Events and queries --------------------------------------------------------------------------------------------------


async def test_events_of_contact_center(stage, wav):
    agent_party = Party(party="agent", name="Ana Lind", queue_id="Q1", queue_name="Support EN")
    parties = (agent_party, Party(party="customer", phone_number="+4312345"))
    client = await stage.call(CallRequest(file=str(wav), channels=parties, speed="max"))
    await client.join()
    await client.ended()
    events = client.events()
    assert [event["event_type"] for event in events] == [10, 8, 1, 11, 9]
    agent, customer = events[0], events[1]
    start = json.loads(client.announced.body)["event_ts"]
    assert agent["event_ts"] == start
    assert agent["participant_info"] == {
        "channel_id": "ch-agent-0",
        "participant_mode": "callee",
        "queue_id": "Q1",
        "queue_name": "Support EN",
        "user_id": "usr_agent_0",
        "display_name": "Ana Lind",
    }
    assert customer["participant_info"]["phone_number"] == "+4312345"
    assert events[3]["event_ts"] == start + 2000


async def test_events_of_meetings(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), product="meeting", speed="max"))
    await client.join()
    await client.ended()
    joined = [event for event in client.events() if event["event_type"] == 3]
    assert joined[0]["participants"] == [{"user_id": 16778240, "user_name": "Agent 1"}]
    left = [event for event in client.events() if event["event_type"] == 4]
    assert left[0]["participants"] == [{"user_id": 16778240}]
    assert left[0]["timestamp"] - joined[0]["timestamp"] == 2000


async def test_only_subscribed_events_come_but_those_that_happened_come_late(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.signal()
    await client.media()
    await client.ready()
    await client.expect("audio", 14)
    assert [event["event_type"] for event in client.events()] == [1], "event 1 needs no subscription"
    await client.subscribe(8)
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 8)
    assert await query_state(client) == 1
    assert 10 not in [event["event_type"] for event in client.events()]
    changes = [{"event_type": 8, "subscribe": False}, {"event_type": 11, "subscribe": True}]
    await client.send("signaling", {"msg_type": 5, "events": changes})
    await client.ended()
    assert [event["event_type"] for event in client.events()] == [1, 8, 11]


async def test_states_are_told_and_answered(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.signal()
    session = (await client.expect("signaling", 9))["rtms_session_id"]
    assert await query_state(client) == 0
    await client.send("signaling", {"msg_type": 10, "rtms_session_id": session})
    answer = await client.expect("signaling", 11)
    assert (answer["rtms_session_id"], answer["state"]) == (session, 2)
    await client.media()
    await client.ready()
    await client.ended()
    states = [(message["state"], message["reason"], message["stop_reason"]) for message in client.kinds(8)]
    assert states == [(1, 0, 0), (3, 21, 21), (4, 21, 21)]
    assert [message["state"] for message in client.kinds(9)] == [2, 5]


async def test_video_subscriptions_are_confirmed_once(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), product="meeting", speed=1.0))
    await client.signal()
    for wanted, status in ((True, 0), (True, 44), (False, 0), (True, 0)):
        client.messages["signaling"] = []
        await client.send("signaling", {"msg_type": 28, "user_id": 16778240, "subscribe": wanted, "timestamp": 1})
        answer = await client.expect("signaling", 29)
        assert (answer["user_id"], answer["status_code"]) == (16778240, status)


# The end -------------------------------------------------------------------------------------------------------------


async def test_a_call_is_ended_from_outside(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.join()
    await client.expect("audio", 14)
    status = await stage.simulator.end_call(client.announced.call, 8)
    await client.ended()
    assert (status.state, status.stop_reason) == ("ended", 8)
    assert client.kinds(8)[-1]["reason"] == 8
    assert [socket.close_code for socket in client.links.values()] == [1000, 1000]
    assert client.sha256("ch-agent-0") == status.channels[0].sha256
    again = await stage.simulator.end_call(client.announced.call, 6)
    assert again.stop_reason == 8, "ended once"
    with pytest.raises(InvalidStatus):
        await client.open("signaling", client.payload["server_urls"])


async def test_a_client_may_ask_for_the_end(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    await client.join()
    await client.send("signaling", {"msg_type": 21, "rtms_stream_id": client.stream_id})
    assert (await client.expect("signaling", 22))["status_code"] == 0
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert (status.stop_reason, status.violations) == (20, ())


@pytest.mark.stage(join_s=0.1)
async def test_nobody_comes(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    status = await stage.simulator.wait(client.announced.call)
    assert (status.stop_reason, status.completed) == (11, False)
    assert all(channel.packets == 0 for channel in status.channels)


# Keep-alives ---------------------------------------------------------------------------------------------------------


async def test_keep_alives_on_every_link(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=2.0))
    await client.join()
    for link in ("signaling", "audio"):
        asked = await client.expect(link, lambda message: message.get("msg_type") == 12 and message["sequence"] == 3)
        assert asked["timestamp"] > 1.6e12
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    for link in status.links:
        assert link.keep_alives >= 3
        assert link.keep_alives_answered >= link.keep_alives - 1
        assert 0 <= link.max_answer_delay_ms < 200


@pytest.mark.stage(keep_alive_s=0.05, signaling_window_s=0.2)
async def test_three_unanswered_keep_alives_cut_the_link(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=0.5))
    client.answer_keep_alives = False
    await client.join()
    await client.ended()
    status = await stage.simulator.wait(client.announced.call)
    assert "keep-alives unanswered" in names(status)
    assert status.stop_reason == 19
    assert max(link.keep_alives for link in status.links) == 3


async def test_a_keep_alive_with_another_timestamp_is_no_answer(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0))
    client.answer_keep_alives = False
    await client.signal()
    asked = await client.expect("signaling", 12)
    await client.send("signaling", {"msg_type": 13, "timestamp": asked["timestamp"] + 1})
    await client.send("signaling", {"msg_type": 13})
    await query_state(client)
    status = stage.simulator.call(client.announced.call)
    assert names(status) == ["keep-alive with a wrong timestamp"] * 2
    assert status.links[0].keep_alives_answered == 0


# What a client must not do -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "message", "name"),
    [
        ("signaling", "{no json", "bad JSON"),
        ("signaling", b"\xff\xfe", "bad JSON"),
        ("signaling", [1, 2], "bad JSON"),
        ("signaling", {"msg_type": "READY"}, "bad msg_type"),
        ("signaling", {}, "bad msg_type"),
        ("signaling", {"msg_type": 99}, "unknown msg_type"),
        ("signaling", {"msg_type": 12, "timestamp": 1}, "unknown msg_type"),
        ("signaling", {"msg_type": 3}, "message on the wrong link"),
        ("signaling", {"msg_type": 1}, "second handshake"),
        ("signaling", {"msg_type": 7, "rtms_stream_id": "other"}, "wrong stream id"),
        ("signaling", {"msg_type": 5, "events": [{"event_type": 1, "subscribe": True}]}, "subscribed to an automatic event"),
        ("signaling", {"msg_type": 5, "events": [{"event_type": 7, "subscribe": True}]}, "subscribed to an automatic event"),
        ("signaling", {"msg_type": 5}, "bad subscription"),
        ("signaling", {"msg_type": 10, "rtms_session_id": "other"}, "unknown session id"),
        ("signaling", {"msg_type": 21, "rtms_stream_id": "other"}, "wrong stream id"),
        ("signaling", {"msg_type": 28, "user_id": "x", "subscribe": True}, "bad video subscription"),
        ("audio", {"msg_type": 7}, "ready on a media link"),
        ("audio", {"msg_type": 3}, "second handshake"),
        ("audio", {"msg_type": 19}, "message on the wrong link"),
    ],
)
async def test_violations_are_named_and_survived(stage, wav, link, message, name):
    client = await stage.call(CallRequest(file=str(wav), speed=SPEED))
    await client.join()
    await client.send(link, message)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert [(violation.name, violation.link) for violation in status.violations] == [(name, link)]
    assert not status.completed
    assert client.sha256("ch-agent-0") == status.channels[0].sha256


async def test_the_order_of_a_handshake(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    media_url = client.payload["server_urls"].replace("signaling", "media") + "/audio"
    assert (await client.media(url=media_url))["status_code"] == 4
    await client.open("signaling", client.payload["server_urls"])
    await client.send("signaling", {"msg_type": 5, "events": []})
    await client.send("signaling", {"msg_type": 1} | client.identity())
    await client.expect("signaling", 2)
    await client.ready()
    await query_state(client)
    status = stage.simulator.call(client.announced.call)
    assert names(status) == ["media before signaling", "message before handshake", "ready before media"]
