"""Account pages: sign in and out, change the password, make tokens for programs, choose the colours."""

import datetime
import zoneinfo

import msgspec
import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from cc_voice.web.access.accounts import AccountError, TooManyTries, Visitor
from cc_voice.web.access.authentication import VisitorRequest, local_path, session_cookie
from cc_voice.web.access.first_login import forget_password
from cc_voice.web.appliance import Appliance
from cc_voice.web.rendering.page import page

log = structlog.get_logger()

THEMES = ("light", "dark")


class SignIn(msgspec.Struct, frozen=True):
    """The sign-in form."""

    account: str = ""
    password: str = ""
    next: str = "/"


class NewPassword(msgspec.Struct, frozen=True):
    """The form that changes a password."""

    current: str = ""
    new: str = ""
    again: str = ""


class NewToken(msgspec.Struct, frozen=True):
    """The form that makes an API token."""

    label: str = ""


class Theme(msgspec.Struct, frozen=True):
    """The colours chosen."""

    theme: str = ""


class SignInPage(msgspec.Struct, frozen=True):
    """The sign-in page; `problem` is the same whatever was wrong."""

    account: str = ""
    next: str = "/"
    problem: str | None = None


class PasswordPage(msgspec.Struct, frozen=True):
    """The page that changes a password."""

    problem: str | None = None


class TokenRow(msgspec.Struct, frozen=True):
    """An API token in the list."""

    token_id: int
    label: str
    created: str


class AccountPage(msgspec.Struct, frozen=True):
    """The account; `secret` is a token just made."""

    tokens: tuple[TokenRow, ...]
    secret: str | None = None


@get("/login", opt={"public": True}, include_in_schema=False)
async def sign_in_page(request: VisitorRequest) -> Response[str]:
    """Show the sign-in form."""
    view = SignInPage(next=local_path(request.query_params.get("next")))
    return page(request, "login.html", title="Sign in", view=view)


@post("/login", opt={"public": True}, status_code=303, include_in_schema=False)
async def sign_in(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: URLEncodedBody[SignIn]
) -> Response[str] | Redirect:
    """Start a session and go where the visitor wanted to go."""
    address, accounts = request.client.host if request.client else "", appliance.accounts
    try:
        token = await accounts.hashing(accounts.sign_in, data.account, data.password, address, appliance.now())
    except AccountError as error:
        # Without the name: people type passwords into the wrong field
        log.warning("sign-in refused", address=address, reason=type(error).__name__)
        view = SignInPage(data.account, local_path(data.next), str(error))
        return _refused(page(request, "login.html", title="Sign in", view=view, status=401), error)
    log.info("signed in", account=data.account, address=address)
    return Redirect(local_path(data.next), status_code=303, cookies=[session_cookie(appliance.settings, token)])


@post("/logout", status_code=303, opt={"before_password_change": True}, include_in_schema=False)
async def sign_out(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Redirect:
    """End the session."""
    visitor = _person(request)
    if visitor.session is not None:
        await appliance.accounts.look_up(appliance.accounts.sign_out, visitor.session)
    return Redirect("/login", status_code=303, cookies=[session_cookie(appliance.settings, "")])


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
        token = await accounts.hashing(accounts.change_password, visitor.account, data.current, data.new, appliance.now())
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
    label = data.label.strip()[:80] or "unnamed"
    secret = await accounts.look_up(accounts.create_token, visitor.account, label, appliance.now())
    return page(request, "account.html", title="Account", view=await _account(appliance, visitor, secret))


@post("/account/tokens/{token_id:int}/revoke", status_code=303, include_in_schema=False)
async def revoke_token(request: VisitorRequest, appliance: NamedDependency[Appliance], token_id: FromPath[int]) -> Redirect:
    """Make an API token worthless."""
    await appliance.accounts.look_up(appliance.accounts.revoke_token, _person(request).account, token_id)
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


async def _account(appliance: Appliance, visitor: Visitor, secret: str | None = None) -> AccountPage:
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    rows = [
        TokenRow(t.token_id, t.label, f"{datetime.datetime.fromtimestamp(t.created_s, zone):%Y-%m-%d %H:%M}")
        for t in await appliance.accounts.look_up(appliance.accounts.tokens, visitor.account)
    ]
    return AccountPage(tuple(rows), secret)
