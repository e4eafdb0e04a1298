"""Copies of calls that lie beside the store: what SQL is asked on, and runs of `recompute`. They go when Zoom revokes a stream.

Both can be made again. Exports are not ours to delete: the next one no longer has the call.
"""

from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from cc_voice.media.recompute_runs import RecomputeRun, RunError, names


def forget(sql_dir: Path, runs_dir: Path) -> None:
    """Delete every copy, as nobody knows in which of them a call is. Raises OSError."""
    for path in (*sql_dir.glob("snapshot.json"), *sql_dir.glob("snapshot.duckdb*"), *sql_dir.glob("snapshot.part*")):
        path.unlink(missing_ok=True)
    rmtree(sql_dir / "handed", ignore_errors=True)
    for name in names(runs_dir):
        with suppress(RunError):  # published and gone meanwhile
            RecomputeRun(runs_dir, name).discard()
