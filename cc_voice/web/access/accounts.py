"""Accounts, sessions, API tokens and failed tries, in a small SQLite file of their own (`<data>/auth.sqlite`).

Not in the store: the store is copied, exported and queried, and none of that may carry credentials. Sessions and tokens are
kept as hashes, so that a stolen file opens nothing. Every function takes the time; nothing here knows the web.

The event loop asks through `look_up` and `hashing`, which have threads of their own. Every request of a person or a program waits
for a look-up, so it must wait neither for a disk in the loop nor for whoever fills the threads that everything else shares (SQL,
exports, audio: six on two cores). One thread is enough, as SQLite takes one statement at a time; hashing has others, for it takes
0.2 s. Ruled out: remembering visitors for some seconds, since who signs out or changes a password must be out at once.

    AccountError          the message is for the person who tries
    ├── SignInRefused     name or password is wrong; which of them is not told
    ├── NoSuchAccount     for the site's administrator, at the command line
    └── TooManyTries      not even looked at: too many failures (`failed_tries.py`)
    AccountsUnreadable    the file cannot be used; the message is for the operator
"""

import asyncio
import errno
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from cc_voice.web.access import failed_tries
from cc_voice.web.access.failed_tries import Counted
from cc_voice.web.access.passwords import COST, ScryptCost, hash_password, new_token, objection, token_hash, verify_password

P = ParamSpec("P")
T = TypeVar("T")

HASHING = 2
"""Passwords hashed at a time; each takes 32 MB and 0.2 s of a core."""
IDLE_S = 12 * 3600
"""A session nobody used for this long is over: longer than a shift."""
SESSION_S = 7 * 86_400
SEEN_EVERY_S = 60
"""How exactly the last use is known; writing it at every request would cost a disk flush each."""

_SCHEMA = """
create table account (
    name text primary key,
    password text not null,
    role text not null,
    must_change integer not null,
    theme text
) strict;
create table session (
    token_hash text primary key,
    account text not null references account(name) on delete cascade,
    created_s real not null,
    seen_s real not null
) strict;
create table token (
    token_id integer primary key,
    token_hash text not null unique,
    account text not null references account(name) on delete cascade,
    label text not null,
    created_s real not null
) strict;
create table failure (
    subject text not null,
    at_s real not null
) strict;
create index failure_by_subject on failure(subject, at_s);
pragma user_version = 1;
"""
_ADDRESSES = """
create index failure_by_time on failure(at_s);
create table known_address (
    account text not null references account(name) on delete cascade,
    address text not null,
    seen_s real not null,
    primary key (account, address)
) strict;
pragma user_version = 2;
"""
_MIGRATIONS = (_SCHEMA, _ADDRESSES)
"""The n-th leads to `user_version` n."""


class AccountError(Exception):
    """An account cannot do this; the message is for the person who tries."""


class SignInRefused(AccountError):
    """Name or password is wrong."""


class NoSuchAccount(AccountError):
    """Nobody has this name."""


class TooManyTries(AccountError):
    """Too many failures lately; `wait_s` is when the next try is looked at."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__(f"Too many tries. Wait {self.wait_s} seconds, then try again.")


class AccountsUnreadable(Exception):
    """The file of accounts cannot be opened or written."""


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `session` is None for a program, which has `token`; neither is ever shown."""

    account: str
    role: str
    must_change: bool
    theme: str | None
    session: str | None = None
    token: str | None = None


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as its owner sees it; the secret was shown once."""

    token_id: int
    label: str
    created_s: float


class Accounts:
    """The open file. Its functions block: the event loop calls them through `look_up`, those that hash through `hashing`."""

    def __init__(self, path: Path, cost: ScryptCost = COST) -> None:
        self._lock = threading.Lock()
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="accounts")
        self._hashing = ThreadPoolExecutor(HASHING, thread_name_prefix="hash")
        self._cost = cost
        # A name nobody has costs as much time as a wrong password.
        self._nobody = hash_password(new_token(), cost)
        try:
            self._connection = _open(path)
        except (sqlite3.Error, OSError) as error:
            self._asking.shutdown(wait=False)
            self._hashing.shutdown(wait=False)
            raise AccountsUnreadable(_unreadable(path, error)) from error

    def close(self) -> None:
        self._asking.shutdown(wait=True)
        self._hashing.shutdown(wait=True)
        with self._lock:
            self._connection.close()

    async def look_up(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short function of this class in the thread that has the file to itself."""
        return await asyncio.get_running_loop().run_in_executor(self._asking, partial(work, *args, **kwargs))

    async def hashing(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that hashes a password; a crowd at the sign-in page waits here and keeps nobody else waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._hashing, partial(work, *args, **kwargs))

    def is_empty(self) -> bool:
        with self._transaction() as con:
            return con.execute("select 1 from account limit 1").fetchone() is None

    def create(self, name: str, password: str, role: str, must_change: bool) -> None:
        """Create an account. Raises sqlite3.IntegrityError when the name is taken."""
        hashed = hash_password(password, self._cost)
        with self._transaction() as con:
            con.execute("insert into account values (?, ?, ?, ?, null)", [name, hashed, role, must_change])

    # -- people ------------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, address: str, now_s: float) -> str:
        """Return the token of a new session. Raises SignInRefused, TooManyTries."""
        with self._transaction() as con:
            counted = failed_tries.of_sign_in(con, name, address, now_s)
            row = self._admitted(con, name, counted, now_s)
        right = verify_password(password, row[0] if row else self._nobody)
        if row is None or not right:
            raise SignInRefused("User name or password is wrong.")
        with self._transaction() as con:
            failed_tries.take_back(con, counted, now_s)
            failed_tries.remember(con, name, address, now_s)
            return _new_session(con, name, now_s)

    def _admitted(self, con: sqlite3.Connection, name: str, counted: tuple[Counted, ...], now_s: float) -> Any:
        """Return the row with an account's hash, and count a failure. Raises TooManyTries."""
        if (wait_s := failed_tries.wait_s(con, counted, now_s)) > 0:
            raise TooManyTries(wait_s)
        # Counted before the password is looked at, taken back after: tries at the same time count too.
        failed_tries.count(con, counted, now_s)
        return con.execute("select password from account where name = ?", [name]).fetchone()

    def visitor(self, token: str, now_s: float) -> Visitor | None:
        """Return who a session belongs to, and note that it is used; None when it is over."""
        hashed = token_hash(token)
        with self._transaction() as con:
            row = con.execute(
                """
                select s.account, a.role, a.must_change, a.theme, s.seen_s
                from session s join account a on a.name = s.account
                where s.token_hash = ? and s.seen_s > ? and s.created_s > ?
                """,
                [hashed, now_s - IDLE_S, now_s - SESSION_S],
            ).fetchone()
            if row is None:
                return None
            if now_s - row[4] > SEEN_EVERY_S:
                con.execute("update session set seen_s = ? where token_hash = ?", [now_s, hashed])
        return Visitor(account=row[0], role=row[1], must_change=bool(row[2]), theme=row[3], session=token)

    def again(self, visitor: Visitor, now_s: float) -> Visitor | None:
        """Return who somebody is by now; None when their session is over, their token revoked, or their account gone."""
        if visitor.session is not None:
            return self.visitor(visitor.session, now_s)
        return None if visitor.token is None else self.program(visitor.token)

    def sign_out(self, token: str) -> None:
        with self._transaction() as con:
            con.execute("delete from session where token_hash = ?", [token_hash(token)])

    def change_password(self, name: str, old: str, new: str, now_s: float) -> str:
        """Change a password, end every session of the account, return the token of a new one. Raises AccountError."""
        counted = failed_tries.of_change(name)
        with self._transaction() as con:
            row = self._admitted(con, name, counted, now_s)
        if row is None or not verify_password(old, row[0]):
            raise SignInRefused("The current password is wrong.")
        with self._transaction() as con:
            failed_tries.take_back(con, counted, now_s)
        if old == new:
            raise AccountError("The new password is the current one.")
        if (reason := objection(name, new)) is not None:
            raise AccountError(reason)
        hashed = hash_password(new, self._cost)
        with self._transaction() as con:
            con.execute("update account set password = ?, must_change = 0 where name = ?", [hashed, name])
            con.execute("delete from session where account = ?", [name])
            return _new_session(con, name, now_s)

    def reset(self, name: str, password: str) -> None:
        """Give an account a one-time password and end its sessions; its API tokens stay. Raises NoSuchAccount."""
        hashed = hash_password(password, self._cost)
        with self._transaction() as con:
            if con.execute("update account set password = ?, must_change = 1 where name = ?", [hashed, name]).rowcount == 0:
                raise NoSuchAccount(_nobody(con, name))
            con.execute("delete from session where account = ?", [name])
            failed_tries.forgive(con, name)

    def unlock(self, name: str) -> None:
        """Forget failed tries, so that the next is looked at now. Raises NoSuchAccount."""
        with self._transaction() as con:
            if con.execute("select 1 from account where name = ?", [name]).fetchone() is None:
                raise NoSuchAccount(_nobody(con, name))
            failed_tries.forgive(con, name)

    def set_theme(self, name: str, theme: str | None) -> None:
        with self._transaction() as con:
            con.execute("update account set theme = ? where name = ?", [theme, name])

    # -- programs ----------------------------------------------------------------------------------------------------

    def create_token(self, name: str, label: str, now_s: float) -> str:
        """Return a new API token of an account; only its hash is kept."""
        token = new_token()
        with self._transaction() as con:
            con.execute(
                "insert into token (token_hash, account, label, created_s) values (?, ?, ?, ?)",
                [token_hash(token), name, label, now_s],
            )
        return token

    def tokens(self, name: str) -> list[ApiToken]:
        with self._transaction() as con:
            rows = con.execute("select token_id, label, created_s from token where account = ? order by token_id", [name])
            return [ApiToken(token_id=token_id, label=label, created_s=created) for token_id, label, created in rows]

    def revoke_token(self, name: str, token_id: int) -> None:
        """Make a token of an account worthless; without a token of this number nothing happens."""
        if token_id.bit_length() > 63:  # an address may hold any number, SQLite's end here
            return
        with self._transaction() as con:
            con.execute("delete from token where account = ? and token_id = ?", [name, token_id])

    def program(self, token: str) -> Visitor | None:
        """Return who an API token speaks for, or None."""
        with self._transaction() as con:
            row = con.execute(
                "select a.name, a.role, a.must_change from token t join account a on a.name = t.account where t.token_hash = ?",
                [token_hash(token)],
            ).fetchone()
        return Visitor(account=row[0], role=row[1], must_change=bool(row[2]), theme=None, token=token) if row else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")


def _open(path: Path) -> sqlite3.Connection:
    """Open or create the file, and bring its schema up to date."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file but a folder, a pipe or a device")
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma journal_mode = wal")
        version = connection.execute("pragma user_version").fetchone()[0]
        for script in _MIGRATIONS[version:]:
            connection.executescript(f"begin immediate; {script} commit;")
        # What opens may still be damaged, or its disk read-only: better said now than at the first sign-in
        if (found := connection.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found.splitlines()[0])
        connection.executescript(f"begin immediate; pragma user_version = {max(version, len(_MIGRATIONS))}; commit;")
    except BaseException:
        connection.close()
        raise
    return connection


def _unreadable(path: Path, error: Exception) -> str:
    told = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return (
            f"the accounts in {path} are damaged ({told}). Restore the file from a backup, or move it aside: the next start "
            "makes a new first account, and API tokens have to be made again"
        )
    return f"the accounts in {path} cannot be used ({told}). See that cc-voice's account owns it and its disk can be written"


def _nobody(con: sqlite3.Connection, name: str) -> str:
    names = [row[0] for row in con.execute("select name from account order by name")]
    return f"there is no account {name!r}; there are: {', '.join(names) or 'none'}"


def _new_session(con: sqlite3.Connection, name: str, now_s: float) -> str:
    token = new_token()
    con.execute("delete from session where created_s < ? or seen_s < ?", [now_s - SESSION_S, now_s - IDLE_S])
    con.execute("insert into session values (?, ?, ?, ?)", [token_hash(token), name, now_s, now_s])
    return token
