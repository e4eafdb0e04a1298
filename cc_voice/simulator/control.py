"""The control API: a handful of JSON routes, so that any RTMS client can be pointed at a simulated call.

    POST   /calls              start one; 201 with call id, webhook headers and body
    GET    /calls              all calls
    GET    /calls/ID           how one stands
    DELETE /calls/ID?reason=N  end it
    GET    /scenarios          names of the bundled scenarios

It has no access control: it is for loopback and test networks.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from cc_voice.simulator.calls import PlayedCalls
from cc_voice.simulator.errors import RequestError, SimulatorError, UnknownCall
from cc_voice.simulator.link import Receive, Send
from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.scenario import scenario_names

MAX_BODY_BYTES = 1 << 20
_REQUEST = msgspec.json.Decoder(CallRequest)


async def handle(played: PlayedCalls, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer one HTTP request."""
    try:
        status, answer = await _route(played, scope, await _body(receive))
    except UnknownCall as error:
        status, answer = 404, {"error": str(error)}
    except SimulatorError as error:
        status, answer = 400, {"error": str(error)}
    body = msgspec.json.encode(answer)
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """Return a request header's value."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def host(scope: Mapping[str, Any]) -> str | None:
    """Return `host:port` of this server as the client knows it, for URLs that lead back here.

    Zoom's own SDK names the host without its port, so a missing one is the port that it connected to.
    """
    named = header(scope, b"host")
    server = scope.get("server")
    if named is None or server is None or named.rpartition("]")[2].count(":"):
        return named
    return f"{named}:{server[1]}"


def _own_address(scope: Mapping[str, Any]) -> str:
    """Return where a request without a Host header came in."""
    name, port = scope["server"]
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


async def _route(played: PlayedCalls, scope: Mapping[str, Any], body: bytes) -> tuple[int, Any]:
    match scope["method"], *str(scope["path"]).strip("/").split("/"):
        case "POST", "calls":
            return 201, await played.start(_request(body), host(scope) or _own_address(scope))
        case "GET", "calls":
            return 200, [call.status() for call in played.all()]
        case "GET", "calls", call_id:
            return 200, played.find(call_id).status()
        case "DELETE", "calls", call_id:
            return 200, await played.end(call_id, _reason(scope))
        case "GET", "scenarios":
            return 200, scenario_names(played.config.scenarios_dir)
        case method, ("calls" | "scenarios"), *_:
            return 405, {"error": f"{method} is not possible here"}
        case _:
            return 404, {"error": "routes: POST /calls, GET /calls, GET /calls/ID, DELETE /calls/ID?reason=N, GET /scenarios"}


def _request(body: bytes) -> CallRequest:
    try:
        return _REQUEST.decode(body)
    except msgspec.DecodeError as error:
        raise RequestError(f"the request is not a call to play: {error}") from error


def _reason(scope: Mapping[str, Any]) -> int | None:
    value = parse_qs(scope["query_string"].decode("latin-1")).get("reason", [None])[-1]
    if value is None:
        return None
    if not value.isdecimal():
        raise RequestError(f"reason {value!r} is not a number")
    return int(value)


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise RequestError("the request is too long")
    return body
