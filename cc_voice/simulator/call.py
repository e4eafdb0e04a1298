"""The call as the simulator plays it: its links, states and windows, and what Zoom would make of a link that is lost.

    announced ── media ready and message 7 ──▶ streaming ── stop ──▶ ended
        │                                       │     ▲
        └─ nobody within join_s ─▶ ended (11)   ▼     │ all links are back
                                             interrupted ── window over ──▶ ended (19)

A lost signaling link takes the media links with it and opens a window of 60 s, a lost media link one of 65 s (8.1).
While a window is open the stream does not end, even when its script is over: Zoom's buffer is still worth something.
What is played when is `playback.py`. This module is the state only: what the client says (`replies.py`) and what goes wrong at its
time (`fault_actions.py`) change it from outside, so it imports neither.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from cc_voice.simulator import wire
from cc_voice.simulator.call_faults import CallFaults
from cc_voice.simulator.link import ClientLink, unix_ms
from cc_voice.simulator.negotiation import ANY_MEDIA, MEDIA_NAMES, StreamIdentity, Supply
from cc_voice.simulator.playback import Playback
from cc_voice.simulator.report import CallStatus, PlayState, SimulatorConfig, Violation, WebhookReport
from cc_voice.simulator.wire import Media, Stop, WireSessionState, WireStreamState

MAX_VIOLATIONS = 200
"""More are not kept: a client that floods us would fill the memory."""


class Call:
    """A stream of one conversation, from its announcement to its end."""

    def __init__(
        self,
        call_id: str,
        identity: StreamIdentity,
        playback: Playback,
        config: SimulatorConfig,
        *,
        post: "Post",
        supply: Supply,
        faults: CallFaults,
    ) -> None:
        self.call_id = call_id
        self.identity = identity
        self.playback = playback
        self.supply = supply
        self.faults = faults
        self.stop_reason: int | None = None
        self.over = asyncio.Event()
        self.config = config
        self.server_urls = ""
        """What the last announcement named."""
        self._post = post
        self.session_id = f"sess-{call_id}"
        self.state = WireStreamState.INACTIVE
        self.signaling: ClientLink | None = None
        self.media: dict[Media, ClientLink] = {}
        self.needed = Media(0)
        """Media types that have flowed: while one of them has no link, the stream is interrupted."""
        self.video_user: int | None = None
        self.failed_over = False
        self._paused = False
        self._links: list[ClientLink] = []
        self._interruptions = 0
        self._violations: list[Violation] = []
        self._webhooks: list[WebhookReport] = []
        self.window: tuple[float, int] | None = (time.monotonic() + config.join_s, Stop.CONNECTION_TIMEOUT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None

    # From outside ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the call's clock."""
        self._runner = asyncio.create_task(self._run())

    def announce(self, server_urls: str, event_ts: int) -> bytes:
        """Post the *started* webhook and return its body."""
        self.server_urls = server_urls
        who = self.identity
        body = wire.started(who.product, who.instance_id, who.stream_id, server_urls, event_ts)
        return self.post(body)

    def post(self, body: bytes) -> bytes:
        """Post a webhook in the shape this call's faults give it; return that shape."""
        body = wire.respelt(body, self.faults.asked)
        self._post(self, body)
        return body

    async def serve(self, link: ClientLink, receive: "Receiver") -> None:
        """Serve one accepted socket until it ends; `receive` gets every frame of the client."""
        self._links.append(link)
        watchdog = asyncio.get_running_loop().call_later(self.config.handshake_s, self._expire, link)
        try:
            await link.serve(partial(receive, self))
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
        self.state = WireStreamState.TERMINATED
        who = self.identity
        self.post(wire.stopped(who.product, who.instance_id, who.stream_id, self.stop_reason, unix_ms()))
        if self.faults.asked("late-started"):
            self.announce(self.server_urls, unix_ms())
        if self.config.closing_s:
            await asyncio.sleep(self.config.closing_s)
        open_links = [link for link in self._links if link.open]
        await asyncio.gather(*(link.close("stream ended") for link in open_links))
        self.playback.catch_up(time.monotonic())
        self.playback.release()
        self.over.set()

    async def _say_goodbye(self, reason: int) -> None:
        if self.signaling is not None:
            now = unix_ms()
            await self.signaling.send(wire.session_state(self.session_id, WireSessionState.STOPPED, now, reason))
            await self.signaling.send(wire.stream_state(WireStreamState.TERMINATING, reason, now))
            await self.signaling.send(wire.stream_state(WireStreamState.TERMINATED, reason, now))

    def drop(self, which: str) -> None:
        """Cut `signaling`, `media`, `all` links, or those of one media type, as a dead network does: without a close frame."""
        kinds = {"signaling": Media(0), "media": ANY_MEDIA, "all": ANY_MEDIA, **MEDIA_NAMES}[which]
        for link in list(self._links):
            # Before its handshake a media link carries nothing yet: only `all` is about it.
            hit = which == "all" or bool(link.carries & kinds) or (which == "signaling" and link.signaling)
            if hit and link.open:
                link.drop("dropped by the simulator")

    async def pause(self) -> None:
        """Stop the media, keep the links (8.5)."""
        if not self._paused and self.stop_reason is None:
            self._paused = True
            self.playback.pause()
            await self._tell_pause(WireSessionState.PAUSED, WireStreamState.PAUSED)

    async def resume(self) -> None:
        """Go on after a pause; what was said meanwhile is never sent."""
        if self._paused and self.stop_reason is None:
            self._paused = False
            await self._tell_pause(WireSessionState.RESUMED, WireStreamState.RESUMED)
            self.playback.resume(time.monotonic())

    async def _tell_pause(self, session: WireSessionState, stream: WireStreamState) -> None:
        if self.state in (WireStreamState.ACTIVE, WireStreamState.PAUSED, WireStreamState.RESUMED):
            self.state = stream
        if self.signaling is not None:
            await self.signaling.send(wire.session_state(self.session_id, session, unix_ms()))
            await self.signaling.send(wire.stream_state(stream, Stop.UNDEFINED, unix_ms()))

    def fail_over(self) -> bytes:
        """Lose the links as when a server of Zoom's dies, and announce the stream at its successor (2.7, 8.4 A)."""
        self.failed_over = True
        self.drop("all")
        return self.announce(f"{self.server_urls.rstrip('/')}/next", unix_ms())

    def interrupted(self) -> None:
        """Post the *interrupted* webhook."""
        who = self.identity
        self.post(wire.interrupted(who.product, who.instance_id, who.stream_id, unix_ms()))

    @property
    def had_signaling(self) -> bool:
        return any(link.signaling and link.accepted for link in self._links)

    def open_links(self) -> list[ClientLink]:
        return [link for link in self._links if link.open and link.accepted]

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

    def webhook_told(self, report: WebhookReport) -> None:
        self._webhooks.append(report)
        if report.refused and report.event.endswith("started"):
            self.open_window(0, Stop.CONNECTION_TIMEOUT)  # nobody will come

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
            chats_sent=play.chats_sent,
            pictures=play.pictures_sent(),
            faults=self.faults.texts,
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
            if self.window is not None and now >= self.window[0]:
                await self.end(self.window[1])
            elif self.window is None and self.playback.finished:
                for link in set(self.media.values()):
                    await link.send_held()
                    await link.flush()
                # Zoom's own SDK drops media that it has not handed on yet when it reads that the stream is over.
                await asyncio.sleep(self.config.linger_s)
                # A link may have been lost meanwhile, and be back already: what died in its buffers is sent again first.
                if self.window is None and self.playback.finished:
                    await self.end(self.playback.script.stop_reason)
            else:
                await self.playback.step(now, None if self.window is None else self.window[0])

    def open_window(self, seconds: float, reason: int) -> None:
        self.window = (time.monotonic() + seconds, reason)
        self.playback.wake()

    # Links -----------------------------------------------------------------------------------------------------------

    def accept(self, link: ClientLink) -> None:
        """A handshake succeeded: from now on the link is kept alive."""
        link.accepted = True
        if not self.faults.asked("no-keep-alives"):
            self.spawn(link.keep_alive(self.config.keep_alive_s, self._unanswered, self._asked))

    async def media_flows(self) -> None:
        """Media may flow on all media links; when no link that has ever flowed is missing, the stream is active (again)."""
        for link in self.media.values():
            link.ready = True
        self.playback.media_up(self.media, time.monotonic())
        for kind in self.media:
            self.needed |= kind
        if any(kind not in self.media for kind in self.needed):
            return
        self.window = None
        if self.state not in (WireStreamState.ACTIVE, WireStreamState.PAUSED, WireStreamState.RESUMED):
            self.state = WireStreamState.PAUSED if self._paused else WireStreamState.ACTIVE
            if self.signaling is not None:
                await self.signaling.send(wire.stream_state(self.state, Stop.UNDEFINED, unix_ms()))
        self.playback.flow(True)
        self.faults.begin()

    def _asked(self, link: ClientLink, timestamp: int) -> None:
        if link.carries & Media.AUDIO:
            self.playback.audio_asked(timestamp)

    def _unanswered(self, link: ClientLink) -> None:
        self.violate(link, "keep-alives unanswered", f"{link.keep_alives.asked} asked, {link.keep_alives.answered} answered")

    def _expire(self, link: ClientLink) -> None:
        if not link.accepted:
            self.spawn(link.close("no handshake in time"))

    def _lost(self, link: ClientLink) -> None:
        """A socket is gone: find out what that means for the stream."""
        if link is self.signaling:
            self.signaling = None
            self.playback.signaling_down()
            if self.stop_reason is None and self.state != WireStreamState.INACTIVE:
                self._signaling_lost()
            for media in set(self.media.values()):  # Zoom tears them down too (8.4)
                media.drop("signaling was lost")
        elif link.carries:
            lost = Media(0)
            for kind in [kind for kind, owner in self.media.items() if owner is link]:
                del self.media[kind]
                lost |= kind
            self.playback.media_down(lost, time.monotonic())
            if self.stop_reason is None and lost & self.needed and self.signaling is not None:
                self._media_lost(lost)

    def _signaling_lost(self) -> None:
        self.state = WireStreamState.INTERRUPTED
        self._interruptions += 1
        self.playback.flow(False)
        self.open_window(self.config.signaling_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
        if not self.failed_over:  # a dead server cannot tell; its successor's *started* does
            self.interrupted()

    def _media_lost(self, lost: Media) -> None:
        assert self.signaling is not None
        self.state = WireStreamState.INTERRUPTED
        self._interruptions += 1
        self.playback.flow(False)
        self.open_window(self.config.media_window_s, Stop.AWAIT_RECONNECTION_TIMEOUT)
        self.spawn(self._tell_media_lost(self.signaling, lost))

    async def _tell_media_lost(self, signaling: ClientLink, lost: Media) -> None:
        now = unix_ms()
        # The field that names the lost type is not published (13, 3): clients must not depend on this one.
        await signaling.send(wire.event_update(wire.plain_event(wire.MEDIA_CONNECTION_INTERRUPTED, now, media_type=int(lost))))
        await signaling.send(wire.stream_state(WireStreamState.INTERRUPTED, Stop.DATA_CONNECTION_INTERRUPTED, now))

    def violate(self, link: ClientLink, name: str, detail: str) -> None:
        """Note a mistake of the client."""
        if len(self._violations) < MAX_VIOLATIONS:
            self._violations.append(Violation(name=name, detail=detail, link=link.kind, unix_ms=unix_ms()))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the call, until the simulator ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _state_name(self) -> PlayState:
        if self.stop_reason is not None:
            return "ended"
        match self.state:
            case WireStreamState.INACTIVE:
                return "joined" if self.signaling is not None else "announced"
            case WireStreamState.INTERRUPTED:
                return "interrupted"
            case WireStreamState.PAUSED:
                return "paused"
            case WireStreamState.ACTIVE | WireStreamState.RESUMED | WireStreamState.TERMINATING | WireStreamState.TERMINATED:
                return "streaming"


Post = Callable[[Call, bytes], None]
"""Posts a webhook body of a call."""

Receiver = Callable[[Call, ClientLink, str | bytes], Awaitable[None]]
"""Judges and answers one frame of the client."""
