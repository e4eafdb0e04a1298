"""Scripts from bundled scenarios and from files."""

import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cc_voice.call.tokeniser import units
from cc_voice.commands.demo import CALLS
from cc_voice.simulator import wire
from cc_voice.simulator.errors import ScriptError
from cc_voice.simulator.scenario import Party, load_file, load_scenario, read_audio, scenario_names


def write(path: Path, subtype: str, rate_hz: int = 8000, channels: int = 2) -> np.ndarray:
    time = np.arange(rate_hz // 2) / rate_hz
    samples = np.stack([0.3 * np.sin(2 * np.pi * 300 * (number + 1) * time) for number in range(channels)], axis=1)
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return samples


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "PCM_U8", "ULAW", "ALAW"])
def test_wav_of_any_common_encoding(tmp_path, subtype):
    written = write(tmp_path / "a.wav", subtype)
    read = read_audio(tmp_path / "a.wav")
    assert len(read) == 2
    assert all(channel.dtype == np.dtype("<i2") and len(channel) == 8000 for channel in read)
    middle = slice(800, 3200)
    error = np.abs(read[0][::2][middle] / 32768 - written[middle, 0]).max()
    assert error < 0.02, "resampled from 8 to 16 kHz, the even samples are the old ones but for the codec's error"


def test_16_khz_samples_stay_as_they_are(tmp_path):
    samples = np.array([[-32768, 32767], [1, -1], [12345, 0]], dtype=np.int16)
    soundfile.write(tmp_path / "a.flac", samples, 16_000)
    left, right = read_audio(tmp_path / "a.flac")
    assert left.tolist() == [-32768, 1, 12345]
    assert right.tolist() == [32767, -1, 0]


def test_unreadable_and_empty_files_say_so(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(ScriptError, match=r"a\.wav"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(ScriptError, match="cannot read"):
        read_audio(tmp_path / "none.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1)), 8000)
    with pytest.raises(ScriptError, match="no audio"):
        read_audio(tmp_path / "empty.wav")


def test_a_file_becomes_a_plain_call(tmp_path):
    write(tmp_path / "call.wav", "PCM_16")
    script = load_file(tmp_path / "call.wav")
    assert script.duration_ms == 500
    assert [(track.who.party, track.key, track.start_ms, track.end_ms) for track in script.tracks] == [
        ("agent", "ch-agent-0", 0, 500),
        ("customer", "ch-customer-1", 0, 500),
    ]
    assert [(event.at_ms, event.event_type, event.channel_id) for event in script.events] == [
        (0, 10, "ch-agent-0"),
        (0, 8, "ch-customer-1"),
        (500, 11, "ch-agent-0"),
        (500, 9, "ch-customer-1"),
    ]
    assert script.stop_reason == 21


def test_a_meeting_names_its_sources_by_number(tmp_path):
    write(tmp_path / "call.wav", "PCM_16")
    script = load_file(tmp_path / "call.wav", "meeting", [Party(party="customer", name="Lee"), Party(party="agent", user_id="77")])
    assert [track.key for track in script.tracks] == ["16778240", "77"]
    assert [event.event_type for event in script.events] == [3, 3, 8, 8, 5, 4, 4, 9, 9, 6]
    assert script.stop_reason == 6


@pytest.mark.parametrize(
    ("product", "parties", "match"),
    [
        ("fax", (), "fax"),
        ("meeting", [Party(), Party(user_id="dana")], "must be a number"),
        ("contact_center", [Party()], "2 channel"),
        ("contact_center", [Party(party="boss"), Party()], "boss"),
    ],
)
def test_what_cannot_be_played_is_explained(tmp_path, product, parties, match):
    write(tmp_path / "call.wav", "PCM_16")
    with pytest.raises(ScriptError, match=match):
        load_file(tmp_path / "call.wav", product, parties)


def test_unknown_scenario_names_the_known_ones():
    with pytest.raises(ScriptError, match="good-call"):
        load_scenario("no-such-call")


@pytest.mark.parametrize("name", scenario_names())
def test_bundled_scenarios_fit_together(name):
    script = load_scenario(name)
    keys = {track.key for track in script.tracks}
    assert all(len(track.pcm) <= script.duration_ms * 32 for track in script.tracks)
    assert all((line.channel_id or line.user_id) in keys for line in script.lines)
    spoken = {track.key: np.frombuffer(track.pcm, dtype="<i2") for track in script.tracks}
    present = {track.key: (track.start_ms, track.end_ms) for track in script.tracks}
    for line in script.lines:
        key = line.channel_id or line.user_id
        assert present[key][0] <= line.start_ms < line.end_ms <= present[key][1], "spoken while on the call"
        assert np.abs(spoken[key][line.start_ms * 16 : line.end_ms * 16].astype(int)).max() > 500
        assert wire.language_number(line.language) >= 0


def test_the_eight_scenarios_of_the_demo_are_bundled():
    wanted = "good-call interrupted-call long-hold transfer card-number angry-to-satisfied english-to-spanish meeting"
    assert set(wanted.split()) == set(CALLS) <= set(scenario_names())


LANGUAGES = {
    "english-to-spanish": ("en es", "en es"),
    "english-spanish-english": ("en es en", "en es en"),
    "borrowed-words": ("es", "es"),
    "english-german-english": ("en de en", "en"),
    "english-to-french": ("en fr-FR", "en fr-FR"),
    "english-to-japanese": ("en ja", "en"),
    "english-to-chinese": ("en zh-Hans", "en zh-Hans"),
    "english-thai-english": ("en th en", "en"),
    "english-to-korean": ("en ko", "en ko"),
    "english-to-arabic": ("en ar", "en ar"),
    "english-hebrew-english": ("en he en", "en"),
}
"""Which languages customer and agent speak one after the other."""


def stretches(lines):
    """The languages of one party, without lines that are too short to be a switch: 1.5 s or three units of speech."""
    long = [line.language for line in lines if line.end_ms - line.start_ms >= 1500 and units(line.text) >= 3]
    return " ".join(language for language, _ in groupby(long))


@pytest.mark.parametrize("name", LANGUAGES)
def test_calls_change_their_language_as_they_say(name):
    script = load_scenario(name)
    by_party = {track.who.party: [line for line in script.lines if line.channel_id == track.key] for track in script.tracks}
    assert (stretches(by_party["customer"]), stretches(by_party["agent"])) == LANGUAGES[name]
    assert script.duration_ms <= 90_000
    assert script.language == by_party["agent"][0].language


def test_borrowed_words_are_tagged_and_short():
    lines = [line for line in load_scenario("borrowed-words").lines if line.language == "en"]
    assert {line.text for line in lines} == {"Okay.", "No thank you."}
    assert max(line.end_ms - line.start_ms for line in lines) < 1500


def test_a_channel_exists_from_its_answer_to_its_end():
    agents = [track for track in load_scenario("transfer").tracks if track.who.party == "agent"]
    assert len(agents) == 2
    assert agents[0].start_ms < agents[1].start_ms < agents[0].end_ms < agents[1].end_ms


@pytest.mark.parametrize(
    ("change", "match"),
    [({"product": "fax"}, "unknown product"), ({"channels": []}, "names 0 channels"), ({"channels": 3}, "cannot be read")],
)
def test_broken_scenarios_are_refused(tmp_path, change, match):
    write(tmp_path / "x.flac", "PCM_16", channels=1)
    good = {"name": "x", "title": "X", "product": "contact_center", "duration_ms": 500, "audio": "x.flac"}
    (tmp_path / "x.json").write_text(json.dumps(good | {"channels": [{"channel_id": "a"}]} | change))
    with pytest.raises(ScriptError, match=match):
        load_scenario("x", tmp_path)
