"""`cc-voice recompute`: what changes is shown first, published whole, and comes back where the store lost it."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

import cc_voice.simulator
from cc_voice.commands.main import main
from cc_voice.config.settings import Settings
from cc_voice.media import recompute_runs, recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.sessions import completion
from cc_voice.store import batches
from cc_voice.store.database import Database
from tests.call.golden import golden_stream

CONFIG = """
data_dir = {data_dir!r}
timezone = "Europe/Berlin"
[[thresholds]]
name = "vendor"
long_silence_ms = 4600
"""
DAY_MS = 86_400_000
Recompute = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", timezone="Europe/Berlin")


def record(settings: Settings, names: Iterable[str], store: bool = True) -> None:
    """Put calls into a site: each is the golden one, a day later than the one before."""
    database = Database.open(settings.database_path)
    for day, name in enumerate(names):
        heard = golden_stream()
        heard = msgspec.structs.replace(heard, call_id=name, stream_id=name, t0_unix_ms=heard.t0_unix_ms + day * DAY_MS)
        header = StreamHeader(
            call_id=name,
            stream_id=name,
            product=heard.product,
            instance_id=name,
            language="en",
            sample_rate_hz=16_000,
            t0_unix_ms=heard.t0_unix_ms,
        )
        recordings.create(settings.recordings_dir, header).close()
        recordings.save_analysis(settings.recordings_dir, heard)
        if store:
            batch = completion.call_measured([heard], settings)
            database.write_now(lambda con, batch=batch: batches.write_batch(con, batch, settings.site))
    database.close()


@pytest.fixture
def recompute(tmp_path: Path, settings: Settings) -> Recompute:
    """Run the command and return what it prints as JSON."""
    config = tmp_path / "site.toml"
    config.write_text(CONFIG.format(data_dir=str(settings.data_dir)))

    def command(*options: str) -> dict[str, Any]:
        result = CliRunner().invoke(main, ["recompute", "--config", str(config), "--jobs", "1", "--json", *options])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return command


def silences(settings: Settings) -> dict[str, int]:
    database = Database.open(settings.database_path)
    try:
        return dict(
            database.read_now(lambda con: con.execute("select call_id, long_silence_count from fact_leg order by 1").fetchall())
        )
    finally:
        database.close()


def test_nothing_changes_where_nothing_changed(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b"])
    found = recompute()
    assert (found["calls"], found["calls_new"], found["problems"]) == (2, 0, {})
    assert found["changes"] == {"legs": 2, "legs_changed": 0, "legs_new": 0, "legs_gone": 0, "metrics": []}
    assert found["published"] is None


def test_other_thresholds_are_tried_shown_and_then_published(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b"])
    tried = recompute("--threshold-set", "vendor")
    changed = {change["metric"]: change for change in tried["changes"]["metrics"]}
    assert {"long_silence_count", "long_silence_ms", "non_talk_ms"} <= set(changed)
    assert "talk_ms_agent" not in changed
    count = changed["long_silence_count"]
    assert (count["legs_changed"], count["mean_before"], count["mean_after"], count["largest"]) == (2, 1.0, 0.0, -1.0)
    assert changed["long_silence_ms"]["mean_before"] == 4_500  # 48000–52500 of the example
    assert silences(settings) == {"a": 1, "b": 1}  # nothing is written yet
    assert recompute("--threshold-set", "vendor", "--publish")["published"] == 2
    assert silences(settings) == {"a": 0, "b": 0}
    assert recompute_runs.names(settings.runs_dir) == []
    back = recompute("--publish", "--metric", "long_silence_count")
    assert [change["metric"] for change in back["changes"]["metrics"]] == ["long_silence_count"]
    assert silences(settings) == {"a": 1, "b": 1}


def test_days_and_calls_are_chosen(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b", "c"])
    assert recompute("--since", "2026-09-22", "--until", "2026-09-22")["calls"] == 1
    assert recompute("--call", "a", "--call", "c")["calls"] == 2


def test_what_a_damaged_store_lost_comes_back(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b"])
    settings.database_path.unlink()
    found = recompute("--publish")
    assert (found["calls_new"], found["published"]) == (2, 2)
    assert silences(settings) == {"a": 1, "b": 1}


def test_a_run_that_was_killed_goes_on_where_it_was(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b", "c"])
    first = recompute("--threshold-set", "vendor")
    results = settings.runs_dir / first["run"] / "results.bin"
    ends = [end for _, end in recompute_runs.RecomputeRun(settings.runs_dir, first["run"]).results()]
    with results.open("r+b") as file:  # killed while it wrote the last record
        file.truncate(ends[-1] - 5)
    shutil.rmtree(settings.recordings_dir / "a")  # so that it shows whether the first is measured again
    again = recompute("--threshold-set", "vendor")
    assert again["run"] == first["run"]
    assert (again["calls"], again["changes"]) == (3, first["changes"])


def test_a_call_that_was_deleted_or_measured_anew_meanwhile_is_left_alone(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b", "c"])
    recompute("--threshold-set", "vendor")
    shutil.rmtree(settings.recordings_dir / "a")
    (heard,) = recordings.load_analyses(settings.recordings_dir, "b")
    later = completion.call_measured([msgspec.structs.replace(heard, epoch=2)], settings)
    database = Database.open(settings.database_path)
    database.write_now(lambda con: batches.delete_call(con, "a"))
    database.write_now(lambda con: batches.write_batch(con, later, settings.site))
    database.close()
    found = recompute("--threshold-set", "vendor", "--publish")
    assert (found["published"], found["superseded"]) == (1, 2)
    assert silences(settings) == {"b": 1, "c": 0}


def test_what_zoom_revoked_meanwhile_does_not_come_back(settings: Settings, recompute: Recompute) -> None:
    """The run has measured two streams of a call, of which one is gone: its higher revision is no reason to write it."""
    record(settings, ["a"])
    (first,) = recordings.load_analyses(settings.recordings_dir, "a")
    second = msgspec.structs.replace(first, stream_id="revoked", t0_unix_ms=first.t0_unix_ms + 120_000)
    recordings.stream_folder(settings.recordings_dir, "a", "revoked").mkdir()
    recordings.save_analysis(settings.recordings_dir, second)
    assert recompute("--threshold-set", "vendor")["calls"] == 1
    recordings.delete_stream(settings.recordings_dir, "a", "revoked")
    found = recompute("--threshold-set", "vendor", "--publish")
    assert (found["published"], found["superseded"]) == (0, 1)
    assert silences(settings) == {"a": 1}


def test_a_call_that_cannot_be_read_is_named_and_stops_nothing(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a", "b"])
    (path,) = settings.recordings_dir.glob("a/*/analysis.msgpack")
    path.write_bytes(b"damaged")
    found = recompute()
    assert list(found["problems"]) == ["a"]
    assert found["calls"] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--threshold-set", "none"], "no thresholds named 'none'; [[thresholds]] has: vendor"),
        (["--metric", "mood"], "there is no metric 'mood'"),
        (["--discard", "never"], "there is no run 'never'"),
    ],
)
@pytest.mark.usefixtures("recompute")
def test_what_makes_no_sense_is_told(tmp_path: Path, settings: Settings, options: list[str], told: str) -> None:
    record(settings, ["a"])
    result = CliRunner().invoke(main, ["recompute", "--config", str(tmp_path / "site.toml"), *options])
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_run_with_another_configuration_is_another_run(tmp_path: Path, settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a"])
    named = recompute("--run", "mine")["run"]
    config = tmp_path / "site.toml"
    config.write_text(config.read_text().replace("4600", "4000"))
    result = CliRunner().invoke(main, ["recompute", "--config", str(config), "--run", named])
    assert result.exit_code == 1
    assert "was begun for something else" in result.stderr
    listed = CliRunner().invoke(main, ["recompute", "--config", str(config), "--list"])
    assert listed.stdout.splitlines()[1].startswith("mine")


SCENARIOS = Path(cc_voice.simulator.__file__).parent / "scenarios"


def test_recordings_are_heard_again(settings: Settings, recompute: Recompute) -> None:
    """What a first hearing missed is there; what stood only in the options of the import stays; the same again is the same."""
    options = ["--agent-channel", "0", "--customer-channel", "1", "--language", "en", "--allow-test-model"]
    result = CliRunner().invoke(
        main, ["import", str(SCENARIOS / "good-call.flac"), *options, "--json", "--data-dir", str(settings.data_dir)]
    )
    assert result.exit_code == 0, result.output
    (first,) = json.loads(result.stdout)["legs"]
    again = ("--what", "recognition", "--allow-test-model")
    assert recompute(*again)["changes"]["metrics"] == []
    without_model = recompute("--what", "recognition")
    assert (without_model["calls"], list(without_model["problems"])) == (0, [first["call_id"]])
    assert "no model for en is installed now" in without_model["problems"][first["call_id"]]
    (known,) = recordings.load_analyses(settings.recordings_dir, first["call_id"])
    recordings.save_analysis(settings.recordings_dir, msgspec.structs.replace(known, utterances=()))
    assert recompute("--publish")["changes"]["legs_changed"] == 1
    found = recompute(*again, "--run", "second", "--publish")
    changed = {change["metric"]: change for change in found["changes"]["metrics"]}
    assert (changed["word_count_agent"]["mean_after"], found["published"]) == (first["word_count_agent"], 1)
    assert recordings.load_analyses(settings.recordings_dir, first["call_id"]) == [known]
    assert recompute("--run", "third")["changes"]["legs_changed"] == 0


def test_a_recording_that_is_gone_cannot_be_heard_again(settings: Settings, recompute: Recompute) -> None:
    record(settings, ["a"])
    (path,) = settings.recordings_dir.glob("a/*/stream.json")
    path.unlink()
    assert recompute("--what", "recognition", "--allow-test-model")["calls"] == 0


OTHERS = CONFIG + '[[thresholds]]\nname = "default"\nlong_silence_ms = 4600\n'


def publish(settings: Settings, *options: str) -> Any:
    return CliRunner().invoke(main, ["recompute", "--publish", "--jobs", "1", "--data-dir", str(settings.data_dir), *options])


def test_nothing_is_published_under_thresholds_that_the_stored_legs_do_not_have(tmp_path: Path, settings: Settings) -> None:
    """Of a site that remembers no settings: it was not served yet by a version that keeps them."""
    record(settings, ["a"])
    other = tmp_path / "other.toml"
    other.write_text(OTHERS.format(data_dir=str(settings.data_dir)))
    refused = publish(settings, "--config", str(other))
    assert refused.exit_code == 1
    assert "long_silence_ms of thresholds 'default' is 4600 here and 3000 at the site" in refused.stderr
    assert silences(settings) == {"a": 1}
    assert recompute_runs.names(settings.runs_dir) == []  # said before anything is measured


def test_a_command_without_a_configuration_measures_as_the_site_does(tmp_path: Path, settings: Settings) -> None:
    record(settings, ["a"])
    theirs = tmp_path / "theirs.toml"
    theirs.write_text(OTHERS.format(data_dir=str(settings.data_dir)))
    adopted = publish(settings, "--config", str(theirs), "--adopt-settings")
    assert adopted.exit_code == 0, adopted.output
    assert silences(settings) == {"a": 0}
    again = publish(settings)  # the folder remembers: nothing changes back
    assert again.exit_code == 0, again.output
    assert silences(settings) == {"a": 0}
    defaults = tmp_path / "defaults.toml"
    defaults.write_text('timezone = "Europe/Berlin"\n')
    refused = publish(settings, "--config", str(defaults))
    assert refused.exit_code == 1
    assert "long_silence_ms of thresholds 'default' is 3000 here and 4600 at the site" in refused.stderr
    assert silences(settings) == {"a": 0}
