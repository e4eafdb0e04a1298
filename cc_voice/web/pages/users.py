"""Users: the page of accounts, sessions and tokens for administrators, what a role may do, and the audit log."""

import asyncio
import secrets
import zoneinfo
from typing import Literal, assert_never

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from cc_voice.web.access import account_records
from cc_voice.web.access.account_records import AccountError, AccountRecord
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.passwords import token_hash
from cc_voice.web.access.roles import MEANINGS, RIGHTS, ROLES, AccountAccess, Held, Right, Role, grantable, held
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages.access_section import AccessLine, line
from cc_voice.web.pages.account import SessionRow, TokenRow, listed, moment, session_row, token_row
from cc_voice.web.rendering.page import page

LOG_SHOWN = 200
AccountDeed = Literal["disable", "enable", "reset", "unlock"]
HELD: dict[Held | None, str] = {"yes": "In scope", "own": "Own", "grant": "If granted", "own grant": "Own, if granted", None: "—"}


class AccountForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The form of an account. Nothing else can be set by it: a field that is not here refuses the form."""

    name: str = ""
    display_name: str = ""
    role: str = ""
    user_id: str = ""
    site: str = ""
    teams: str = ""
    queues: str = ""
    grants: list[str] | str = ""


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account in the list."""

    name: str
    shown_name: str
    role: str
    rows: str
    sees_nothing: bool
    grants: str
    second_factor: bool
    seen: str
    disabled: bool


class SessionOf(msgspec.Struct, frozen=True):
    """A session and whose it is."""

    account: str
    row: SessionRow


class TokenOf(msgspec.Struct, frozen=True):
    """A token and whose it is."""

    account: str
    row: TokenRow


class RightRow(msgspec.Struct, frozen=True):
    """A right, and how each role has it."""

    right: str
    meaning: str
    held: tuple[str, ...]


class UsersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who may come in, and how they do. `password` is one-time and shown once."""

    people: tuple[PersonRow, ...]
    sessions: tuple[SessionOf, ...]
    tokens: tuple[TokenOf, ...]
    roles: tuple[Role, ...]
    rights: tuple[RightRow, ...]
    grantable: tuple[tuple[Right, str], ...]
    may_change: bool
    zone: str
    person: AccountRecord | None = None
    password: str | None = None
    problem: str | None = None


class AuditPage(msgspec.Struct, frozen=True):
    """The newest entries of the audit log with a text in them."""

    q: str
    lines: tuple[AccessLine, ...]
    zone: str


@get("/admin/users", include_in_schema=False)
async def list_users(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show accounts, sessions and tokens."""
    return page(
        request, "users.html", title="Users and roles", current="admin", section="users", view=await _users(request, appliance)
    )


@get("/admin/users/{name:str}", include_in_schema=False)
async def show_user(request: VisitorRequest, appliance: NamedDependency[Appliance], name: FromPath[str]) -> Response[str]:
    """Show an account with the form that changes it."""
    record = await _record(appliance, name)
    view = await _users(request, appliance, person=record)
    return page(request, "users.html", title=record.shown_name, current="admin", section="users", view=view)


@post("/admin/users", status_code=200, include_in_schema=False)
async def add_user(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[AccountForm]
) -> Response[str]:
    """Make an account, and show its one-time password, this once."""
    accounts, password = appliance.accounts, secrets.token_urlsafe(12)
    try:
        role, access = read(data)
        await appliance.write_down(request, "change", f"account {data.name} made", detail=told(role, access))
        await accounts.hashing(
            accounts.create, data.name, password, role, True, access, data.display_name.strip() or None, appliance.now()
        )
    except AccountError as error:
        return await _refused(request, appliance, error)
    view = await _users(request, appliance, person=await _record(appliance, data.name), password=password)
    return page(request, "users.html", title="Users and roles", current="admin", section="users", view=view)


@post("/admin/users/{name:str}", status_code=303, include_in_schema=False)
async def change_user(
    request: VisitorRequest, appliance: NamedDependency[Appliance], name: FromPath[str], data: URLEncodedBody[AccountForm]
) -> Response[str] | Redirect:
    """Give an account a role, rights and rows."""
    before = await _record(appliance, name)
    try:
        if data.name not in ("", name):
            raise AccountError("an account keeps its name for ever: what was done under it stands in the log")
        role, access = read(data)
        changed = f"from {told(before.role, before.access)} to {told(role, access)}"
        await appliance.write_down(request, "change", f"account {name} changed", detail=changed)
        await appliance.accounts.ask(account_records.change, name, role, access, data.display_name.strip() or None)
    except AccountError as error:
        return await _refused(request, appliance, error, before)
    return Redirect(f"/admin/users/{name}", status_code=303)


@post("/admin/users/{name:str}/{deed:str}", status_code=303, include_in_schema=False)
async def do_to_user(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    name: FromPath[str],
    deed: FromPath[AccountDeed],
) -> Response[str] | Redirect:
    """Disable or enable an account, give it a one-time password, or forget its failed tries."""
    before = await _record(appliance, name)
    await appliance.write_down(request, "change", f"account {name}: {deed}")
    try:
        password = await do(appliance, name, deed)
    except AccountError as error:
        return await _refused(request, appliance, error, before)
    if password is None:
        return Redirect(f"/admin/users/{name}", status_code=303)
    view = await _users(request, appliance, person=await _record(appliance, name), password=password)
    return page(request, "users.html", title=before.shown_name, current="admin", section="users", view=view)


async def do(appliance: Appliance, name: str, deed: AccountDeed) -> str | None:
    """Do something to an account, and return the one-time password that it got. Raises AccountError."""
    accounts, password = appliance.accounts, None
    match deed:
        case "disable":
            await accounts.ask(account_records.disable, name, appliance.now())
        case "enable":
            await accounts.ask(account_records.enable, name)
        case "unlock":
            await accounts.look_up(accounts.unlock, name)
        case "reset":
            password = secrets.token_urlsafe(12)
            await accounts.hashing(accounts.reset, name, password)
        case _ as never:
            assert_never(never)
    return password


@post("/admin/sessions/end", status_code=303, include_in_schema=False)
async def end_all_sessions(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Redirect:
    """Sign everybody out but who asks."""
    await appliance.write_down(request, "change", "all sessions ended")
    await appliance.accounts.look_up(appliance.accounts.end_sessions, signed_in(request).session)
    return Redirect("/admin/users", status_code=303)


@post("/admin/sessions/{session_id:str}/end", status_code=303, include_in_schema=False)
async def end_session(request: VisitorRequest, appliance: NamedDependency[Appliance], session_id: FromPath[str]) -> Redirect:
    """Sign somebody out."""
    await appliance.write_down(request, "change", f"session {session_id[:16]} ended")
    if await appliance.accounts.look_up(appliance.accounts.end_session, session_id) is None:
        raise NotFoundException("There is no such session.")
    return Redirect("/admin/users", status_code=303)


@post("/admin/tokens/{token_id:int}/revoke", status_code=303, include_in_schema=False)
async def revoke_token(request: VisitorRequest, appliance: NamedDependency[Appliance], token_id: FromPath[int]) -> Redirect:
    """Make anybody's token worthless."""
    await appliance.write_down(request, "change", f"token {str(token_id)[:20]} revoked")
    if not await appliance.accounts.look_up(appliance.accounts.revoke_token, None, token_id):
        raise NotFoundException("There is no such token.")
    return Redirect("/admin/users", status_code=303)


@get("/admin/audit", include_in_schema=False)
async def audit_log(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the newest entries of the audit log."""
    q = request.query_params.get("q", "").strip()[:200]
    await appliance.audit.flush()
    found = await asyncio.to_thread(appliance.audit.entries, newest=True, like=q, limit=LOG_SHOWN)
    appliance.note_down(request, "view", "audit log", detail=q)
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    view = AuditPage(q, tuple(line(entry, zone) for entry in found), zone.key)
    return page(request, "audit.html", title="Audit log", current="audit", section="audit", view=view)


def read(data: AccountForm) -> tuple[Role, AccountAccess]:
    """Read the form of an account. Raises AccountError."""
    role = next((role for role in ROLES if role == data.role), None)
    if role is None:
        raise AccountError(f"{data.role!r} is no role; there are: {', '.join(ROLES)}")
    wanted = set(data.grants if isinstance(data.grants, list) else listed(data.grants))
    if unknown := sorted(wanted - set(RIGHTS)):
        raise AccountError(f"there is no right {', '.join(unknown)}")
    return role, AccountAccess(
        # A grant that the role cannot have is dropped where the role was changed in the same form
        grants=frozenset(right for right in grantable(role) if right in wanted),
        site=bool(data.site),
        teams=frozenset(listed(data.teams)),
        queues=frozenset(listed(data.queues)),
        user_id=data.user_id.strip() or None,
    )


def told(role: Role, access: AccountAccess) -> str:
    """Return what an account may, in a line for the audit log and the list."""
    grants = ", ".join(sorted(access.grants)) or "nothing granted"
    return f"{role}; {rows_told(access)}; {grants}"


def rows_told(access: AccountAccess) -> str:
    """Return which rows an account was given, in words."""
    parts = ["all of the site"] if access.site else []
    parts += [f"teams {', '.join(sorted(access.teams))}"] if access.teams else []
    parts += [f"queues {', '.join(sorted(access.queues))}"] if access.queues else []
    parts += [f"agent {access.user_id}"] if access.user_id else []
    return "; ".join(parts) or "no rows"


async def _record(appliance: Appliance, name: str) -> AccountRecord:
    record = await appliance.accounts.ask(account_records.load, name)
    if record is None:
        raise NotFoundException("There is no such account.")
    return record


async def _refused(
    request: VisitorRequest, appliance: Appliance, error: AccountError, person: AccountRecord | None = None
) -> Response[str]:
    view = await _users(request, appliance, person=person, problem=str(error))
    return page(request, "users.html", title="Users and roles", current="admin", section="users", view=view, status=400)


async def _users(
    request: VisitorRequest,
    appliance: Appliance,
    *,
    person: AccountRecord | None = None,
    password: str | None = None,
    problem: str | None = None,
) -> UsersPage:
    accounts, zone, visitor = appliance.accounts, zoneinfo.ZoneInfo(appliance.settings.timezone), signed_in(request)
    this = token_hash(visitor.session or "")
    people = await accounts.ask(account_records.load_all)
    sessions = await accounts.look_up(accounts.sessions, appliance.now())
    tokens = await accounts.look_up(accounts.tokens, None)
    return UsersPage(
        # Those with a question first
        people=tuple(_person(each, zone) for each in sorted(people, key=lambda each: not each.sees_nothing)),
        sessions=tuple(SessionOf(each.account, session_row(each, zone, this)) for each in sessions),
        tokens=tuple(TokenOf(each.account, token_row(each, zone)) for each in tokens),
        roles=ROLES,
        rights=tuple(RightRow(right, MEANINGS[right], tuple(HELD[held(role, right)] for role in ROLES)) for right in RIGHTS),
        grantable=tuple((right, MEANINGS[right]) for right in RIGHTS if any(right in grantable(role) for role in ROLES)),
        may_change=visitor.may("administer"),
        zone=zone.key,
        person=person,
        password=password,
        problem=problem,
    )


def _person(record: AccountRecord, zone: zoneinfo.ZoneInfo) -> PersonRow:
    way = held(record.role, "numbers")
    rows = "own calls" if way == "own" and not record.sees_nothing else "no calls" if way is None else rows_told(record.access)
    return PersonRow(
        name=record.name,
        shown_name=record.shown_name,
        role=record.role,
        rows=rows,
        sees_nothing=record.sees_nothing and record.disabled_s is None,
        grants=", ".join(sorted(record.access.grants)),
        second_factor=record.has_second_factor,
        seen=moment(record.seen_s, zone),
        disabled=record.disabled_s is not None,
    )
