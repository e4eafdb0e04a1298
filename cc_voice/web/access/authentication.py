"""Authentication: who asks; the middleware that knows, and the guard against forged requests. What they may is in `permissions.py`.

A browser shows its session's cookie, a program `Authorization: Bearer TOKEN`.

Forged requests: a browser sends the cookie with a form of any page, so a request that changes something must prove that it comes
from a page of ours. `Sec-Fetch-Site` and `Origin` are set by the browser and by nobody's script; requests with neither are
refused. Tokens in forms lost against this: they need a session before sign-in and break pages that were open for long.
`SameSite=Lax` stands behind it as a second wall.

Guards are coroutines though none of them waits: Litestar calls plain functions in the threads that everything shares, and then six
long questions in SQL keep Zoom's webhooks out.
"""

from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware.authentication import AbstractAuthenticationMiddleware, AuthenticationResult

from cc_voice.config.settings import Settings
from cc_voice.web.access.accounts import SESSION_S, Accounts, Visitor

COOKIE = "cc_voice_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, State]
VisitorRequest = Request[Visitor | None, None, State]


class Authentication(AbstractAuthenticationMiddleware):
    """Finds out who asks; refusing is the guards' business, as some pages are for everybody."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        # `web.appliance.Appliance`, which knows accounts and so cannot be imported here
        appliance = connection.app.state.appliance
        return AuthenticationResult(user=await _visitor(connection, appliance.accounts, appliance.now()), auth=None)


async def _visitor(connection: Connection, accounts: Accounts, now_s: float) -> Visitor | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await accounts.look_up(accounts.program, token.strip(), now_s)
    cookie = connection.cookies.get(COOKIE)
    return await accounts.look_up(accounts.visitor, cookie, now_s) if cookie else None


class PasswordChangeNeeded(PermissionDeniedException):
    """The account still has its one-time password."""

    detail = "change the one-time password first"


def signed_in(request: VisitorRequest) -> Visitor:
    """Return who asks, where a guard has let through somebody. Raises NotAuthorizedException."""
    if request.user is None:
        raise NotAuthorizedException
    return request.user


async def same_origin(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard of everything that changes something: it must come from a page of ours, or from a program with a token."""
    if connection.scope["method"] in SAFE_METHODS or handler.opt.get("from_programs"):  # type: ignore[typeddict-item]
        return
    if connection.user is not None and connection.user.session is None:
        return
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        scheme, _, host = connection.headers.get("origin", "").partition("://")
        allowed = scheme in ("http", "https") and host == connection.headers.get("host")
    if not allowed:
        raise PermissionDeniedException("the request does not come from a page of this appliance")


def session_cookie(settings: Settings, token: str) -> Cookie:
    """Return the cookie of a new session; an empty token ends it."""
    return Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=SESSION_S if token else 0,
        httponly=True,
        samesite="lax",
        secure=(settings.public_url or "").startswith("https://"),
    )


def local_path(next_path: str | None) -> str:
    """Return where to go after sign-in: a path of ours, never another site.

    Browsers take `//host`, and `/\\host` as well, for another host; they drop tabs and line ends before looking.
    """
    path = next_path or ""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if plain and not path.startswith("/login") else "/"


def login_path(request: Request[Any, Any, State]) -> str:
    """Return the address of the sign-in page that leads back to what was asked for."""
    if request.method != "GET":
        return "/login"
    query = request.scope["query_string"].decode("latin-1")
    path = request.url.path + (f"?{query}" if query else "")
    return "/login" if path == "/" else f"/login?next={quote(path, safe='')}"
