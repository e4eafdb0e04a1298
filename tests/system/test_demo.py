"""`make demo` as a user runs it, and its results against the scripts the calls were spoken from."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest

from cc_voice.commands.demo import CALLS
from cc_voice.config.settings import Settings
from cc_voice.query import operations
from cc_voice.store.database import Database
from tests.conftest import PATIENCE_S
from tests.system.conftest import POLL_S

pytestmark = pytest.mark.system
SCENARIOS = Path(__file__).parents[2] / "cc_voice" / "simulator" / "scenarios"
WER_LIMIT = 0.05
MATCH_LIMIT = 0.95
EDGE_LIMIT_MS = 100
DIGITS = dict(zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """Run the demo once: its data folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "-m", "cc_voice", "demo", "--once", "--json", "--speed", "10", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done


@pytest.fixture(scope="module")
def demo(printed: tuple[Path, "subprocess.CompletedProcess[str]"]) -> tuple[Path, dict[str, Any]]:
    """The demo's data folder and the JSON of its last line."""
    folder, done = printed
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def calls(demo: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """Return every call of the demo by the name of its scenario (told apart by their agents, then by their length)."""
    site = Settings(data_dir=demo[0])
    found = [operations.ask(site, "calls.show", call_id=call["call_id"]) for call in operations.ask(site, "calls.list", limit=100)]
    scripts = {name: script(name) for name in CALLS}
    named = {}
    for call in found:
        agent = call["legs"][0]["metrics"]["agent_name"]
        sizes = {
            name: abs(spoken["duration_ms"] - call["call"]["duration_ms"])
            for name, spoken in scripts.items()
            if agent in [party["name"] for party in spoken["channels"]]
        }
        named[min(sizes, key=lambda name: sizes[name])] = call
    assert len(named) == len(scripts)
    return named


def script(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCENARIOS / f"{name}.json").read_text())
    return loaded


def test_the_summary_counts_what_the_files_hold(demo: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = demo
    assert summary["calls"] >= 8
    for table in ("calls", "legs", "utterances", "words", "unused_utterances", "unused_words"):
        assert len(pandas.read_csv(folder / "exports" / f"{table}.csv")) == summary[table]
        assert len(polars.read_parquet(folder / "exports" / f"{table}.parquet")) == summary[table]
    manifest = json.loads((folder / "exports" / "manifest.json").read_text())
    assert {file["name"] for file in manifest["files"]} == {Path(path).name for path in summary["exports"]}


def test_people_are_told_of_legs_and_of_every_file(printed: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    folder, done = printed
    lines = done.stderr.splitlines()
    assert any(line.split()[:3] == ["leg", "product", "length"] for line in lines)
    assert {Path(line) for line in lines if line.startswith(str(folder))} >= set((folder / "exports").iterdir())


def test_a_demo_that_runs_keeps_its_data(tmp_path: Path) -> None:
    (tmp_path / ".cc-voice-demo").touch()
    running = Database.open(tmp_path / "cc_voice.duckdb")
    command = [sys.executable, "-m", "cc_voice", "demo", "--once", "--data-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    running.close()
    assert done.returncode == 1
    assert "stop the demo that runs there, or choose another --data-dir" in done.stderr
    assert (tmp_path / "cc_voice.duckdb").exists()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly),
    ],
)
def test_no_service_outlives_its_demo(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "cc_voice", "demo", "--speed", "0.1", "--data-dir", str(tmp_path / "data")]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    address = tmp_path / "data" / "address"
    deadline = time.monotonic() + PATIENCE_S
    while not address.exists():
        assert time.monotonic() < deadline, "the service of the demo listens"
        time.sleep(POLL_S)
    demo.send_signal(number)
    demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode != 0
    # The service clears its address away as the last thing it does; the store is free once it has ended.
    assert not address.exists()
    Database.open(tmp_path / "data" / "cc_voice.duckdb").close()


def plain(text: str) -> list[str]:
    spoken = re.sub(r"\d", lambda digit: f" {DIGITS[digit[0]]} ", text.lower())
    return re.sub(r"[^\w' ]", " ", spoken).split()


def edit_distance(first: list[str], second: list[str]) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def test_the_transcript_of_our_calls_is_right_in_both_languages(calls: dict[str, Any]) -> None:
    wrong = total = 0
    for name, call in calls.items():
        for channel in {line["channel_id"] or line.get("user_id") for line in script(name)["lines"]}:
            lines = [line for line in script(name)["lines"] if (line["channel_id"] or line.get("user_id")) == channel]
            said = [word for line in lines for word in plain(line["text"])]
            heard = [
                w for u in call["utterances"] if u["channel_id"] == channel and u["source"] == "local" for w in plain(u["text"])
            ]
            wrong += edit_distance(said, heard)
            total += len(said)
    assert total > 300
    assert wrong / total <= WER_LIMIT, f"{wrong} of {total} words"


def spoken(scenario: dict[str, Any], parties: dict[str, str]) -> list[tuple[int, int, str]]:
    """Return start, end and party of everything the synthesiser spoke."""
    lines = [(line, parties[line["channel_id"] or line["user_id"]]) for line in scenario["lines"]]
    return [(start, end, party) for line, party in lines for start, end in line["speech"]]


def is_the_same(found: tuple[int, int], known: tuple[int, int]) -> bool:
    """Two intervals share more than half of the shorter one."""
    shared = min(found[1], known[1]) - max(found[0], known[0])
    return shared > 0.5 * min(found[1] - found[0], known[1] - known[0])


def test_speech_lies_where_the_synthesiser_put_it(calls: dict[str, Any]) -> None:
    matched = total = 0
    edges: list[int] = []
    for name, call in calls.items():
        rows = [row for leg in call["legs"] for row in leg["intervals"] if row["kind"] == "speech"]
        for start, end, party in spoken(script(name), call["channels"]):
            overlapping = [
                (row["start_ms"], row["end_ms"])
                for row in rows
                if row["party"] == party and is_the_same((row["start_ms"], row["end_ms"]), (start, end))
            ]
            total += 1
            if len(overlapping) == 1:
                matched += 1
                edges += [abs(overlapping[0][0] - start), abs(overlapping[0][1] - end)]
    assert total > 60
    assert matched / total >= MATCH_LIMIT, f"{matched} of {total} intervals"
    assert sum(edges) / len(edges) <= EDGE_LIMIT_MS


def test_each_call_shows_what_it_was_made_to_show(calls: dict[str, Any]) -> None:
    def leg(name: str, number: int = 0) -> dict[str, Any]:
        metrics: dict[str, Any] = calls[name]["legs"][number]["metrics"]
        return metrics

    assert leg("interrupted-call")["interruptions_agent"] >= 1
    assert leg("interrupted-call")["interruptions_customer"] >= 1
    assert leg("long-hold")["hold_ms"] >= 20_000
    assert leg("long-hold")["dead_air_agent_owed_ms"] >= 10_000
    assert len(calls["transfer"]["legs"]) == 2
    assert leg("transfer", 0)["transferred_out"]
    assert not leg("transfer", 1)["transferred_out"]
    assert calls["meeting"]["call"]["product"] == "meeting"
    assert calls["meeting"]["legs"][0]["reasons"]["greeting_latency_ms"]
    spanish = [u for u in calls["english-to-spanish"]["utterances"] if u["language_code"].startswith("es")]
    assert spanish
    assert {(u["source"], u["asr_model"]) for u in spanish} == {("local", "mini-es-test")}
    assert leg("good-call")["dead_air_count"] == 0


def test_every_number_adds_up(calls: dict[str, Any]) -> None:
    for name, call in calls.items():
        for leg in call["legs"]:
            m = leg["metrics"]
            assert m["agent_only_ms"] + m["customer_only_ms"] + m["overtalk_ms"] + m["silence_ms"] == m["analysed_ms"]
            gaps = [(one["start_ms"], one["end_ms"]) for one in leg["intervals"] if one["kind"] == "media_gap"]
            assert (name, gaps, m["media_gap_ms"], m["media_lost_ms"]) == (name, [], 0, 0)
