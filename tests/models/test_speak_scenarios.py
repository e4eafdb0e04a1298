"""From a script to a call: whose words stand where on the clock."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.rtms import enums
from models.mini import speak_scenarios
from models.mini.speak_scenarios import EVENTS, FOLDER, Scenario, compile_script, read_script

SCRIPTS = sorted(FOLDER.glob("*.toml"))

SCRIPT = """
title = "a test"
product = "contact_center"
language = "en"
stop_reason = 21
faults = ["late-tags:20000"]

[voices.man]
engine = "flite"
name = "rms"

[parties.agent]
party = "agent"
user_id = "u1"
name = "Ann"
channel_id = "1"
voice = "man"

[parties.customer]
party = "customer"
user_id = "u2"
name = "Bob"
channel_id = "2"
voice = "man"

[[steps]]
who = "agent"
event = "user_answered"
at = 0

[[steps]]
who = "agent"
says = "Hello. Good morning!"
at = 1000

[[steps]]
who = "customer"
says = "yes"
gap = -700

[[steps]]
who = "customer"
says = "no"
gap = 700
language = "en-GB"
"""


@pytest.fixture(scope="module")
def compiled(engines: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], np.ndarray]:
    path = tmp_path_factory.mktemp("script") / "test.toml"
    path.write_text(SCRIPT)
    return compile_script("test", read_script(path))


@pytest.mark.build
def test_steps_follow_the_clock(compiled: tuple[dict[str, Any], np.ndarray]) -> None:
    call, _ = compiled
    first, second, third = call["lines"]
    assert first["start_ms"] == 1000
    assert second["start_ms"] == first["end_ms"] - 700
    assert second["end_ms"] < first["end_ms"]
    assert third["start_ms"] == first["end_ms"] + 700, "after the end of everything before it"
    assert call["duration_ms"] == third["end_ms"]
    assert [line["language"] for line in call["lines"]] == ["en", "en", "en-GB"]
    assert call["faults"] == ["late-tags:20000"]
    assert call["events"] == [{"at_ms": 0, "event_type": 10, "channel_id": "1", "user_id": "u1"}]


@pytest.mark.build
def test_sentences_of_a_line_are_one_pause_apart(compiled: tuple[dict[str, Any], np.ndarray]) -> None:
    (hello, morning) = compiled[0]["lines"][0]["speech"]
    assert morning[0] - hello[1] == speak_scenarios.SENTENCE_PAUSE_MS == 450, "as the README of the scenarios says"
    words = compiled[0]["lines"][0]["words"]
    assert [word for word, _, _ in words] == ["hello", "good", "morning"]
    times = [time for _, start, end in words for time in (start, end)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (hello[0], morning[1])


@pytest.mark.build
def test_sound_is_where_the_lines_say(compiled: tuple[dict[str, Any], np.ndarray]) -> None:
    call, audio = compiled
    assert audio.shape == (call["duration_ms"] * 8, 2)
    sounding = np.zeros(audio.shape, bool)
    for line in call["lines"]:
        for start, end in line["speech"]:
            sounding[start * 8 - 8 : end * 8 + 8, int(line["channel_id"]) - 1] = True
            assert np.abs(audio[start * 8 : end * 8, int(line["channel_id"]) - 1]).max() > 3000
    assert not audio[~sounding].any()
    assert np.abs(audio).max() == pytest.approx(speak_scenarios.PEAK, abs=2)


@pytest.mark.parametrize("change", ['colour = "red"\n', "stop_reason = 22\n"])
def test_a_script_with_a_wrong_key_is_refused(tmp_path: Path, change: str) -> None:
    (tmp_path / "x.toml").write_text(change + SCRIPT)
    with pytest.raises((msgspec.ValidationError, ValueError)):
        read_script(tmp_path / "x.toml")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_the_committed_calls_are_those_of_their_scripts(path: Path) -> None:
    script: Scenario = read_script(path)
    call = json.loads(path.with_suffix(".json").read_text())
    said = [step.says for step in script.steps if step.says]
    assert sorted(said) == sorted(line["text"] for line in call["lines"])
    events = [EVENTS[step.event] for step in script.steps if step.event]
    assert sorted(events) == sorted(event["event_type"] for event in call["events"])
    assert (script.title, script.product, script.language) == (call["title"], call["product"], call["language"])
    assert list(script.faults) == call.get("faults", [])
    assert [party.user_id for party in script.parties.values()] == [one["user_id"] for one in call["channels"]]
    info = soundfile.info(path.with_suffix(".flac"))
    assert (info.channels, info.samplerate) == (len(script.parties), speak_scenarios.RATE_HZ)
    assert info.frames == call["duration_ms"] * speak_scenarios.RATE_HZ // 1000


@pytest.mark.parametrize("name", EVENTS)
def test_events_have_zooms_numbers(name: str) -> None:
    """Written down here and in rtms, from Zoom's pages each time: 2 to 4 are of meetings, the others of Contact Center."""
    kind = enums.EventType if EVENTS[name] < 8 else enums.VoiceEventType
    assert kind[name.upper()] == EVENTS[name]
