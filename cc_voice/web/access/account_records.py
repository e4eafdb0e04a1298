"""Account records: accounts as administrators see and change them. Functions on a connection inside a transaction.

An account is disabled, never renamed or deleted: what people did stands under its name for ever. The last administrator who can
sign in can neither be disabled nor given another role, or nobody could mend anything.

    AccountError          the message is for the person who tries
    ├── NoSuchAccount     nobody has this name
    └── …                 `accounts.py` has those of signing in
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.web.access.roles import RIGHTS, ROLES, AccountAccess, Right, Role, grantable, held

MAX_NAME = 64
MAX_ID = 200


class AccountError(Exception):
    """An account cannot do this; the message is for the person who tries, `field` what of theirs is at fault, if one thing is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NoSuchAccount(AccountError):
    """Nobody has this name."""


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An account without its secrets. Times are Unix seconds."""

    name: str
    display_name: str | None
    role: Role
    access: AccountAccess
    must_change: bool
    theme: str | None
    has_second_factor: bool
    has_password: bool
    created_s: float | None
    seen_s: float | None
    """When it was last used, to the minute; None for never."""
    disabled_s: float | None

    @property
    def shown_name(self) -> str:
        return self.display_name or self.name

    @property
    def sees_nothing(self) -> bool:
        """Whether its role sees rows and it was given none."""
        way, given = held(self.role, "numbers"), self.access
        if way == "own":
            return given.user_id is None
        return way is not None and not (given.site or given.teams or given.queues or given.user_id)


_SELECT = """
    select
        name, display_name, role, must_change, theme, totp is not null, password <> '', created_s, seen_s, disabled_s, site, user_id
    from account
"""


def load(con: sqlite3.Connection, name: str) -> AccountRecord | None:
    """Return an account, None where there is none."""
    row = con.execute(f"{_SELECT} where name = ?", [name]).fetchone()
    return _record(con, row) if row is not None else None


def load_all(con: sqlite3.Connection) -> list[AccountRecord]:
    """Return every account, by name."""
    return [_record(con, row) for row in con.execute(f"{_SELECT} order by lower(name)").fetchall()]


def _record(con: sqlite3.Connection, row: Sequence[Any]) -> AccountRecord:
    given: dict[str, set[str]] = {"right": set(), "team": set(), "queue": set()}
    for kind, value in con.execute("select kind, value from account_grant where account = ?", [row[0]]).fetchall():
        given[kind].add(value)
    return AccountRecord(
        name=row[0],
        display_name=row[1],
        role=row[2],
        must_change=bool(row[3]),
        theme=row[4],
        has_second_factor=bool(row[5]),
        has_password=bool(row[6]),
        created_s=row[7],
        seen_s=row[8],
        disabled_s=row[9],
        access=AccountAccess(
            grants=frozenset(right for right in RIGHTS if right in given["right"]),
            site=bool(row[10]),
            teams=frozenset(given["team"]),
            queues=frozenset(given["queue"]),
            user_id=row[11],
        ),
    )


def insert(
    con: sqlite3.Connection,
    name: str,
    hashed: str,
    role: Role,
    access: AccountAccess,
    *,
    must_change: bool,
    display_name: str | None,
    now_s: float | None,
) -> None:
    """Make an account; `hashed` is empty for one that signs in elsewhere. Raises AccountError."""
    _check(name, role, access)
    if con.execute("select 1 from account where lower(name) = lower(?)", [name]).fetchone() is not None:
        raise AccountError(f"there is an account {name!r} already; a disabled one can be enabled again", "name")
    con.execute(
        "insert into account (name, password, role, must_change, display_name, created_s) values (?, ?, ?, ?, ?, ?)",
        [name, hashed, role, must_change, display_name, now_s],
    )
    _give(con, name, access)


def change(con: sqlite3.Connection, name: str, role: Role, access: AccountAccess, display_name: str | None) -> None:
    """Give an account a role, rights, rows and a name to show; sessions go on with what they may by now. Raises AccountError."""
    _check(name, role, access)
    before = found(con, name)
    if before.role == "admin" and role != "admin":
        _keep_one_administrator(con, name)
    con.execute("update account set role = ?, display_name = ? where name = ?", [role, display_name, name])
    _give(con, name, access)


def disable(con: sqlite3.Connection, name: str, now_s: float) -> None:
    """Let nobody in under a name any more, person or program, from now on. Raises AccountError."""
    if found(con, name).role == "admin":
        _keep_one_administrator(con, name)
    con.execute("update account set disabled_s = coalesce(disabled_s, ?) where name = ?", [now_s, name])
    con.execute("delete from session where account = ?", [name])


def enable(con: sqlite3.Connection, name: str) -> None:
    """Let somebody in again. Raises NoSuchAccount."""
    found(con, name)
    con.execute("update account set disabled_s = null where name = ?", [name])


def found(con: sqlite3.Connection, name: str) -> AccountRecord:
    """Return an account. Raises NoSuchAccount with the names that there are."""
    record = load(con, name)
    if record is None:
        names = [row[0] for row in con.execute("select name from account order by name")]
        raise NoSuchAccount(f"there is no account {name!r}; there are: {', '.join(names) or 'none'}")
    return record


def _check(name: str, role: Role, access: AccountAccess) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip() or ":" in name or "/" in name:
        raise AccountError(
            f"a user name has 1 to {MAX_NAME} printable characters, no colon, no slash and no space at its ends", "name"
        )
    if role not in ROLES:
        raise AccountError(f"{role!r} is no role; there are: {', '.join(ROLES)}", "role")
    if wrong := sorted(access.grants - set(grantable(role))):
        may = ", ".join(grantable(role)) or "nothing"
        raise AccountError(f"role {role} cannot be granted {', '.join(wrong)}; what can be: {may}", "grants")
    if any(not 0 < len(each) <= MAX_ID or not each.isprintable() for each in (*access.teams, *access.queues)):
        at_fault = "teams" if any(not 0 < len(each) <= MAX_ID or not each.isprintable() for each in access.teams) else "queues"
        raise AccountError(f"an id of a team or queue has 1 to {MAX_ID} printable characters", at_fault)
    if access.user_id is not None and (not 0 < len(access.user_id) <= MAX_ID or not access.user_id.isprintable()):
        raise AccountError(f"Zoom's id of an agent has 1 to {MAX_ID} printable characters", "user_id")


def _give(con: sqlite3.Connection, name: str, access: AccountAccess) -> None:
    try:
        con.execute("update account set site = ?, user_id = ? where name = ?", [access.site, access.user_id, name])
    except sqlite3.IntegrityError as error:
        raise AccountError(f"another account is the agent with Zoom's id {access.user_id!r} already", "user_id") from error
    con.execute("delete from account_grant where account = ?", [name])
    given = [
        *(("right", each) for each in access.grants),
        *(("team", each) for each in access.teams),
        *(("queue", each) for each in access.queues),
    ]
    con.executemany("insert into account_grant values (?, ?, ?)", [(name, kind, value) for kind, value in given])


def _keep_one_administrator(con: sqlite3.Connection, name: str) -> None:
    others = "select 1 from account where role = 'admin' and disabled_s is null and name <> ? limit 1"
    if con.execute(others, [name]).fetchone() is None:
        raise AccountError(f"{name} is the last administrator; make another one first", "role")


def of_subject(con: sqlite3.Connection, issuer: str, subject: str) -> AccountRecord | None:
    """Return the account of whom a provider knows as a subject, None where they have none here."""
    row = con.execute(f"{_SELECT} where issuer = ? and subject = ?", [issuer, subject]).fetchone()
    return _record(con, row) if row is not None else None


def subject_of(con: sqlite3.Connection, name: str) -> str | None:
    """Return whom a provider knows as this account, None for an account of this site."""
    row = con.execute("select subject from account where name = ?", [name]).fetchone()
    return row[0] if row is not None else None


def follow_claims(con: sqlite3.Connection, name: str, role: Role, access: AccountAccess, display_name: str | None) -> None:
    """Give an account what its provider says by now, whoever the last administrator is: they decide there. Raises AccountError."""
    _check(name, role, access)
    con.execute("update account set role = ?, display_name = ? where name = ?", [role, display_name, name])
    _give(con, name, access)


def link(con: sqlite3.Connection, name: str, issuer: str, subject: str) -> None:
    """Remember whom a provider knows an account as."""
    con.execute("update account set issuer = ?, subject = ? where name = ?", [issuer, subject, name])


def rights_text(rights: frozenset[Right] | None) -> str | None:
    """Return rights as a token keeps them."""
    return None if rights is None else ",".join(sorted(rights))


def rights_read(text: str | None) -> frozenset[Right] | None:
    """Return what `rights_text` wrote; a right that is no more is left out."""
    return None if text is None else frozenset(right for right in RIGHTS if right in text.split(","))
