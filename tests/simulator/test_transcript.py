"""Zoom's own transcript, made from the lines of a scenario."""

import json

import numpy as np
import pytest
import soundfile

from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator

LINES = [
    {"start_ms": 100, "end_ms": 700, "text": "Thank you for calling.", "language": "en", "speech": [[100, 700]]},
    {"start_ms": 800, "end_ms": 1300, "text": "Buenos días.", "language": "es", "words": [["buenos", 800, 1000]]},
]


@pytest.fixture
def scenarios(tmp_path):
    """A folder with one Contact Center scenario and one meeting."""
    for name, product, key, ids in (
        ("call", "contact_center", "channel_id", ("ch-a1", "ch-c1")),
        ("meeting", "meeting", "user_id", ("16778240", "16779264")),
    ):
        parties = [
            {"party": party, key: value, "name": party.title()} for party, value in zip(("agent", "customer"), ids, strict=True)
        ]
        lines = [{**line, key: value} for line, value in zip(LINES, ids, strict=True)]
        about = {"name": name, "title": name, "product": product, "duration_ms": 1500, "audio": f"{name}.flac", "stop_reason": 6}
        (tmp_path / f"{name}.json").write_text(json.dumps(about | {"channels": parties, "lines": lines, "sample_rate_hz": 8000}))
        soundfile.write(tmp_path / f"{name}.flac", np.zeros((12_000, 2), dtype=np.int16), 8000)
    return tmp_path


@pytest.fixture
async def simulator(scenarios):
    async with Simulator(SimulatorConfig(scenarios_dir=scenarios)) as simulator:
        yield simulator


async def play(simulator, raw_client, name: str, speed: float | str = "max", **transcript):
    """Play a scenario for a client with split links, and return what the transcript link carried."""
    client = raw_client(await simulator.start_call(CallRequest(scenario=name, speed=speed)), simulator.config)
    await client.signal()
    await client.media("audio", 1)
    await client.media("transcript", 8, media_params={"transcript": {"content_type": 5, **transcript}})
    await client.ready()
    await client.ended()
    status = await simulator.wait(client.announced.call)
    assert status.completed
    assert status.transcripts_sent == 2
    return client, [message["content"] for message in client.kinds(17, "transcript")]


@pytest.mark.parametrize("speed", ["max", 10.0])
async def test_lines_of_a_contact_center_call(simulator, raw_client, speed):
    client, lines = await play(simulator, raw_client, "call", speed)
    start = json.loads(client.announced.body)["event_ts"]
    assert lines[0] == {
        "channel_id": "ch-a1",
        "user_id": 16778240,
        "user_name": "Agent",
        "start_time": start + 100,
        "end_time": start + 700,
        "timestamp": start + 100,
        "language": 9,
        "attribute": 1,
        "data": "Thank you for calling.",
    }
    assert (lines[1]["channel_id"], lines[1]["language"], lines[1]["data"]) == ("ch-c1", 28, "Buenos días.")
    assert not client.kinds(17, "audio")


async def test_lines_of_a_meeting_name_their_speaker(simulator, raw_client):
    _, lines = await play(simulator, raw_client, "meeting")
    assert [(line["user_id"], line["user_name"]) for line in lines] == [(16778240, "Agent"), (16779264, "Customer")]


async def test_without_identification_every_line_has_the_language_asked_for(simulator, raw_client):
    _, lines = await play(simulator, raw_client, "call", src_language=14, enable_lid=False)
    assert [line["language"] for line in lines] == [14, 14]


async def test_one_link_carries_everything(simulator, raw_client):
    client = raw_client(await simulator.start_call(CallRequest(scenario="call", speed="max")), simulator.config)
    await client.signal()
    await client.media("all", 32)
    await client.ready()
    await client.ended()
    assert len(client.kinds(17, "all")) == 2
    assert len(client.kinds(14, "all")) == 75
    order = [message["content"] for message in client.messages["all"] if message["msg_type"] in (14, 17)]
    place = next(number for number, content in enumerate(order) if "language" in content)
    assert order[place]["end_time"] + 400 - 40 <= order[place - 1]["timestamp"] + 20 <= order[place]["end_time"] + 400 + 40


async def test_a_transcript_alone_is_enough(simulator, raw_client):
    client = raw_client(await simulator.start_call(CallRequest(scenario="call", speed="max")), simulator.config)
    await client.signal()
    await client.media("transcript", 8)
    await client.ready()
    await client.ended()
    assert (await simulator.wait(client.announced.call)).completed
    assert len(client.kinds(17, "transcript")) == 2


async def test_lines_said_while_the_link_was_gone_come_afterwards(simulator, raw_client):
    client = raw_client(await simulator.start_call(CallRequest(scenario="call", speed=4.0)), simulator.config)
    await client.signal()
    await client.media("transcript", 8)
    await client.ready()
    simulator.drop(client.announced.call, "transcript")
    await client.expect("signaling", lambda message: message.get("event", {}).get("event_type") == 7)
    await client.media("transcript", 8)
    await client.ready()
    await client.ended()
    assert len(client.kinds(17, "transcript")) == 2
