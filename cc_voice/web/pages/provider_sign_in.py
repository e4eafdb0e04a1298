"""Provider sign-in: the two addresses of signing in with OpenID Connect, out to the provider and back from it."""

import asyncio

import structlog
from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from cc_voice.config import policies
from cc_voice.config.policies import PolicyError
from cc_voice.web.access.accounts import AccountError
from cc_voice.web.access.authentication import VisitorRequest, local_path, session_cookie
from cc_voice.web.access.claim_mapping import mapped, needed_claims
from cc_voice.web.access.oidc import COOKIE_S, OidcClient, SignInElsewhereFailed
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages.account import SignInPage, provider_label
from cc_voice.web.rendering.page import page

log = structlog.get_logger()

COOKIE = "cc_voice_oidc"
PATH = "/login/oidc"


@get("/login/oidc", include_in_schema=False)
async def begin(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str] | Redirect:
    """Send the browser to the provider."""
    client = _client(appliance)
    try:
        address, kept = await client.begin(local_path(request.query_params.get("next")))
    except SignInElsewhereFailed as error:
        return _refused(request, appliance, error.reason, str(error))
    return Redirect(address, status_code=303, cookies=[_cookie(appliance, kept)])


@get("/login/oidc/callback", include_in_schema=False)
async def come_back(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str] | Redirect:
    """Start a session of whom the provider vouches for, with the role that their claims are mapped to."""
    client, accounts = _client(appliance), appliance.accounts
    address = request.client.host if request.client else ""
    try:
        rules = (await asyncio.to_thread(policies.in_force, appliance.settings)).claims
        claims, next_path = await client.finish(
            dict(request.query_params), request.cookies.get(COOKIE, ""), needed_claims(client.settings, rules)
        )
        entry = mapped(claims, client.settings, rules)
        token = await accounts.look_up(
            accounts.sign_in_elsewhere,
            *(client.settings.issuer, claims["sub"], entry, appliance.now()),
            address=address,
            agent=request.headers.get("user-agent", ""),
        )
    except SignInElsewhereFailed as error:
        return _refused(request, appliance, error.reason, str(error))
    except AccountError as error:
        return _refused(request, appliance, "no role, disabled, or a name that is taken", str(error), detail=claims["sub"])
    except PolicyError as error:
        return _refused(request, appliance, str(error), "Roles cannot be read here now. Try later.")
    if request.user is not None and request.user.session is not None:
        await accounts.look_up(accounts.sign_out, request.user.session)
    request.scope["user"] = await accounts.look_up(accounts.visitor, token, appliance.now())
    await appliance.write_down(request, "sign-in", "session by provider")
    log.info("signed in by provider", address=address)
    cookies = [session_cookie(appliance.settings, token), _cookie(appliance, "")]
    return Redirect(local_path(next_path), status_code=303, cookies=cookies)


def _client(appliance: Appliance) -> OidcClient:
    if appliance.oidc is None:
        raise NotFoundException("No sign-in provider is configured.")
    return appliance.oidc


def _refused(request: VisitorRequest, appliance: Appliance, reason: str, told: str, detail: str = "") -> Response[str]:
    address = request.client.host if request.client else ""
    appliance.note_down(request, "refused", "sign-in by provider", detail=f"{reason} {detail}".strip())
    log.warning("sign-in by provider refused", address=address, reason=reason)
    view = SignInPage(problem=told, provider=provider_label(appliance))
    answer = page(request, "login.html", title="Sign in", view=view, status=401)
    answer.cookies.append(_cookie(appliance, ""))
    return answer


def _cookie(appliance: Appliance, value: str) -> Cookie:
    secure = (appliance.settings.public_url or "").startswith("https://")
    return Cookie(
        key=COOKIE, value=value, path=PATH, max_age=COOKIE_S if value else 0, httponly=True, samesite="lax", secure=secure
    )
