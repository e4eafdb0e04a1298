"""Connections: how long, how many and how much of them strangers may keep open, on top of uvicorn's protocol.

Whoever reaches the port may hold a connection by saying nothing, by sending a head or a body byte by byte, or by sending more than
anybody asked for. uvicorn waits for all of them without end. Here

- a head and a body have a time each (`HEAD_S`, `BODY_S`), from their first byte to their last, so that dripping buys nothing;
- of connections on which nothing is being answered `MOST_WAITING` are kept. One more, and the one that waited longest goes: a real
  peer sends its request within milliseconds, so it is never the oldest of many. uvicorn's `limit_concurrency` was ruled out, as
  with it whoever fills the limit keeps Zoom's webhooks out;
- what follows an answer that did not need the body (413, 401) is thrown away unread, and the connection closed;
- little is read at a time, for h11 parses what was read in one go: 256 kB of one-byte chunks hold the loop for a second.

The owner's socket is left alone: whoever may open it may do anything. Who it is is noted with each of its requests.
"""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Literal

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

HEAD_S = 10.0
"""From the connection, or the first byte of a later request, to the end of its headers."""
BODY_S = 15.0
"""For the whole body; the largest of a stranger is 128 kB."""
KEPT_S = 75.0
"""How long a connection is kept for its next request: longer than the proxy keeps it (deploy/Caddyfile), so that the proxy never
sends a webhook into a connection that is being closed here."""
UNREAD_S = 1.0
"""Between an answer that did not wait for the body and the end of the connection: a close at once would take the answer along."""
READ_BYTES = 4096
"""What is read at a time."""
HEAD_BYTES = 8192
"""The longest head that is taken."""
MOST_WAITING = 512
MOST_OPEN = 2048
"""With those that are being answered, event streams of browsers among them."""
ACCEPTED_AT_ONCE = 64
"""Connections accepted before anything else is done."""
TOLD_EVERY_S = 60.0
"""How often it is told that connections cannot be accepted, or had to be let go."""

PEER_UID = "peer_uid"
"""In the state of a request over the owner's socket: the number of the user who asks."""

Phase = Literal["head", "body", "answer", "kept", "unread"]
_SECONDS: dict[Phase, float | None] = {"head": HEAD_S, "body": BODY_S, "answer": None, "kept": None, "unread": UNREAD_S}
"""Phase → how long it may last; a kept connection is uvicorn's to close."""


class SeldomTold:
    """A warning that comes in masses is told once a minute, with how many there were."""

    def __init__(self, event: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._count = 0
        self._told_s: float | None = None

    def tell(self, **details: object) -> None:
        self._count += 1
        now_s = self._clock()
        if self._told_s is None or now_s - self._told_s >= TOLD_EVERY_S:
            log.error(self._event, times=self._count, **details)
            self._count, self._told_s = 0, now_s


def _peer_uid(sock: socket.socket) -> int:
    """Return the user at the other end of a socket of this machine, as the kernel knows it: nobody can claim to be another."""
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)


class Crowd:
    """The connections of one server on which nothing is being answered, the longest waiting first."""

    def __init__(self) -> None:
        self._waiting: dict[BoundedConnection, None] = {}
        self._let_go = SeldomTold("connections that sent nothing were let go, as there were too many")

    def waits(self, connection: "BoundedConnection") -> None:
        """Take a connection as the one that waits for the shortest time."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None
        if len(self._waiting) > MOST_WAITING:
            self.let_one_go()

    def leaves(self, connection: "BoundedConnection") -> None:
        """Forget a connection: it is being answered, or gone."""
        self._waiting.pop(connection, None)

    def let_one_go(self) -> bool:
        """Cut the connection that has waited longest; False when none waits."""
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self._let_go.tell()
        self._waiting.pop(oldest)
        oldest.transport.abort()
        return True


class BoundedConnection(H11Protocol):
    """One connection with the bounds of this module's docstring."""

    def __init__(self, *args: Any, crowd: Crowd, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._phase: Phase | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._is_owners = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        self._is_owners = sock is not None and sock.family == socket.AF_UNIX
        if self._is_owners:
            self.app_state = {**self.app_state, PEER_UID: _peer_uid(sock)}
            return
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # of asyncio's own transports: what recv() is asked for
        if len(self.connections) > MOST_OPEN and not self._crowd.let_one_go():
            transport.abort()
            return
        self._enter("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._crowd.leaves(self)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn does so only after an orderly end

    def data_received(self, data: bytes) -> None:
        if self._phase == "unread":
            return
        super().data_received(data)
        self._settle()

    def on_response_complete(self) -> None:
        unread = self.conn.their_state is h11.SEND_BODY
        super().on_response_complete()
        if unread and not self._is_owners:
            self._enter("unread")
        else:
            self._settle()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # its answer was never fetched; an orderly close would wait for that
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _settle(self) -> None:
        if self._is_owners or self._phase == "unread" or self.transport.is_closing():
            return
        phase = self._now_in()
        if phase != self._phase:
            self._enter(phase)

    def _now_in(self) -> Phase:
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        if self.cycle is not None and not self.cycle.response_complete:
            return "answer"
        return "head" if self.cycle is None or self.conn.trailing_data[0] else "kept"

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._stop_clock()
        if (seconds := _SECONDS[phase]) is not None:
            self._ending = self.loop.call_later(seconds, self.transport.abort)
        if phase == "answer":
            self._crowd.leaves(self)
        else:
            self._crowd.waits(self)

    def _stop_clock(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None


class LoopErrors:
    """What the event loop itself reports. asyncio tells of each connection that it cannot accept: thousands a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._refused = SeldomTold("connections cannot be accepted; raise LimitNOFILE, or see who opens so many", clock)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            self._refused.tell(error=error.strerror)
        else:
            loop.default_exception_handler(context)
