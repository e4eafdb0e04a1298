"""Zoom's REST API and OAuth server, played: a real HTTP server on a free port that answers what a test has planned."""

import contextlib
import json
import socket
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
import uvicorn

from cc_voice.config.settings import Secret, ZoomApp
from tests.conftest import PATIENCE_S


class Request(msgspec.Struct, frozen=True):
    """What the server was asked; `target` is path and query as they were on the wire; the whole URL where a proxy is asked."""

    method: str
    target: str
    authorization: str
    body: bytes


class Planned(msgspec.Struct, frozen=True):
    """An answer; with status 0 none comes before the client goes away."""

    status: int = 204
    body: bytes = b""
    retry_after: str | None = None
    ends: bool = True
    """False: after its body more is promised, and never comes."""


SILENCE = Planned(0)


class Rest:
    """The server's plan and what it was asked. Without a plan, tokens `token-1`, `token-2` … are given and commands accepted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.tokens: deque[Planned] = deque()
        self.answers: deque[Planned] = deque()
        self._given = 0

    @property
    def commands(self) -> list[Request]:
        return [request for request in self.requests if not _is_for_a_token(request.target)]

    @property
    def token_requests(self) -> list[Request]:
        return [request for request in self.requests if _is_for_a_token(request.target)]

    def app(self, **changes: Any) -> ZoomApp:
        """An app that is controlled here."""
        fields: dict[str, Any] = {
            "name": "default",
            "client_id": "id",
            "client_secret": Secret("client-secret"),
            "webhook_secret": Secret("token"),
            "account_id": "acct",
            "api_base": f"{self.url}/v2/",
            "oauth_base": self.url,
        }
        return ZoomApp(**fields | changes)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        target = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append(Request(scope["method"], target, headers.get("authorization", ""), body))
        planned = self._next(target)
        if planned == SILENCE:
            await _until_left(receive)
            return
        answer_headers = [(b"retry-after", planned.retry_after.encode())] if planned.retry_after else []
        await send({"type": "http.response.start", "status": planned.status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": planned.body, "more_body": not planned.ends})
        if not planned.ends:
            await _until_left(receive)

    def _next(self, target: str) -> Planned:
        if not _is_for_a_token(target):
            return self.answers.popleft() if self.answers else Planned()
        if self.tokens:
            return self.tokens.popleft()
        self._given += 1
        return Planned(200, json.dumps({"access_token": f"token-{self._given}", "expires_in": 3600}).encode())


async def _until_left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_for_a_token(target: str) -> bool:
    return "/oauth/token?" in target


@contextlib.contextmanager
def serving() -> Iterator[Rest]:
    """Serve from a thread, so that commands which run a loop of their own can be tested too."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        rest = Rest(f"http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(rest, lifespan="off", ws="none", access_log=False, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        listening.listen(64)  # who connects before the server is up waits in the kernel
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield rest
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
