"""Permissions: which route needs which right, as data, and the one guard that looks it up. A route that is not in the table is
refused to everybody.

A right says what may be done; which rows it reaches is the visitor's scope, and what lies outside is answered with 404, the same as
what is not there. So whoever lacks a right gets 403 whatever the id in the address, before anything is looked for.
"""

from typing import Any, Literal

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders, State
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import PasswordChangeNeeded
from cc_voice.web.access.roles import MEANINGS, Right

Connection = ASGIConnection[Any, Any, Any, State]


class RouteNeed(msgspec.Struct, frozen=True):
    """Who may use a route: `anybody`; `signed in`, person or program; `person`, in a browser; or who has one of some rights."""

    who: Literal["anybody", "signed in", "person", "right"]
    rights: tuple[Right, ...] = ()

    def lets(self, visitor: Visitor | None) -> bool:
        if self.who == "anybody":
            return True
        if visitor is None or (self.who == "person" and visitor.session is None):
            return False
        return self.who != "right" or any(visitor.may(right) for right in self.rights)


ANYBODY, SIGNED_IN, PERSON = RouteNeed("anybody"), RouteNeed("signed in"), RouteNeed("person")


def _need(*rights: Right) -> RouteNeed:
    return RouteNeed("right", rights)


STATIC = "/static"
"""Stands for the path of static files, which names their content."""

ROUTES: dict[tuple[str, str], RouteNeed] = {
    # for programs that prove who they are otherwise: a signature, the owner's socket
    ("POST", "/webhooks/zoom"): ANYBODY,
    ("POST", "/owner/command"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", STATIC): ANYBODY,
    # signing in, and one's own account
    ("GET", "/login"): ANYBODY,
    ("POST", "/login"): ANYBODY,
    ("GET", "/login/oidc"): ANYBODY,
    ("GET", "/login/oidc/callback"): ANYBODY,
    ("GET", "/"): SIGNED_IN,
    ("POST", "/logout"): PERSON,
    ("GET", "/password"): PERSON,
    ("POST", "/password"): PERSON,
    ("GET", "/account"): PERSON,
    ("POST", "/account/tokens"): PERSON,
    ("POST", "/account/tokens/{token_id}/revoke"): PERSON,
    ("POST", "/account/sessions/{session_id}/end"): PERSON,
    ("POST", "/account/second-factor"): PERSON,
    ("POST", "/account/second-factor/confirm"): PERSON,
    ("POST", "/account/second-factor/remove"): PERSON,
    ("POST", "/theme"): PERSON,
    # calls
    ("GET", "/live"): _need("numbers"),
    ("GET", "/live/events"): _need("numbers"),
    ("POST", "/live/alerts/{alert_id}"): _need("alerts", "mark_alerts"),
    ("GET", "/calls"): _need("numbers"),
    ("GET", "/calls/{call_id}"): _need("numbers"),
    ("GET", "/calls/{call_id}/{leg_no}"): _need("numbers"),
    ("GET", "/calls/{call_id}/events"): _need("numbers"),
    ("GET", "/calls/{call_id}/audio.flac"): _need("play"),
    ("GET", "/calls/{call_id}/audio.wav"): _need("play"),
    ("GET", "/calls/{call_id}/peaks.json"): _need("play"),
    ("GET", "/not-analysed"): _need("numbers"),
    ("GET", "/search"): _need("words"),
    ("GET", "/reports"): _need("numbers", "audit"),
    ("GET", "/reports/{name}"): _need("numbers", "audit"),
    # the API
    ("GET", "/api/v1/openapi.json"): SIGNED_IN,
    ("GET", "/api/v1/docs"): SIGNED_IN,
    ("GET", "/api/v1/me"): SIGNED_IN,
    ("GET", "/api/v1/me/tokens"): PERSON,
    ("POST", "/api/v1/me/tokens"): PERSON,
    ("DELETE", "/api/v1/me/tokens/{token_id}"): PERSON,
    ("GET", "/api/v1/me/sessions"): PERSON,
    ("DELETE", "/api/v1/me/sessions/{session_id}"): PERSON,
    ("GET", "/api/v1/calls"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}"): _need("numbers"),
    ("DELETE", "/api/v1/calls/{call_id}"): _need("administer"),
    ("GET", "/api/v1/calls/{call_id}/legs"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}/utterances"): _need("words"),
    ("GET", "/api/v1/calls/{call_id}/intervals"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}/events"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}/languages"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}/evidence/{metric}"): _need("numbers"),
    ("GET", "/api/v1/calls/{call_id}/audio"): _need("play"),
    ("GET", "/api/v1/calls/{call_id}/transcript"): _need("words"),
    ("GET", "/api/v1/calls/{call_id}/contact-lens"): _need("words"),
    ("GET", "/api/v1/live"): _need("numbers"),
    ("GET", "/api/v1/live/words"): _need("words"),
    ("GET", "/api/v1/live/alerts"): _need("numbers"),
    ("GET", "/api/v1/alerts"): _need("numbers"),
    ("POST", "/api/v1/alerts/{alert_id}"): _need("alerts", "mark_alerts"),
    ("GET", "/api/v1/webhooks"): _need("read_administration"),
    ("POST", "/api/v1/webhooks/replay"): _need("administer"),
    ("GET", "/api/v1/live/{call_id}"): _need("numbers"),
    ("GET", "/api/v1/streams"): _need("numbers"),
    ("GET", "/api/v1/reports"): _need("numbers", "audit"),
    ("GET", "/api/v1/reports/{name}"): _need("numbers", "audit"),
    ("GET", "/api/v1/search"): _need("words"),
    ("POST", "/api/v1/sql"): _need("export"),
    ("POST", "/api/v1/mcp"): SIGNED_IN,  # each tool needs what the route needs that it stands for (web/api/mcp_tools.py)
    ("GET", "/api/v1/columns"): SIGNED_IN,
    ("GET", "/api/v1/tables"): _need("export"),
    ("GET", "/api/v1/tables/{name}"): _need("export"),
    ("GET", "/api/v1/rules"): _need("numbers", "publish"),
    ("GET", "/api/v1/rules/{rule_id}"): _need("mark", "write", "publish"),
    ("PUT", "/api/v1/rules/{rule_id}"): _need("write"),
    ("GET", "/api/v1/rules/{rule_id}/hits"): _need("words"),
    ("POST", "/api/v1/rules/{rule_id}/backtest"): _need("write"),
    ("POST", "/api/v1/rules/{rule_id}/marks"): _need("mark"),
    ("POST", "/api/v1/rules/{rule_id}/publish"): _need("publish"),
    ("GET", "/api/v1/forms"): _need("read_evaluations", "publish"),
    ("POST", "/api/v1/forms/{form_id}/publish"): _need("publish"),
    ("GET", "/api/v1/evaluations"): _need("read_evaluations"),
    ("POST", "/api/v1/evaluations"): _need("evaluate"),
    ("GET", "/api/v1/evaluations/{evaluation_id}"): _need("read_evaluations"),
    ("PUT", "/api/v1/evaluations/{evaluation_id}/answers"): _need("evaluate"),
    ("POST", "/api/v1/evaluations/{evaluation_id}/steps"): _need("evaluate", "coach", "acknowledge", "appeals"),
    ("POST", "/api/v1/samples"): _need("evaluate"),
    ("POST", "/api/v1/samples/{sample_id}/rejections"): _need("evaluate"),
    ("GET", "/api/v1/calibrations"): _need("evaluate"),
    ("POST", "/api/v1/calibrations"): _need("coach"),
    ("GET", "/api/v1/coaching"): _need("coach", "acknowledge"),
    ("POST", "/api/v1/coaching"): _need("coach"),
    ("POST", "/api/v1/coaching/{coaching_id}/steps"): _need("coach", "acknowledge"),
    ("GET", "/api/v1/exports"): _need("read_administration"),
    ("GET", "/api/v1/accounts"): _need("read_administration"),
    ("POST", "/api/v1/accounts"): _need("administer"),
    ("GET", "/api/v1/accounts/{name}"): _need("read_administration"),
    ("PUT", "/api/v1/accounts/{name}"): _need("administer"),
    ("POST", "/api/v1/accounts/{name}/{deed}"): _need("administer"),
    ("GET", "/api/v1/sessions"): _need("read_administration"),
    ("DELETE", "/api/v1/sessions"): _need("administer"),
    ("DELETE", "/api/v1/sessions/{session_id}"): _need("administer"),
    ("GET", "/api/v1/tokens"): _need("read_administration"),
    ("DELETE", "/api/v1/tokens/{token_id}"): _need("administer"),
    ("GET", "/api/v1/audit"): _need("audit"),
    ("GET", "/api/v1/overview"): _need("read_administration"),
    ("GET", "/api/v1/queues"): _need("read_administration"),
    ("GET", "/api/v1/models"): _need("read_administration"),
    ("GET", "/api/v1/configuration"): _need("read_administration"),
    ("GET", "/api/v1/policies"): _need("read_administration"),
    ("GET", "/api/v1/policies/{kind}"): _need("read_administration"),
    ("PUT", "/api/v1/policies/{kind}"): _need("administer"),
    ("POST", "/api/v1/policies/{kind}/trials"): _need("administer"),
    ("GET", "/api/v1/policies/{kind}/versions"): _need("read_administration"),
    ("GET", "/api/v1/policies/{kind}/versions/{version}"): _need("read_administration"),
    ("POST", "/api/v1/imports"): _need("administer"),
    ("POST", "/api/v1/enrichments"): _need("administer"),
    ("GET", "/api/v1/recomputations"): _need("read_administration"),
    ("POST", "/api/v1/recomputations"): _need("administer"),
    ("DELETE", "/api/v1/recomputations/{name}"): _need("administer"),
    ("GET", "/api/v1/jobs"): _need("read_administration"),
    ("GET", "/api/v1/jobs/{job_id}"): _need("read_administration"),
    # administration
    ("GET", "/admin/overview"): _need("read_administration"),
    ("GET", "/admin/queues"): _need("read_administration"),
    ("GET", "/admin/policies/{kind}"): _need("read_administration"),
    ("POST", "/admin/policies/{kind}"): _need("administer"),
    ("POST", "/admin/policies/{kind}/try"): _need("administer"),
    ("GET", "/admin/models"): _need("read_administration"),
    ("GET", "/admin/exports"): _need("read_administration"),
    ("GET", "/admin/system"): _need("read_administration"),
    ("GET", "/admin/users"): _need("read_administration"),
    ("POST", "/admin/users"): _need("administer"),
    ("GET", "/admin/users/{name}"): _need("read_administration"),
    ("POST", "/admin/users/{name}"): _need("administer"),
    ("POST", "/admin/users/{name}/{deed}"): _need("administer"),
    ("POST", "/admin/sessions/end"): _need("administer"),
    ("POST", "/admin/sessions/{session_id}/end"): _need("administer"),
    ("POST", "/admin/tokens/{token_id}/revoke"): _need("administer"),
    ("GET", "/admin/audit"): _need("audit"),
}
"""(method, path as Litestar writes it) → who may. OPTIONS tells which methods an address takes, nothing else: anybody may ask."""


def route_of(connection: Connection) -> tuple[str, str]:
    """Return the key of a request's route."""
    path = str(connection.scope.get("path_template", ""))
    return str(connection.scope.get("method", "")), STATIC if path.startswith(f"{STATIC}/") else path


def methods_of(path: str) -> set[str]:
    """Return the methods that a path takes."""
    found = {method for method, named in ROUTES if named == path}
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


async def tell_methods(message: Message, scope: Scope) -> None:
    """Name every method of an address in `Allow`; Litestar's has those of one handler, and no HEAD. Its `before_send`."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        if "allow" in headers:
            told = {each.strip() for each in headers["allow"].split(",")}
            known = methods_of(str(scope.get("path_template", "")))
            headers["allow"] = ", ".join(sorted(told | known | ({"HEAD"} if "GET" in told else set())))


async def permitted(connection: Connection, handler: BaseRouteHandler) -> None:
    """Guard of everything: refuse strangers and whoever may not use this route; send who has a one-time password to change it."""
    method, path = route_of(connection)
    if method == "OPTIONS":
        return
    need = ROUTES.get(("GET" if method == "HEAD" else method, path))
    if need is None:
        raise PermissionDeniedException("nobody may use this address: it stands in no table of permissions")
    if need.who == "anybody":
        return
    visitor: Visitor | None = connection.user
    if visitor is None:
        raise NotAuthorizedException("sign in, or send `Authorization: Bearer TOKEN`")
    if visitor.must_change and not handler.opt.get("before_password_change"):
        raise PasswordChangeNeeded
    if need.lets(visitor):
        return
    if need.who == "person":
        raise PermissionDeniedException("an API token cannot change its account; sign in for that")
    raise PermissionDeniedException("this needs the right: " + ", or: ".join(MEANINGS[right] for right in need.rights))
