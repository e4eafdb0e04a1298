"""Audit log: who saw, played, took or changed what, in a file of its own (`<data>/audit.sqlite`), each entry chained to the last.

    entry     seq, at, actor, token, address, action, object, call, hash of the detail, hash of the entry before, hash
    detail    what was asked exactly (text of a query, changed fields) with a nonce; the only thing that may be erased

The hash of an entry is over all of it and the hash before, from the first row on: a row that is changed, left out or put between
breaks every row after it. The detail is hashed with a nonce that is erased with it, so that nobody finds an erased text by trying.
What the chain alone cannot show is an end that was cut off: the copy in the store (`audit_copy.py`) and backups hold the last hash.

Written *before* the answer for what takes something away or changes something (`write`): what cannot be written down is not
answered (AuditUnavailable, 503). Looks at pages are put down with others within a second (`note`): no page waits for a disk.

An actor is an account's name, with the token where a program asked, or `os:NAME` for whoever uses commands on this machine.
"""

import asyncio
import hashlib
import os
import pwd
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

log = structlog.get_logger()

FILE = "audit.sqlite"
FLUSH_S = 1.0
"""How long a look at a page may wait to be written down."""
MOST_WAITING = 10_000
"""Looks kept while the disk takes none; beyond, pages are not answered."""
FIRST = "0" * 64
"""What stands for the hash before the first entry."""
LOCAL = "local"
"""The address of commands."""

# fmt: off
Action = Literal[
    "view", "list", "live", "search", "report", "play", "download", "export", "sql", "change", "delete", "import",
    "sign-in", "sign-out", "refused",
]
# fmt: on

_SCHEMA = """
create table entry (
    seq integer primary key,
    at_us integer not null,
    actor text not null,
    token_id integer,
    address text not null,
    action text not null,
    object text not null,
    call_id text,
    detail_hash text not null,
    previous text not null,
    hash text not null
) strict;
create index entry_by_call on entry(call_id, seq) where call_id is not null;
create table detail (
    seq integer primary key references entry(seq),
    nonce text not null,
    text text not null
) strict;
create trigger entry_is_kept before delete on entry begin select raise(abort, 'entries of the audit log are kept'); end;
create trigger entry_is_final before update on entry begin select raise(abort, 'entries of the audit log are final'); end;
pragma user_version = 1;
"""
_TEXT = "actor || ' ' || action || ' ' || object || ' ' || coalesce(call_id, '') || ' ' || address"
"""What is searched."""
_COLUMNS = "seq, at_us, actor, token_id, address, action, object, call_id, detail_hash, previous, hash"


class AuditUnavailable(Exception):
    """The audit log takes no entry; what was asked for is not answered. The message is for the operator."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody does."""

    actor: str
    address: str
    action: Action
    object: str
    call_id: str | None = None
    token_id: int | None = None
    detail: str = ""
    """What may be erased: the text of a query, names of people."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A deed as it is written down."""

    seq: int
    at_us: int
    """Unix microseconds."""
    actor: str
    token_id: int | None
    address: str
    action: str
    object: str
    call_id: str | None
    detail_hash: str
    previous: str
    hash: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What reading the whole chain found. `problem` is None where all holds."""

    entries: int
    details: int
    erased: int
    """Entries whose detail was erased."""
    last_hash: str
    problem: str | None


class AuditLog:
    """The open file. `write` and `note` from the event loop, `write_now` from threads and commands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._waiting: list[tuple[Deed, float]] = []
        try:
            self._connection = _open(path)
        except (sqlite3.Error, OSError) as error:
            self._thread.shutdown(wait=False)
            raise AuditUnavailable(
                f"the audit log {path} cannot be opened ({error}). Restore it from a backup, or move it aside: a new chain begins"
            ) from error

    def close(self) -> None:
        """Write what waits, then close."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            if waiting:
                self._put(waiting)
        finally:
            self._thread.shutdown(wait=True)
            with self._lock:
                self._connection.close()

    async def write(self, deed: Deed, now_s: float) -> None:
        """Write a deed down before it is answered. Raises AuditUnavailable."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.write_now, deed, now_s)

    def write_now(self, deed: Deed, now_s: float) -> None:
        """As `write`, for code without an event loop."""
        self._put([(deed, now_s)])

    def note(self, deed: Deed, now_s: float) -> None:
        """Have a look at something written down within a second. Raises AuditUnavailable when too many wait for a disk."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise AuditUnavailable("the audit log takes no entries; see the disk of the data folder")
            self._waiting.append((deed, now_s))

    async def flush(self) -> None:
        """Write down what was noted; what cannot be waits for the next time."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._put, waiting)
        except AuditUnavailable as error:
            log.error("audit log not written", reason=str(error), waiting=len(waiting))
            with self._lock:
                self._waiting = [*waiting, *self._waiting]

    async def keep(self, draining: asyncio.Event) -> None:
        """Write down what is noted until the service stops; `close` writes the rest."""
        while not draining.is_set():
            await self.flush()
            try:
                await asyncio.wait_for(draining.wait(), FLUSH_S)
            except TimeoutError:
                continue

    def entries(
        self, *, after: int = 0, call_id: str | None = None, newest: bool = False, limit: int = 1000, like: str = ""
    ) -> list[AuditEntry]:
        """Return entries behind a place; of one call; the newest first; with a text in actor, action or object."""
        sql = f"""
            select {_COLUMNS} from entry
            where seq > ?
                and (? is null or call_id = ?)
                and (? = '' or instr(lower({_TEXT}), lower(?)))
            order by seq {"desc" if newest else ""} limit ?
        """
        with self._lock:
            rows = self._connection.execute(sql, [after, call_id, call_id, like, like, limit]).fetchall()
        return [_entry(row) for row in rows]

    def detail(self, seq: int) -> str | None:
        """Return the detail of an entry, None where there is none any more."""
        with self._lock:
            row = self._connection.execute("select text from detail where seq = ?", [seq]).fetchone()
        return row[0] if row else None

    def erase_details(self, seqs: Sequence[int]) -> None:
        """Erase what was asked exactly; that it was asked stays."""
        with self._lock, self._connection:
            self._connection.executemany("delete from detail where seq = ?", [(seq,) for seq in seqs])

    def _put(self, deeds: Sequence[tuple[Deed, float]]) -> None:
        """Append deeds in one transaction; another process may append too, so the end of the chain is read inside it."""
        with self._lock:
            try:
                with _immediately(self._connection) as con:
                    last = con.execute("select seq, hash from entry order by seq desc limit 1").fetchone()
                    seq, previous = last or (0, FIRST)
                    for deed, at_s in deeds:
                        seq += 1
                        previous = _append(con, seq, previous, deed, round(at_s * 1_000_000))
            except sqlite3.Error as error:
                raise AuditUnavailable(f"the audit log {self._path} takes no entry ({error}); see its disk") from error


def _append(con: sqlite3.Connection, seq: int, previous: str, deed: Deed, at_us: int) -> str:
    """Insert an entry, and return its hash."""
    nonce = secrets.token_hex(16)
    told = deed.detail.encode("utf-8", "replace").decode()
    detail_hash = _detail_hash(nonce, told)
    about = deed.object.encode("utf-8", "replace").decode()[:500]
    facts = (seq, at_us, deed.actor, deed.token_id, deed.address, deed.action, about, deed.call_id, detail_hash, previous)
    hashed = _hash(facts)
    con.execute(f"insert into entry ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*facts, hashed])
    con.execute("insert into detail values (?, ?, ?)", [seq, nonce, told])
    return hashed


def _hash(facts: Sequence[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def _detail_hash(nonce: str, text: str) -> str:
    return hashlib.sha256(f"{nonce}\0{text}".encode()).hexdigest()


def _entry(row: Sequence[Any]) -> AuditEntry:
    return AuditEntry(**dict(zip(_COLUMNS.split(", "), row, strict=True)))


@contextmanager
def _immediately(con: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    con.execute("begin immediate")
    try:
        yield con
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")  # what was answered was written down, whatever happens to the machine
        connection.execute("pragma secure_delete = on")  # an erased detail is gone from the file
        if connection.execute("pragma user_version").fetchone()[0] == 0:
            with _immediately(connection) as con:
                if con.execute("pragma user_version").fetchone()[0] == 0:  # nobody else was faster
                    for statement in _statements():
                        con.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _statements() -> list[str]:
    """Return the statements of the schema; `executescript` would end the transaction that holds others off."""
    found, waiting = [], ""
    for line in _SCHEMA.strip().splitlines(keepends=True):
        waiting += line
        if sqlite3.complete_statement(waiting):
            found.append(waiting)
            waiting = ""
    return found


def verify(path: Path, copied: tuple[int, str] | None = None) -> Verified:
    """Read the whole chain. `copied` is the last entry (seq, hash) that a copy elsewhere has: the log must have it too.

    Raises AuditUnavailable where it cannot be read.
    """
    count = details = erased = 0
    previous, problem = FIRST, None
    held = copied is None or copied[0] == 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as con:
            sql = f"select {', '.join(f'e.{name}' for name in _COLUMNS.split(', '))}, d.nonce, d.text from entry as e"
            for *row, nonce, text in con.execute(f"{sql} left join detail as d on d.seq = e.seq order by e.seq"):
                entry = _entry(row)
                count += 1
                problem = problem or _broken(entry, count, previous, nonce, text)
                details, erased = details + (nonce is not None), erased + (nonce is None)
                previous = entry.hash
                held = held or (entry.seq, entry.hash) == copied
    except sqlite3.Error as error:
        raise AuditUnavailable(f"the audit log {path} cannot be read ({error})") from error
    if problem is None and not held and copied is not None:
        problem = f"entry {copied[0]}, which the copy in the store has, is missing or another: the end was cut off or written anew"
    return Verified(entries=count, details=details, erased=erased, last_hash=previous, problem=problem)


def _broken(entry: AuditEntry, seq: int, previous: str, nonce: str | None, text: str | None) -> str | None:
    """Return what is wrong with an entry at its place in the chain."""
    if entry.seq != seq:
        return f"entry {seq} is missing"
    if entry.previous != previous:
        return f"entry {seq} does not follow the one before it"
    if _hash([getattr(entry, name) for name in _COLUMNS.split(", ")[:-1]]) != entry.hash:
        return f"entry {seq} was changed"
    if nonce is not None and _detail_hash(nonce, text or "") != entry.detail_hash:
        return f"the detail of entry {seq} was changed"
    return None


def os_actor(uid: int | None = None) -> str:
    """Return the actor for a user of this machine, by default whoever runs this process."""
    number = os.getuid() if uid is None else uid
    try:
        return f"os:{pwd.getpwuid(number).pw_name}"
    except KeyError:  # a container may run under a number without a name
        return f"os:{number}"


def write_command(data_dir: Path, action: Action, about: str, *, call_id: str | None = None, detail: str = "") -> None:
    """Write down what a command does where no service answers it. Raises AuditUnavailable."""
    audit = AuditLog(data_dir / FILE)
    try:
        deed = Deed(actor=os_actor(), address=LOCAL, action=action, object=about, call_id=call_id, detail=detail)
        audit.write_now(deed, time.time())
    finally:
        audit.close()
