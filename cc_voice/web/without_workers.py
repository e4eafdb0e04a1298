"""Without workers: what is answered while no worker process can be started, which is 503 with the reason, to everybody.

A webhook is refused, too: its stream would be over long before somebody mends the machine, and of what is refused Zoom tells the
site's administrator. Nothing here needs the store, the accounts or a page.
"""

from collections.abc import Callable

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

RETRY_AFTER_S = 30


def with_problem(app: ASGIApp, problem: Callable[[], str | None]) -> ASGIApp:
    """Return an application that answers 503 for as long as there is a problem, and else what `app` answers."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        told = problem() if scope["type"] == ScopeType.HTTP else None
        if told is None:
            await app(scope, receive, send)
            return
        body = msgspec.json.encode({"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": told}) + b"\n"
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        headers += [(b"cache-control", b"no-store"), (b"retry-after", str(RETRY_AFTER_S).encode())]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return answering
