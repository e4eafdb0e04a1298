"""Copies of calls beside the store: gone when somebody may not be heard any more."""

from pathlib import Path

from cc_voice.store import copies, runs
from cc_voice.store.runs import Plan, Result, Run


def test_every_copy_goes_and_nothing_else(tmp_path: Path) -> None:
    sql, kept = tmp_path / "sql", tmp_path / "runs"
    sql.mkdir()
    for name in ("snapshot.json", "snapshot.duckdb", "snapshot.duckdb.wal", "lock"):
        (sql / name).touch()
    run = Run(kept, "one")
    run.begin(Plan(what="metrics", metric_version="2", settings_digest=""))
    run.add(Result(call_id="a", problem="none"))
    copies.forget(sql, kept)
    assert [path.name for path in sql.iterdir()] == ["lock"]
    assert runs.names(kept) == []
    copies.forget(tmp_path / "none", tmp_path / "none")
