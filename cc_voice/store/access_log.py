"""Access log: the store's copy of the audit log, for views; `web/access/audit_copy.py` fills it."""

from collections.abc import Sequence
from typing import Any

from cc_voice.store.database import Connection


def last(con: Connection) -> tuple[int, str]:
    """Return number and hash of the last entry copied; 0 without one."""
    rows = con.execute("select seq, hash from access_log order by seq desc limit 1").fetchall()
    return (rows[0][0], rows[0][1]) if rows else (0, "")


def add(con: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add entries (seq, Unix microseconds, actor, token, address, action, object, call, hash); those that are there stay."""
    con.executemany(
        "insert into access_log values (?, make_timestamptz(?::bigint), ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        [list(row) for row in rows],
    )
