"""API tokens: a program speaks for an account, with some of its rights and rows, until some day. Functions on a connection.

A token never does more than its owner may by now: what it was made with is cut by what the owner has at each use. Without a list of
rights it has the owner's, but those to administer, which have to be named.
"""

import sqlite3

import msgspec

from cc_voice.web.access import account_records
from cc_voice.web.access.account_records import AccountError, rights_read, rights_text
from cc_voice.web.access.passwords import new_token, token_hash
from cc_voice.web.access.roles import AccountAccess, Right, rights_of

USED_EVERY_S = 60
"""How exactly the last use is known; writing it at every request would cost a disk flush each."""
NAMED_ONLY: frozenset[Right] = frozenset({"administer"})
LABEL = 80
"""The longest label."""

_SCOPE = msgspec.json.Decoder(AccountAccess)


class TokenLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is cut to; None is what its owner has."""

    rights: frozenset[Right] | None = None
    rows: AccountAccess | None = None
    """Only rows of it count, no grants."""
    expires_s: float | None = None


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as its owner sees it; the secret was shown once. Times are Unix seconds."""

    token_id: int
    account: str
    label: str
    created_s: float
    used_s: float | None = None
    limits: TokenLimits = TokenLimits()


_SELECT = "select token_id, account, label, created_s, used_s, expires_s, rights, scope from token"


def create(con: sqlite3.Connection, name: str, label: str, limits: TokenLimits, now_s: float) -> str:
    """Return a new token of an account; only its hash is kept. Raises AccountError for one that would do more than its owner."""
    owner = account_records.found(con, name)
    rights, rows = rights_of(owner.role, owner.access.grants), limits.rows
    if more := sorted((limits.rights or frozenset()) - rights):
        raise AccountError(f"a token cannot do more than its owner: {', '.join(more)}", "rights")
    if rows is not None and not owner.access.site:
        given = owner.access
        if rows.site or rows.teams - given.teams or rows.queues - given.queues or rows.user_id not in (None, given.user_id):
            at_fault = "teams" if rows.teams - given.teams else "queues"
            raise AccountError("a token cannot see more than its owner: choose from the owner's teams and queues", at_fault)
    if limits.expires_s is not None and limits.expires_s <= now_s:
        raise AccountError("the token would have expired already", "days")
    token = new_token()
    scope = None if rows is None else msgspec.json.encode(rows, order="sorted").decode()
    con.execute(
        "insert into token (token_hash, account, label, created_s, expires_s, rights, scope) values (?, ?, ?, ?, ?, ?, ?)",
        [token_hash(token), name, label[:LABEL], now_s, limits.expires_s, rights_text(limits.rights), scope],
    )
    return token


def of_account(con: sqlite3.Connection, name: str | None) -> list[ApiToken]:
    """Return the tokens of an account, or of all."""
    where, values = ("", []) if name is None else (" where account = ?", [name])
    return [_token(*row) for row in con.execute(f"{_SELECT}{where} order by token_id", values).fetchall()]


def _token(
    token_id: int,
    account: str,
    label: str,
    created_s: float,
    used_s: float | None,
    expires_s: float | None,
    rights: str | None,
    scope: str | None,
) -> ApiToken:
    rows = None if scope is None else _SCOPE.decode(scope)
    limits = TokenLimits(rights=rights_read(rights), rows=rows, expires_s=expires_s)
    return ApiToken(token_id=token_id, account=account, label=label, created_s=created_s, used_s=used_s, limits=limits)


def revoke(con: sqlite3.Connection, name: str | None, token_id: int) -> bool:
    """Make a token of an account, or of anybody, worthless; False without one of this number."""
    if token_id.bit_length() > 63:  # an address may hold any number, SQLite's end here
        return False
    return con.execute("delete from token where token_id = ? and account = coalesce(?, account)", [token_id, name]).rowcount > 0


def use(con: sqlite3.Connection, token: str, now_s: float) -> ApiToken | None:
    """Return a token that is good, and note that it is used."""
    sql = f"{_SELECT} where token_hash = ? and (expires_s is null or expires_s > ?)"
    row = con.execute(sql, [token_hash(token), now_s]).fetchone()
    if row is None:
        return None
    found = _token(*row)
    if found.used_s is None or now_s - found.used_s > USED_EVERY_S:
        con.execute("update token set used_s = ? where token_id = ?", [now_s, found.token_id])
    return found
