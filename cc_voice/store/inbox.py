"""The webhook inbox: verified, durable, each announcement once. SQLite in WAL mode, with a thread of its own.

Not in DuckDB: there a row waits behind whole calls in the one writer's queue, and costs 50 times as much. Here a webhook waits for
one flush of the disk, which it shares with all that came meanwhile (`_commit`), and with nothing that a person can start. What was
promised outlives the process: a row is committed before its 200 (`keep`), acted on in the store, and then marked; whoever dies
between the two leaves it to the next start, which acts once more, and the store takes that for once.

Zoom's bodies hold phone numbers, so those of webhooks that were worked off are overwritten after `BODIES_S`; the ids stay for
`IDS_S`, longer than Zoom delivers again. Marks are not urgent: they go with the next row, or after `GATHER_S` alone.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import structlog

from cc_voice.store.errors import DatabaseDamaged, DatabaseTooNew, StoreError, WebhookNotKept

log = structlog.get_logger()

T = TypeVar("T")
WebhookState = Literal["new", "done", "failed"]
"""New is tried again by the next start; failed was tried often enough."""

FORMAT = 1
"""`user_version` of the file."""
WAITING = 5_000
"""More rows than this are refused, so that Zoom comes again: seconds of the worst burst."""
AT_ONCE = 500
"""Rows of one transaction at most."""
GATHER_S = 0.2
"""How long marks wait for a row to go with."""
BODIES_S = 600
"""How long what was worked off keeps its body. A repetition is known by its id, so only an operator may need it."""
IDS_S = 7 * 86_400
SWEEP_EVERY_S = 60.0
SWEPT_AT_ONCE = 200
"""Rows overwritten in one transaction: a webhook may have to wait for it."""

_SCHEMA = """
create table webhook (
    webhook_id text primary key,
    received_unix_ms integer not null,
    app text not null,
    event text not null,
    stream_id text,
    request_id text,
    body blob not null,
    state text not null,
    note text
) strict;
create index webhook_by_time on webhook (received_unix_ms);
create index webhook_new on webhook (webhook_id) where state = 'new';
create index webhook_by_stream on webhook (stream_id) where stream_id is not null;
"""


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was verified."""

    webhook_id: str
    received_unix_ms: int
    app: str
    event: str
    stream_id: str | None
    body: bytes
    request_id: str | None = None
    """Zoom's `x-zm-request-id`, by which its support finds a delivery."""
    state: WebhookState = "new"
    note: str | None = None


_Waiting = tuple[InboxRow, "asyncio.Future[bool]"]
_Work = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]


def webhook_id(app: str, body: bytes) -> str:
    """Return the id of a webhook: equal bytes for one app are one webhook, however often Zoom delivers them."""
    return hashlib.sha256(app.encode() + b"\0" + body).hexdigest()


class Inbox:
    """An open inbox. `keep` from coroutines, everything else from anywhere. `clock` gives Unix seconds."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._clock = clock
        self._something = threading.Condition()
        """Guards the five fields below, which the thread empties."""
        self._rows: list[_Waiting] = []
        self._marks: dict[str, tuple[WebhookState, str | None]] = {}
        self._unwritten: dict[str, tuple[WebhookState, str | None]] = {}
        """Marks that the disk did not take: they go with what comes next, for a full disk must not be asked without a pause."""
        self._works: list[_Work] = []
        self._closed = False
        self._swept_unix_ms = 0
        """Rows that came before this moment keep no body, unless they are new."""
        self._sweep_at_s = time.monotonic() + SWEEP_EVERY_S
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> "Inbox":
        """Open or create an inbox. Raises DatabaseDamaged, DatabaseTooNew, StoreError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            _prepare(connection, path)
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            if connection is not None:
                connection.close()
            raise _opening_error(path, error) from error
        except StoreError:
            if connection is not None:
                connection.close()
            raise
        return cls(connection, clock)

    async def keep(self, row: InboxRow) -> bool:
        """Commit a webhook; False when it was here already, which is no news but as safe. Raises WebhookNotKept."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._something:
            if self._closed or len(self._rows) >= WAITING:
                raise WebhookNotKept("the inbox is closed" if self._closed else f"{WAITING} webhooks wait to be written")
            self._rows.append((row, future))
            self._something.notify()
        return await future

    def mark(self, webhook_id: str, state: WebhookState, note: str | None = None) -> None:
        """Record what became of a webhook, with a note for the operator; written soon. Lost by a crash, it is acted on again."""
        with self._something:
            _, noted = self._marks.get(webhook_id, (state, None))
            self._marks[webhook_id] = (state, note or noted)
            self._something.notify()

    def pending(self) -> list[InboxRow]:
        """Return the webhooks that nobody has acted on, oldest first."""
        return self.run(lambda con: select(con, "state = 'new'"))

    def waiting(self) -> int:
        """Return how many webhooks nobody has acted on."""
        return self.run(lambda con: int(con.execute("select count(*) from webhook where state = 'new'").fetchone()[0]))

    def take_over(self, rows: Sequence[InboxRow]) -> None:
        """Commit rows of another inbox, all or none; those that are here already stay as they are."""
        self.run(lambda con: _insert(con, rows))

    def erase(self, stream_id: str, note: str) -> None:
        """Overwrite what webhooks said of a stream; they are done, whatever they were."""
        sql = "update webhook set body = x'', state = 'done', note = ? where stream_id = ?"
        self.run(lambda con: con.execute(sql, [note, stream_id]).fetchall())

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run something in a transaction, after all that was handed in before. Raises StoreError, sqlite3.Error."""
        return self._hand_in(work).result()

    async def probe(self) -> None:
        """Commit a row such as a webhook's, which is gone with the same commit. Raises StoreError, sqlite3.Error."""
        now_ms = int(self._clock() * 1000)
        row = InboxRow(webhook_id="probe", received_unix_ms=now_ms, app="", event="", stream_id=None, body=b"", state="done")

        def come_and_go(con: sqlite3.Connection) -> None:
            _insert(con, [row])
            con.execute("delete from webhook where webhook_id = ?", [row.webhook_id])

        await asyncio.wrap_future(self._hand_in(come_and_go))

    def _hand_in(self, work: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        future: Future[T] = Future()
        with self._something:
            if self._closed:
                raise StoreError("the inbox is closed")
            self._works.append((work, future))
            self._something.notify()
        return future

    def close(self) -> None:
        """Finish what was handed in, then close; call again freely."""
        with self._something:
            self._closed = True
            self._something.notify()
        self._thread.join()
        self._connection.close()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            with self._something:
                rows, self._rows = self._rows[:AT_ONCE], self._rows[AT_ONCE:]
                marks, self._marks, self._unwritten = self._unwritten | self._marks, {}, {}
                works, self._works = self._works, []
            self._commit(rows, marks)
            for work, future in works:
                _settle(self._connection, work, future)
            if not self._rows and time.monotonic() >= self._sweep_at_s:
                self._sweep()

    def _wait(self) -> bool:
        """Wait for work; False when there will be no more."""
        with self._something:
            self._something.wait_for(lambda: self._rows or self._marks or self._works or self._closed)
            if not self._closed:
                self._something.wait_for(lambda: self._rows or self._works or self._closed, GATHER_S)
            return bool(self._rows or self._marks or self._works)

    def _commit(self, rows: list[_Waiting], marks: dict[str, tuple[WebhookState, str | None]]) -> None:
        """Write everything that waits in one transaction, and answer. Marks that could not be written go with the next one."""
        cutoff_ms = self._swept_unix_ms

        def write(con: sqlite3.Connection) -> list[bool]:
            con.executemany(
                """
                update webhook
                set state = ?, note = coalesce(?, note), body = case when ? <> 'new' and received_unix_ms < ? then x'' else body end
                where webhook_id = ?
                """,
                [(state, note, state, cutoff_ms, row_id) for row_id, (state, note) in marks.items()],
            )
            return _insert(con, [row for row, _ in rows])

        try:
            kept = _in_transaction(self._connection, write)
        except sqlite3.Error as error:
            if not rows:  # where there are, their answers tell it
                log.error("webhooks not marked as worked off; a later row or the next start does it", error=str(error))
            with self._something:
                if not self._closed:
                    self._unwritten = marks | self._unwritten
            failure = WebhookNotKept(f"the inbox cannot be written: {error}")
            _answer([(future, failure) for _, future in rows])
        else:
            _answer([(future, new) for (_, future), new in zip(rows, kept, strict=True)])

    def _sweep(self) -> None:
        """Overwrite bodies that are due and forget old ids, a few in each transaction."""
        now_ms = int(self._clock() * 1000)
        try:
            reached_ms = _in_transaction(self._connection, lambda con: _sweep(con, self._swept_unix_ms, now_ms))
        except sqlite3.Error as error:
            log.error("old webhooks not overwritten; tried again", error=str(error))
            reached_ms = None
        if reached_ms is not None:
            self._swept_unix_ms = reached_ms
        is_over = reached_ms is None or reached_ms >= now_ms - BODIES_S * 1000
        self._sweep_at_s = time.monotonic() + (SWEEP_EVERY_S if is_over else 0.0)


def select(con: sqlite3.Connection, condition: str) -> list[InboxRow]:
    """Return the rows of a condition in SQL, oldest first."""
    columns = ", ".join(InboxRow.__struct_fields__)
    cursor = con.execute(f"select {columns} from webhook where {condition} order by received_unix_ms, webhook_id")
    return [InboxRow(**dict(zip(InboxRow.__struct_fields__, row, strict=True))) for row in cursor]


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # Each commit is on the disk before it returns; WAL makes that one flush, and lets a copy be read meanwhile.
    connection.execute("pragma journal_mode = wal").fetchall()
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")
    version: int = connection.execute("pragma user_version").fetchone()[0]
    if version > FORMAT:
        raise DatabaseTooNew(f"{path} was written by a newer version of cc-voice; run that one, or restore a backup")
    if version < FORMAT:
        connection.executescript(f"begin; {_SCHEMA} pragma user_version = {FORMAT}; commit;")


def _opening_error(path: Path, error: Exception) -> StoreError:
    if isinstance(error, sqlite3.OperationalError | OSError):  # the file is sound: it cannot be reached, or not be written
        return StoreError(f"{path} cannot be opened: {error}. See that cc-voice's account owns the folder and the disk has room")
    return DatabaseDamaged(
        f"{path} is damaged ({error}). Move it and its -wal and -shm aside and start again: announcements that came and were "
        "not acted on are then lost, calls are not"
    )


def _in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("begin immediate")
    try:
        result = work(connection)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # a full disk may have undone it already
            connection.execute("rollback")
        raise
    return result


def _insert(con: sqlite3.Connection, rows: Sequence[InboxRow]) -> list[bool]:
    """Insert rows and return which are new; of two with one id the first is.

    Two statements for all of them: `on conflict … returning` would step, and so ask for the interpreter, once a row.
    """
    if not rows:
        return []
    known: set[str] = set()
    for start in range(0, len(rows), AT_ONCE):
        ids = [row.webhook_id for row in rows[start : start + AT_ONCE]]
        known.update(i for (i,) in con.execute(f"select webhook_id from webhook where webhook_id in ({_places(ids)})", ids))
    are_new, new = [], []
    for row in rows:
        are_new.append(row.webhook_id not in known)
        if are_new[-1]:
            known.add(row.webhook_id)
            new.append(row)
    for start in range(0, len(new), AT_ONCE):
        part = new[start : start + AT_ONCE]
        values = ", ".join(f"({_places(InboxRow.__struct_fields__)})" for _ in part)
        cells = [getattr(row, name) for row in part for name in InboxRow.__struct_fields__]
        con.execute(f"insert into webhook ({', '.join(InboxRow.__struct_fields__)}) values {values}", cells)
    return are_new


def _places(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _sweep(con: sqlite3.Connection, since_ms: int, now_ms: int) -> int:
    """Overwrite the bodies of the next rows that are due, and return up to when that is done (Unix ms)."""
    until_ms = now_ms - BODIES_S * 1000
    con.execute(
        """
        delete from webhook
        where webhook_id in (
            select webhook_id from webhook where received_unix_ms < ? and state <> 'new' order by received_unix_ms limit ?
        )
        """,
        [now_ms - IDS_S * 1000, SWEPT_AT_ONCE],
    )
    times = con.execute(
        "select received_unix_ms from webhook where received_unix_ms >= ? and received_unix_ms < ? order by 1 limit ?",
        [since_ms, until_ms, SWEPT_AT_ONCE],
    ).fetchall()
    reached_ms = times[-1][0] + 1 if len(times) == SWEPT_AT_ONCE else max(since_ms, until_ms)
    con.execute(
        "update webhook set body = x'' where received_unix_ms >= ? and received_unix_ms < ? and state <> 'new'",
        [since_ms, reached_ms],
    )
    return int(reached_ms)


def _settle(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any], future: "Future[Any]") -> None:
    try:
        result = _in_transaction(connection, work)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _answer(answers: list[tuple["asyncio.Future[bool]", bool | Exception]]) -> None:
    """Hand answers to their event loops: one call for all of a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[bool], bool | Exception]]] = {}
    for future, answer in answers:
        by_loop.setdefault(future.get_loop(), []).append((future, answer))
    for loop, of_loop in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, of_loop)


def _resolve(answers: list[tuple["asyncio.Future[bool]", bool | Exception]]) -> None:
    for future, answer in answers:
        if future.done():
            continue  # whoever asked has gone
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
