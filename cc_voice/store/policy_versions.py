"""Policy versions: every text of a policy that was published, by whom and when. Rows are added, never changed.

What the store has is the record; the files of `config/policies.py` follow it.
"""

from datetime import datetime

import msgspec

from cc_voice.store.database import Connection, structs


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A published text. `before_text` is what was in force until then, empty for the first."""

    kind: str
    version: int
    at_ts: datetime
    actor: str
    before_text: str
    after_text: str


_SELECT = "select kind, version, at_ts, actor, before_text, after_text from policy_version"


def append(con: Connection, *, kind: str, at_unix_ms: int, actor: str, text: str) -> PolicyVersion:
    """Add the next version of a kind, and return it."""
    last = newest(con, kind)
    con.execute(
        "insert into policy_version values (?, ?, make_timestamptz(?::bigint * 1000), ?, ?, ?)",
        [kind, last.version + 1 if last else 1, at_unix_ms, actor, last.after_text if last else "", text],
    )
    made = newest(con, kind)
    if made is None:
        raise AssertionError("the row was just inserted")
    return made


def newest(con: Connection, kind: str) -> PolicyVersion | None:
    """Return the version of a kind that is in force, None where nobody published one."""
    found = structs(con, PolicyVersion, f"{_SELECT} where kind = ? order by version desc limit 1", [kind])
    return found[0] if found else None


def history(con: Connection, kind: str | None = None) -> list[PolicyVersion]:
    """Return the versions of a kind, or of all, the newest first."""
    return structs(con, PolicyVersion, f"{_SELECT} where kind = coalesce(?, kind) order by at_ts desc, version desc", [kind])
