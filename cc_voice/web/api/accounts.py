"""Accounts over the API: who asks, their own tokens and sessions; for administrators everybody's. The functions of the pages.

A token changes neither its account nor its own rights: what changes something under `/me` is for a person with a session.
"""

import secrets
from typing import Annotated

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody, PathParameter

from cc_voice.web.access import account_records
from cc_voice.web.access.account_records import AccountRecord
from cc_voice.web.access.accounts import SignedIn
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.roles import AccountAccess, Right, Role
from cc_voice.web.access.tokens import LABEL, ApiToken, TokenLimits
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages.account import DEFAULT_DAYS, MOST_DAYS
from cc_voice.web.pages.users import AccountDeed, do, told

ONE = {"statuses": (404,)}
Days = Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)]
TokenId = Annotated[int, PathParameter(ge=1, le=(1 << 63) - 1)]


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may: rights, and the rows these reach."""

    account: str
    display_name: str | None
    role: Role
    rights: tuple[Right, ...]
    site: bool
    teams: tuple[str, ...]
    queues: tuple[str, ...]
    user_id: str | None
    token_id: int | None
    """The token that asks; null for a person."""


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account is given; what is left out it has not. It replaces all of it."""

    role: Role
    display_name: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    user_id: str | None = None
    site: bool = False
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    grants: tuple[Right, ...] = ()


class AccountCreation(AccountChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account. Its name is for ever."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class AccountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An account after something was done to it; `password` is one-time, and told this once."""

    account: AccountRecord
    password: str | None = None


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token of one's own; null is what its owner has."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=LABEL)]
    rights: tuple[Right, ...] | None = None
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    days: Days = DEFAULT_DAYS


class TokenAnswer(msgspec.Struct, frozen=True):
    """A new token, which is told this once."""

    token: str


class SessionsEnded(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    ended: int


@get("/me", summary="Return who asks")
async def who_asks(request: VisitorRequest) -> Identity:
    """Return whose session or token this is, and what it may."""
    visitor = signed_in(request)
    rows = visitor.scope
    return Identity(
        account=visitor.account,
        display_name=visitor.display_name,
        role=visitor.role,
        rights=tuple(sorted(visitor.rights)),
        site=rows.site,
        teams=tuple(sorted(rows.teams)),
        queues=tuple(sorted(rows.queues)),
        user_id=rows.user_id,
        token_id=visitor.token_id,
    )


@get("/me/tokens", summary="List one's own tokens")
async def own_tokens(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[ApiToken]:
    """List the tokens of one's own account, with what each is cut to and when it was last used."""
    return await appliance.accounts.look_up(appliance.accounts.tokens, signed_in(request).account)


@post("/me/tokens", summary="Make a token")
async def create_token(request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[TokenRequest]) -> TokenAnswer:
    """Make a token of one's own account, which never does more than its owner may."""
    visitor, now_s, accounts = signed_in(request), appliance.now(), appliance.accounts
    rows = AccountAccess(teams=frozenset(data.teams), queues=frozenset(data.queues)) if data.teams or data.queues else None
    limits = TokenLimits(
        rights=None if data.rights is None else frozenset(data.rights), rows=rows, expires_s=now_s + 86_400 * data.days
    )
    await appliance.write_down(request, "change", f"token of {visitor.account}", detail=data.label)
    return TokenAnswer(await accounts.look_up(accounts.create_token, visitor.account, data.label, now_s, limits))


@delete("/me/tokens/{token_id:int}", summary="Revoke a token of one's own", opt=ONE)
async def revoke_own_token(request: VisitorRequest, appliance: NamedDependency[Appliance], token_id: TokenId) -> None:
    """Make a token of one's own worthless, at once."""
    visitor = signed_in(request)
    await appliance.write_down(request, "change", f"token {token_id} of {visitor.account} revoked")
    if not await appliance.accounts.look_up(appliance.accounts.revoke_token, visitor.account, token_id):
        raise NotFoundException("there is no such token")


@get("/me/sessions", summary="List one's own sessions")
async def own_sessions(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[SignedIn]:
    """List where one's own account is signed in."""
    return await appliance.accounts.look_up(appliance.accounts.sessions, appliance.now(), signed_in(request).account)


@delete("/me/sessions/{session_id:str}", summary="End a session of one's own", opt=ONE)
async def end_own_session(request: VisitorRequest, appliance: NamedDependency[Appliance], session_id: FromPath[str]) -> None:
    """Sign one's own account out somewhere."""
    visitor = signed_in(request)
    await appliance.write_down(request, "change", f"session of {visitor.account} ended")
    if await appliance.accounts.look_up(appliance.accounts.end_session, session_id, visitor.account) is None:
        raise NotFoundException("there is no such session")


@get("/accounts", summary="List accounts")
async def list_accounts(appliance: NamedDependency[Appliance]) -> list[AccountRecord]:
    """List every account with its role, grants and rows."""
    return await appliance.accounts.ask(account_records.load_all)


@post("/accounts", summary="Make an account")
async def create_account(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[AccountCreation]
) -> AccountAnswer:
    """Make an account with a one-time password, which is told this once."""
    accounts, password, access = appliance.accounts, secrets.token_urlsafe(12), _access(data)
    await appliance.write_down(request, "change", f"account {data.name} made", detail=told(data.role, access))
    name = (data.display_name or "").strip() or None
    await accounts.hashing(accounts.create, data.name, password, data.role, True, access, name, appliance.now())
    return AccountAnswer(account=await _record(appliance, data.name), password=password)


@get("/accounts/{name:str}", summary="Return an account", opt=ONE)
async def show_account(appliance: NamedDependency[Appliance], name: FromPath[str]) -> AccountRecord:
    """Return an account with its role, grants and rows."""
    return await _record(appliance, name)


@put("/accounts/{name:str}", summary="Change an account", opt=ONE)
async def change_account(
    request: VisitorRequest, appliance: NamedDependency[Appliance], name: FromPath[str], data: JSONBody[AccountChange]
) -> AccountAnswer:
    """Give an account a role, rights and rows instead of those that it has."""
    before, access = await _record(appliance, name), _access(data)
    changed = f"from {told(before.role, before.access)} to {told(data.role, access)}"
    await appliance.write_down(request, "change", f"account {name} changed", detail=changed)
    shown = (data.display_name or "").strip() or None
    await appliance.accounts.ask(account_records.change, name, data.role, access, shown)
    return AccountAnswer(account=await _record(appliance, name))


@post("/accounts/{name:str}/{deed:str}", summary="Do something to an account", status_code=200, opt=ONE)
async def do_to_account(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    name: FromPath[str],
    deed: FromPath[AccountDeed],
) -> AccountAnswer:
    """Disable or enable an account, give it a one-time password, or forget its failed tries."""
    await _record(appliance, name)
    await appliance.write_down(request, "change", f"account {name}: {deed}")
    password = await do(appliance, name, deed)
    return AccountAnswer(account=await _record(appliance, name), password=password)


@get("/sessions", summary="List sessions")
async def list_sessions(appliance: NamedDependency[Appliance]) -> list[SignedIn]:
    """List everybody who is signed in."""
    return await appliance.accounts.look_up(appliance.accounts.sessions, appliance.now())


@delete("/sessions", summary="End all sessions", status_code=200)
async def end_all_sessions(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> SessionsEnded:
    """Sign everybody out but who asks."""
    await appliance.write_down(request, "change", "all sessions ended")
    return SessionsEnded(await appliance.accounts.look_up(appliance.accounts.end_sessions, signed_in(request).session))


@delete("/sessions/{session_id:str}", summary="End a session", opt=ONE)
async def end_session(request: VisitorRequest, appliance: NamedDependency[Appliance], session_id: FromPath[str]) -> None:
    """Sign somebody out."""
    await appliance.write_down(request, "change", f"session {session_id[:16]} ended")
    if await appliance.accounts.look_up(appliance.accounts.end_session, session_id) is None:
        raise NotFoundException("there is no such session")


@get("/tokens", summary="List tokens")
async def list_tokens(appliance: NamedDependency[Appliance]) -> list[ApiToken]:
    """List everybody's tokens; what they are is known to nobody."""
    return await appliance.accounts.look_up(appliance.accounts.tokens, None)


@delete("/tokens/{token_id:int}", summary="Revoke a token", opt=ONE)
async def revoke_token(request: VisitorRequest, appliance: NamedDependency[Appliance], token_id: TokenId) -> None:
    """Make anybody's token worthless, at once."""
    await appliance.write_down(request, "change", f"token {token_id} revoked")
    if not await appliance.accounts.look_up(appliance.accounts.revoke_token, None, token_id):
        raise NotFoundException("there is no such token")


def _access(data: AccountChange) -> AccountAccess:
    return AccountAccess(
        grants=frozenset(data.grants),
        site=data.site,
        teams=frozenset(data.teams),
        queues=frozenset(data.queues),
        user_id=data.user_id,
    )


async def _record(appliance: Appliance, name: str) -> AccountRecord:
    record = await appliance.accounts.ask(account_records.load, name)
    if record is None:
        raise NotFoundException(f"there is no account {name}")
    return record
