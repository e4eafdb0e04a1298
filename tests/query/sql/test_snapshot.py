"""The copy: only what is published, made anew when it must be, whole whatever happens."""

import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cc_voice.query.sql import SqlUnavailable, snapshot
from cc_voice.query.sql.snapshot import RENEW_S, refresh
from cc_voice.store import enrichment
from cc_voice.store.batches import delete_call
from cc_voice.store.zoom_reports import Engagement
from tests.query.sql.conftest import NOW_S
from tests.stored_calls import NOON, SITE, call, leg, write


def tables(folder: Path) -> dict[str, int]:
    """Return table → rows of everything in a copy."""
    with duckdb.connect(str(snapshot.database(folder)), read_only=True) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: con.execute(f"select count(*) from {name}").fetchall()[0][0] for name in names}


def test_it_holds_the_published_views_and_nothing_else(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    rows = {view: con.execute(f"select count(*) from {view}").fetchall()[0][0] for view in snapshot.published()}
    assert tables(tmp_path) == rows
    assert rows["v_word"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"snapshot.duckdb", "snapshot.json"}
    assert snapshot.database(tmp_path).stat().st_mode & 0o077 == 0


def test_a_folder_may_be_named_from_where_one_is(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `--data-dir var`, which is the default."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sql").mkdir()
    refresh(con, Path("sql"), NOW_S)
    write(con, call("late", leg("late"), at=NOON + datetime.timedelta(days=1)))
    assert refresh(con, Path("sql"), NOW_S + RENEW_S + 1).is_current
    assert tables(tmp_path / "sql")["v_call"] == con.execute("select count(*) from v_call").fetchall()[0][0]


def test_it_has_the_rows_of_the_views(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    with duckdb.connect(str(snapshot.database(tmp_path)), read_only=True) as copy:
        copy.execute("set TimeZone = 'UTC'")
        for view in snapshot.published():
            query = f"select * from {view} order by all"
            assert copy.execute(query).fetchall() == con.execute(query).fetchall()


def test_it_is_made_again_when_calls_came_and_some_minutes_have_passed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = refresh(con, tmp_path, NOW_S)
    assert first.is_current
    assert refresh(con, tmp_path, NOW_S + 10 * RENEW_S) == first  # nothing changed: it is as good as new
    write(con, call("late", leg("late"), at=NOON + datetime.timedelta(days=1)))
    soon = refresh(con, tmp_path, NOW_S + 1)
    assert (soon.made_s, soon.is_current) == (NOW_S, False)
    later = refresh(con, tmp_path, NOW_S + RENEW_S + 1)
    assert (later.made_s, later.calls, later.is_current) == (NOW_S + RENEW_S + 1, first.calls + 1, True)
    assert tables(tmp_path)["v_call"] == later.calls


def test_only_days_that_changed_are_handed_over(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are in the copy already; and it is the same as one that is made anew."""
    refresh(con, tmp_path, NOW_S)
    write(con, call("late", leg("late"), at=NOON + datetime.timedelta(days=1)))
    told: list[dict[str, Any]] = []
    assemble = snapshot._assemble
    monkeypatch.setattr(snapshot, "_assemble", lambda request, stopped: (told.append(request), assemble(request, stopped)))
    renewed = refresh(con, tmp_path, NOW_S + 1, renew=True)
    assert renewed.is_current
    [request] = told
    assert (request["fresh"], len(request["days"])) == (False, snapshot.DAYS_AFTER + 1)
    with duckdb.connect(str(snapshot.database(tmp_path)), read_only=True) as copy:
        copy.execute("set TimeZone = 'UTC'")
        for view in snapshot.published():
            query = f"select * from {view} order by all"
            assert copy.execute(query).fetchall() == con.execute(query).fetchall(), view
    con.execute("update fact_call set last_update_ts = last_update_ts + interval 1 second where call_id = 'b'")
    assert refresh(con, tmp_path, NOW_S + 2, renew=True).is_current
    assert not told[-1]["fresh"]
    assert refresh(con, tmp_path, NOW_S + 3, renew=True).made_s == NOW_S + 2, "nothing changed"
    con.execute("update dim_agent set display_name = 'Another'")
    refresh(con, tmp_path, NOW_S + 4, renew=True)
    assert told[-1]["fresh"], "any day may show an agent's name"


def test_a_service_that_stops_does_not_wait_for_a_copy(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with pytest.raises(SqlUnavailable, match="the service stops"):
        refresh(con, tmp_path, NOW_S, stopped=lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_a_killed_one_left_is_not_taken_for_the_new_copy_s(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    (tmp_path / "snapshot.json").unlink()
    (tmp_path / "snapshot.duckdb.wal").write_bytes(b"of a renewal that was killed")
    refresh(con, tmp_path, NOW_S + 1)
    assert tables(tmp_path)["v_call"] == 2


def test_a_deleted_call_does_not_live_on(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    con.execute("delete from fact_call where call_id = 'b'")
    assert refresh(con, tmp_path, NOW_S + 1).made_s == NOW_S + 1
    with duckdb.connect(str(snapshot.database(tmp_path)), read_only=True) as copy:
        assert copy.execute("select count(*) from v_utterance where call_id = 'b'").fetchall() == [(0,)]


def test_what_a_killed_one_left_is_no_copy(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "snapshot.part").write_bytes(b"half")
    (tmp_path / "snapshot.part.wal").write_bytes(b"half")
    snapshot.database(tmp_path).write_bytes(b"renamed, but not written down")
    assert snapshot.kept(tmp_path, NOW_S) is None
    refresh(con, tmp_path, NOW_S)
    assert tables(tmp_path)["v_call"] == 2
    (tmp_path / "snapshot.json").write_bytes(b"{")
    assert refresh(con, tmp_path, NOW_S + 5).made_s == NOW_S + 5


def test_a_copy_from_the_future_is_not_believed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    assert refresh(con, tmp_path, NOW_S - 3600).made_s == NOW_S - 3600


def test_without_room_the_store_goes_on(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(SqlUnavailable, match="cannot be made in /proc/nowhere"):
        refresh(con, Path("/proc/nowhere"), NOW_S)
    assert con.execute("select count(*) from v_call").fetchall() == [(2,)]
    assert "snapshot" not in [name for (name,) in con.execute("select database_name from duckdb_databases()").fetchall()]


def test_a_revoked_call_does_not_live_on_because_another_came(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    con.execute("insert into stream (stream_id, call_id, stage) values ('b', 'b', 'measured')")
    refresh(con, tmp_path, NOW_S)
    write(con, call("c", leg("c")))
    delete_call(con, "b")
    con.execute("update stream set stage = 'revoked'")
    assert refresh(con, tmp_path, NOW_S + 1).made_s == NOW_S + 1


def test_what_zoom_reports_say_later_is_a_change(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    refresh(con, tmp_path, NOW_S)
    told = [Engagement(engagement_id="instance of b", queue_wait_ms=5_000)]
    day = datetime.date(2026, 11, 2)
    enrichment.take(con, "engagement", told, SITE, day)
    assert not refresh(con, tmp_path, NOW_S + 1).is_current
    made = refresh(con, tmp_path, NOW_S + RENEW_S + 1)
    assert made.is_current
    enrichment.take(con, "engagement", told, SITE, day)  # the same again changes nothing
    assert refresh(con, tmp_path, NOW_S + RENEW_S + 2) == made
