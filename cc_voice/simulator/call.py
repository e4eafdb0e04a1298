"""One simulated call: what its client says on the links, and what Zoom would make of it.

    announced ── media ready and message 7 ──▶ streaming ── stop ──▶ ended
        │                                       │     ▲
        └─ nobody within join_s ─▶ ended (11)   ▼     │ all links are back
                                             interrupted ── window over ──▶ ended (19)

A lost signaling link takes the media links with it and opens a window of 60 s, a lost media link one of 65 s (8.1).
While a window is open the stream does not end, even when its script is over: Zoom's buffer is still worth something.
What is played when is `playback.py`; this module only knows whether there is a link to play it on.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cc_voice.simulator import negotiation, wire
from cc_voice.simulator.link import Link, unix_ms
from cc_voice.simulator.negotiation import Identity, MediaTerms, Refusal
from cc_voice.simulator.playback import Playback
from cc_voice.simulator.report import CallStatus, SimulatorConfig, Violation, WebhookReport
from cc_voice.simulator.wire import Media, Message, Msg, SessionState, Status, Stop, StreamState

MAX_VIOLATIONS = 200
"""More are not kept: a client that floods us would fill the memory."""


class Call:
    """A stream of one conversation, from its announcement to its end."""

    def __init__(self, call_id: str, identity: Identity, playback: Playback, config: SimulatorConfig, post: "Post") -> None:
        self.call_id = call_id
        self.identity = identity
        self.playback = playback
        self.stop_reason: int | None = None
        self.over = asyncio.Event()
        self._config = config
        self._post = post
        self._session_id = f"sess-{call_id}"
        self._state = StreamState.INACTIVE
        self._signaling: Link | None = None
        self._media: dict[Media, Link] = {}
        self._needed = Media(0)
        """Media types that have flowed: while one of them has no link, the stream is interrupted."""
        self._video_user: Any = None
        self._links: list[Link] = []
        self._interruptions = 0
        self._failed_over = False
        self._violations: list[Violation] = []
        self._webhooks: list[WebhookReport] = []
        self._window: tuple[float, int] | None = (time.monotonic() + config.join_s, Stop.CONNECTION_TIMEOUT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None

    # From outside ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the call's clock."""
        self._runner = asyncio.create_task(self._run())

    async def serve(self, link: Link) -> None:
        """Serve one accepted socket until it ends."""
        self._links.append(link)
        watchdog = asyncio.get_running_loop().call_later(self._config.handshake_s, self._expire, link)
        try:
            await link.serve(self._receive)
        finally:
            watchdog.cancel()
            self._lost(link)

    async def end(self, reason: int) -> None:
        """End the stream as if Zoom had: states 3 and 4, closed links, the *stopped* webhook. Again: nothing happens."""
        if self.stop_reason is not None:
            await self.over.wait()
            return
        self.stop_reason = int(reason)
        self.playback.wake()
        with contextlib.suppress(TimeoutError):  # a client that reads nothing must not keep the stream from ending
            async with asyncio.timeout(1):
                await self._say_goodbye(self.stop_reason)
        self._state = StreamState.TERMINATED
        product, instance_id, stream_id = self.identity.product, self.identity.instance_id, self.identity.stream_id
        self._post(self, wire.stopped(product, instance_id, stream_id, self.stop_reason, unix_ms()))
        open_links = [link for link in self._links if link.open]
        await asyncio.gather(*(link.close("stream ended") for link in open_links))
        self.playback.catch_up(time.monotonic())
        self.playback.release()
        self.over.set()

    async def _say_goodbye(self, reason: int) -> None:
        if self._signaling is not None:
            now = unix_ms()
            await self._signaling.send(wire.session_state(self._session_id, SessionState.STOPPED, now, reason))
            await self._signaling.send(wire.stream_state(StreamState.TERMINATING, reason, now))
            await self._signaling.send(wire.stream_state(StreamState.TERMINATED, reason, now))

    def drop(self, which: str) -> None:
        """Cut `signaling`, `media`, `audio`, `transcript` or `all` links without a close frame, as a dead network does."""
        kinds = {"media": Media.AUDIO | Media.TRANSCRIPT, "audio": Media.AUDIO, "transcript": Media.TRANSCRIPT}
        for link in list(self._links):
            hit = which == "all" or (link.signaling if which == "signaling" else bool(link.carries & kinds.get(which, Media(0))))
            if hit and link.open:
                link.drop("dropped by the simulator")

    async def abandon(self) -> None:
        """Stop everything at once; for the end of the simulator itself."""
        self.stop_reason = int(Stop.EXIT_SIGNAL) if self.stop_reason is None else self.stop_reason
        for link in self._links:
            link.drop("the simulator ends")
        tasks = [task for task in (*self._tasks, self._runner) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.over.set()

    def fail(self) -> None:
        """Lose the links as when a server of Zoom's dies; the stream waits for the client at its successor (8.4 A)."""
        self._failed_over = True
        self.drop("all")

    def webhook_told(self, report: WebhookReport) -> None:
        self._webhooks.append(report)

    def status(self) -> CallStatus:
        play = self.playback
        if self.stop_reason is None:
            play.catch_up(time.monotonic())
        return CallStatus(
            call=self.call_id,
            scenario=play.script.name,
            product=self.identity.product.name,
            instance_id=self.identity.instance_id,
            stream_id=self.identity.stream_id,
            state=self._state_name(),
            stop_reason=self.stop_reason,
            speed=play.speed,
            start_unix_ms=play.start_unix_ms,
            position_ms=play.position_ms,
            duration_ms=play.script.duration_ms,
            channels=play.sent(),
            events_sent=play.events_sent,
            transcripts_sent=play.transcripts_sent,
            sockets_opened=len(self._links),
            interruptions=self._interruptions,
            links=tuple(link.report() for link in self._links),
            webhooks=tuple(self._webhooks),
            violations=tuple(self._violations),
        )

    # The clock -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self.stop_reason is None:
            now = time.monotonic()
            if self._window is not None and now >= self._window[0]:
                await self.end(self._window[1])
            elif self._window is None and self.playback.finished:
                # Zoom's own SDK drops media that it has not handed on yet when it reads that the stream is over.
                await asyncio.sleep(self._config.linger_s)
                if self._window is None:  # else a link was lost meanwhile: what died in its buffers is sent again
                    await self.end(self.playback.script.stop_reason)
            else:
                await self.playback.step(now, None if self._window is None else self._window[0])

    def _open_window(self, seconds: float, reason: int) -> None:
        self._window = (time.monotonic() + seconds, reason)
        self.playback.wake()

    # Messages of the client ------------------------------------------------------------------------------------------

    async def _receive(self, link: Link, frame: str | bytes) -> None:
        message = self._decode(link, frame)
        if message is None:
            return
        number = message.get("msg_type")
        if not isinstance(number, int) or isinstance(number, bool):
            self.violate(link, "bad msg_type", f"{number!r} is not a number")
            return
        handler = (_ON_SIGNALING if link.signaling else _ON_MEDIA).get(number)
        if handler is None:
            self._misplaced(link, number)
        elif number not in (Msg.SIGNALING_REQ, Msg.MEDIA_REQ) and not link.accepted:
            self.violate(link, "message before handshake", f"msg_type {number}")
        else:
            await handler(self, link, message)

    def _decode(self, link: Link, frame: str | bytes) -> Message | None:
        try:
            message = msgspec.json.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.violate(link, "bad JSON", str(error))
            return None
        if not isinstance(message, dict):
            self.violate(link, "bad JSON", "a message must be an object")
            return None
        return message

    def _misplaced(self, link: Link, number: int) -> None:
        if number == Msg.READY:
            self.violate(link, "ready on a media link", "message 7 belongs on signaling")
        elif number in (*_ON_SIGNALING, *_ON_MEDIA):
            self.violate(link, "message on the wrong link", f"msg_type {number}")
        else:
            self.violate(link, "unknown msg_type", str(number))

    async def _on_signaling_handshake(self, link: Link, message: Message) -> None:
        if link.accepted:
            self.violate(link, "second handshake", "signaling")
            return
        refusal = negotiation.check_identity(message, self.identity)
        if refusal is None and self._signaling is not None:
            refusal = Refusal(Status.DUPLICATE_SIGNAL_REQUEST, "the stream has a signaling link")
        urls = {kind: f"{link.base_url}/media/{self.identity.stream_id}/{kind}" for kind in ("audio", "transcript", "all")}
        sequence = _sequence(message)
        if refusal is not None:
            await self._refuse(link, refusal, wire.signaling_response(sequence, refusal.status, refusal.reason, None))
            return
        self._accept(link)
        self._signaling = link
        self._failed_over = False
        self.playback.signaling_up(link, backlog=message.get("buffer_data") is not False)
        if self._needed:  # a lost client is back; its media links have the longer window to follow
            self._open_window(self._config.media_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
        await link.send(wire.signaling_response(sequence, Status.OK, "", urls))
        await link.send(wire.session_state(self._session_id, SessionState.STARTED, unix_ms()))

    async def _on_media_handshake(self, link: Link, message: Message) -> None:
        if link.accepted:
            self.violate(link, "second handshake", "media")
            return
        verdict: Refusal | MediaTerms | None = negotiation.check_identity(message, self.identity)
        if verdict is None and self._signaling is None:
            verdict = Refusal(Status.INVALID_PAYLOAD, "the stream has no signaling link", "media before signaling")
        if verdict is None:
            verdict = negotiation.check_media(message)
        if isinstance(verdict, MediaTerms):
            verdict = self._duplicate(verdict) or verdict
        if isinstance(verdict, Refusal):
            await self._refuse(link, verdict, wire.media_response(_sequence(message), verdict.status, verdict.reason, None))
            return
        for name in verdict.violations:
            self.violate(link, name, "")
        self._accept(link)
        link.carries = verdict.wanted
        self._media |= dict.fromkeys(verdict.wanted, link)
        self.playback.media_agreed(verdict)
        await link.send(wire.media_response(_sequence(message), Status.OK, "", verdict.params))

    def _duplicate(self, terms: MediaTerms) -> Refusal | None:
        """At most one connection per type; everything on one link excludes any other (6.1)."""
        if any(link.carries == negotiation.SUPPORTED for link in self._media.values()):
            return Refusal(Status.MEDIA_DATA_ALL_CONNECTION_EXIST, "one link already carries everything")
        if any(kind in self._media for kind in terms.wanted):
            return Refusal(Status.DUPLICATE_MEDIA_DATA_CONNECTION, "this media type has a link")
        return None

    async def _on_ready(self, link: Link, message: Message) -> None:
        if message.get("rtms_stream_id") != self.identity.stream_id:
            self.violate(link, "wrong stream id", "message 7")
            return
        if not self._media:
            self.violate(link, "ready before media", "message 7 came before a media handshake succeeded")
            return
        for media in self._media.values():
            media.ready = True
        if Media.AUDIO in self._media:
            self.playback.audio_up(self._media[Media.AUDIO], time.monotonic())
        if Media.TRANSCRIPT in self._media:
            self.playback.transcript_up(self._media[Media.TRANSCRIPT])
        self._needed |= _union(self._media)
        await self._flow(link)

    async def _flow(self, signaling: Link) -> None:
        """All that has ever flowed has a ready link: the stream is active (again)."""
        if any(kind not in self._media or not self._media[kind].ready for kind in self._needed):
            return
        self._window = None
        if self._state != StreamState.ACTIVE:
            self._state = StreamState.ACTIVE
            await signaling.send(wire.stream_state(StreamState.ACTIVE, Stop.UNDEFINED, unix_ms()))
        self.playback.flow(True)

    async def _on_subscription(self, link: Link, message: Message) -> None:
        wanted, violations = negotiation.check_subscription(message, self.identity.product)
        for name in violations:
            self.violate(link, name, msgspec.json.encode(message.get("events")).decode()[:200])
        self.playback.subscribe(wanted)

    async def _on_keep_alive(self, link: Link, message: Message) -> None:
        if not link.keep_alives.answer(message.get("timestamp"), time.monotonic()):
            self.violate(link, "keep-alive with a wrong timestamp", repr(message.get("timestamp")))
        elif link.carries & Media.AUDIO:
            self.playback.audio_acknowledged(message["timestamp"])

    async def _on_session_query(self, link: Link, message: Message) -> None:
        session_id = message.get("rtms_session_id")
        if session_id != self._session_id:
            self.violate(link, "unknown session id", repr(session_id))
        state = SessionState.STARTED if session_id == self._session_id else SessionState.INACTIVE
        await link.send(wire.session_state_response(session_id, state, unix_ms()))

    async def _on_stream_query(self, link: Link, message: Message) -> None:
        if message.get("rtms_stream_id") != self.identity.stream_id:
            self.violate(link, "wrong stream id", "message 19")
        await link.send(wire.stream_state_response(self.identity.stream_id, self._state, unix_ms()))

    async def _on_close(self, link: Link, message: Message) -> None:
        stream_id = message.get("rtms_stream_id")
        if stream_id != self.identity.stream_id:
            self.violate(link, "wrong stream id", "message 21")
            await link.send(wire.close_response(stream_id, Status.INVALID_RTMS_STREAM_ID, "unknown stream", unix_ms()))
            return
        await link.send(wire.close_response(stream_id, Status.OK, "OK", unix_ms()))
        self._spawn(self.end(Stop.RECEIVER_REQUEST_CLOSE))

    async def _on_video(self, link: Link, message: Message) -> None:
        """Confirm a subscription to a participant's video; no picture follows, the simulator has only audio."""
        user_id, subscribe = message.get("user_id"), message.get("subscribe")
        if self.identity.product.by_channel or not isinstance(user_id, int) or not isinstance(subscribe, bool):
            self.violate(link, "bad video subscription", repr(user_id))
            await link.send(wire.video_response(user_id, Status.INVALID_PAYLOAD, "not a participant's number", unix_ms()))
            return
        duplicate = subscribe and user_id == self._video_user
        self._video_user = user_id if subscribe else None
        status = Status.DUPLICATE_VIDEO_SUBSCRIPTION if duplicate else Status.OK
        await link.send(wire.video_response(user_id, status, "duplicate" if duplicate else "OK", unix_ms()))

    # Links -----------------------------------------------------------------------------------------------------------

    def _accept(self, link: Link) -> None:
        link.accepted = True
        self._spawn(link.keep_alive(self._config.keep_alive_s, self._unanswered, self._asked))

    def _asked(self, link: Link, timestamp: int) -> None:
        if link.carries & Media.AUDIO:
            self.playback.audio_asked(timestamp)

    def _unanswered(self, link: Link) -> None:
        self.violate(link, "keep-alives unanswered", f"{link.keep_alives.asked} asked, {link.keep_alives.answered} answered")

    async def _refuse(self, link: Link, refusal: Refusal, answer: Message) -> None:
        if refusal.violation is not None:
            self.violate(link, refusal.violation, refusal.reason)
        await link.send(answer)

    def _expire(self, link: Link) -> None:
        if not link.accepted:
            self._spawn(link.close("no handshake in time"))

    def _lost(self, link: Link) -> None:
        """A socket is gone: find out what that means for the stream."""
        if link is self._signaling:
            self._signaling = None
            self.playback.signaling_down()
            if self.stop_reason is None and self._state != StreamState.INACTIVE:
                self._signaling_lost()
            for media in set(self._media.values()):  # Zoom tears them down too (8.4)
                media.drop("signaling was lost")
        elif link.carries:
            lost = Media(0)
            for kind in [kind for kind, owner in self._media.items() if owner is link]:
                del self._media[kind]
                lost |= kind
            self.playback.media_down(lost, time.monotonic())
            if self.stop_reason is None and lost & self._needed and self._signaling is not None:
                self._media_lost(lost)

    def _signaling_lost(self) -> None:
        self._state = StreamState.INTERRUPTED
        self._interruptions += 1
        self.playback.flow(False)
        self._open_window(self._config.signaling_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
        if not self._failed_over:  # a dead server cannot tell; its successor's *started* does
            self._post(self, wire.interrupted(self.identity.product, self.identity.instance_id, self.identity.stream_id, unix_ms()))

    def _media_lost(self, lost: Media) -> None:
        assert self._signaling is not None
        self._state = StreamState.INTERRUPTED
        self._interruptions += 1
        self.playback.flow(False)
        self._open_window(self._config.media_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
        self._spawn(self._tell_media_lost(self._signaling, lost))

    async def _tell_media_lost(self, signaling: Link, lost: Media) -> None:
        now = unix_ms()
        # The field that names the lost type is not published (13, 3): clients must not depend on this one.
        await signaling.send(wire.event_update(wire.plain_event(wire.MEDIA_CONNECTION_INTERRUPTED, now, media_type=int(lost))))
        await signaling.send(wire.stream_state(StreamState.INTERRUPTED, Stop.DATA_CONNECTION_INTERRUPTED, now))

    def violate(self, link: Link, name: str, detail: str) -> None:
        """Note a mistake of the client."""
        if len(self._violations) < MAX_VIOLATIONS:
            self._violations.append(Violation(name=name, detail=detail, link=link.kind, unix_ms=unix_ms()))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _state_name(self) -> str:
        if self.stop_reason is not None:
            return "ended"
        if self._state == StreamState.INACTIVE:
            return "joined" if self._signaling is not None else "announced"
        return "streaming" if self._state == StreamState.ACTIVE else "interrupted"


def _sequence(message: Message) -> int:
    """Return the number to echo; clients may leave it out."""
    value = message.get("sequence")
    return value if isinstance(value, int) else 1


def _union(media: dict[Media, Link]) -> Media:
    total = Media(0)
    for kind in media:
        total |= kind
    return total


Post = Callable[[Call, bytes], None]
"""Posts a webhook body of a call."""

_Handler = Callable[[Call, Link, Message], Awaitable[None]]
_ON_SIGNALING: dict[int, _Handler] = {
    Msg.SIGNALING_REQ: Call._on_signaling_handshake,
    Msg.SUBSCRIBE: Call._on_subscription,
    Msg.READY: Call._on_ready,
    Msg.SESSION_STATE_REQ: Call._on_session_query,
    Msg.KEEP_ALIVE_RESP: Call._on_keep_alive,
    Msg.STREAM_STATE_REQ: Call._on_stream_query,
    Msg.CLOSE_REQ: Call._on_close,
    Msg.VIDEO_REQ: Call._on_video,
}
_ON_MEDIA: dict[int, _Handler] = {Msg.MEDIA_REQ: Call._on_media_handshake, Msg.KEEP_ALIVE_RESP: Call._on_keep_alive}
