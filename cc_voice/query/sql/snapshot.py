"""The copy that SQL of people runs on: every published view as a table of a DuckDB file of its own, and nothing else.

    <data>/sql/snapshot.duckdb · snapshot.json (what it was made from, and when) · handed/ (on its way)

No users, secrets, webhooks, streams or recordings are in it, whatever a question finds a way to ask. The store's owner hands
over rows as Parquet, in one transaction, some days at a time; `assembler` puts them into the file, in a process with little
memory. Only days on which calls came or changed are handed over, unless something changed that every day may show (agents, queues,
views), or calls were deleted: what is deleted in place may still be read in the file's free blocks, so then it is made anew.

Parquet as what is asked lost: a file of DuckDB needs no access to files from inside the sandbox once it is open.
"""

import datetime
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from cc_voice.media.files import write_atomically
from cc_voice.query import datasets, reports
from cc_voice.query.sql import SqlUnavailable

Connection = duckdb.DuckDBPyConnection

RENEW_S = 300
"""A copy may be this old although calls came in since."""
RENEW_FACTOR = 10
"""Nor is more than a tenth of the time spent copying."""
ASSEMBLE_S = 900.0
LOOK_EVERY_S = 0.5
STOPPED = "the service stops"
MEMORY_MB, PROCESS_MB = 256, 1024
"""What DuckDB may take to write the copy, and its whole process."""
DAYS_AFTER = 2
"""A call of one day may have legs and words on the next; none lasts longer than a day, and clocks are moved."""
NOT_PUBLISHED = frozenset({"v_access", "v_rule_mark"})
"""Who did what is for those with a right to the audit log, by report 30; marks are made too often for a copy of all days."""
_BASE = """
    select
        (select bit_xor(hash(a))::text from dim_agent as a),
        (select bit_xor(hash(q))::text from dim_queue as q),
        (select bit_xor(hash(s))::text from dim_site as s),
        (select bit_xor(hash(d))::text from dim_disposition as d),
        (select bit_xor(hash(t))::text from dim_threshold_set as t),
        (select bit_xor(hash(language_code, language_name, talk_speed_unit))::text from dim_language),
        (select bit_xor(hash(c))::text from dim_category as c),
        (select bit_xor(hash(r))::text from rule_run as r),
        (select bit_xor(hash(f))::text from form_version as f)
"""
_DAYS = """
    select
        coalesce(c.date_key, 0),
        concat(count(*), ':h', bit_xor(hash(c.call_id, c.revision, c.last_update_ts, e.made)))
    from fact_call as c
    left join (
        select call_id, bit_xor(hash(evaluation_id, state, earned, is_resubmitted, submitted_ts)) as made
        from fact_evaluation
        group by call_id
    ) as e on e.call_id = c.call_id
    group by all
"""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A copy: when it was made (Unix seconds), how long that took, of how many calls, and of which state of the store."""

    made_s: float
    took_s: float
    calls: int
    base: str
    """A name for what every day may show."""
    days: dict[int, str]
    """Date key → a name for the calls that began on it."""
    revoked: int = 0
    """Streams that Zoom had revoked by then."""
    is_current: bool = True
    """Nothing has changed since."""

    @property
    def stale_s(self) -> float:
        """Until when it may be asked although calls came in since, Unix seconds."""
        return self.made_s + max(RENEW_S, RENEW_FACTOR * self.took_s)


class _View(msgspec.Struct, frozen=True):
    """A view that is handed over: its columns as (name, type)."""

    name: str
    columns: list[tuple[str, str]]

    @property
    def by_day(self) -> bool:
        return any(name == "date_key" for name, _ in self.columns)


_DECODER = msgspec.json.Decoder(Snapshot)


def database(folder: Path) -> Path:
    """Return where the copy is."""
    return folder / "snapshot.duckdb"


def _never() -> bool:
    return False


def refresh(con: Connection, folder: Path, now_s: float, *, renew: bool = False, stopped: Callable[[], bool] = _never) -> Snapshot:
    """Return the copy to ask, renewed when it is stale, or with `renew` when anything has changed.

    Raises SqlUnavailable, also soon after `stopped` says so. Whoever asks holds the folder's lock.
    """
    try:
        reports.prepare(con)
        con.begin()
        try:
            state = _state(con, now_s)
            found = kept(folder, now_s)
            is_current = found is not None and (found.base, found.days, found.revoked) == (state.base, state.days, state.revoked)
            # Fewer calls, or more revoked: some were deleted, and must not live on in a copy
            is_clean = found is not None and state.calls >= found.calls and state.revoked == found.revoked
            if found is not None and (is_current or (is_clean and not renew and now_s < found.stale_s)):
                return msgspec.structs.replace(found, is_current=is_current)
            return _make(con, folder, state, found if is_clean else None, stopped)
        finally:
            con.rollback()
    except (duckdb.Error, OSError) as error:
        raise SqlUnavailable(f"the copy that SQL runs on cannot be made in {folder}: {str(error).splitlines()[0]}") from error


def kept(folder: Path, now_s: float) -> Snapshot | None:
    """Return the copy that lies in a folder, None without one."""
    try:
        found = _DECODER.decode((folder / "snapshot.json").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    # A copy from the future is of a clock that was wrong: nobody knows how old it is
    return found if database(folder).is_file() and found.made_s <= now_s else None


def _state(con: Connection, now_s: float) -> Snapshot:
    """Return what a copy made now would be of."""
    views = con.execute("select sql from duckdb_views() where temporary order by view_name").fetchall()
    base = hashlib.sha256(repr((con.execute(_BASE).fetchall(), views)).encode()).hexdigest()[:20]
    calls, revoked = con.execute(
        "select (select count(*) from fact_call), (select count(*) from stream where stage = 'revoked')"
    ).fetchall()[0]
    return Snapshot(made_s=now_s, took_s=0.0, calls=calls, base=base, days=dict(con.execute(_DAYS).fetchall()), revoked=revoked)


def _make(con: Connection, folder: Path, state: Snapshot, found: Snapshot | None, stopped: Callable[[], bool]) -> Snapshot:
    """Bring the copy to a state: what has changed since `found` where that is some days, else all of it."""
    began_s = time.monotonic()
    folder = folder.resolve()  # it is filled by a process that works elsewhere
    days = _changed(found, state) if found is not None and found.base == state.base else None
    (folder / "snapshot.json").unlink(missing_ok=True)
    handed = folder / "handed"
    _clear(folder, handed)
    if days is None:  # also its log, which a process that was killed may have left: it would be taken for the new one's
        for old in folder.glob("snapshot.duckdb*"):
            old.unlink()
    handed.mkdir(mode=0o700)
    try:
        views = [_hand_over(con, handed, view, days, stopped) for view in _views(con)]
        target = database(folder) if days is not None else folder / "snapshot.part"
        _assemble({"database": str(target), "fresh": days is None, "days": days or [], "views": views}, stopped)
    except BaseException:
        _clear(folder, handed)
        raise
    shutil.rmtree(handed)
    target.chmod(0o600)
    target.replace(database(folder))
    made = msgspec.structs.replace(state, took_s=time.monotonic() - began_s)
    write_atomically(folder / "snapshot.json", msgspec.json.encode(made))
    return made


def _clear(folder: Path, handed: Path) -> None:
    """Remove what one that was killed left, with its log."""
    shutil.rmtree(handed, ignore_errors=True)
    for rest in folder.glob("snapshot.part*"):
        rest.unlink()


def _changed(found: Snapshot, state: Snapshot) -> list[int]:
    """Return the days, as date keys, of which rows may differ between two states."""
    changed = {day for day in found.days.keys() | state.days.keys() if found.days.get(day) != state.days.get(day)}
    return sorted({_day_after(day, later) for day in changed for later in range(DAYS_AFTER + 1)})


def _day_after(date_key: int, days: int) -> int:
    if not date_key:
        return date_key
    day = datetime.date(date_key // 10_000, date_key // 100 % 100, date_key % 100) + datetime.timedelta(days=days)
    return day.year * 10_000 + day.month * 100 + day.day


def published() -> list[str]:
    """Return the views that SQL of people has, in an order in which they can be created."""
    return [name for name in reports.views() if name not in NOT_PUBLISHED]


def columns(con: Connection) -> dict[str, frozenset[str]]:
    """Return view → its columns, of every view that a copy has."""
    reports.prepare(con)
    return {view.name: frozenset(name for name, _ in view.columns) for view in _views(con)}


def _views(con: Connection) -> list[_View]:
    return [
        _View(name, [(column, kind) for column, kind, *_ in con.execute(f"describe select * from {name}").fetchall()])
        for name in published()
    ]


def _hand_over(con: Connection, handed: Path, view: _View, days: list[int] | None, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Write the rows of a view that a copy needs, the big ones some days at a time, so that no statement runs long."""
    if not view.by_day:
        ranges = ["true"]
    elif days is not None:
        ranges = [f"coalesce(date_key, 0) in ({', '.join(map(str, days))})"] if days else []
    else:
        pieces = [(first, last) for name, first, last in datasets.pieces(con) if name == view.name]
        ranges = [f"date_key between {first} and {last}" for first, last in pieces] or ["true"]
    files = []
    for number, condition in enumerate(ranges):
        if stopped():
            raise OSError(STOPPED)
        file = str(handed / f"{view.name}-{number}.parquet")
        place = file.replace("'", "''")
        con.execute(f"copy (select * from {view.name} where {condition}) to '{place}' (format parquet, compression snappy)")
        files.append(file)
    return {"name": view.name, "columns": view.columns, "by_day": view.by_day, "files": files}


def _assemble(request: dict[str, Any], stopped: Callable[[], bool]) -> None:
    """Have what was handed over put into the copy. Raises OSError."""
    # By its path and not imported: this process has no use for it
    command = [sys.executable, "-I", str(Path(__file__).resolve().with_name("assembler.py"))]
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    until_s = time.monotonic() + ASSEMBLE_S
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none, env={}, cwd="/") as process:
        why = b""
        asked: bytes | None = msgspec.json.encode(request | {"memory_mb": MEMORY_MB, "process_mb": PROCESS_MB})
        while process.returncode is None:
            try:
                why, _ = process.communicate(asked, timeout=LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                asked = None  # it was sent, or goes on being sent
                if stopped() or time.monotonic() > until_s:
                    process.kill()
                    process.wait()
                    raise OSError(STOPPED if stopped() else f"it took more than {ASSEMBLE_S:g} s") from None
    if process.returncode:
        raise OSError(why.decode(errors="replace") or f"its process ended with {process.returncode}")
