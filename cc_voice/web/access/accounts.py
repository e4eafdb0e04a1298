"""Accounts, sessions, API tokens and failed tries, in a small SQLite file of their own (`<data>/auth.sqlite`).

Not in the store: the store is copied, exported and queried, and none of that may carry credentials. Sessions and tokens are
kept as hashes, so that a stolen file opens nothing. Every function takes the time; nothing here knows the web. What
administrators do to accounts is in `account_records.py`, API tokens are in `tokens.py`: functions on this file's connection.

The event loop asks through `look_up` and `hashing`, which have threads of their own. Every request of a person or a program waits
for a look-up, so it must wait neither for a disk in the loop nor for whoever fills the threads that everything else shares (SQL,
exports, audio: six on two cores). One thread is enough, as SQLite takes one statement at a time; hashing has others, for it takes
0.2 s. Ruled out: remembering visitors for some seconds, since who signs out or changes a password must be out at once.

    AccountError          the message is for the person who tries (`account_records.py`)
    ├── SignInRefused     name, password or code is wrong; which of them is not told
    ├── NoSuchAccount     for the site's administrator
    └── TooManyTries      not even looked at: too many failures (`failed_tries.py`)
    AccountsUnreadable    the file cannot be used; the message is for the operator
"""

import asyncio
import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec

from cc_voice.query.scope import NOTHING, RowScope
from cc_voice.web.access import account_records, failed_tries, second_factor, tokens
from cc_voice.web.access.account_file import open_file, unreadable
from cc_voice.web.access.account_records import AccountError as AccountError
from cc_voice.web.access.account_records import AccountRecord
from cc_voice.web.access.account_records import NoSuchAccount as NoSuchAccount
from cc_voice.web.access.claim_mapping import MappedAccount
from cc_voice.web.access.failed_tries import Counted
from cc_voice.web.access.passwords import (
    COST,
    HashCost,
    hash_password,
    is_outdated,
    new_token,
    objection,
    token_hash,
    verify_password,
)
from cc_voice.web.access.roles import AccountAccess, Right, Role, narrowed, rights_of, scope_of
from cc_voice.web.access.tokens import ApiToken as ApiToken
from cc_voice.web.access.tokens import TokenLimits

P = ParamSpec("P")
T = TypeVar("T")

HASHING = 2
"""Passwords hashed at a time; each takes 64 MB and 0.2 s of a core."""
IDLE_S = 12 * 3600
"""A session nobody used for this long is over: longer than a shift."""
SESSION_S = 7 * 86_400
SEEN_EVERY_S = 60
"""How exactly the last use is known; writing it at every request would cost a disk flush each."""
_AGENT = 200
"""Characters kept of what a browser calls itself."""
_REFUSED = "User name, password or code is wrong."


class SignInRefused(AccountError):
    """Name, password or code is wrong."""


class TooManyTries(AccountError):
    """Too many failures lately; `wait_s` is when the next try is looked at."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__(f"Too many tries. Wait {self.wait_s} seconds, then try again.")


class AccountsUnreadable(Exception):
    """The file of accounts cannot be opened or written."""


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may. `session` is None for a program, which has `token`; neither is ever shown."""

    account: str
    role: Role
    must_change: bool
    theme: str | None
    display_name: str | None = None
    rights: frozenset[Right] = frozenset()
    scope: RowScope = NOTHING
    session: str | None = None
    token: str | None = None
    token_id: int | None = None

    def may(self, right: Right) -> bool:
        """Whether a right is held; which rows it reaches is `scope`."""
        return right in self.rights


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session as people see it in a list; `session_id` opens nothing."""

    session_id: str
    account: str
    address: str
    agent: str
    """What the browser calls itself."""
    created_s: float
    seen_s: float

    @property
    def ends_s(self) -> float:
        return min(self.created_s + SESSION_S, self.seen_s + IDLE_S)


class Accounts:
    """The open file. Its functions block: the event loop calls them through `look_up`, those that hash through `hashing`."""

    def __init__(self, path: Path, cost: HashCost = COST) -> None:
        self._lock = threading.Lock()
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="accounts")
        self._hashing = ThreadPoolExecutor(HASHING, thread_name_prefix="hash")
        self._cost = cost
        # A name nobody has costs as much time as a wrong password.
        self._nobody = hash_password(new_token(), cost)
        try:
            self._connection = open_file(path)
        except (sqlite3.Error, OSError) as error:
            self._asking.shutdown(wait=False)
            self._hashing.shutdown(wait=False)
            raise AccountsUnreadable(unreadable(path, error)) from error

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

    async def ask(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function given a connection (`account_records`, `tokens`) in a transaction, in the thread that has the file."""
        return await self.look_up(partial(self.ask_now, work, *args, **kwargs))

    def ask_now(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `ask`, for code without an event loop."""
        with self._transaction() as con:
            return work(con, *args, **kwargs)

    def is_empty(self) -> bool:
        with self._transaction() as con:
            return con.execute("select 1 from account limit 1").fetchone() is None

    def create(
        self,
        name: str,
        password: str,
        role: Role,
        must_change: bool,
        access: AccountAccess = AccountAccess(),  # noqa: B008  (frozen)
        display_name: str | None = None,
        now_s: float | None = None,
    ) -> None:
        """Create an account; an empty password is none. Raises AccountError."""
        hashed = hash_password(password, self._cost) if password else ""
        with self._transaction() as con:
            account_records.insert(con, name, hashed, role, access, must_change=must_change, display_name=display_name, now_s=now_s)

    # -- people ------------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, address: str, now_s: float, *, code: str = "", agent: str = "") -> str:
        """Return the token of a new session. Raises SignInRefused, TooManyTries."""
        with self._transaction() as con:
            counted = failed_tries.of_sign_in(con, name, address, now_s)
            row = self._admitted(con, name, counted, now_s)
        right = verify_password(password, row[0] if row and row[0] else self._nobody)
        if row is None or not row[0] or not right:
            raise SignInRefused(_REFUSED)
        newer = hash_password(password, self._cost) if is_outdated(row[0], self._cost) else row[0]
        with self._transaction() as con:
            # Looked at again: the account may have been disabled, or the code used, while the password was hashed
            secret, used, disabled_s = con.execute(
                "select totp, totp_step, disabled_s from account where name = ?", [name]
            ).fetchone()
            step = second_factor.step_of(secret, code, now_s, used) if secret else used
            if disabled_s is not None or step is None:
                raise SignInRefused(_REFUSED)
            failed_tries.take_back(con, counted, now_s)
            failed_tries.remember(con, name, address, now_s)
            con.execute("update account set totp_step = ?, seen_s = ? where name = ?", [step, now_s, name])
            con.execute("update account set password = ? where name = ? and password = ?", [newer, name, row[0]])
            return _new_session(con, name, now_s, address, agent)

    def sign_in_elsewhere(
        self, issuer: str, subject: str, entry: MappedAccount | None, now_s: float, *, address: str, agent: str = ""
    ) -> str:
        """Return the token of a new session of whom a provider vouches for; the first time their account is made.

        Without an entry nobody comes in, and what an earlier one left ends: sessions and API tokens. Raises AccountError.
        """
        with self._transaction() as con:
            known = account_records.of_subject(con, issuer, subject)
            if entry is None and known is not None:
                con.execute("delete from session where account = ?", [known.name])
                con.execute("delete from token where account = ?", [known.name])
            elif entry is not None and known is None:
                account_records.insert(
                    con, entry.name, "", entry.role, entry.access, must_change=False, display_name=entry.display_name, now_s=now_s
                )
                account_records.link(con, entry.name, issuer, subject)
            elif entry is not None and known is not None and known.disabled_s is None:
                account_records.follow_claims(con, known.name, entry.role, entry.access, entry.display_name)
            name = known.name if known else entry.name if entry else ""
            if entry is not None and (known is None or known.disabled_s is None):
                con.execute("update account set seen_s = ? where name = ?", [now_s, name])
                return _new_session(con, name, now_s, address, agent)
        if entry is None:
            raise SignInRefused("You have no role here. Ask who administers this site which group gives one.")
        raise SignInRefused("This account is disabled.")

    def _admitted(self, con: sqlite3.Connection, name: str, counted: tuple[Counted, ...], now_s: float) -> Any:
        """Return the row with an account's hash, and count a failure. Raises TooManyTries."""
        if (wait_s := failed_tries.wait_s(con, counted, now_s)) > 0:
            raise TooManyTries(wait_s)
        # Counted before the password is looked at, taken back after: tries at the same time count too.
        failed_tries.count(con, counted, now_s)
        return con.execute("select password from account where name = ?", [name]).fetchone()

    def visitor(self, token: str, now_s: float) -> Visitor | None:
        """Return who a session belongs to and what they may by now, and note that it is used; None when it is over."""
        hashed = token_hash(token)
        with self._transaction() as con:
            row = con.execute(
                "select account, seen_s from session where token_hash = ? and seen_s > ? and created_s > ?",
                [hashed, now_s - IDLE_S, now_s - SESSION_S],
            ).fetchone()
            record = account_records.load(con, row[0]) if row is not None else None
            if record is None or record.disabled_s is not None:
                return None
            if now_s - row[1] > SEEN_EVERY_S:
                con.execute("update session set seen_s = ? where token_hash = ?", [now_s, hashed])
                con.execute("update account set seen_s = ? where name = ?", [now_s, row[0]])
        return _visitor(record, session=token)

    def again(self, visitor: Visitor, now_s: float) -> Visitor | None:
        """Return who somebody is and what they may by now; None when their session, token or account is no more."""
        if visitor.session is not None:
            return self.visitor(visitor.session, now_s)
        return None if visitor.token is None else self.program(visitor.token, now_s)

    def sign_out(self, token: str) -> None:
        with self._transaction() as con:
            con.execute("delete from session where token_hash = ?", [token_hash(token)])

    def sessions(self, now_s: float, name: str | None = None) -> list[SignedIn]:
        """Return the sessions of an account, or of all, that are not over; the last used first."""
        with self._transaction() as con:
            rows = con.execute(
                """
                select substr(token_hash, 1, 16), account, address, agent, created_s, seen_s
                from session
                where seen_s > ? and created_s > ? and account = coalesce(?, account)
                order by seen_s desc, token_hash
                """,
                [now_s - IDLE_S, now_s - SESSION_S, name],
            ).fetchall()
        return [
            SignedIn(session_id=key, account=account, address=address, agent=agent, created_s=created_s, seen_s=seen_s)
            for key, account, address, agent, created_s, seen_s in rows
        ]

    def end_session(self, session_id: str, name: str | None = None) -> str | None:
        """End a session of an account, or of anybody; return whose it was, None where there is none."""
        with self._transaction() as con:
            where = "substr(token_hash, 1, 16) = ? and account = coalesce(?, account)"
            row = con.execute(f"delete from session where {where} returning account", [session_id, name]).fetchone()
            return row[0] if row else None

    def end_sessions(self, but: str | None = None) -> int:
        """End every session but one (its token), and return how many that were."""
        with self._transaction() as con:
            return con.execute("delete from session where token_hash <> ?", [token_hash(but or "")]).rowcount

    def change_password(self, name: str, old: str, new: str, now_s: float, *, address: str = "", agent: str = "") -> str:
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
            return _new_session(con, name, now_s, address, agent)

    def reset(self, name: str, password: str) -> None:
        """Give an account a one-time password, take its second factor and sessions; its API tokens stay. Raises NoSuchAccount."""
        hashed = hash_password(password, self._cost)
        with self._transaction() as con:
            account_records.found(con, name)
            con.execute("update account set password = ?, must_change = 1, totp = null where name = ?", [hashed, name])
            con.execute("delete from session where account = ?", [name])
            failed_tries.forgive(con, name)

    def unlock(self, name: str) -> None:
        """Forget failed tries, so that the next is looked at now. Raises NoSuchAccount."""
        with self._transaction() as con:
            account_records.found(con, name)
            failed_tries.forgive(con, name)

    def set_theme(self, name: str, theme: str | None) -> None:
        with self._transaction() as con:
            con.execute("update account set theme = ? where name = ?", [theme, name])

    # -- second factor -----------------------------------------------------------------------------------------------

    def offer_second_factor(self, name: str) -> str:
        """Return a new secret for an authenticator app; it counts once a code of it was shown."""
        secret = second_factor.new_secret()
        with self._transaction() as con:
            con.execute("update account set totp_pending = ? where name = ?", [secret, name])
        return secret

    def confirm_second_factor(self, name: str, code: str, now_s: float) -> None:
        """Ask for codes of the secret that was offered from now on. Raises AccountError."""
        self._with_code(name, "totp_pending", code, now_s, "update account set totp = totp_pending, totp_pending = null")

    def remove_second_factor(self, name: str, code: str, now_s: float) -> None:
        """Ask for no code any more; it takes one. Raises AccountError."""
        self._with_code(name, "totp", code, now_s, "update account set totp = null")

    def _with_code(self, name: str, column: str, code: str, now_s: float, statement: str) -> None:
        counted = failed_tries.of_change(name)
        with self._transaction() as con:
            self._admitted(con, name, counted, now_s)
            secret, used = con.execute(f"select {column}, totp_step from account where name = ?", [name]).fetchone()
        step = second_factor.step_of(secret, code, now_s, used) if secret else None
        if step is None:
            raise AccountError("This code is not the app’s of now. Wait for the next one and try again.")
        with self._transaction() as con:
            failed_tries.take_back(con, counted, now_s)
            con.execute(f"{statement}, totp_step = ? where name = ?", [step, name])

    # -- programs ----------------------------------------------------------------------------------------------------

    def create_token(self, name: str, label: str, now_s: float, limits: TokenLimits = TokenLimits()) -> str:  # noqa: B008  (frozen)
        """Return a new API token of an account; only its hash is kept. Raises AccountError."""
        return self.ask_now(tokens.create, name, label, limits, now_s)

    def tokens(self, name: str | None) -> list[ApiToken]:
        """Return the tokens of an account, or of all."""
        return self.ask_now(tokens.of_account, name)

    def revoke_token(self, name: str | None, token_id: int) -> bool:
        """Make a token of an account, or of anybody, worthless; without a token of this number nothing happens."""
        return self.ask_now(tokens.revoke, name, token_id)

    def program(self, token: str, now_s: float) -> Visitor | None:
        """Return who an API token speaks for and what it may by now, or None."""
        with self._transaction() as con:
            found = tokens.use(con, token, now_s)
            record = account_records.load(con, found.account) if found is not None else None
        if found is None or record is None or record.disabled_s is not None:
            return None
        owner = _visitor(record)
        limits = found.limits
        rights = owner.rights - tokens.NAMED_ONLY if limits.rights is None else owner.rights & limits.rights
        scope = narrowed(owner.scope, limits.rows, rights)
        return msgspec.structs.replace(owner, rights=rights, scope=scope, theme=None, token=token, token_id=found.token_id)

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


def _visitor(record: AccountRecord, session: str | None = None) -> Visitor:
    return Visitor(
        account=record.name,
        role=record.role,
        must_change=record.must_change,
        theme=record.theme,
        display_name=record.display_name,
        rights=rights_of(record.role, record.access.grants),
        scope=scope_of(record.role, record.access),
        session=session,
    )


def _new_session(con: sqlite3.Connection, name: str, now_s: float, address: str, agent: str) -> str:
    token = new_token()
    con.execute("delete from session where created_s < ? or seen_s < ?", [now_s - SESSION_S, now_s - IDLE_S])
    con.execute(
        "insert into session (token_hash, account, created_s, seen_s, address, agent) values (?, ?, ?, ?, ?, ?)",
        [token_hash(token), name, now_s, now_s, address[:64], agent[:_AGENT]],
    )
    return token
