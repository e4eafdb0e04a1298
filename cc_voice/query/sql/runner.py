"""One question in SQL: the copy is made fresh enough, a sandbox answers on it, a timer ends it.

One question at a time and site, whoever asks, by a lock on a file: two cores have calls to recognise. Whoever waits in vain for a
question's time is told so.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.query import reports
from cc_voice.query.sql import SqlBusy, SqlError, SqlFailed, SqlLimit, SqlRefused, SqlUnavailable, snapshot
from cc_voice.query.sql.snapshot import Snapshot

POLL_S = 0.05
RETRY_S = 60
GRACE_S = 5.0
"""Starting, opening the copy and writing the answer: beside the time of the question itself."""


class SqlLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a question may take."""

    time_ms: int = 30_000
    memory_mb: int = 512
    process_mb: int = 1536
    """All memory of the process: DuckDB's, the program's, the answer's."""
    cpu_s: int = 70
    """Of all threads together."""
    threads: int = 2
    rows: int = 10_000
    bytes: int = 16 << 20
    """Of the answer as JSON."""


class SqlColumn(msgspec.Struct, frozen=True):
    """A column of an answer with its type in DuckDB's words."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and how old what it is about is.

    Times are text in ISO 8601 and UTC, numbers numbers, intervals and blobs text; lists and structs as JSON has them.
    """

    columns: tuple[SqlColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: str | None
    """`rows` or `bytes` when there were more of them than an answer may have."""
    age_s: float
    """How old the copy is; 0 when nothing has changed since it was made."""
    took_ms: int


class _Output(msgspec.Struct, frozen=True):
    """What a sandbox writes: an answer or why there is none."""

    columns: list[tuple[str, str]] = []
    rows: tuple[tuple[Any, ...], ...] = ()
    cut: str | None = None
    refused: str | None = None
    failed: str | None = None
    limit: str | None = None
    unavailable: str | None = None


_OUTPUT = msgspec.json.Decoder(_Output)


@contextlib.contextmanager
def turn(folder: Path, patience_s: float) -> Iterator[None]:
    """Wait for the one place in which SQL runs. Raises SqlBusy when it does not become free, SqlUnavailable."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SqlUnavailable(f"cannot work in {folder}: {error.strerror}") from error
    try:
        deadline = time.monotonic() + patience_s
        while not _taken(lock):
            if time.monotonic() >= deadline:
                raise SqlBusy("other questions in SQL are being answered; repeat in a minute", RETRY_S)
            time.sleep(POLL_S)
        yield
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def run(folder: Path, made: Snapshot, views: Mapping[str, str], sql: str, limits: SqlLimits, now_s: float) -> SqlAnswer:
    """Answer a question on the copy of a folder. Raises SqlError. Whoever asks holds the folder's lock.

    `views` stand before the tables of the copy, as `scoped_views` defines them.
    """
    request = {
        "database": str(snapshot.database(folder).resolve()),
        "macros": reports.macros(),
        "published": snapshot.published(),
        "views": dict(views),
        "sql": sql,
        **msgspec.structs.asdict(limits),
    }
    began_s = time.monotonic()
    written = _sandboxed(msgspec.json.encode(request), limits)
    took_ms = round((time.monotonic() - began_s) * 1000)
    output = _decoded(written, limits)
    return SqlAnswer(
        columns=tuple(SqlColumn(name, kind) for name, kind in output.columns),
        rows=output.rows,
        cut=output.cut,
        age_s=0.0 if made.is_current else max(0.0, now_s - made.made_s),
        took_ms=took_ms,
    )


def _sandboxed(request: bytes, limits: SqlLimits) -> bytes:
    """Return what a sandbox wrote before it ended or was ended."""
    # By its path and not imported: this process has no use for it
    command = [sys.executable, "-I", str(Path(__file__).resolve().with_name("sandbox.py"))]
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    most = 2 * limits.bytes + (1 << 20)
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none, env={}, cwd="/", start_new_session=True)
    except OSError as error:
        raise SqlUnavailable(f"no process for SQL can be started: {error.strerror}") from error
    timer = threading.Timer(limits.time_ms / 1000 + GRACE_S, process.kill)
    timer.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(request)
            process.stdin.close()
        # Bounded here too: the sandbox keeps its own bound only as long as nobody has broken it
        return process.stdout.read(most)
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout):
            if end is not None:
                with contextlib.suppress(BrokenPipeError):
                    end.close()


def _decoded(written: bytes, limits: SqlLimits) -> _Output:
    """Return what a sandbox answered. Raises SqlError when it did not answer the question."""
    try:
        output = _OUTPUT.decode(written)
    except msgspec.DecodeError as error:
        share = f"{limits.time_ms // 1000} s or {limits.process_mb} MB"
        raise SqlLimit(f"the question was stopped: it took more than {share}, or DuckDB broke on it") from error
    reasons: tuple[tuple[type[SqlError], str | None], ...] = (
        (SqlRefused, output.refused),
        (SqlFailed, output.failed),
        (SqlLimit, output.limit),
        (SqlUnavailable, output.unavailable),
    )
    for kind, reason in reasons:
        if reason is not None:
            raise kind(reason)
    return output
