"""The measuring commands: what they find in material whose truth is known, and what they say about other material."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

import cc_voice.simulator
from cc_voice.commands.main import main
from cc_voice.speech.voice_activity.detector import detectors, recorded_name

SCENARIOS = Path(cc_voice.simulator.__file__).parent / "scenarios"


def run(corpus: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["bench", "vad", "--corpus", str(corpus), *options])


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A demo call with the synthesiser's times, a dialogue without audio, and a tone."""
    script = json.loads((SCENARIOS / "good-call.json").read_text())
    marked: list[list[tuple[int, int]]] = [
        sorted((start, end) for line in script["lines"] if line["channel_id"] == one["channel_id"] for start, end in line["speech"])
        for one in script["channels"]
    ]
    timeline = np.zeros((2, script["duration_ms"]), dtype=bool)
    for row, spans in zip(timeline, marked, strict=True):
        for start, end in spans:
            row[start:end] = True
    dialogue = {
        "audio": "calls/call.flac",
        "roles": {"agent": {"channel": 0}, "customer": {"channel": 1}},
        "utterances": [
            {"speaker": party, "start_ms": start, "end_ms": end}
            for party, spans in zip(("agent", "customer"), marked, strict=True)
            for start, end in spans
        ],
        "reference_metrics": {
            "duration_ms": script["duration_ms"],
            "talk_ms": {"agent": int(timeline[0].sum()), "customer": int(timeline[1].sum())},
            "overtalk_ms": int((timeline[0] & timeline[1]).sum()),
            "silence_ms": int((~(timeline[0] | timeline[1])).sum()),
        },
    }
    for folder in ("calls", "dialogues", "noise"):
        (tmp_path / folder).mkdir()
    (tmp_path / "calls" / "call.flac").symlink_to(SCENARIOS / "good-call.flac")
    (tmp_path / "dialogues" / "call.json").write_text(json.dumps(dialogue))
    (tmp_path / "dialogues" / "text.json").write_text('{"roles": {"agent": {}}, "utterances": []}')
    soundfile.write(tmp_path / "noise" / "tone.wav", np.sin(np.arange(16000) * 2 * np.pi * 440 / 8000) / 2, 8000)
    return tmp_path


def test_a_call_whose_times_are_known_is_measured_against_them(corpus: Path) -> None:
    score = json.loads(run(corpus, "--no-degraded", "--json").output)
    (call,), (tone,) = score["calls"], score["noise"]
    assert (score["detector"], score["sample_rate_hz"]) == (recorded_name(detectors("silero")(16_000)), 16000)
    assert [one["party"] for one in call["talk"]] == ["agent", "customer"]
    for one in call["talk"]:
        assert abs(one["found_ms"] - one["expected_ms"]) <= 0.05 * one["expected_ms"]
    assert abs(call["overtalk_pct"]) <= 1
    assert abs(call["silence_pct"]) <= 2
    assert (tone["name"], tone["speech_pct"], tone["music_pct"]) == ("tone", 0, 0)
    assert tone["tone_pct"] > 95
    assert score["cpu_us_per_s"] > 0


def test_the_table_is_markdown_and_names_the_other_detector(corpus: Path) -> None:
    done = run(corpus, "--no-degraded", "--vad", "webrtc", "--rate-hz", "8000")
    assert done.output.startswith(f"{recorded_name(detectors('webrtc')(8_000))} at 8000 Hz")
    rows = [[cell.strip(" -") for cell in line.strip("|").split("|")] for line in done.output.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows] == ["call", "", "call", "no speech", "", "tone"]
    assert rows[0][1:3] == ["talk agent, s", "talk customer, s"]
    assert "Talk time: median error" in done.output


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "dialogues" / "call.json").unlink(), "has no dialogues"),
        (lambda folder: (folder / "noise" / "tone.wav").unlink(), "no noise/"),
        (lambda folder: (folder / "dialogues" / "text.json").write_text("["), "text.json is no dialogue"),
        (lambda folder: (folder / "calls" / "call.flac").unlink(), "call.flac cannot be read"),
    ],
)
def test_other_material_is_refused_with_the_reason(corpus: Path, break_it: object, message: str) -> None:
    assert callable(break_it)
    break_it(corpus)
    done = run(corpus)
    assert done.exit_code == 1
    assert message in done.output


def test_degraded_lines_are_measured_by_name(corpus: Path) -> None:
    names = ["as it is", "nothing below 300 Hz", "echo −25 dB, 130 ms"]
    options = [option for name in names for option in ("--condition", name)]
    conditions = json.loads(run(corpus, *options, "--json").output)["conditions"]
    assert [one["condition"] for one in conditions] == names
    for one in conditions:
        assert one["worst_pct"] <= 15, one
        assert (one["false_interruptions"], one["legs"]) == (0, 1)
    printed = run(corpus, "--condition", names[2]).output
    assert f"| {names[2]} |" in printed


def test_a_condition_that_there_is_not_is_refused_with_those_that_there_are(corpus: Path) -> None:
    done = run(corpus, "--condition", "babble 10 dB")
    assert done.exit_code == 1
    assert "no condition babble 10 dB" in done.output
    assert "5 % of packets lost" in done.output
