"""The one owner of the database file: a thread that writes, a few that read, and functions given a connection.

A write is a function that gets a connection inside a transaction; it returns and is committed, or raises and is undone.
Writes run one after the other in the order they were handed in; that order is one of the two queues of the program.
Readers use cursors of their own and see the last commit. Nothing outside this package holds a connection.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import msgspec
import structlog

from cc_voice.store.errors import DatabaseClosed, DatabaseDamaged, DatabaseLocked, ReadTooLong, StoreError
from cc_voice.store.migration import migrate

log = structlog.get_logger()

T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)
Connection = duckdb.DuckDBPyConnection

WRITES_WAITING = 1_000
"""More than this and whoever hands in the next waits: back-pressure instead of memory."""
READERS = 3
LANES = 9
"""Cursors a reader keeps ready: one for the service itself, and one for each of those who asked last."""
READ_LIMIT_MS = 60_000
"""A question may run this long; an export of years is cut into tables by its caller."""

CHECKPOINT_S = 300.0
"""How often what was written moves from the write-ahead log into the file. DuckDB does so by size only, which some hundred calls do
not reach: a log that is then damaged or left behind takes all of them along."""

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # A missing function must be an error, not a download: the appliance never fetches anything by itself.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

_Work = tuple[Callable[[Connection], Any], "Future[Any]"]


class Database:
    """An open store. Use `open`; `write` and `read` from coroutines, `write_now` and `read_now` from threads and commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writes: queue.Queue[_Work | None] = queue.Queue(WRITES_WAITING)
        self._entrance = threading.Lock()
        """Held while a write is handed in: behind the end of the queue it would be waited for and never run."""
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._local = threading.local()
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open or create the store and bring its schema up to date.

        Raises DatabaseLocked (another process holds it), DatabaseDamaged, DatabaseTooNew, StoreError.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in (path, path.with_name(f"{path.name}.wal")):
            if file.is_fifo() or file.is_socket() or file.is_dir():  # a pipe would be waited for without end
                raise DatabaseDamaged(f"{file} is no file but a folder or a pipe. Move it aside, or restore a backup")
        try:
            connection = duckdb.connect(str(path), config=_CONFIG)
        except duckdb.Error as error:
            raise _opening_error(path, error) from error
        try:
            # What SQL says about hours and days must not depend on the machine; local dates come from dim_date.
            connection.execute("set global TimeZone = 'UTC'")
            migrate(connection)
        except duckdb.Error as error:
            connection.close()
            raise _opening_error(path, error) from error
        except BaseException:
            connection.close()
            raise
        path.chmod(0o600)
        return cls(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction on the writer's thread and return its result after the commit."""
        # put() may block when the queue is full, so it runs in a thread only then: the common case keeps the order of calls
        future: Future[T] = Future()
        try:
            self._hand_in(work, future, block=False)
        except queue.Full:
            await asyncio.to_thread(self._hand_in, work, future, block=True)
        return await asyncio.wrap_future(future)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """As `write`, for code without an event loop."""
        future: Future[T] = Future()
        self._hand_in(work, future, block=True)
        return future.result()

    async def read(
        self, work: Callable[[Connection], T], lane: Hashable = None, prepare: Callable[[Connection, object], None] | None = None
    ) -> T:
        """Run `work` with a cursor on a reader's thread; it sees the last commit. Raises ReadTooLong, DatabaseClosed.

        With a `lane` the cursor is one that `prepare` made ready for it, and that no other lane gets.
        """
        if self._closed:
            raise DatabaseClosed("the store is closed")
        return await asyncio.wrap_future(self._readers.submit(self._with_cursor, work, lane, prepare))

    def read_now(
        self, work: Callable[[Connection], T], lane: Hashable = None, prepare: Callable[[Connection, object], None] | None = None
    ) -> T:
        """As `read`, for code without an event loop."""
        if self._closed:
            raise DatabaseClosed("the store is closed")
        return self._readers.submit(self._with_cursor, work, lane, prepare).result()

    def close(self) -> None:
        """Finish the writes handed in, then close; call again freely."""
        with self._entrance:
            if self._closed:
                return
            self._closed = True
            self._writes.put(None)
        self._writer.join()
        self._readers.shutdown(wait=True)
        self._connection.close()

    def _hand_in(self, work: Callable[[Connection], Any], future: "Future[Any]", block: bool) -> None:
        """Put a write into the queue. Raises DatabaseClosed, and without `block` queue.Full when it would have to wait."""
        if not self._entrance.acquire(blocking=block):
            raise queue.Full
        try:
            if self._closed:
                raise DatabaseClosed("the store is closed; what was not committed is still in the spool")
            self._writes.put((work, future), block=block)
        finally:
            self._entrance.release()

    def _write_all(self) -> None:
        connection = self._connection.cursor()
        written_s: float | None = None  # when the oldest write was that is only in the log
        while True:
            wait_s = None if written_s is None else written_s + CHECKPOINT_S - time.monotonic()
            if wait_s is not None and wait_s <= 0:  # looked at first: a queue that is never empty must not put it off
                written_s = None if _checkpointed(connection) else time.monotonic()
                continue
            try:
                item = self._writes.get(timeout=wait_s)
            except queue.Empty:
                continue
            if item is None:
                break
            written_s = written_s or time.monotonic()
            work, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = _in_transaction(connection, work)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        connection.close()

    def _with_cursor(
        self, work: Callable[[Connection], T], lane: Hashable, prepare: Callable[[Connection, object], None] | None
    ) -> T:
        cursors: dict[Hashable, Connection] = self._local.__dict__.setdefault("cursors", {})
        # Taken out and put back behind the others: what was not asked for longest is let go, and one that failed is not kept
        cursor = cursors.pop(lane, None)
        try:
            if cursor is None:
                cursor = self._connection.cursor()
                cursor.execute(f"set max_execution_time = {READ_LIMIT_MS}")
                if prepare is not None and lane is not None:
                    prepare(cursor, lane)
            result = work(cursor)
            cursors[lane] = cursor
            while len(cursors) > LANES:
                cursors.pop(next(iter(cursors))).close()
            return result
        except BaseException as error:
            # It may be inside a transaction for as long as somebody keeps the error: the next reader gets another cursor
            if isinstance(error, duckdb.InterruptException):
                raise ReadTooLong(f"this took longer than {READ_LIMIT_MS // 1000} s and was stopped; ask for fewer days") from error
            raise


def _checkpointed(connection: Connection) -> bool:
    """Move the log into the file; False when it has to be tried again (a long question is under way, the disk is full)."""
    try:
        connection.execute("checkpoint")
    except duckdb.Error as error:
        log.warning("store not checkpointed; it is tried again", error=str(error).splitlines()[0])
        return False
    return True


def _in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    connection.begin()
    try:
        result = work(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return result


_MACHINE = ("Permission denied", "No space left", "Read-only file system", "Disk quota exceeded", "Too many open files")
"""What an operating system says of a disk, and never of a file's content."""


def _opening_error(path: Path, error: duckdb.Error) -> StoreError:
    text = str(error)
    if "set lock on file" in text:  # not "lock" alone: damage is found in a "block"
        return DatabaseLocked(f"another process holds {path}")
    if any(told in text for told in _MACHINE):  # the file is sound: nothing may be moved or restored
        return StoreError(
            f"{path} cannot be opened: {text.splitlines()[0]}. See that cc-voice's account owns the folder and the disk has room"
        )
    if "WAL" in text:
        return DatabaseDamaged(
            f"the write-ahead log of {path} is damaged ({text.splitlines()[0]}). Move {path}.wal aside and start again: what was "
            "stored since the last checkpoint is then missing, its recordings are not; `cc-voice recompute --publish` restores it"
        )
    return DatabaseDamaged(f"{path} cannot be opened: {text.splitlines()[0]}. Restore it from a backup or move it aside")


def structs(con: Connection, kind: type[Row], sql: str, parameters: Sequence[Any]) -> list[Row]:
    """Ask with SQL whose columns are the fields of a struct."""
    return [kind(**row) for row in dicts(con, sql, parameters)]


def dicts(con: Connection, sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    """Ask with SQL; rows as column → value."""
    cursor = con.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
