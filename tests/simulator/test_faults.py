"""Every fault by name: how it is written, what it does to messages, and what a client sees of it."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator import alterations, faults, wire
from cc_voice.simulator.alterations import ALTERATIONS, Late, Reordered, Repeated
from cc_voice.simulator.call_faults import CallFaults
from cc_voice.simulator.errors import RequestError
from cc_voice.simulator.fault_actions import INCIDENTS
from cc_voice.simulator.faults import FAULTS, BadStatus, FaultKind, WrongTag, parse_fault
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.script_changes import SCRIPT_CHANGES
from cc_voice.simulator.server import Simulator

# Names ---------------------------------------------------------------------------------------------------------------


def test_every_fault_does_something_in_the_way_of_its_kind():
    by_kind = {kind: {fault.name for fault in FAULTS.values() if fault.kind == kind} for kind in get_args(FaultKind)}
    sources = "".join(path.read_text() for path in Path(faults.__file__).parent.glob("*.py"))
    looked_up = re.findall(r'(?:faults\.|mischief\.|\b)(?:asked|argument)\("([^"]+)"\)|_first\("([^"]+)"', sources)
    assert by_kind["incident"] == set(INCIDENTS)
    assert by_kind["script"] == set(SCRIPT_CHANGES)
    assert by_kind["alteration"] == set(ALTERATIONS)
    # Two alterations need help: what they keep back, or spell differently, must be treated so on the way in too.
    helped = {"media-before-handshake-answer", "keep-alive-without-timestamp", "string-numbers"}
    assert {name for pair in looked_up for name in pair if name} == by_kind["condition"] | helped


def test_a_name_that_nobody_can_ask_for_is_not_looked_up():
    with pytest.raises(KeyError):
        CallFaults().asked("no-close-ansewr")


@pytest.mark.parametrize(
    ("text", "argument", "at_s"),
    [
        ("drop-media", "media", None),
        ("drop-media:audio@1.5", "audio", 1.5),
        ("drop-signaling@0", None, 0.0),
        ("stop:14", 14, None),
        ("pause:0.5@2", 0.5, 2.0),
        ("bad-status:8", BadStatus("signaling", 8), None),
        ("bad-status:23", BadStatus("audio", 23), None),
        ("bad-status:12", BadStatus("transcript", 12), None),
        ("bad-status:17", BadStatus("media", 17), None),
        ("bad-status:video=45", BadStatus("video", 45), None),
        ("late-tags", 20_000, None),
        ("late-tags:10000", 10_000, None),
        ("wrong-tag:3=de", WrongTag(3, "de"), None),
        ("wrong-tag:12=fr-CA", WrongTag(12, "fr-CA"), None),
        ("no-tags@2", None, 2.0),
    ],
)
def test_faults_are_read(text, argument, at_s):
    planned = parse_fault(text)
    assert (planned.argument, planned.at_s, planned.text) == (argument, at_s, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dorp-media", "choose one of: drop-media, "),
        ("", "there is no fault"),
        ("stop", "needs an argument: stop:N"),
        ("stop:27", "'27' is no N"),
        ("stop:x", "'x' is no N"),
        ("drop-all:media", "takes no argument"),
        ("drop-media:signaling", "is no KIND"),
        ("bad-status:smell=3", "is no"),
        ("bad-status:0", "is no"),
        ("gap@soon", "not a number of seconds"),
        ("gap@-1", "not a number of seconds"),
        ("gap@inf", "not a number of seconds"),
        ("gap@nan", "not a number of seconds"),
        ("pause:nan", "is no SECONDS"),
        ("wrong-tag", "needs an argument: wrong-tag:LINE=TAG"),
        ("wrong-tag:3", "is no LINE=TAG"),
        ("wrong-tag:0=de", "is no LINE=TAG"),
        ("wrong-tag:3=tlh", "is no LINE=TAG"),
        ("late-tags:0", "is no MS"),
        ("half-open@2", "takes no time"),
        ("late-webhook:2@1", "takes no time"),
    ],
)
def test_what_makes_no_sense_is_explained(text, says):
    with pytest.raises(RequestError, match=re.escape(says)):
        parse_fault(text)


@given(st.text(max_size=20) | st.builds("{}:{}@{}".format, st.sampled_from(list(FAULTS)), st.text(max_size=5), st.text(max_size=5)))
def test_no_text_does_anything_but_be_refused_or_read(text):
    with suppress(RequestError):
        assert parse_fault(text).fault.name in FAULTS


# Messages ------------------------------------------------------------------------------------------------------------


def audio(number: int) -> wire.Message:
    return wire.audio({"channel_id": "a"}, b"", number)


def sent(alter, messages) -> list[int]:
    passed = [altered for message in messages for altered in alter(message)] + alter.held()
    return [message["content"]["timestamp"] for message in passed if message["msg_type"] == 14]


@given(st.lists(st.booleans(), max_size=40), st.sampled_from([Reordered, Late]))
def test_other_orders_lose_nothing(kinds, alteration):
    messages = [audio(number) if kind else wire.keep_alive(number, 1) for number, kind in enumerate(kinds)]
    times = sent(alteration(), messages)
    assert sorted(times) == [number for number, kind in enumerate(kinds) if kind]


def test_orders():
    assert sent(Reordered(), map(audio, range(5))) == [1, 0, 3, 2, 4]
    assert sent(Late(), map(audio, range(11))) == [0, 1, 2, 3, 5, 6, 7, 4, 8, 10, 9]
    assert sent(Repeated(), map(audio, range(6))) == [0, 1, 2, 3, 4, 4, 5]


def test_spellings():
    event = wire.event_update(wire.zcc_event(8, 1_790_000_000_123, {"channel_id": "a"}))
    assert alterations.misspelt(event)["event"] == {
        "event_type": 8,
        "event_ts": 1_790_000_000_123,
        "paticipant_info": {"channel_id": "a"},
    }
    assert alterations.in_seconds(event)["event"]["event_ts"] == 1_790_000_000
    assert alterations.in_seconds(audio(1_790_000_000_123)) == audio(1_790_000_000_123), "media stays in milliseconds"
    refused = wire.media_response(1, 23, "no", None)
    assert alterations.legacy_status(refused)["status"] == 23
    assert "status_code" not in alterations.legacy_status(refused)
    assert alterations.answered_as_signaling(refused)["msg_type"] == 2
    accepted = wire.media_response(1, 0, "", {"audio": {"codec": 1}})
    assert alterations.answered_as_signaling(accepted) == accepted
    assert alterations.as_strings(accepted)["media_params"] == {"audio": {"codec": "1"}}
    assert alterations.as_strings(accepted)["payload_encrypted"] is False
    line = wire.transcript({"channel_id": "a"}, "hello", 1, 2, 9)
    assert alterations.unknown_language(line)["content"]["language"] == alterations.UNKNOWN_LANGUAGE
    assert "language" not in alterations.untagged(line)["content"]
    assert alterations.untagged(line)["content"]["data"] == "hello"
    said = wire.chat({"user_id": 1, "user_name": "A"}, "hello", 5, "m-1", 1)
    assert json.loads(alterations.chat_in_json(said)["content"]["data"]) == said["content"]
    assert alterations.untimed_keep_alive(wire.keep_alive(5, 1)) == {"msg_type": 12, "sequence": 1}
    assert alterations.without_first_packet(wire.event_update(wire.plain_event(1, 5))) is None
    for message in (event, refused, accepted, line, said, audio(1), wire.stream_state(1, 0, 5)):
        assert alterations.with_unknown_fields(message).items() > {}.items()
        assert "x_new" in alterations.with_unknown_fields(message)
        wire.encode(alterations.as_strings(alterations.with_unknown_fields(message)))


# What a client sees --------------------------------------------------------------------------------------------------


async def joined(stage, wav, *names: str, speed: float | str = 4.0, **request):
    client = await stage.call(CallRequest(file=str(wav), speed=speed, faults=names, **request))
    await client.join()
    return client


async def test_an_unknown_fault_starts_no_call(stage, wav):
    with pytest.raises(RequestError, match="choose one of"):
        await stage.call(CallRequest(file=str(wav), faults=("nonsense",)))
    assert not stage.simulator.calls()


@pytest.mark.parametrize(("name", "left"), [("drop-media@0.1", {"signaling"}), ("drop-media:audio@0.1", {"signaling"}),
                                            ("drop-signaling@0.1", set()), ("drop-all@0.1", set())])  # fmt: skip
async def test_links_are_cut(stage, wav, name, left):
    client = await joined(stage, wav, name)
    await client.links["audio"].wait_closed()
    if not left:
        await client.links["signaling"].wait_closed()
    status = stage.simulator.call(client.announced.call)
    assert {link.kind for link in status.links if link.open} == left
    assert (status.state, status.faults) == ("interrupted", (name,))
    assert "dropped by the simulator" in {link.ended_by for link in status.links}


@pytest.mark.parametrize("name", ["late-packets", "reorder", "duplicate-packets"])
@pytest.mark.parametrize("speed", ["max", 4.0])
async def test_order_and_number_of_packets(stage, wav, name, speed):
    client = await joined(stage, wav, name, speed=speed)
    await client.ended()
    times = [message["content"]["timestamp"] for message in client.kinds(14, "audio")]
    assert (times != sorted(times)) is (name != "duplicate-packets")
    assert len(times) == (240 if name == "duplicate-packets" else 200)
    for channel in stage.simulator.call(client.announced.call).channels:
        assert client.sha256(channel.channel) == channel.sha256


async def test_a_gap_is_audio_that_never_comes(stage, wav):
    client = await joined(stage, wav, "gap:600@0.1")
    await client.ended()
    channel = stage.simulator.call(client.announced.call).channels[0]
    assert 600 <= channel.dropped_ms < 2000  # more where the machine was late
    assert channel.packets == 100 - channel.dropped_ms // 20
    assert client.sha256(channel.channel) == channel.sha256


async def test_a_pause_stops_media_and_nothing_else(stage, wav):
    client = await joined(stage, wav, "pause:0.15@0.1")
    await client.expect("signaling", lambda message: message["msg_type"] == 8 and message["state"] == 5)
    assert stage.simulator.call(client.announced.call).state == "paused"
    await client.ended()
    assert [message["state"] for message in client.kinds(8)] == [1, 5, 6, 3, 4]
    assert [message["state"] for message in client.kinds(9)] == [2, 3, 4, 5]
    status = stage.simulator.call(client.announced.call)
    assert 400 <= status.channels[0].dropped_ms <= 1200
    assert client.sha256(status.channels[0].channel) == status.channels[0].sha256


async def test_a_pause_at_full_speed_loses_nothing(stage, wav):
    client = await joined(stage, wav, "pause:0.1@0", speed="max")
    await client.ended()
    assert [message["state"] for message in client.kinds(8)] == [1, 5, 6, 3, 4]
    assert stage.simulator.call(client.announced.call).channels[0].packets == 100


async def test_a_pause_may_be_cut_short(stage, wav):
    client = await joined(stage, wav, "pause:60@0.1", "resume@0.2")
    await client.ended()
    assert [message["state"] for message in client.kinds(8)] == [1, 5, 6, 3, 4]


@pytest.mark.parametrize(("name", "reason"), [("stop:14@0.1", 14), ("revoke@0.1", 8)])
async def test_streams_are_ended(stage, wav, name, reason):
    client = await joined(stage, wav, name)
    await client.ended()
    assert client.kinds(8)[-1]["reason"] == reason
    assert stage.simulator.call(client.announced.call).stop_reason == reason


async def test_the_first_handshake_is_refused_the_second_is_not(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max", faults=("bad-status:45", "bad-status:audio=23")))
    assert (await client.signal())["status_code"] == 45
    client.messages["signaling"] = []
    await client.send("signaling", {"msg_type": 1} | client.identity())
    client.media_urls = (await client.expect("signaling", 2))["media_server"]["server_urls"]
    assert (await client.media())["status_code"] == 23
    assert (await client.media("transcript", 8))["status_code"] == 0
    assert (await client.media())["status_code"] == 0
    await client.ready()
    await client.ended()
    assert stage.simulator.call(client.announced.call).completed


async def test_a_half_open_link_answers_nothing(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max", faults=("half-open", "half-open:audio")))
    other = stage.another(client)
    await other.open("signaling", client.payload["server_urls"])
    await other.send("signaling", {"msg_type": 1} | other.identity())
    await client.signal()
    await other.open("audio", client.media_urls["audio"])
    await other.send("audio", {"msg_type": 3, "media_type": 1} | other.identity())
    await client.media()
    await client.ready()
    await client.ended()
    assert not other.messages
    assert stage.simulator.call(client.announced.call).completed


async def test_media_without_message_7(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max", faults=("no-ready-needed",)))
    await client.signal()
    await client.media(media_params={"audio": {"data_opt": 2}})
    await client.ended()
    assert stage.simulator.call(client.announced.call).completed
    assert len(client.kinds(14, "audio")) == 200


async def test_media_before_the_answer(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed="max", faults=("media-before-handshake-answer",)))
    await client.signal()
    assert (await client.media())["status_code"] == 0
    assert [message["msg_type"] for message in client.messages["audio"]][:2] == [14, 4]


async def test_keep_alives_without_a_time_are_answered_without_one(stage, wav):
    client = await stage.call(CallRequest(file=str(wav), speed=1.0, faults=("keep-alive-without-timestamp",)))
    client.answer_keep_alives = False
    await client.signal()
    for number in (1, 2):
        asked = await client.expect(
            "signaling", lambda message, n=number: message.get("sequence") == n and message["msg_type"] == 12
        )
        assert "timestamp" not in asked
        await client.send("signaling", {"msg_type": 13})
    await client.send("signaling", {"msg_type": 19, "rtms_stream_id": client.stream_id})
    await client.expect("signaling", 20)
    status = stage.simulator.call(client.announced.call)
    assert not status.violations
    assert status.links[0].keep_alives_answered == 2


@pytest.mark.stage(keep_alive_s=0.02)
async def test_no_keep_alives(stage, wav):
    client = await joined(stage, wav, "no-keep-alives")
    await client.ended()
    assert not client.kinds(12)
    assert stage.simulator.call(client.announced.call).completed


async def test_a_slow_reader_hears_answers_late(stage, wav):
    client = await joined(stage, wav, "slow-reader:50")
    await client.ended()
    assert max(link.max_answer_delay_ms for link in stage.simulator.call(client.announced.call).links) >= 50


async def test_garbage_comes_on_every_link(stage, wav):
    client = await joined(stage, wav, "garbage@0.1")
    await client.ended()
    for link in ("signaling", "audio"):
        assert {"no JSON", "null", "{}"} <= set(client.frames[link])
        assert max(map(len, client.frames[link])) > 5 << 20
    assert stage.simulator.call(client.announced.call).completed


async def test_binary_frames(stage, wav):
    client = await joined(stage, wav, "binary-frames", speed="max")
    await client.ended()
    assert stage.simulator.call(client.announced.call).completed
    assert {type(frame) for frames in client.frames.values() for frame in frames} == {bytes}


async def test_events_nobody_knows(stage, wav):
    client = await joined(stage, wav, "event-30-34@0.1")
    await client.ended()
    assert [event["event_type"] for event in client.events() if event["event_type"] >= 30] == [30, 31, 32, 33, 34]


async def test_no_first_packet_and_no_stream_state(stage, wav):
    client = await joined(stage, wav, "no-first-packet", "no-stream-state")
    await client.ended()
    assert 1 not in [event["event_type"] for event in client.events()]
    assert not client.kinds(8)
    assert client.kinds(9)


async def test_a_channel_before_its_event(stage, wav):
    client = await joined(stage, wav, "channel-before-event:800")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 10)
    told = next(event for event in client.events() if event["event_type"] == 10)
    assert len(client.kinds(14, "audio")) >= 2 * 800 // 20 - 4
    assert told["event_ts"] == stage.simulator.call(client.announced.call).start_unix_ms, "late, but with its own time"


async def test_a_close_that_is_ignored(stage, wav):
    client = await joined(stage, wav, "no-close-answer")
    await client.send("signaling", {"msg_type": 21, "rtms_stream_id": client.stream_id})
    await client.ended()
    assert not client.kinds(22)
    assert stage.simulator.call(client.announced.call).stop_reason == 21, "as the script has it"


async def test_a_fault_may_begin_later(stage, wav):
    client = await joined(stage, wav, "legacy-status-key", "unknown-fields@0.2")
    assert client.kinds(2)[0]["status"] == 0
    await client.ended()
    marked = ["x_new" in message for message in client.kinds(14, "audio")]
    assert marked == sorted(marked)
    assert set(marked) == {False, True}


# Webhooks ------------------------------------------------------------------------------------------------------------


async def events_of(inbox, count: int) -> list[dict]:
    return [json.loads((await inbox.next())[1]) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "posted"),
    [
        ("duplicate-webhook@0.1", ["started", "started", "stopped"]),
        ("interrupted-webhook@0.1", ["started", "interrupted", "stopped"]),
        ("late-webhook:0.2", ["started", "stopped"]),
    ],
)
async def test_webhooks(inbox, raw_client, wav, name, posted):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url)) as simulator:
        client = raw_client(await simulator.start_call(CallRequest(file=str(wav), speed=4.0, faults=(name,))), simulator.config)
        await client.join()
        await client.ended()
        await simulator.settle()
    bodies = await events_of(inbox, len(posted))
    assert [body["event"].removeprefix("contact_center.voice_rtms_") for body in bodies] == posted
    if name.startswith("duplicate"):
        assert bodies[0] == bodies[1]


async def test_nested_webhooks(inbox):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url)) as simulator:
        started = await simulator.start_call(CallRequest(scenario="good-call", faults=("nested-webhook",)))
        (body,) = await events_of(inbox, 1)
    assert json.loads(started.body) == body
    assert body["payload"]["object"]["rtms_stream_id"] == started.stream_id


async def test_a_failover_announces_the_stream_elsewhere(inbox, raw_client, wav):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url, replay_s=0.1)) as simulator:
        request = CallRequest(file=str(wav), speed=2.0, faults=("failover@0.1",))
        client = raw_client(await simulator.start_call(request), simulator.config)
        await client.join()
        await client.ended()
        first, second = await events_of(inbox, 2)
        assert second["event_ts"] > first["event_ts"]
        assert second["payload"].pop("server_urls") != first["payload"].pop("server_urls")
        assert second["payload"] == first["payload"]


async def test_a_scenario_may_bring_its_faults(tmp_path, raw_client):
    source = Path(faults.__file__).parent / "scenarios"
    scenario = json.loads((source / "good-call.json").read_text()) | {"faults": ["revoke@0"]}
    (tmp_path / "good-call.json").write_text(json.dumps(scenario))
    (tmp_path / "good-call.flac").write_bytes((source / "good-call.flac").read_bytes())
    async with Simulator(SimulatorConfig(scenarios_dir=tmp_path)) as simulator:
        started = await simulator.start_call(CallRequest(scenario="good-call", faults=("reorder",)))
        client = raw_client(started, simulator.config)
        await client.join()
        status = await simulator.wait(started.call)
    assert (status.stop_reason, status.faults) == (8, ("revoke@0", "reorder"))
