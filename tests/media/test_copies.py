"""Copies of calls beside the store: gone when somebody may not be heard any more."""

from pathlib import Path

from cc_voice.media import copies, recompute_runs
from cc_voice.media.recompute_runs import RecomputeRun, RunPlan, RunResult


def test_every_copy_goes_and_nothing_else(tmp_path: Path) -> None:
    sql, kept = tmp_path / "sql", tmp_path / "runs"
    sql.mkdir()
    for name in ("snapshot.json", "snapshot.duckdb", "snapshot.duckdb.wal", "lock"):
        (sql / name).touch()
    run = RecomputeRun(kept, "one")
    run.begin(RunPlan(what="metrics", metric_version="2", settings_digest=""))
    run.add(RunResult(call_id="a", problem="none"))
    copies.forget(sql, kept)
    assert [path.name for path in sql.iterdir()] == ["lock"]
    assert recompute_runs.names(kept) == []
    copies.forget(tmp_path / "none", tmp_path / "none")
