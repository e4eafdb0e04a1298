"""A generated site: as big as asked, sound by every check, and measured question by question."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cc_voice.commands.main import main
from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store.database import Database


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", *arguments])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    done = bench("data", "--out", str(folder), "--calls", "100", "--days", "40")
    assert done.exit_code == 0, done.output
    return folder


def ask(site: Path, sql: str) -> list[tuple[object, ...]]:
    database = Database.open(site / "cc_voice.duckdb")
    try:
        return database.read_now(lambda con: con.execute(sql).fetchall())
    finally:
        database.close()


def test_the_site_is_as_big_as_asked(site: Path) -> None:
    assert ask(site, "select count(*) from fact_call") == [(100,)]
    (utterances,) = ask(site, "select count(*) from fact_utterance")[0]
    assert 20 * 100 < int(str(utterances)) < 40 * 100
    assert ask(site, "select count(distinct call_id) from fact_word join fact_utterance using (utterance_id)") == [(1,)]
    assert ask(site, "select count(distinct date_key) > 15 from fact_call") == [(True,)]
    assert ask(site, "select count(distinct language_code) from fact_utterance") == [(3,)]


def test_every_check_holds_on_it(site: Path) -> None:
    database = Database.open(site / "cc_voice.duckdb")
    try:
        broken = {
            check.name: frame.rows()
            for check in reports.checks()
            if (frame := database.read_now(lambda con, name=check.name: reports.run_check(con, EVERYTHING, name))).height  # type: ignore[misc]
        }
    finally:
        database.close()
    assert broken == {}


def test_the_same_seed_gives_the_same_calls(tmp_path: Path) -> None:
    sql = "select call_id, seq, text, start_ms from fact_utterance order by all limit 500"
    for name, seed in (("one", "1"), ("same", "1"), ("other", "2")):
        assert bench("data", "--out", str(tmp_path / name), "--calls", "30", "--days", "4", "--seed", seed).exit_code == 0
    assert ask(tmp_path / "same", sql) == ask(tmp_path / "one", sql) != ask(tmp_path / "other", sql)


def test_a_site_with_calls_is_left_alone(site: Path) -> None:
    done = bench("data", "--out", str(site), "--calls", "1")
    assert done.exit_code == 1
    assert "has calls already" in done.output
    assert ask(site, "select count(*) from fact_call") == [(100,)]


def test_every_report_and_search_is_timed(site: Path) -> None:
    timings = json.loads(bench("queries", "--data-dir", str(site), "--repeats", "1", "--json").output)
    assert timings["calls"] == 100
    assert {one["name"] for one in timings["reports"]} == {report.name for report in reports.list_reports()}
    assert {one["range"] for one in timings["searches"]} == {"all", "31 days"}
    for one in (*timings["reports"], *timings["reports_all"], *timings["searches"]):
        assert 0 < one["p50_ms"] <= one["p95_ms"]
    rows = {one["name"]: one["rows"] for one in timings["reports"]}
    assert rows["agent-talk"] > 20
    found = {one["name"]: one["rows"] for one in timings["searches"]}
    assert found["refund"] > 0
    assert found["nowhere"] == 0
    for one in timings["scopes"]:
        assert one["ratio"] > 0
        assert one["team_rows"] <= one["site_rows"]
    assert [one["team_rows"] > 0 for one in timings["scopes"]][:3] == [True] * 3, "a search may find nothing in a team"


@pytest.mark.nightly
def test_the_table_is_markdown(site: Path) -> None:
    lines = bench("queries", "--data-dir", str(site), "--repeats", "1").output.splitlines()
    assert lines[0].startswith("100 calls, ")
    assert any(line.startswith("| agent-talk ") for line in lines)


def test_a_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    done = bench("queries", "--data-dir", str(tmp_path / "gone"))
    assert (done.exit_code, "there is no store" in done.output, (tmp_path / "gone").exists()) == (1, True, False)


def test_an_empty_site_is_measured_too(tmp_path: Path) -> None:
    Database.open(tmp_path / "cc_voice.duckdb").close()
    timings = json.loads(bench("queries", "--data-dir", str(tmp_path), "--repeats", "1", "--json").output)
    assert (timings["calls"], timings["searches"]) == (0, [])
    assert not any(one["rows"] for one in timings["reports"])
