"""The Delta table of many sites: each row once, whoever writes at the same time, whatever is repeated or killed."""

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from cc_voice.config.settings import Site, bundled
from cc_voice.exports import ExportError, lake
from cc_voice.exports.lake import export_lake
from cc_voice.query import datasets
from cc_voice.query.scope import EVERYTHING
from tests.stored_calls import NOON, SITE, Connection, call, leg, new_store, say, write

LEEDS = Site(site_id=2, name="O'Leeds / Süd", timezone="Europe/London")


def fill(con: Connection, site: Site, days: int = 3) -> None:
    for day in range(days):
        for number in range(2):
            name = f"{site.name}{day}{number}"
            said = (say(name, "agent", 0, f"hello {name}"),)
            write(con, call(name, leg(name), at=NOON + datetime.timedelta(days=day), said=said), site)


def to_lake(con: Connection, uri: Path, site: Site = SITE) -> dict[str, tuple[int, int]]:
    with datasets.exported(con, EVERYTHING) as source:
        return {each.name: (each.days, each.rows) for each in export_lake(source, str(uri), site.name)}


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        fill(store, SITE)
        yield store


def rows(uri: Path, table: str = "calls") -> pl.DataFrame:
    return pl.read_delta(str(uri / table))


def test_the_table_has_the_rows_of_the_store(con: Connection, tmp_path: Path) -> None:
    assert to_lake(con, tmp_path)["calls"] == (3, 6)
    with datasets.exported(con, EVERYTHING) as source:
        for name in ("calls", "legs", "utterances", "words", "intervals", "null_reasons", "leg_languages", "events", "channels"):
            whole = pl.concat(source.batches(name))
            found = rows(tmp_path, name)
            assert set(found.columns) - set(whole.columns) == {"site", "date"}
            assert sorted(found.select(whole.columns).rows(), key=str) == sorted(whole.rows(), key=str)
            assert (found["date"] == found["local_date"]).all()
    assert DeltaTable(str(tmp_path / "legs")).metadata().partition_columns == ["site", "date"]


def test_the_same_again_writes_nothing(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    version = DeltaTable(str(tmp_path / "calls")).version()
    assert set(to_lake(con, tmp_path).values()) == {(0, 0)}
    assert DeltaTable(str(tmp_path / "calls")).version() == version


def test_what_has_no_days_is_a_site_s_and_replaced_when_it_changes(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    assert DeltaTable(str(tmp_path / "agents")).metadata().partition_columns == ["site"]
    with new_store() as other:
        fill(other, Site(site_id=2, name="Leeds", timezone="Europe/London"))
        to_lake(other, tmp_path, Site(site_id=2, name="Leeds", timezone="Europe/London"))
    con.execute("update dim_agent set team_name = 'Blue'")
    assert to_lake(con, tmp_path)["agents"] == (1, 1)
    assert sorted(rows(tmp_path, "agents").select("site", "team_name").rows()) == [("Berlin", "Blue"), ("Leeds", None)]
    assert to_lake(con, tmp_path)["agents"] == (0, 0)


def test_a_call_measured_again_replaces_itself(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    con.execute("update fact_leg set hold_ms = 77 where call_id = 'Berlin10'")
    assert to_lake(con, tmp_path)["legs"] == (1, 2)
    legs = rows(tmp_path, "legs")
    assert legs["leg_id"].is_unique().all()
    assert legs.filter(pl.col("hold_ms") == 77)["call_id"].to_list() == ["Berlin10"]


def test_a_deleted_call_and_a_deleted_day_are_gone(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    con.execute("delete from fact_leg where call_id in ('Berlin00', 'Berlin10', 'Berlin11')")
    con.execute("delete from fact_call where call_id in ('Berlin00', 'Berlin10', 'Berlin11')")
    to_lake(con, tmp_path)
    for table in ("calls", "legs", "utterances"):
        assert set(rows(tmp_path, table)["call_id"]) == {"Berlin01", "Berlin20", "Berlin21"}
    assert set(to_lake(con, tmp_path).values()) == {(0, 0)}
    con.execute("delete from fact_leg; delete from fact_call")
    to_lake(con, tmp_path)
    assert rows(tmp_path).is_empty()


def test_a_day_that_comes_back_is_written_again(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    con.execute("create temp table kept as from fact_call; create temp table kept_legs as from fact_leg")
    con.execute("delete from fact_leg; delete from fact_call")
    to_lake(con, tmp_path)
    con.execute("insert into fact_call from kept; insert into fact_leg from kept_legs")
    to_lake(con, tmp_path)
    assert rows(tmp_path).height == 6


def test_sites_do_not_touch_each_other(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    with new_store() as other:
        fill(other, LEEDS)
        assert to_lake(other, tmp_path, LEEDS)["calls"] == (3, 6)
        other.execute("delete from fact_leg; delete from fact_call")
        assert rows(tmp_path)["site"].value_counts().sort("site").rows() == [("Berlin", 6), (LEEDS.name, 6)]
        to_lake(other, tmp_path, LEEDS)
    assert set(rows(tmp_path)["site"]) == {"Berlin"}
    assert set(to_lake(con, tmp_path).values()) == {(0, 0)}


def test_days_are_gathered_into_commits(con: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to_lake(con, tmp_path / "few")
    monkeypatch.setattr(lake, "COMMIT_ROWS", 1)
    to_lake(con, tmp_path / "many")
    assert DeltaTable(str(tmp_path / "few" / "calls")).version() == 0
    assert DeltaTable(str(tmp_path / "many" / "calls")).version() == 2
    assert rows(tmp_path / "few").sort("call_id").equals(rows(tmp_path / "many").sort("call_id"))


def test_a_column_that_a_new_version_adds(con: Connection, tmp_path: Path) -> None:
    to_lake(con, tmp_path)
    old = (bundled("analytics") / "views" / "v_leg.sql").read_text()
    con.execute(f"create or replace temp view v_leg as select 1.5 as new_pct, old.* from ({old}) as old")
    to_lake(con, tmp_path)
    assert set(rows(tmp_path, "legs")["new_pct"]) == {1.5}
    assert rows(tmp_path, "legs").height == 6


WRITER = """
import sys
from pathlib import Path
from cc_voice.exports import lake
from cc_voice.query.scope import EVERYTHING
from cc_voice.config.settings import Site
from tests.exports.test_lake import fill, to_lake
from tests.stored_calls import new_store
lake.COMMIT_ROWS = 1
uri, site = Path(sys.argv[1]), Site(site_id=1, name=sys.argv[2], timezone="UTC")
con = new_store()
fill(con, site, days=5)
con.execute("update fact_call set last_update_ts = timestamptz '2026-11-10 00:00:00+00'")
con.execute("update fact_leg set computed_at = timestamptz '2026-11-10 00:00:00+00'")
print("ready", flush=True)
sys.stdin.readline()
to_lake(con, uri, site)
"""


def start(uri: Path, site: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", WRITER, uri, site], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def go(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


@pytest.mark.parametrize(
    "sites",
    [pytest.param(("Berlin", "Leeds", "Madrid"), marks=pytest.mark.nightly), ("Berlin", "Berlin", "Berlin")],
    ids=["three sites", "one site"],
)
def test_three_writers_at_once_write_each_row_once(tmp_path: Path, sites: tuple[str, ...]) -> None:
    writers = [start(tmp_path, site) for site in sites]
    for writer in writers:
        go(writer)
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    for table in ("calls", "legs", "utterances", "words"):
        found = rows(tmp_path, table)
        key = {"calls": ["call_id"], "legs": ["leg_id"], "utterances": ["utterance_id"]}.get(table, ["utterance_id", "word_seq"])
        assert found.select(key).is_unique().all()
    assert rows(tmp_path)["site"].value_counts().sort("site").rows() == [(site, 10) for site in sorted(set(sites))]


def test_a_killed_writer_is_made_good_by_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        writer = start(tmp_path, "Berlin")
        go(writer)
        first_commit = tmp_path / "calls" / "_delta_log" / "00000000000000000000.json"
        while not first_commit.exists() and writer.poll() is None:
            os.sched_yield()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    writer = start(tmp_path, "Berlin")
    go(writer)
    assert writer.wait(120) == 0
    for table, count in (("calls", 10), ("legs", 10), ("utterances", 10), ("words", 20)):
        assert rows(tmp_path, table).height == count


def test_what_cannot_be_written_is_told(con: Connection) -> None:
    with pytest.raises(ExportError, match="cannot write the Delta table /proc/nowhere/calls"):
        to_lake(con, Path("/proc/nowhere"))


def test_without_the_extra_it_is_told(con: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(ExportError, match=r"install cc-voice\[lake\]"):
        to_lake(con, tmp_path)
