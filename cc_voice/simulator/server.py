"""The simulator as a server: a bare ASGI app on uvicorn for control API, signaling and media.

Bare, because a web framework would hide the one thing that matters here – how fast a peer takes what it is sent.
Paths: `/calls…` control API (`control.py`), `/signaling/STREAM`, `/media/STREAM/audio|transcript|all`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import uvicorn

from cc_voice.simulator import control, replies
from cc_voice.simulator.calls import PlayedCalls
from cc_voice.simulator.certificate import Certificate, make_certificate
from cc_voice.simulator.errors import SimulatorError
from cc_voice.simulator.link import ClientLink, Receive, Send
from cc_voice.simulator.negotiation import MEDIA_NAMES
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig, StartedCall
from cc_voice.simulator.webhooks import Poster

SEND_BUFFER_BYTES = 1 << 18
"""Small, so that `max` means as fast as the peer takes it, and little dies in the buffers of a lost link."""


class Simulator:
    """Plays Zoom: `async with Simulator(SimulatorConfig()) as sim: await sim.start_call(CallRequest(scenario="good-call"))`."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self._poster = Poster(self.config)
        self._played = PlayedCalls(self.config, self._poster)
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        made = await self._certificate()
        self._socket = _listen(self.config.host, self.config.port)
        self._server = _Server(
            uvicorn.Config(
                self._app,
                interface="asgi3",  # a bound method is taken for an ASGI 2 class otherwise
                proxy_headers=False,
                loop="asyncio",
                http="h11",
                # The plain "websockets" backend of uvicorn rests on a module that websockets 17 deprecates.
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_ping_interval=None,  # liveness is messages 12 and 13
                lifespan="off",
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=made.path if made else None,
                ssl_keyfile=made.key if made else None,
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.listening.wait()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        server, serving = self._server, self._serving
        if server is None or serving is None:
            raise AssertionError("left before it was entered")
        for call in self._played.all():
            await call.abandon()
        server.should_exit = True
        await serving
        await self._poster.close()

    @property
    def address(self) -> str:
        """`host:port` that clients on this machine reach."""
        assert self._socket is not None, "the simulator is not running"
        host, port = self._socket.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def url(self) -> str:
        """Base address of the control API."""
        return f"{'https' if self.config.tls_folder else 'http'}://{self.address}"

    async def _certificate(self) -> Certificate | None:
        """Make a certificate if links are to be secure. Raises SimulatorError."""
        folder = self.config.tls_folder
        return None if folder is None else await asyncio.to_thread(make_certificate, folder, self.config.host)

    async def start_call(self, request: CallRequest) -> StartedCall:
        """Start a call: its clock runs from now; the webhook is posted if the configuration says where. Raises SimulatorError."""
        return await self._played.start(request, self.address)

    def call(self, call_id: str) -> CallStatus:
        """Return how a call stands. Raises UnknownCall."""
        return self._played.find(call_id).status()

    def calls(self) -> list[CallStatus]:
        return [call.status() for call in self._played.all()]

    async def wait(self, call_id: str) -> CallStatus:
        """Wait until a call has ended. Raises UnknownCall."""
        call = self._played.find(call_id)
        await call.over.wait()
        return call.status()

    async def end_call(self, call_id: str, reason: int | None = None) -> CallStatus:
        """End a call with a stop reason, default the script's own. Raises UnknownCall, RequestError."""
        return await self._played.end(call_id, reason)

    def drop(self, call_id: str, link: str = "all") -> None:
        """Cut links of a call as a dead network does: `signaling`, `media`, `all`, or those of one media type."""
        self._played.find(call_id).drop(link)

    def redeliver(self, started: StartedCall) -> None:
        """Post a *started* webhook again, byte for byte, as Zoom does when it took an answer for lost."""
        self._played.post(self._played.find(started.call), started.body.encode())

    def fail_over(self, started: StartedCall) -> StartedCall:
        """Let the server of a stream die and announce the same stream at its successor (rtms/README.md 2.7, 8.4 case A)."""
        call = self._played.find(started.call)
        return self._played.started(call, call.fail_over())

    async def settle(self) -> None:
        """Wait until every webhook under way was delivered or given up."""
        await self._poster.settle()

    async def _app(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await control.handle(self._played, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._link(scope, receive, send)

    async def _link(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        parts = str(scope["path"]).strip("/").split("/")
        call = self._played.of_stream(parts[1]) if len(parts) > 1 else None
        match parts:
            case ["signaling", _, *_]:  # a successor adds a segment of its own
                kind = "signaling"
            case ["media", _, kind] if kind in (*MEDIA_NAMES, "all"):
                pass
            case _:
                kind = ""
        if call is None or not kind or call.stop_reason is not None:
            await send({"type": "websocket.close", "code": 1008})  # before accept: the client sees HTTP 403
            return
        base_url = f"{self.config.link_scheme}://{control.host(scope) or self.address}"
        await call.serve(ClientLink(kind, base_url, receive, send, call.faults.on_link()), replies.receive)


class _Server(uvicorn.Server):
    """Tells when it listens, and leaves the process's signals alone: it runs inside tests and commands of ours."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises SimulatorError when the address is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted sockets inherit it
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise SimulatorError(f"cannot listen on {host}:{port}: {error.strerror}; choose another address or port 0") from error
    return sock
