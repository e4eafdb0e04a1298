"""Scripts of one's own: what they say is played, and a mistake is named before anything is."""

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.simulator.errors import ScriptError
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.scenario import load_scenario, scenario_names
from cc_voice.simulator.script_files import ScriptFile, load_script, script_of
from cc_voice.simulator.server import Simulator

SCRIPT = {
    "title": "A refund",
    "parties": [{"party": "agent", "name": "Ann", "channel_id": "ch-1"}, {"party": "customer", "phone_number": "+15550100"}],
    "events": [
        {"at_ms": 0, "event": "consumer_answered", "party": "customer"},
        {"at_ms": 10, "event": "user_answered", "party": "agent"},
        {"at_ms": 400, "event_type": 31, "fields": {"prompt": "x"}},
    ],
    "lines": [
        {"party": "agent", "start_ms": 100, "text": "Good morning."},
        {"party": "customer", "start_ms": 900, "text": "Quiero un refund", "language": "es", "words": [["Quiero", 900, 1200]]},
    ],
    "revisions": [{"line": 1, "at_ms": 1650, "text": "Good morning!"}, {"line": 2, "at_ms": 1700}],
}


def script(**changes):
    return script_of(msgspec.convert(SCRIPT | changes, ScriptFile), Path())


@pytest.fixture
async def simulator():
    async with Simulator(SimulatorConfig()) as simulator:
        yield simulator


async def played(simulator, raw_client, request: CallRequest):
    client = raw_client(await simulator.start_call(request), simulator.config)
    await client.signal()
    await client.send("signaling", {"msg_type": 5, "events": [{"event_type": n, "subscribe": True} for n in (*range(8, 35),)]})
    await client.media("audio", 1, media_params={"audio": {"data_opt": 2, "send_rate": 20}})
    await client.media("transcript", 8)
    await client.ready()
    await client.ended()
    status = await simulator.wait(client.announced.call)
    assert status.completed
    return client


@pytest.mark.parametrize("form", ["file", "object"])
async def test_a_script_is_played(simulator, raw_client, tmp_path, form):
    path = tmp_path / "refund.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(SCRIPT).encode())
    wanted = str(path) if form == "file" else msgspec.convert(SCRIPT, ScriptFile)
    client = await played(simulator, raw_client, CallRequest(script=wanted, speed="max"))
    said = [message["content"] for message in client.kinds(17, "transcript")]
    start = json.loads(client.announced.body)["event_ts"]
    assert [(line["attribute"], line["data"], line["start_time"] - start, line["language"]) for line in said] == [
        (1, "Good morning.", 100, 9),
        (1, "Quiero un refund", 900, 28),
        (2, "Good morning!", 100, 9),
        (3, "Quiero un refund", 900, 28),
    ]
    assert {line["channel_id"] for line in said} == {"ch-1", "ch-customer-1"}
    told = [message["event"]["event_type"] for message in client.kinds(6, "signaling")]
    assert [number for number in told if number > 7] == [8, 10, 31]
    audio = client.kinds(14, "audio")
    assert {message["content"]["channel_id"] for message in audio} == {"ch-1", "ch-customer-1"}


def test_silence_is_as_long_as_the_call_and_audio_rules_it(tmp_path):
    plain = script()
    assert plain.duration_ms == 1700 + 1000
    assert [len(track.pcm) for track in plain.tracks] == [2700 * 32] * 2
    soundfile.write(tmp_path / "call.wav", np.ones((16_000, 2), dtype=np.int16), 8000)
    (tmp_path / "call.json").write_text(json.dumps(SCRIPT | {"audio": "call.wav"}))
    heard = load_script(tmp_path / "call.json")
    assert (heard.name, heard.duration_ms, len(heard.tracks[0].pcm)) == ("call", 2000, 2000 * 32)


def test_without_events_everyone_is_there_from_first_to_last():
    events = script(events=None).events
    assert [(event.at_ms, event.event_type) for event in events] == [(0, 10), (0, 8), (2700, 11), (2700, 9)]


def test_a_meeting_and_a_lone_party():
    lines = [{"start_ms": 0, "text": "alone"}]
    alone = script(product="meeting", parties=[{"party": "agent"}], events=None, lines=lines, revisions=[])
    assert [(line.channel_id, line.user_id) for line in alone.lines] == [(None, "16778240")]
    assert [event.event_type for event in alone.events if event.event_type in (3, 4)] == [3, 4]


def test_compiled_scenarios_are_scripts():
    folder = Path(__file__).parents[2] / "cc_voice/simulator/scenarios"
    for name in scenario_names():
        ours, theirs = load_script(folder / f"{name}.json"), load_scenario(name)
        assert ours.lines == theirs.lines, name
        assert [event for event in ours.events if event.event_type > 4] == [e for e in theirs.events if e.event_type > 4], name
        assert [track.pcm for track in ours.tracks] == [track.pcm for track in theirs.tracks], name


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"product": "fax"}, "no product 'fax'"),
        ({"lines": [{"party": "ivr", "start_ms": 0, "text": "x"}]}, "line 1: there is no party 'ivr'; there are: agent, customer"),
        ({"lines": [{"start_ms": 0, "text": "x"}]}, "line 1: it does not say which party"),
        ({"lines": [{"party": 2, "start_ms": 0, "text": "x"}]}, "no party 2"),
        ({"lines": [{"party": 0, "start_ms": 9, "end_ms": 3, "text": "x"}]}, "begins at 9 ms and ends at 3"),
        ({"parties": [{"party": "agent"}, {"party": "agent"}]}, "2 parties are 'agent'"),
        ({"parties": [{"channel_id": "a"}, {"channel_id": "a"}]}, "two parties have the same id"),
        ({"events": [{"at_ms": 0, "event": "lunch"}]}, "event 1: 'lunch' is none of contact_center's"),
        ({"revisions": [{"line": 3, "at_ms": 9}]}, "revision 1: there is no line 3"),
        ({"revisions": [{"line": 1, "at_ms": 9}]}, "before its line ends"),
        ({"faults": ["no-such-fault"]}, "no-such-fault"),
        ({"audio": "nowhere.wav"}, "nowhere.wav"),
        ({"duration_ms": 10**9}, "cannot be played"),
    ],
)
def test_mistakes_are_named(changes, named):
    with pytest.raises(ScriptError, match=re.escape(named)):
        script(**changes)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"lines": 3}', b'{"lines":[{"text":"x"}]}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_script_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(ScriptError, match=r"x\.json"):
        load_script(tmp_path / "x.json")
