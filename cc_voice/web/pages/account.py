"""Account pages: sign in and out, change the password, make tokens for programs, choose the colours."""

import datetime
import zoneinfo
from collections.abc import Callable

import msgspec
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from cc_voice.web.access import account_records
from cc_voice.web.access.account_records import MAX_NAME
from cc_voice.web.access.accounts import AccountError, SignedIn, TooManyTries, Visitor
from cc_voice.web.access.authentication import VisitorRequest, local_path, session_cookie
from cc_voice.web.access.first_login import forget_password
from cc_voice.web.access.passwords import token_hash
from cc_voice.web.access.roles import MEANINGS, RIGHTS, AccountAccess
from cc_voice.web.access.second_factor import enrolment_uri
from cc_voice.web.access.tokens import LABEL, ApiToken, TokenLimits
from cc_voice.web.appliance import Appliance
from cc_voice.web.rendering.page import page

log = structlog.get_logger()

THEMES = ("light", "dark")
DEFAULT_DAYS, MOST_DAYS = 90, 1000
"""How long a token is good for."""


class SignIn(msgspec.Struct, frozen=True):
    """The sign-in form."""

    account: str = ""
    password: str = ""
    code: str = ""
    next: str = "/"


class NewPassword(msgspec.Struct, frozen=True):
    """The form that changes a password."""

    current: str = ""
    new: str = ""
    again: str = ""


class NewToken(msgspec.Struct, frozen=True):
    """The form that makes an API token. Rights, teams and queues are lists with commas; empty is what the owner has."""

    label: str = ""
    rights: str = ""
    teams: str = ""
    queues: str = ""
    days: str = ""


class CodeForm(msgspec.Struct, frozen=True):
    """The form that takes a code of an authenticator app."""

    code: str = ""


class Theme(msgspec.Struct, frozen=True):
    """The colours chosen."""

    theme: str = ""


class SignInPage(msgspec.Struct, frozen=True):
    """The sign-in page; `problem` is the same whatever was wrong."""

    account: str = ""
    next: str = "/"
    problem: str | None = None
    provider: str | None = None
    """What the way to a sign-in provider is called; None: there is none."""
    elsewhere: str | None = None
    """Where whoever was just signed out here signs out at the provider."""


class PasswordPage(msgspec.Struct, frozen=True):
    """The page that changes a password."""

    problem: str | None = None


class TokenRow(msgspec.Struct, frozen=True):
    """An API token in the list."""

    token_id: int
    label: str
    limits: str
    created: str
    expires: str
    used: str


class SessionRow(msgspec.Struct, frozen=True):
    """A session in the list."""

    session_id: str
    place: str
    since: str
    is_this: bool


class FactorOffer(msgspec.Struct, frozen=True):
    """A secret for an authenticator app, shown until a code of it is."""

    secret: str
    uri: str


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """The account; `secret` is a token just made."""

    tokens: tuple[TokenRow, ...]
    sessions: tuple[SessionRow, ...]
    rights: tuple[str, ...]
    has_second_factor: bool
    has_password: bool
    secret: str | None = None
    offer: FactorOffer | None = None
    problem: str | None = None


@get("/login", include_in_schema=False)
async def sign_in_page(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the sign-in form."""
    view = SignInPage(next=local_path(request.query_params.get("next")), provider=provider_label(appliance))
    return page(request, "login.html", title="Sign in", view=view)


def provider_label(appliance: Appliance) -> str | None:
    """Return what the way to the sign-in provider is called, None without one."""
    return appliance.oidc.settings.label if appliance.oidc else None


@post("/login", status_code=303, include_in_schema=False)
async def sign_in(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[SignIn]
) -> Response[str] | Redirect:
    """Start a session and go where the visitor wanted to go."""
    address, accounts = request.client.host if request.client else "", appliance.accounts
    agent = request.headers.get("user-agent", "")
    try:
        token = await accounts.hashing(
            accounts.sign_in, data.account, data.password, address, appliance.now(), code=data.code, agent=agent
        )
    except AccountError as error:
        # The name is a detail, which can be erased: it may be a password in the wrong field
        appliance.note_down(request, "refused", f"sign-in, {type(error).__name__}", detail=data.account[:MAX_NAME])
        # Without the name: people type passwords into the wrong field
        log.warning("sign-in refused", address=address, reason=type(error).__name__)
        view = SignInPage(data.account, local_path(data.next), str(error), provider_label(appliance))
        return _refused(page(request, "login.html", title="Sign in", view=view, status=401), error)
    log.info("signed in", account=data.account, address=address)
    # A session of before is over: whoever knows its token must not find somebody else behind it
    if request.user is not None and request.user.session is not None:
        await accounts.look_up(accounts.sign_out, request.user.session)
    signed = await accounts.look_up(accounts.visitor, token, appliance.now())
    request.scope["user"] = signed
    await appliance.write_down(request, "sign-in", "session")
    return Redirect(local_path(data.next), status_code=303, cookies=[session_cookie(appliance.settings, token)])


@post("/logout", status_code=303, opt={"before_password_change": True}, include_in_schema=False)
async def sign_out(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str] | Redirect:
    """End the session, and have the browser end the provider's, too, where it is from there."""
    visitor, cookies = _person(request), [session_cookie(appliance.settings, "")]
    if visitor.session is not None:
        appliance.note_down(request, "sign-out", "session")
        await appliance.accounts.look_up(appliance.accounts.sign_out, visitor.session)
    subject = None if appliance.oidc is None else await appliance.accounts.ask(account_records.subject_of, visitor.account)
    if appliance.oidc is not None and subject is not None and (elsewhere := await appliance.oidc.end(subject)) is not None:
        # No redirect: a form may lead nowhere else (`form-action`), and browsers hold what answers it to that
        request.scope["user"] = None
        view = SignInPage(provider=provider_label(appliance), elsewhere=elsewhere)
        answer = page(request, "login.html", title="Signed out", view=view)
        answer.headers["refresh"] = f"0; url={elsewhere}"
        answer.cookies.extend(cookies)
        return answer
    return Redirect("/login", status_code=303, cookies=cookies)


@get("/password", opt={"before_password_change": True}, include_in_schema=False)
async def password_page(request: VisitorRequest) -> Response[str]:
    """Show the form that changes the password."""
    return page(request, "password.html", title="Change password", view=PasswordPage())


@post("/password", status_code=303, opt={"before_password_change": True}, include_in_schema=False)
async def change_password(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[NewPassword]
) -> Response[str] | Redirect:
    """Change the password; every session of the account ends, this one goes on under a new token."""
    visitor, accounts = _person(request), appliance.accounts
    try:
        if data.new != data.again:
            raise AccountError("The new password was not repeated exactly.")
        await appliance.write_down(request, "change", f"password of {visitor.account}")
        token = await accounts.hashing(
            accounts.change_password,
            visitor.account,
            data.current,
            data.new,
            appliance.now(),
            address=request.client.host if request.client else "",
            agent=request.headers.get("user-agent", ""),
        )
    except AccountError as error:
        log.warning("password not changed", account=visitor.account, reason=type(error).__name__)
        return _refused(page(request, "password.html", title="Change password", view=PasswordPage(str(error)), status=400), error)
    if visitor.must_change:
        await accounts.look_up(forget_password, appliance.settings.data_dir)
    return Redirect("/", status_code=303, cookies=[session_cookie(appliance.settings, token)])


def _refused(answer: Response[str], error: AccountError) -> Response[str]:
    """Return the page that says why; where tries come too fast, with when the next is looked at."""
    if isinstance(error, TooManyTries):
        answer.status_code = 429
        answer.set_header("retry-after", str(error.wait_s))
    return answer


@get("/account", include_in_schema=False)
async def account_page(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the account."""
    return page(request, "account.html", title="Account", view=await _account(appliance, _person(request)))


@post("/account/tokens", status_code=200, include_in_schema=False)
async def create_token(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[NewToken]
) -> Response[str]:
    """Make an API token and show it, this once."""
    visitor, accounts = _person(request), appliance.accounts
    label = data.label.strip()[:LABEL] or "unnamed"
    try:
        limits = _limits(data, appliance.now())
        await appliance.write_down(request, "change", f"token of {visitor.account}", detail=label)
        secret = await accounts.look_up(accounts.create_token, visitor.account, label, appliance.now(), limits)
    except AccountError as error:
        view = await _account(appliance, visitor, problem=str(error))
        return page(request, "account.html", title="Account", view=view, status=400)
    return page(request, "account.html", title="Account", view=await _account(appliance, visitor, secret=secret))


def _limits(data: NewToken, now_s: float) -> TokenLimits:
    """Read the form of a token. Raises AccountError."""
    wanted = frozenset(listed(data.rights))
    if unknown := sorted(wanted - set(RIGHTS)):
        raise AccountError(f"there is no right {', '.join(unknown)}; there are: {', '.join(RIGHTS)}")
    if data.days and not (data.days.isascii() and data.days.isdigit() and 0 < int(data.days[:9]) <= MOST_DAYS):
        raise AccountError(f"a token is good for 1 to {MOST_DAYS} days")
    teams, queues = frozenset(listed(data.teams)), frozenset(listed(data.queues))
    return TokenLimits(
        rights=frozenset(right for right in RIGHTS if right in wanted) if wanted else None,
        rows=AccountAccess(teams=teams, queues=queues) if teams or queues else None,
        expires_s=now_s + 86_400 * int(data.days or DEFAULT_DAYS),
    )


def listed(text: str) -> list[str]:
    """Return what a field lists, with commas or lines between."""
    return [each.strip() for each in text.replace("\n", ",").split(",") if each.strip()]


@post("/account/tokens/{token_id:int}/revoke", status_code=303, include_in_schema=False)
async def revoke_token(request: VisitorRequest, appliance: NamedDependency[Appliance], token_id: FromPath[int]) -> Redirect:
    """Make an API token worthless."""
    visitor = _person(request)
    await appliance.write_down(request, "change", f"token {token_id} of {visitor.account} revoked")
    await appliance.accounts.look_up(appliance.accounts.revoke_token, visitor.account, token_id)
    return Redirect("/account", status_code=303)


@post("/account/sessions/{session_id:str}/end", status_code=303, include_in_schema=False)
async def end_session(request: VisitorRequest, appliance: NamedDependency[Appliance], session_id: FromPath[str]) -> Redirect:
    """End another session of one's own."""
    visitor = _person(request)
    await appliance.write_down(request, "change", f"session of {visitor.account} ended")
    await appliance.accounts.look_up(appliance.accounts.end_session, session_id, visitor.account)
    return Redirect("/account", status_code=303)


@post("/account/second-factor", status_code=200, include_in_schema=False)
async def offer_second_factor(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show a secret for an authenticator app."""
    visitor, accounts = _person(request), appliance.accounts
    secret = await accounts.look_up(accounts.offer_second_factor, visitor.account)
    offer = FactorOffer(secret, enrolment_uri(secret, visitor.account, appliance.settings.site_name))
    return page(request, "account.html", title="Account", view=await _account(appliance, visitor, offer=offer))


@post("/account/second-factor/confirm", status_code=303, include_in_schema=False)
async def confirm_second_factor(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[CodeForm]
) -> Response[str] | Redirect:
    """Ask for codes from now on, once one was right."""
    return await _with_code(request, appliance, data, appliance.accounts.confirm_second_factor, "asked for")


@post("/account/second-factor/remove", status_code=303, include_in_schema=False)
async def remove_second_factor(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[CodeForm]
) -> Response[str] | Redirect:
    """Ask for codes no more; it takes one."""
    return await _with_code(request, appliance, data, appliance.accounts.remove_second_factor, "asked for no more")


async def _with_code(
    request: VisitorRequest, appliance: Appliance, data: CodeForm, work: Callable[[str, str, float], None], what: str
) -> Response[str] | Redirect:
    visitor = _person(request)
    await appliance.write_down(request, "change", f"second factor of {visitor.account} {what}")
    try:
        await appliance.accounts.look_up(work, visitor.account, data.code, appliance.now())
    except AccountError as error:
        view = await _account(appliance, visitor, problem=str(error))
        return _refused(page(request, "account.html", title="Account", view=view, status=400), error)
    return Redirect("/account", status_code=303)


@post("/theme", status_code=303, include_in_schema=False)
async def choose_theme(request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[Theme]) -> Redirect:
    """Remember the colours of an account, and go back to the page they were chosen on."""
    theme = data.theme if data.theme in THEMES else None
    await appliance.accounts.look_up(appliance.accounts.set_theme, _person(request).account, theme)
    return Redirect(_page_before(request), status_code=303)


def _page_before(request: VisitorRequest) -> str:
    """Return the path of the page that sent a form: its own-origin `Referer`, which `Referrer-Policy` allows."""
    before = request.headers.get("referer", "")
    _, _, path = before.partition(f"://{request.headers.get('host', '')}/")
    return local_path(f"/{path}")


def _person(request: VisitorRequest) -> Visitor:
    """Return who asks, in a browser: what an account may do to itself, its tokens may not. Raises HTTPException."""
    visitor = request.user
    if visitor is None:
        raise NotAuthorizedException
    if visitor.session is None:
        raise PermissionDeniedException("an API token cannot change its account; sign in for that")
    return visitor


async def _account(
    appliance: Appliance,
    visitor: Visitor,
    *,
    secret: str | None = None,
    offer: FactorOffer | None = None,
    problem: str | None = None,
) -> AccountPage:
    zone, accounts = zoneinfo.ZoneInfo(appliance.settings.timezone), appliance.accounts
    record = await accounts.ask(account_records.found, visitor.account)
    sessions = await accounts.look_up(accounts.sessions, appliance.now(), visitor.account)
    this = token_hash(visitor.session or "")
    return AccountPage(
        tokens=tuple(token_row(each, zone) for each in await accounts.look_up(accounts.tokens, visitor.account)),
        sessions=tuple(session_row(each, zone, this) for each in sessions),
        rights=tuple(MEANINGS[right] for right in RIGHTS if visitor.may(right)),
        has_second_factor=record.has_second_factor,
        has_password=record.has_password,
        secret=secret,
        offer=offer,
        problem=problem,
    )


def token_row(token: ApiToken, zone: zoneinfo.ZoneInfo) -> TokenRow:
    """Return a token as people see it."""
    limits, rows = token.limits, token.limits.rows
    told = [", ".join(sorted(limits.rights))] if limits.rights is not None else ["all that the owner may"]
    told += [f"teams {', '.join(sorted(rows.teams))}"] if rows is not None and rows.teams else []
    told += [f"queues {', '.join(sorted(rows.queues))}"] if rows is not None and rows.queues else []
    return TokenRow(
        token_id=token.token_id,
        label=token.label,
        limits="; ".join(told),
        created=moment(token.created_s, zone),
        expires=moment(limits.expires_s, zone),
        used=moment(token.used_s, zone),
    )


def session_row(session: SignedIn, zone: zoneinfo.ZoneInfo, this: str) -> SessionRow:
    """Return a session as people see it; `this` is the hash of the token that asks."""
    place = f"{session.address or 'unknown'}, {browser(session.agent)}"
    return SessionRow(session.session_id, place, moment(session.created_s, zone), this.startswith(session.session_id))


def moment(at_s: float | None, zone: zoneinfo.ZoneInfo) -> str:
    """Return a time of the site, `never` for none."""
    return "never" if at_s is None else f"{datetime.datetime.fromtimestamp(at_s, zone):%Y-%m-%d %H:%M}"


def browser(agent: str) -> str:
    """Return what people call the program that names itself so."""
    named = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    return next((name for mark, name in named if mark in agent), agent.partition("/")[0][:20] or "unknown program")
