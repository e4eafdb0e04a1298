"""Every media type over real sockets: audio in other encodings, pictures, chat, and who has scopes for what."""

import base64
import hashlib
from itertools import pairwise

import pytest

from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.media.sound import encodable
from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.wire import WireCodec

FIRST, SECOND = 16778240, 16779264
"""User ids of the two parties of a meeting."""
ONLY_WITH_AV = pytest.mark.skipif(WireCodec.OPUS not in encodable(), reason="needs the extra codecs")


async def meeting(stage, wav, **request):
    client = await stage.call(CallRequest(**({"file": str(wav), "product": "meeting", "speed": 1.0} | request)))
    await client.signal()
    return client


def contents(client, link: str, number: int) -> list[dict]:
    return [message["content"] for message in client.kinds(number, link)]


def sha256(found: list[dict]) -> str:
    return hashlib.sha256(b"".join(base64.b64decode(content["data"]) for content in found)).hexdigest()


# Audio ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "packet_bytes"),
    [
        ({"sample_rate": 0}, 320),
        ({"sample_rate": 3, "channel": 2}, 3840),
        ({"sample_rate": 2, "send_rate": 100}, 6400),
        ({"codec": 2, "sample_rate": 0}, 160),
        pytest.param({"codec": 3}, 160, marks=ONLY_WITH_AV),
        pytest.param({"codec": 4, "sample_rate": 3}, None, marks=ONLY_WITH_AV),
    ],
)
async def test_audio_as_asked_for(stage, wav, asked, packet_bytes):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.join(**asked)
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    assert client.kinds(4, "audio")[0]["media_params"]["audio"].items() >= asked.items()
    for channel in status.channels:
        packets = client.audio()[channel.channel]
        assert packet_bytes is None or {len(payload) for payload in packets.values()} == {packet_bytes}
        assert (channel.packets, channel.bytes) == (len(packets), sum(map(len, packets.values())))
        assert client.sha256(channel.channel) == channel.sha256


@pytest.mark.skipif(WireCodec.OPUS in encodable(), reason="the extra codecs is installed")
async def test_opus_is_refused_without_an_encoder_and_the_baseline_is_not(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max"))
    await client.signal()
    assert (await client.media(media_params={"audio": {"codec": 4, "sample_rate": 3}}))["status_code"] == 22
    await client.send("audio", {"msg_type": 3, "media_type": 1, "media_params": {"audio": {"data_opt": 2}}} | client.identity())
    await client.expect("audio", lambda message: message["msg_type"] == 4 and message["status_code"] == 0)
    await client.ready()
    await client.ended()
    assert stage.simulator.call(client.announced.call).completed


async def test_another_encoding_after_a_reconnect(stage, wav):
    """What comes again is as old as before; what is counted is what was sent first."""
    client = await stage.call(CallRequest(file=str(wav), speed=4.0))
    await client.join()
    await client.expect("audio", lambda message: len(client.kinds(14, "audio")) >= 10)
    stage.simulator.drop(client.announced.call, "media")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    before = set(client.audio()["ch-agent-0"])
    client.messages["audio"].clear()
    await client.media(media_params={"audio": {"codec": 2, "sample_rate": 0, "data_opt": 2}})
    await client.ready()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed
    assert {len(payload) for payload in client.audio()["ch-agent-0"].values()} == {160}
    assert len(before | set(client.audio()["ch-agent-0"])) == 100


# Pictures and chat ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "media_type", "number"), [("video", 2, 15), ("deskshare", 4, 16)])
@pytest.mark.parametrize(
    ("asked", "magic"),
    [
        ({}, b"\xff\xd8"),
        ({"codec": 6, "fps": 5, "resolution": 1}, b"\x89PNG"),
        pytest.param({"codec": 7, "fps": 10}, b"\0\0\0\1", marks=ONLY_WITH_AV),
    ],
)
async def test_pictures_are_sent_and_counted(stage, wav, kind, media_type, number, asked, magic):
    client = await meeting(stage, wav)
    answer = await client.media(kind, media_type, media_params={kind: asked})
    echo = answer["media_params"][kind]
    assert echo.items() >= asked.items()
    await client.ready()
    await client.ended()
    status = stage.simulator.call(client.announced.call)
    assert status.completed, status
    (sent,) = status.pictures
    found = contents(client, kind, number)
    assert (sent.kind, sent.pictures) == (kind, len(found))
    assert sent.sha256 == sha256(found)
    assert all(base64.b64decode(content["data"]).startswith(magic) for content in found)
    assert found[0].keys() == {"user_id", "user_name", "data", "length", "timestamp"}
    gaps = {after["timestamp"] - before["timestamp"] for before, after in pairwise(found)}
    assert gaps <= {1000 // echo["fps"], 1000 // echo["fps"] + 1}
    assert kind == "video" or {content["user_id"] for content in found} == {FIRST}


async def test_one_camera_at_a_time(stage, wav):
    client = await meeting(stage, wav, speed=1.0)
    await client.subscribe(8, 9)
    on = await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 8)
    assert on["event"]["participants"] == [{"user_id": FIRST}]
    await client.media("video", 2, media_params={"video": {"data_opt": 4, "resolution": 1}})
    await client.media("audio", 1)
    await client.ready()
    await client.expect("audio", lambda message: len(client.kinds(14, "audio")) >= 15)
    assert not client.kinds(15, "video"), "no picture before a subscription"
    await client.send("signaling", {"msg_type": 28, "user_id": SECOND, "subscribe": True, "timestamp": 1})
    shown = await client.expect("video", 15)
    assert shown["content"]["user_id"] == SECOND
    await client.send("signaling", {"msg_type": 28, "user_id": FIRST, "subscribe": True, "timestamp": 2})
    await client.expect("video", lambda message: message.get("content", {}).get("user_id") == FIRST)
    await client.send("signaling", {"msg_type": 28, "user_id": FIRST, "subscribe": False, "timestamp": 3})
    await client.ended()
    last = [content["user_id"] for content in contents(client, "video", 15)][-1]
    assert last == FIRST
    assert stage.simulator.call(client.announced.call).completed


async def test_a_subscription_to_nobody_is_named(stage, wav):
    client = await meeting(stage, wav)
    await client.send("signaling", {"msg_type": 28, "user_id": 1, "subscribe": True, "timestamp": 1})
    await client.expect("signaling", 29)
    (violation,) = stage.simulator.call(client.announced.call).violations
    assert violation.name == "video subscription to nobody"


@pytest.mark.parametrize("speed", ["max", 4.0])
async def test_chat(stage, wav, speed):
    client = await meeting(stage, wav, speed=speed)
    await client.media("chat", 16)
    await client.ready()
    await client.ended()
    said = contents(client, "chat", 18)
    assert [(line["sender"]["user_id"], line["operation_type"], line["data"]) for line in said] == [
        (FIRST, 1, "Hello, Agent 1 here"),
        (SECOND, 1, "Hello, Customer 2 here"),
        (FIRST, 3, "Hello!"),
    ]
    assert said[2]["message_id"] == said[0]["message_id"]
    assert stage.simulator.call(client.announced.call).chats_sent == 3


async def test_everything_on_one_link(stage, wav):
    client = await meeting(stage, wav)
    answer = await client.media("all", 32)
    assert list(answer["media_params"]) == ["audio", "video", "deskshare", "transcript", "chat"]
    await client.ready()
    await client.ended()
    assert {message["msg_type"] for message in client.messages["all"]} >= {14, 15, 16, 18}
    assert stage.simulator.call(client.announced.call).completed


async def test_events_of_what_can_be_seen(stage, wav):
    client = await meeting(stage, wav)
    await client.subscribe(5, 6, 8, 9)
    await client.media("chat", 16)
    await client.ready()
    await client.ended()
    assert sorted(event["event_type"] for event in client.events()) == [5, 6, 8, 8, 9, 9]
    shared = next(event for event in client.events() if event["event_type"] == 5)
    assert (shared["user_id"], shared["user_name"]) == (FIRST, "Agent 1")


# Scopes --------------------------------------------------------------------------------------------------------------


async def test_an_app_may_have_other_scopes(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=4.0, media=("audio", "deskshare")))
    answer = await client.signal()
    assert list(answer["media_server"]["server_urls"]) == ["audio", "deskshare", "all"]
    assert (await client.media("transcript", 8, url=client.media_urls["all"]))["status_code"] == 12
    await client.media("deskshare", 4)
    await client.ready()
    await client.ended()
    assert contents(client, "deskshare", 16)[0]["channel_id"] == "ch-agent-0"
    assert stage.simulator.call(client.announced.call).completed


@pytest.mark.parametrize("media", [("audio", "smell"), ()])
async def test_scopes_that_make_no_sense_are_refused(stage, wav, media):
    with pytest.raises(RequestError, match="choose among"):
        await stage.call(CallRequest(file=str(wav), media=media))
