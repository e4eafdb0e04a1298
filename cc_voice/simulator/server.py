"""The simulator as a server: a bare ASGI app on uvicorn for control API, signaling and media, and the calls it plays.

Bare, because a web framework would hide the one thing that matters here – how fast a peer takes what it is sent.
Paths: `/calls…` control API (`control.py`), `/signaling/STREAM`, `/media/STREAM/audio|transcript|all`.
"""

import asyncio
import contextlib
import secrets
import socket
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from cc_voice.simulator import control, wire
from cc_voice.simulator.call import Call
from cc_voice.simulator.errors import RequestError, SimulatorError, UnknownCall
from cc_voice.simulator.faults import parse_fault
from cc_voice.simulator.link import Link, Receive, Send, unix_ms
from cc_voice.simulator.mischief import Mischief
from cc_voice.simulator.negotiation import MEDIA_NAMES, Identity, Supply
from cc_voice.simulator.playback import MAX, Playback
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig, StartedCall
from cc_voice.simulator.scenario import Script, load_file, load_scenario
from cc_voice.simulator.sound import encodable
from cc_voice.simulator.webhooks import Poster
from cc_voice.simulator.wire import Media

SEND_BUFFER_BYTES = 1 << 18
"""Small, so that `max` means as fast as the peer takes it, and little dies in the buffers of a lost link."""
KEPT_CALLS = 1000
"""Ended calls beyond this are forgotten, oldest first."""


class Simulator:
    """Plays Zoom: `async with Simulator(SimulatorConfig()) as sim: await sim.start_call(CallRequest(scenario="good-call"))`."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self._calls: dict[str, Call] = {}
        self._by_stream: dict[str, Call] = {}
        self._poster: Poster | None = None
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._poster = Poster(self.config)
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
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.listening.wait()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        server, serving, poster = self._server, self._serving, self._poster
        if server is None or serving is None or poster is None:
            raise AssertionError("left before it was entered")
        for call in self._calls.values():
            await call.abandon()
        server.should_exit = True
        await serving
        await poster.close()

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
        return f"http://{self.address}"

    async def start_call(self, request: CallRequest, *, address: str | None = None) -> StartedCall:
        """Start a call: its clock runs from now; the webhook is posted if the configuration says where. Raises SimulatorError.

        `address` is `host:port` as the client will know us; None: our own idea of it.
        """
        script = await asyncio.to_thread(self._script, request)
        mischief = Mischief([parse_fault(text) for text in (*script.faults, *request.faults)])
        script = mischief.rewrite(script)
        speed = checked_speed(request.speed)
        call_id = uuid.uuid4().hex[:12]
        identity = self._identity(script.product, call_id)
        start_unix_ms = unix_ms()
        playback = Playback(
            script,
            speed=speed,
            start_unix_ms=start_unix_ms,
            dtx=request.dtx,
            buffer_s=self.config.buffer_s,
            replay_s=self.config.replay_s,
        )
        supply = Supply(_scopes(request.media, script.product), encodable())
        call = Call(call_id, identity, playback, self.config, post=self._post, supply=supply, mischief=mischief)
        self._remember(call)
        call.begin()
        body = call.announce(f"ws://{address or self.address}/signaling/{identity.stream_id}", start_unix_ms)
        return self._started(call, body)

    def call(self, call_id: str) -> CallStatus:
        """Return how a call stands. Raises UnknownCall."""
        return self._find(call_id).status()

    def calls(self) -> list[CallStatus]:
        return [call.status() for call in self._calls.values()]

    async def wait(self, call_id: str) -> CallStatus:
        """Wait until a call has ended. Raises UnknownCall."""
        call = self._find(call_id)
        await call.over.wait()
        return call.status()

    async def end_call(self, call_id: str, reason: int | None = None) -> CallStatus:
        """End a call with a stop reason, default the script's own. Raises UnknownCall, RequestError."""
        call = self._find(call_id)
        if reason is not None and not 0 <= reason <= 26:
            raise RequestError(f"stop reason {reason} is none of Zoom's; choose 0 to 26")
        await call.end(call.playback.script.stop_reason if reason is None else reason)
        return call.status()

    def drop(self, call_id: str, link: str = "all") -> None:
        """Cut links of a call as a dead network does: `signaling`, `media`, `all`, or those of one media type."""
        self._find(call_id).drop(link)

    def redeliver(self, started: StartedCall) -> None:
        """Post a *started* webhook again, byte for byte, as Zoom does when it took an answer for lost."""
        self._post(self._find(started.call), started.body.encode())

    def fail_over(self, started: StartedCall) -> StartedCall:
        """Let the server of a stream die and announce the same stream at its successor (rtms/README.md 2.7, 8.4 case A)."""
        call = self._find(started.call)
        return self._started(call, call.fail_over())

    async def settle(self) -> None:
        """Wait until every webhook under way was delivered or given up."""
        assert self._poster is not None
        await self._poster.settle()

    def _started(self, call: Call, body: bytes) -> StartedCall:
        return StartedCall(
            call=call.call_id,
            headers=wire.webhook_headers(self.config.webhook_secret, body, unix_ms() // 1000),
            body=body.decode(),
            product=call.identity.product.name,
            instance_id=call.identity.instance_id,
            stream_id=call.identity.stream_id,
            server_urls=call.server_urls,
        )

    def _script(self, request: CallRequest) -> Script:
        if (request.scenario is None) == (request.file is None):
            raise RequestError("name either a scenario or a file")
        if request.scenario is not None:
            if request.product is not None or request.channels:
                raise RequestError("product and channels belong to the scenario; leave them out")
            return load_scenario(request.scenario, self.config.scenarios_dir)
        assert request.file is not None
        product = request.product or "contact_center"
        return load_file(Path(request.file), product, request.channels, language=request.language, stop_reason=request.stop_reason)

    def _identity(self, product: wire.Product, call_id: str) -> Identity:
        # Meeting and session uuids look like base64: they may hold / + =, which careless clients put into paths.
        instance_id = f"ENG{call_id}" if product.by_channel else b64encode(b"\xfb\xff" + secrets.token_bytes(14)).decode()
        stream_id = uuid.uuid4().hex
        signature = wire.handshake_signature(self.config.client_id, self.config.client_secret, instance_id, stream_id)
        return Identity(product=product, instance_id=instance_id, stream_id=stream_id, signature=signature)

    def _remember(self, call: Call) -> None:
        self._calls[call.call_id] = call
        self._by_stream[call.identity.stream_id] = call
        ended = [old for old in self._calls.values() if old.over.is_set()]
        for old in ended[: max(0, len(self._calls) - KEPT_CALLS)]:
            del self._calls[old.call_id], self._by_stream[old.identity.stream_id]

    def _find(self, call_id: str) -> Call:
        if call_id not in self._calls:
            raise UnknownCall(f"there is no call {call_id!r}")
        return self._calls[call_id]

    def _post(self, call: Call, body: bytes) -> None:
        assert self._poster is not None
        late_s = call.mischief.argument("late-webhook")
        self._poster.post(body, call.webhook_told, after_s=late_s or 0.0)

    async def _app(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await control.handle(self, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._link(scope, receive, send)

    async def _link(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        parts = str(scope["path"]).strip("/").split("/")
        call = self._by_stream.get(parts[1]) if len(parts) > 1 else None
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
        base_url = f"ws://{control.host(scope) or self.address}"
        await call.serve(Link(kind, base_url, receive, send, call.mischief.on_link()))


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


def _scopes(names: Sequence[str] | None, product: wire.Product) -> Media:
    """Return the media types an app may have. Raises RequestError."""
    if names is None:
        return product.media
    unknown = [name for name in names if name not in MEDIA_NAMES]
    if unknown or not names:
        raise RequestError(f"media {', '.join(unknown) or '(none)'} is not to be had; choose among: {', '.join(MEDIA_NAMES)}")
    scopes = Media(0)
    for name in names:
        scopes |= MEDIA_NAMES[name]
    return scopes


def checked_speed(speed: float | str) -> float | str:
    """Return a speed as `Playback` wants it: a positive number or `max`. Raises RequestError."""
    if speed == MAX:
        return MAX
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 10_000:
        raise RequestError(f"speed {speed!r} is neither a positive number nor 'max'")
    return factor
