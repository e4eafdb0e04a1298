"""One accepted WebSocket and its keep-alives.

Everything sent goes through one short queue and one writer task. The queue gives back-pressure: `send` waits while the
peer does not take what is there. The alternative, awaiting the server's `send` directly, would leave the player stuck
in a dead link: nothing wakes it while the operating system still tries to deliver.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.call_faults import LinkFaults
from cc_voice.simulator.wire import Media, Message

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

QUEUED_MESSAGES = 32
UNANSWERED_LIMIT = 3
"""This many keep-alives in a row without answer and the link is dropped (8.1)."""
FLUSH_LOOK_S = 0.02
UNREAD_S = 10.0
"""A peer that takes not one message in this time no longer reads. One that is slow is waited for: what is queued counts as sent."""
_CLOSE = ""
"""Queue entry that closes the socket once all before it is written; no message encodes to nothing."""


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one link."""

    kind: str
    open: bool
    accepted: bool
    """Its handshake succeeded."""
    keep_alives: int
    keep_alives_answered: int
    max_answer_delay_ms: int
    """Longest time between a keep-alive and its answer."""
    ended_by: str | None


class KeepAlives:
    """Book-keeping of keep-alives: what is unanswered, how late answers came. Pure; times are arguments."""

    def __init__(self, *, untimed: bool = False) -> None:
        """`untimed`: questions go out without their time, so answers come without, each to the oldest question."""
        self.untimed = untimed
        self.asked = self.answered = self.max_delay_ms = 0
        self._last_timestamp = 0
        self._unanswered: dict[int, float] = {}

    @property
    def lost(self) -> bool:
        return len(self._unanswered) >= UNANSWERED_LIMIT

    def ask(self, now_s: float, unix_ms: int) -> Message:
        """Return the next keep-alive; timestamps are unique, so that an answer names its question."""
        self._last_timestamp = max(unix_ms, self._last_timestamp + 1)
        self.asked += 1
        self._unanswered[self._last_timestamp] = now_s
        return wire.keep_alive(self._last_timestamp, self.asked)

    def answer(self, timestamp: Any, now_s: float) -> bool:
        """Note an answer; False when it answers nothing that was asked."""
        if self.untimed and timestamp is None and self._unanswered:
            timestamp = next(iter(self._unanswered))
        if not isinstance(timestamp, int) or timestamp not in self._unanswered:
            return False
        self.max_delay_ms = max(self.max_delay_ms, round((now_s - self._unanswered[timestamp]) * 1000))
        self.answered += 1
        # A later answer ends the row of unanswered ones, but the skipped ones stay unanswered in the count.
        self._unanswered = {asked: at for asked, at in self._unanswered.items() if asked > timestamp}
        return True


class ClientLink:
    """One socket of a client, signaling or media; what the messages on it mean is `call.py`'s business."""

    def __init__(self, kind: str, base_url: str, receive: Receive, send: Send, faults: LinkFaults) -> None:
        self.kind = kind
        """`signaling`, or the media type in the URL the client chose."""
        self.base_url = base_url
        """`ws://host:port` as the client knows us."""
        self.accepted = False
        self.carries = Media(0)
        self.whole = False
        """It carries everything: the client asked for media type 32."""
        self.deaf = False
        """Nothing is answered: half open."""
        self.ready = False
        """Message 7 came after its handshake."""
        self._faults = faults
        self.keep_alives = KeepAlives(untimed=self._faults.untimed_keep_alives)
        self.ended_by: str | None = None
        self._receive = receive
        self._send = send
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUED_MESSAGES)
        self._gone = asyncio.Event()
        self._written = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def open(self) -> bool:
        return not self._gone.is_set()

    @property
    def signaling(self) -> bool:
        return self.kind == "signaling"

    def report(self) -> LinkReport:
        alive = self.keep_alives
        return LinkReport(
            kind=self.kind,
            open=self.open,
            accepted=self.accepted,
            keep_alives=alive.asked,
            keep_alives_answered=alive.answered,
            max_answer_delay_ms=alive.max_delay_ms,
            ended_by=self.ended_by,
        )

    async def send(self, message: Message) -> bool:
        """Queue a message, waiting while the peer is behind; False when the link is gone."""
        for altered in self._faults.outgoing(message):
            await self.send_raw(wire.encode(altered))
        return self.open

    async def send_held(self) -> None:
        """Queue what faults have held back."""
        for message in self._faults.held():
            await self.send_raw(wire.encode(message))

    async def flush(self) -> None:
        """Wait until what is queued is written, or the peer has read nothing for a while."""
        written, since_s = self._written, time.monotonic()
        while self.open and not self._queue.empty():
            await asyncio.sleep(FLUSH_LOOK_S)
            if self._written != written:
                written, since_s = self._written, time.monotonic()
            elif time.monotonic() - since_s > UNREAD_S:
                return

    async def send_raw(self, text: str) -> None:
        """Queue any text as a frame."""
        if self.open:
            await self._queue.put(text)

    async def serve(self, handle: Callable[["ClientLink", str | bytes], Awaitable[None]]) -> None:
        """Accept, then read and write until either side ends the link; returns when it is over."""
        await self._send({"type": "websocket.accept"})
        reader = asyncio.create_task(self._read(handle))
        writer = asyncio.create_task(self._write())
        self._tasks = [reader, writer]
        try:
            await asyncio.wait({reader, asyncio.ensure_future(self._gone.wait())}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._end("client closed")
            await self._collect()

    def drop(self, why: str) -> None:
        """Cut the link: TCP ends without a close frame, what is queued is lost."""
        self._end(why)

    async def close(self, why: str) -> None:
        """Close politely, code 1000, once everything queued is written; does not wait for a peer that no longer reads."""
        self.ended_by = self.ended_by or why
        closing = asyncio.create_task(self._close_after_queue())
        while self.open:
            written = self._written
            await asyncio.wait({closing}, timeout=UNREAD_S)
            if closing.done() or self._written == written:
                break
        closing.cancel()
        self._end(why)

    async def _close_after_queue(self) -> None:
        await self._queue.put(_CLOSE)
        await self._gone.wait()

    async def keep_alive(
        self, every_s: float, lost: Callable[["ClientLink"], None], asked: Callable[["ClientLink", int], None]
    ) -> None:
        """Ask every `every_s` seconds of wall clock; three unanswered in a row drop the link (8.1)."""
        while self.open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._gone.wait()
            if self.open and self.keep_alives.lost:
                lost(self)
                self.drop("keep-alives unanswered")
            elif self.open:
                # Not awaited for long: a full queue means the peer does not read, and that counts as unanswered.
                question = self.keep_alives.ask(time.monotonic(), unix_ms())
                asked(self, question["timestamp"])
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(every_s):
                        await self.send(question)

    async def _read(self, handle: Callable[["ClientLink", str | bytes], Awaitable[None]]) -> None:
        async for frame in self._frames():
            if self._faults.read_delay_s:
                await asyncio.sleep(self._faults.read_delay_s)
            if self.open:
                await handle(self, frame)

    async def _frames(self) -> AsyncIterator[str | bytes]:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            yield text if text is not None else event["bytes"]

    async def _write(self) -> None:
        try:
            while (text := await self._queue.get()) != _CLOSE:
                content = {"bytes": text.encode()} if self._faults.binary else {"text": text}
                await self._send({"type": "websocket.send", **content})
                self._written += 1
            await self._send({"type": "websocket.close", "code": 1000})
            self._end("closed")
        except OSError:  # the server's way to say that the client is gone
            self._end("client gone")

    def _end(self, why: str) -> None:
        self.ended_by = self.ended_by or why
        self._gone.set()
        while not self._queue.empty():  # wakes whoever waits for room
            self._queue.get_nowait()

    async def _collect(self) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def unix_ms() -> int:
    return time.time_ns() // 1_000_000
