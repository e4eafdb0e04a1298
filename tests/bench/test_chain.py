"""Chain: what the path of a call costs in words."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

import cc_voice.simulator
from cc_voice.bench.chain import CONDITIONS, bundled_calls, words_of
from cc_voice.commands.main import main
from cc_voice.speech.voice_activity.detector import detectors, recorded_name

SCENARIOS = Path(cc_voice.simulator.__file__).parent / "scenarios"


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["bench", "chain", *options])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Thank you, goodbye.", "thank you goodbye"),
        ("I don't 'quote' [noise] <unk> twenty-one", "i don't quote twenty one"),
        ("¿Cuánto cuesta? l’été", "cuánto cuesta l'été"),
        ("…", ""),
    ],
)
def test_words_are_compared_as_recognisers_write_them(text: str, words: str) -> None:
    assert words_of(text) == words.split()


def test_what_is_said_in_another_language_counts_nowhere() -> None:
    (call,) = [one for one in bundled_calls("en") if one.name == "english-to-spanish"]
    assert {line.foreign for channel in call.channels for line in channel.lines} == {True, False}
    (same,) = [one for one in bundled_calls("es-MX") if one.name == "english-to-spanish"]
    assert [line.foreign for line in call.channels[0].lines] == [not line.foreign for line in same.channels[0].lines]


@pytest.mark.nightly
def test_the_path_costs_no_words() -> None:
    """Long pauses in the noise of a line: the call that lost whole sentences while noise was raised to the level of speech."""
    loss = json.loads(run("--call", "long-hold", "--json").output)
    assert (loss["model"], loss["detector"]) == ("mini-en-test", recorded_name(detectors("silero")(16_000)))
    found = {one["condition"]: one for one in loss["calls"]}
    assert list(found) == list(CONDITIONS)
    assert {one["words"] for one in found.values()} == {96}
    assert found["clean"]["path_errors"] == found["clean"]["whole_errors"] == 0
    assert 0 < found["noise"]["whole_errors"] <= 6
    assert found["noise"]["path_errors"] <= found["noise"]["whole_errors"]


def test_the_table_is_markdown(tmp_path: Path) -> None:
    corpus(tmp_path)
    rows = [line for line in run("--corpus", str(tmp_path)).output.splitlines() if line.startswith("|")]
    cells = [[cell.strip(" -") for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["call", "", "call", "all"]
    assert cells[0][1:] == ["words", *CONDITIONS]
    assert cells[2][1:] == cells[3][1:]
    assert cells[2][1:3] == ["28", "0.0 / 0.0: +0.0"]


def corpus(folder: Path) -> None:
    """One party of a bundled call, as somebody's folder of calls; beside it what is no call in English."""
    script = json.loads((SCENARIOS / "good-call.json").read_text())
    audio, rate_hz = soundfile.read(SCENARIOS / "good-call.flac", dtype="int16", always_2d=True)
    end_ms = 21_000
    lines = [line for line in script["lines"] if line["channel_id"] == "ch-c1" and line["end_ms"] < end_ms]
    (folder / "dialogues").mkdir()
    (folder / "calls").mkdir()
    soundfile.write(folder / "calls" / "call.wav", np.ascontiguousarray(audio[: end_ms * rate_hz // 1000]), rate_hz)
    call = {
        "language": "en-US",
        "audio": "calls/call.wav",
        "roles": {"customer": {"channel": 1}},
        "utterances": [
            *({"speaker": "customer", **{key: line[key] for key in ("start_ms", "end_ms", "text")}} for line in lines),
            {"speaker": "customer", "start_ms": 0, "end_ms": 900, "text": "[noise]", "speech": False},
        ],
    }
    (folder / "dialogues" / "call.json").write_text(json.dumps(call))
    (folder / "dialogues" / "french.json").write_text(json.dumps({**call, "language": "fr"}))
    (folder / "dialogues" / "text.json").write_text(json.dumps({"language": "en", "utterances": call["utterances"]}))
    (folder / "dialogues" / "other.json").write_text('["something else"]')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--call", "nobody"], "there is no such call; there are: angry-to-satisfied"),
        (["--model", "nothing"], "there is no model nothing here; there are: mini-en-test"),
        (["--language", "fi"], "there is no model for fi here"),
        (["--corpus", "/nowhere"], "has no dialogues"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(options: list[str], message: str) -> None:
    done = run(*options)
    assert done.exit_code == 1
    assert message in done.output
