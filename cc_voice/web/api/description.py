"""Description of the API: its OpenAPI 3.1 document, made from the handlers and the table of permissions, so that it cannot lag.

Litestar writes what the types of handlers say. What they cannot say is added here: who may (the table), every status an operation
answers with, the problem that each error is, other forms than JSON, and what parameters mean. The guard of parameters reads the
document too: what is not described is not taken.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler

from cc_voice import __version__
from cc_voice.web.access.authentication import COOKIE
from cc_voice.web.access.permissions import ROUTES, RouteNeed
from cc_voice.web.access.roles import MEANINGS as RIGHTS
from cc_voice.web.api import parameters, problems
from cc_voice.web.api.problems import Problem

PREFIX = "/api/v1"
TITLE = "cc_voice"
ABOUT = """What the pages show and do, for programs: calls, words, numbers, reports, exports, accounts.

**Who asks.** `Authorization: Bearer TOKEN`; tokens are made on the account's page or by `POST /api/v1/me/tokens`. A token does what
its owner may, or less, in the rows that its owner sees, or fewer. What lies outside is answered as what is not there: 404.

**Errors** are `application/problem+json` (RFC 9457); `errors` names each parameter or field at fault. A parameter that an operation
does not have is refused with 400.

**Pages.** A list ends with `next`; give it as `cursor` for the next page (it is in the header `Link`, too). `updated_since` lists
what changed since a moment, in the order in which it did: come back with the newest `updated_ts` that you have seen.

**Tables** come as JSON, CSV or Parquet, by `Accept` or by `format`. Files need the right to export.

**Unchanged answers.** Whole answers carry an `ETag`; with `If-None-Match` an unchanged one is 304 and has no body. HEAD works
wherever GET does, and OPTIONS tells the methods of an address.

Times are UTC, `_ms` milliseconds, `_s` and `_unix_ms` counted since 1970, `_pct` 0 to 100. New fields may be added at any time."""
STATUSES = {
    206: "A part of the file, as `Range` asked.",
    304: "Nothing changed since the answer that `If-None-Match` names.",
    400: "A parameter or the body is not understood; `errors` names which.",
    401: "Nobody is signed in, or the token is no good.",
    403: "The right is missing, or a session's request comes from another site's page.",
    404: "There is no such thing, or it is out of scope.",
    406: "This table is to be had as JSON, CSV or Parquet only.",
    409: "It was changed since it was read; nothing was done.",
    413: "The body is larger than this operation takes.",
    416: "The file has no such part.",
    429: "Others are being answered; `Retry-After` tells when to come again.",
    503: "Store, audit log or workers do not answer; nothing was done.",
}
"""Status → what it means."""
_EMPTY = frozenset({304, 416})
_JSON = "application/json"


class ApiDescription(msgspec.Struct, frozen=True, kw_only=True):
    """The document, ready to be sent and ready to be drawn, and the parameters of each operation."""

    text: bytes
    document: dict[str, Any]
    parameters: dict[tuple[str, str], frozenset[str]]


@functools.cache
def described(handlers: tuple[ControllerRouterHandler, ...]) -> ApiDescription:
    """Return the description of an API with these handlers. It takes a while: once in a process."""
    app = Litestar(
        route_handlers=[Router(PREFIX, route_handlers=list(handlers))],
        dependencies={"appliance": Provide(_nothing, sync_to_thread=False)},
        openapi_config=OpenAPIConfig(
            title=TITLE,
            version=__version__,
            description=ABOUT,
            use_handler_docstrings=True,
            components=Components(
                security_schemes={
                    "token": SecurityScheme(type="http", scheme="bearer", description="An API token."),
                    "session": SecurityScheme(
                        type="apiKey",
                        name=COOKIE,
                        security_scheme_in="cookie",
                        description="A browser's session; what changes something must come from a page of the appliance.",
                    ),
                }
            ),
        ),
        logging_config=None,
    )
    # Through JSON, so that what is drawn and what is sent are the same: defaults may be sets
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    schemas = document["components"].setdefault("schemas", {})
    made, known = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    assert made == ({"$ref": "#/components/schemas/Problem"},)
    schemas.update(known)
    names = {}
    for method, path, opt in _operations(app):
        operation = document["paths"][path][method.lower()]
        _complete(operation, method, ROUTES[(method, path)], opt)
        names[method, path] = frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
    return ApiDescription(text=msgspec.json.encode(document), document=document, parameters=names)


def _nothing() -> None:
    """Stand in for the appliance: what is only described is never asked."""


def _operations(app: Litestar) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format.startswith(PREFIX):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema() and method != "OPTIONS":
                    yield str(method), route.path_format, handler.opt


def _complete(operation: dict[str, Any], method: str, need: RouteNeed, opt: Mapping[str, Any]) -> None:
    """Add to an operation what the types of its handler cannot say."""
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("description", parameters.MEANINGS.get(parameter["name"], ""))
    operation["security"] = [{"session": []}] if need.who == "person" else [{"token": []}, {"session": []}]
    operation["description"] = f"{operation['description']}\n\nFor: {who_may(need)}."
    answers = operation["responses"]
    good = next(status for status in answers if status.startswith("2"))
    answers[good]["description"] = "The answer." if "content" in answers[good] else "Done."
    if media_types := opt.get("media_types"):
        answers[good]["content"] = _contents(media_types, answers[good].get("content", {}))
    for status in sorted({400, 401, 403, 503, *_by_method(method, operation, media_types or ()), *opt.get("statuses", ())}):
        answers[str(status)] = _answer(status, answers[good])
    operation["responses"] = dict(sorted(answers.items()))


def _by_method(method: str, operation: Mapping[str, Any], media_types: tuple[str, ...]) -> tuple[int, ...]:
    if method == "GET":
        return () if media_types == ("text/event-stream",) else (304,)
    return (413,) if "requestBody" in operation else ()


def _contents(media_types: tuple[str, ...], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the forms of an answer: JSON as it was described, everything else text or bytes."""
    return {name: before.get(name, {"schema": {}}) if name == _JSON else {"schema": {}} for name in media_types}


def _answer(status: int, good: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": STATUSES[status]}
    if status == 206:
        return {**told, "content": good["content"]}
    if status not in _EMPTY:
        told["content"] = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return told


def who_may(need: RouteNeed) -> str:
    """Return who may use a route, in words."""
    match need.who:
        case "anybody":
            return "anybody"
        case "signed in":
            return "whoever is signed in, person or program"
        case "person":
            return "a person with a session, no token"
        case "right":
            return "the right to " + ", or ".join(f"`{right}` ({RIGHTS[right]})" for right in need.rights)
