"""Control: asks Zoom's REST API to start, stop, pause or resume a stream; the shell around `rtms/rest/control.py`, which knows what
to say.

Here are sockets, the clock and the tokens, one per app and kind. A token is asked for by one caller at a time and shared by all.
Tokens, secrets and bodies are in no log and no message; what Zoom says about a refusal goes to the person who asked, as
`ControlError.zoom_says`.
"""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx
import structlog

from cc_voice.config.settings import ZoomApp
from cc_voice.rtms.errors import ControlError
from cc_voice.rtms.products import ProductName
from cc_voice.rtms.rest.control import (
    Accepted,
    AskLater,
    ControlAnswer,
    ControlCommand,
    Refresh,
    Refused,
    Tries,
    Verdict,
    control_request,
    judge,
    unanswered,
)
from cc_voice.rtms.rest.tokens import ApiCredentials, HttpRequest, Token, read_token, sdk_token, token_request

log = structlog.get_logger()

TIMEOUT_S = 10.0
"""For one request with its answer, connecting included."""
LONGEST_ANSWER_BYTES = 64 * 1024
"""What is read of an answer; Zoom's have a few hundred."""

Sleep = Callable[[float], Awaitable[None]]


class Control:
    """The REST API of Zoom, with one pool of connections and the tokens of every app. An asynchronous context manager.

    `proxy` is the URL of an HTTP proxy. The environment's proxy variables are not read: the settings say everything.
    """

    def __init__(
        self,
        proxy: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(proxy=proxy, verify=_tls(), trust_env=False, follow_redirects=False, timeout=timeout_s)
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._tokens: dict[tuple[str, bool], Token] = {}
        self._asking: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, app: ZoomApp, command: ControlCommand) -> None:
        """Return when Zoom has accepted a command, on behalf of an app. Raises ControlError when it does not, or not in time."""
        tries, refused = Tries(), None
        while True:
            token = await self._token(app, command.product, refused)
            verdict, _ = await self._exchange(app.api_base, control_request(command, token), tries)
            match verdict:
                case Accepted():
                    return
                case Refused():
                    raise verdict.as_error()
                case Refresh(tries=tries):
                    refused = token
                case AskLater(wait_s=wait_s, tries=tries):
                    log.warning("Zoom's API is asked again", app=app.name, action=command.action, wait_s=wait_s)
                    await self._sleep(wait_s)

    async def _token(self, app: ZoomApp, product: ProductName, refused: Token | None) -> Token:
        """Return a token that serves, not the refused one: the one that is kept, or a new one."""
        is_sdk = product == "video_sdk"
        credentials = _credentials(app, product)
        key = (app.name, is_sdk)
        async with self._asking[key]:
            kept = self._tokens.get(key)
            if kept is not None and kept != refused and kept.serves(self._clock()):
                return kept
            made = sdk_token(credentials, self._clock()) if is_sdk else await self._fetch(app, credentials)
            self._tokens[key] = made
            return made

    async def _fetch(self, app: ZoomApp, credentials: ApiCredentials) -> Token:
        # "Refreshed" from the start: there is nothing to refresh where the token itself is refused
        tries = Tries(refreshed=True)
        while True:
            verdict, body = await self._exchange(app.oauth_base, token_request(credentials), tries)
            match verdict:
                case Accepted():
                    token = read_token(body, self._clock())
                    if token is None:
                        raise ControlError(f"what answers at oauth_base of app {app.name!r} gives no token; check it and the proxy")
                    return token
                case AskLater(wait_s=wait_s, tries=tries):
                    await self._sleep(wait_s)
                case Refused():
                    raise verdict.as_error()
                case Refresh():
                    raise AssertionError("a token is refreshed once, and that was said to be done")

    async def _exchange(self, base: str, request: HttpRequest, tries: Tries) -> tuple[Verdict, bytes]:
        """Send a request; return what to do about its answer, and the answer's body."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._send(base.rstrip("/") + request.path, request)
        except (httpx.TransportError, TimeoutError) as error:
            # The kind only: a proxy's message may hold its password
            return unanswered(type(error).__name__, tries), b""
        except httpx.InvalidURL as error:
            raise ControlError("api_base, oauth_base or proxy is no URL; check the configuration") from error
        return judge(answer, tries, self._clock()), answer.body

    async def _send(self, url: str, request: HttpRequest) -> ControlAnswer:
        headers = {"Authorization": request.authorization, "Accept": "application/json", "Accept-Encoding": "identity"}
        if request.body:
            headers["Content-Type"] = "application/json"
        async with self._http.stream(request.method, url, headers=headers, content=request.body) as response:
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LONGEST_ANSWER_BYTES:
                    break
            return ControlAnswer(status=response.status_code, body=bytes(body), retry_after=response.headers.get("Retry-After"))


def _credentials(app: ZoomApp, product: ProductName) -> ApiCredentials:
    """Return who asks for an app. Raises ControlError naming the setting that is missing."""
    if product == "video_sdk":
        if app.api_key is None or app.api_secret is None:
            raise ControlError(f"app {app.name!r} needs api_key and api_secret, the API pair of its Video SDK account")
        return ApiCredentials(key=app.api_key, secret=app.api_secret)
    if app.account_id is None:
        raise ControlError(f"app {app.name!r} needs account_id to ask for a Server-to-Server token")
    return ApiCredentials(key=app.api_key or app.client_id, secret=app.api_secret or app.client_secret, account_id=app.account_id)


def _tls() -> ssl.SSLContext:
    """The machine's own certificate store: a site behind an inspecting proxy has its authority there."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
