"""The asyncio client: sockets and clock around the pure `stream.Stream`. `async for event in StreamClient(target, credentials)`.

Every socket has a task of its own, which connects, reads, and feeds the core. What the core wants sent on the same socket –
a keep-alive's answer above all – is written by that task before it reads on, so it is never behind a queue. What a frame
makes the core send on another socket, and what timers and webhooks make it do, runs in short tasks of its own: a stuck
socket stops nobody else.

Events wait in one queue for the consumer. It has no bound in number, because a reader that waited for the consumer would
miss keep-alives and lose the stream. It has one in bytes of media: past it packets are dropped and counted, which is
right for a consumer that has stopped. What is not media is never dropped.
"""

import asyncio
import contextlib
import functools
import logging
import random
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import assert_never

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from . import events
from .events import Ended, Event
from .options import ClientOptions, StreamTarget, TimeLimits
from .outbox import Close, Open, Send
from .phases import Phase
from .signatures import handshake_signature
from .stream import Stream
from .webhooks import Webhook

__all__ = ["ClientOptions", "Credentials", "StreamClient", "StreamTarget", "TimeLimits"]

CLOSE_TIMEOUT_S = 1.0
"""For a closing handshake that nobody needs."""
JITTER_S = 0.5
FRAMES_AT_ONCE = 32
"""After so many frames without a pause the other tasks of the loop get their turn, other streams' keep-alives among them."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Of the Zoom app a stream was started for: OAuth client id and secret, for Video SDK the SDK's key and secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r}, client_secret='***')"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        # msgspec's own would show the secret in the tracebacks that rich prints.
        return [("client_id", self.client_id), ("client_secret", "***")]


class StreamClient:
    """Receives one stream. Iterate over it once; the iteration ends after `Ended`, or silently after `abandon`.

    Leaving the iteration early closes the sockets as `abandon` does. All methods belong to the loop that iterates.
    """

    def __init__(
        self,
        target: StreamTarget,
        credentials: Credentials,
        *,
        options: ClientOptions | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: a context of one's own, for a private certificate authority. Raises MisuseError for senseless options."""
        signature = handshake_signature(credentials.client_id, credentials.client_secret, target.instance_id, target.stream_id)
        self._options = options or ClientOptions()
        self._stream = Stream(target, signature, self._options, jitter=lambda: random.uniform(0, JITTER_S))
        self._tls = tls
        self._sockets: dict[int, _Socket] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._early: list[Webhook] = []
        self._queue: deque[Event] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def phase(self) -> Phase:
        return self._stream.phase

    @property
    def counters(self) -> Mapping[str, int]:
        """What was odd so far: unknown numbers, garbage, repeats, dropped packets."""
        return self._stream.counters.snapshot()

    def notify(self, webhook: Webhook) -> None:
        """Hand in a further webhook of this stream. Raises MisuseError for one of another stream."""
        if self.phase is Phase.NEW:
            self._early.append(webhook)
            return
        self._stream.notify(webhook, _now())
        self._carry_out()

    def abandon(self) -> None:
        """Close the sockets without telling Zoom, so that a successor can take the stream up within 60 s."""
        self._stream.abandon()
        self._carry_out()

    def close(self) -> None:
        """End the stream: tell Zoom, take what is on its way; `Ended` follows once nothing comes any more, or within 5 s."""
        self._stream.close(_now())
        self._carry_out()

    def subscribe_video(self, user_id: int, subscribe: bool = True) -> None:
        """Switch one participant's video on or off. Raises MisuseError while there is no signaling link."""
        self._stream.subscribe_video(user_id, subscribe, _unix_ms())
        self._carry_out()

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        if self.phase is Phase.NEW:
            self._begin()
        try:
            while (event := await self._next()) is not None:
                yield event
                if isinstance(event, Ended):
                    break
        finally:
            self._stream.abandon()
            self._carry_out()
            await self._shut_down()

    def _begin(self) -> None:
        self._stream.start(_now(), _unix_ms())
        for webhook in self._early:
            self._stream.notify(webhook, _now())
        self._carry_out()

    async def _next(self) -> Event | None:
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            if self.phase is Phase.ENDED:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        event = self._queue.popleft()
        self._queued_bytes -= _media_bytes(event)
        return event

    # What the core wants ---------------------------------------------------------------------------------------------

    def _carry_out(self, own: int | None = None) -> list[bytes]:
        """Carry out actions, pass on events, set the timer; return what is to be sent on the socket `own`, in order."""
        replies: list[bytes] = []
        for action in self._stream.actions():
            match action:
                case Open(socket=number, url=url):
                    self._sockets[number] = _Socket()
                    self._sockets[number].task = self._spawn(self._serve(number, url))
                case Send(socket=number, data=data) if number == own:
                    replies.append(data)
                case Send(socket=number, data=data):
                    self._spawn(self._send(number, data))
                case Close(socket=number):
                    self._close(number)
        for event in self._stream.events():
            self._enqueue(event)
        if self.phase is Phase.ENDED:
            self._arrived.set()
        self._set_timer()
        return replies

    def _enqueue(self, event: Event) -> None:
        size = _media_bytes(event)
        if size and self._queued_bytes + size > self._options.max_queued_bytes:
            self._stream.counters.add("media dropped: the consumer is too slow")
            return
        self._queued_bytes += size
        self._queue.append(event)
        self._arrived.set()

    def _set_timer(self) -> None:
        """Have `_tick` called when it is due. A timer that is early stays: each frame moves the deadline, few reach it."""
        due = self._stream.next_deadline()
        if self._timer is not None:
            if due is not None and self._timer_due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer_due = due
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - _now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._stream.tick(_now())
            self._carry_out()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Have the consumer raise what went wrong in a task or timer: a defect of this package must not look like silence."""
        self._failure = error
        self._arrived.set()

    # Sockets ---------------------------------------------------------------------------------------------------------

    async def _serve(self, number: int, url: str) -> None:
        """Connect, then read until the socket ends; tell the core how each went."""
        error: str | None = None
        code: int | None = None
        try:
            async with self._connect(url) as websocket:
                self._sockets[number].websocket = websocket
                self._stream.opened(number, _now())
                await self._reply(websocket, self._carry_out(number))
                await self._read(number, websocket)
        except ConnectionClosed as closed:
            error = f"closed by the server: {closed}"
            code = closed.rcvd.code if closed.rcvd is not None else None
        except (OSError, ValueError, ImportError, WebSocketException) as failed:  # ValueError: a host that is none
            error = f"{type(failed).__name__}: {failed}"
        finally:
            self._sockets.pop(number, None)
            self._stream.closed(number, _now(), error, code)
            self._carry_out()

    def _connect(self, url: str) -> "_Connect":
        return _Connect(
            url,
            ssl=(self._tls or _tls_context()) if url.lower().startswith("wss:") else None,
            proxy=self._options.proxy,  # True would follow the environment
            compression=None,  # base64 of PCM does not shrink enough to be worth it
            max_size=self._options.max_frame_bytes,
            open_timeout=self._options.limits.connect_s,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # liveness is messages 12 and 13 (README section 4)
            user_agent_header=None,
            logger=_quiet_logger(),
        )

    async def _read(self, number: int, websocket: ClientConnection) -> None:
        count = 0
        while True:
            frame = await websocket.recv(decode=False)
            self._stream.received(number, frame, _now())
            await self._reply(websocket, self._carry_out(number))
            count += 1
            if count % FRAMES_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _reply(self, websocket: ClientConnection, replies: list[bytes]) -> None:
        for data in replies:
            await websocket.send(data, text=True)

    async def _send(self, number: int, data: bytes) -> None:
        socket = self._sockets.get(number)
        if socket is not None and socket.websocket is not None:
            with contextlib.suppress(ConnectionClosed):  # its reader sees the same and tells the core
                await socket.websocket.send(data, text=True)

    def _close(self, number: int) -> None:
        socket = self._sockets.get(number)
        if socket is None or socket.task is None:
            return
        if socket.websocket is None:
            socket.task.cancel()
        else:
            self._spawn(self._say_goodbye(socket.websocket))

    async def _say_goodbye(self, websocket: ClientConnection) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            await websocket.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    async def _shut_down(self) -> None:
        """Wait for the sockets to close; each takes CLOSE_TIMEOUT_S at most."""
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            _, stuck = await asyncio.wait(set(self._tasks), timeout=2 * CLOSE_TIMEOUT_S)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)


class _Connect(connect):
    """Opens the URL that was checked, and no other: a redirect would lead past the guard, into the operator's network."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Socket:
    """A socket being opened or open."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.websocket: ClientConnection | None = None


def _media_bytes(event: Event) -> int:
    match event:
        case events.Audio(pcm=data) | events.Video(data=data) | events.Share(data=data):
            return len(data)
        case (
            events.AudioFormat()
            | events.Transcript()
            | events.Chat()
            | events.PlatformEvent()
            | events.LinkUp()
            | events.LinkDown()
            | events.MediaRefused()
            | events.StreamStateChanged()
            | events.SessionStateChanged()
            | events.Ended()
        ):
            return 0
        case _ as never:
            assert_never(never)


def _quiet_logger() -> logging.Logger:
    """At debug level websockets logs what frames hold: transcripts must not get there, whatever the root logger's level."""
    logger = logging.getLogger(f"{__name__}.websockets")
    logger.setLevel(logging.WARNING)
    return logger


@functools.cache  # loading the authorities takes tens of milliseconds, in which no keep-alive would be answered
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # mandatory since November 2026, whatever OpenSSL was built with
    return context


def _now() -> float:
    return time.monotonic()


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
