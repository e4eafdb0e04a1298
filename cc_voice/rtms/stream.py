"""A stream as a pure state machine: frames, closed sockets, webhooks and the time go in; actions and events come out.

The caller moves bytes and keeps the clock (`client.py` does it with asyncio). After every call it carries out `actions()`
in order, hands on `events()`, and calls `tick` no later than `next_deadline()`. Times are seconds on any clock that does
not jump. Nothing a peer sends raises.

Three machines work together. The stream has a phase (`phases.py`), each link a state of its own (`rtms/links/link.py`), and both
are tables. This module says what leads from one to the other: losing signaling resets all media links, as Zoom tears them down too
(8.4 case B), while a lost media link comes back alone (case C, `rtms/links/media_links.py`); a failover replaces everything at once
(case A); whatever ends the stream stops all of it (cases D and E).
"""

from collections.abc import Callable, Iterator
from typing import assert_never

import msgspec

from . import messages, salvage, stop_classes, translation
from .enums import Status, StopReason, StreamState
from .errors import FrameError, MisuseError
from .events import Audio, Ended, Event
from .failovers import Announced, Failovers
from .links.handshakes import HandshakeIdentity, check_media
from .links.link import Link, LinkState
from .links.media_links import MediaLinks
from .links.signaling import Signaling
from .links.statuses import Treatment, treatment
from .options import ClientOptions, StreamTarget
from .outbox import Action, Outbox
from .phases import Phase, PhaseStep, after
from .products import PRODUCTS, subscriptions
from .urls import UrlPolicy
from .webhooks import Interrupted, Started, Stopped, Webhook


class Stream:
    """The protocol of one stream. `signature` is that of its handshakes; `jitter` returns seconds to add to a back-off."""

    def __init__(
        self,
        target: StreamTarget,
        signature: str,
        options: ClientOptions | None = None,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Raises MisuseError for options that make no sense."""
        self.phase = Phase.NEW
        self._options = options or ClientOptions()
        check_media(self._options.media)
        self._limits = self._options.limits
        self._product = PRODUCTS[target.product]
        self._identity = HandshakeIdentity(target, signature)
        self._announced = Failovers(target.event_ts_ms, target.server_urls)
        self._out = Outbox(UrlPolicy(allowed_hosts=self._options.allowed_hosts, allow_insecure=self._options.allow_insecure))
        self.counters = self._out.counters
        self._translator = translation.Translator(self._product, self.counters)
        self._server = Signaling(target.server_urls, self._options, self._identity, self._out, jitter)
        self._signaling = self._server.link
        self._media = MediaLinks(self._options, self._identity, self._out, jitter)
        self._ending = stop_classes.StreamEnd(self._limits)
        self._clock = (0.0, 0)

    # What the caller does --------------------------------------------------------------------------------------------

    def start(self, now: float, unix_ms: int) -> None:
        """Begin. `unix_ms` is the wall clock at `now`. Raises MisuseError when begun before."""
        if self.phase is not Phase.NEW:
            raise MisuseError("a stream is started once")
        self._clock = (now, unix_ms)
        self._go("start")
        announced_ms = self._announced.event_ts_ms
        is_stale = announced_ms is not None and unix_ms - announced_ms > self._limits.stale_s * 1000
        if is_stale and not self._options.resume:
            self._signaling.window_until = now  # webhooks can be hours late: one attempt, whatever it brings (8.4)
        self._server.open(now)
        self._signaling_changed()

    def opened(self, socket: int, now: float) -> None:
        """A socket is open."""
        if (link := self._link_of(socket)) is None or link.state is not LinkState.CONNECTING:
            return
        if link is self._signaling:
            self._server.opened(now)
        else:
            self._media.opened(link, now)

    def received(self, socket: int, frame: bytes, now: float) -> None:
        """A frame came, text or binary."""
        link = self._link_of(socket)
        if link is None or link.state is LinkState.CONNECTING:
            self.counters.add("frame of a superseded socket")
            return
        link.alive(now)
        try:
            self._take(link, messages.decode(frame), frame, now)
        except FrameError:
            self.counters.add("garbage")

    def closed(self, socket: int, now: float, error: str | None = None, code: int | None = None) -> None:
        """A socket is closed, or could not be opened; `error` says why, if known, `code` is the server's close code."""
        if (link := self._link_of(socket)) is not None:
            # Zoom's close codes have no documented meaning: every close we did not ask for is a loss (8.4).
            link.socket = None
            self._server.closed(link, code)
            self._signaling_changed()
            self._lose(link, now, salvage.text(error or "", 200) or "closed by the server", at_once=link.is_suspected(now))

    def notify(self, webhook: Webhook, now: float) -> None:
        """A further webhook of this stream came. Raises MisuseError for one of another stream."""
        if not isinstance(webhook, Started | Stopped | Interrupted):
            return  # what the account or the endpoint is told, not this stream
        if webhook.stream_id != self._identity.stream_id:
            raise MisuseError("the webhook belongs to another stream; streams are told apart by rtms_stream_id")
        if self.phase in (Phase.NEW, Phase.ENDED):
            return
        match webhook:
            case Stopped():
                self._finish(stop_classes.stopped(webhook.stop_reason), now)
            case Started() | Interrupted() if self.phase is Phase.STOPPING:
                pass  # nothing is opened any more, wherever Zoom would serve it now
            case Started():
                self._started_again(webhook, now)
            case Interrupted():
                self._interrupted(webhook.server_urls, now)

    def close(self, now: float) -> None:
        """End the stream gracefully: tell Zoom, take what is on its way, close (8.6). A second call does nothing."""
        if self.phase in (Phase.STOPPING, Phase.ENDED):
            return
        self._ending.asked_for = True
        verdict = Ended(kind="closed", reason=StopReason.RECEIVER_REQUEST_CLOSE)
        if self._signaling.is_up:
            self._stop(verdict, self._limits.close_grace_s, now)
            self._out.send(self._signaling, messages.StreamCloseRequest(rtms_stream_id=self._identity.stream_id))
        else:
            self._end(verdict)

    def abandon(self) -> None:
        """Close all links without a word, so that a successor can take the stream up; no event says so (8.6)."""
        if self.phase is not Phase.ENDED:
            self._close_all()
            self._go("end")

    def subscribe_video(self, user_id: int, subscribe: bool, unix_ms: int) -> None:
        """Switch one participant's video on or off; on replaces an earlier one (5.10). Raises MisuseError without signaling."""
        if not self._signaling.is_up:
            raise MisuseError("video can be subscribed to while the signaling link is up")
        self._out.send(self._signaling, messages.VideoSubscriptionRequest(user_id=user_id, subscribe=subscribe, timestamp=unix_ms))

    def ask_state(self) -> None:
        """Ask for the stream's state; the answer is an event. Raises MisuseError without signaling."""
        if not self._signaling.is_up:
            raise MisuseError("the stream's state can be asked for while the signaling link is up")
        self._out.send(self._signaling, messages.StreamStateRequest(rtms_stream_id=self._identity.stream_id))

    def tick(self, now: float) -> None:
        """Do what is due."""
        for link in self._links():
            if link.deadline is not None and link.deadline <= now and self.phase is not Phase.ENDED:
                self._time_out(link, now)
        due = self._ending.due(now) if self.phase is Phase.STOPPING else None
        if due == "drain":
            self._drain(now)
        elif due == "end":
            self._end(self._ending.verdict)

    def next_deadline(self) -> float | None:
        """When `tick` is due; None: not before something else happens."""
        if self.phase is Phase.ENDED:
            return None
        deadlines = (*(link.deadline for link in self._links()), self._ending.deadline)
        return min((at for at in deadlines if at is not None), default=None)

    def actions(self) -> list[Action]:
        """Take what is to be done, in order."""
        return self._out.take_actions()

    def events(self) -> list[Event]:
        """Take what there is to tell, in order."""
        return self._out.take_events()

    # Messages --------------------------------------------------------------------------------------------------------

    def _take(self, link: Link, message: messages.Message | messages.UnknownMessage, frame: bytes, now: float) -> None:
        match message:
            case messages.MediaAudio():  # first, as nine of ten frames are
                self._take_media(link, message, now)
            case messages.KeepAliveRequest():
                # None in, none out: an invented time stamp would be a wrong one (8.1).
                echo = msgspec.UNSET if message.timestamp is None else message.timestamp
                self._out.send(link, messages.KeepAliveResponse(timestamp=echo))
            case messages.MediaTranscript() | messages.MediaVideo() | messages.MediaShare() | messages.MediaChat():
                self._take_media(link, message, now)
            case messages.UnknownMessage():
                self.counters.add(f"unknown message {message.msg_type}")
            case _:
                for name in messages.unknown_fields(frame, message):
                    self.counters.add(f"unknown field {type(message).__name__}.{name[:40]}")
                self._take_control(link, message, frame, now)

    def _take_control(self, link: Link, message: messages.Control, frame: bytes, now: float) -> None:
        if isinstance(message, messages.NeverSent):
            self.counters.add(f"unexpected {type(message).__name__}")
            return
        match message:
            case messages.SignalingResponse() if link is self._signaling:
                self._signaling_answered(message, now)
            # A failed media handshake may be answered by message 2 (12, row 13).
            case messages.MediaResponse() | messages.SignalingResponse() if link is not self._signaling:
                self._media.answered(link, message, now)
                self._media_changed()
            case messages.EventUpdate():
                event = self._translator.event(message, frame, self._unix_ms(now))
                self._out.tell(event)
                if event.name == translation.INTERRUPTED:
                    self._media.interrupted(now)
            case messages.StreamStateUpdate() | messages.StreamStateResponse():
                self._take_stream_state(message, now)
            case messages.SessionStateUpdate() | messages.SessionStateResponse():
                self._take_session_state(message)
            case messages.StreamCloseResponse():
                self._close_answered(message, now)
            case messages.VideoSubscriptionResponse():
                if message.code not in (Status.OK, Status.DUPLICATE_VIDEO_SUBSCRIPTION):
                    self.counters.add(f"video subscription status {message.code}")
            case messages.SignalingResponse() | messages.MediaResponse():
                self.counters.add(f"unexpected {type(message).__name__}")
            case _ as never:
                assert_never(never)

    def _take_stream_state(self, message: messages.StreamStateUpdate | messages.StreamStateResponse, now: float) -> None:
        if (event := self._translator.stream_state(message)) is None:
            return
        self._out.tell(event)
        reason = event.reason
        match event.state:
            case StreamState.ACTIVE | StreamState.RESUMED:
                self._go("resume" if self.phase is Phase.PAUSED else "flow")
            case StreamState.PAUSED:
                self._go("pause")
            case StreamState.INTERRUPTED if reason == StopReason.SIGNAL_CONNECTION_INTERRUPTED:
                self._lose(self._signaling, now, "Zoom says that signaling was interrupted")
            case StreamState.INTERRUPTED if reason in (None, StopReason.DATA_CONNECTION_INTERRUPTED):
                self._media.interrupted(now)
            case StreamState.TERMINATING:
                self._stop(stop_classes.stopped(reason), self._limits.watchdog_s, now)
            case StreamState.TERMINATED:
                self._finish(stop_classes.stopped(reason), now)
            case _:
                pass  # inactive, interrupted for a reason that is no link's, or a number nobody knows: told, and nothing follows

    def _take_session_state(self, message: messages.SessionStateUpdate | messages.SessionStateResponse) -> None:
        # A stream outlives its sessions: it ends by message 8 or the webhook only (5.8).
        if (event := self._translator.session_state(message)) is not None:
            self._out.tell(event)

    def _take_media(self, link: Link, message: messages.Media, now: float) -> None:
        if link is self._signaling:
            self.counters.add("media on signaling")
            return
        if link.state is LinkState.SHAKING:
            if not self._options.tolerant:
                self.counters.add("media before the handshake's answer")
                return
            self._media.accept(link, None, now)
            self._media_changed()
        self._ending.media_came(now)
        if (event := self._translator.media(message, self._unix_ms(now))) is not None:
            if isinstance(event, Audio) and not self._media.is_as_agreed(event):
                self.counters.add("audio of another size than agreed")
            self._go("flow")
            self._out.tell(event)

    # Links -----------------------------------------------------------------------------------------------------------

    def _signaling_answered(self, answer: messages.SignalingResponse, now: float) -> None:
        if self.phase is not Phase.SIGNALING:
            self.counters.add("unexpected SignalingResponse")
        elif self._server.answered(answer, now):
            self._go("signaling_up")
            for numbers in subscriptions(self._product, self._options.media):  # they do not outlive their link (5.3)
                wanted = tuple(messages.Subscription(number) for number in numbers)
                self._out.send(self._signaling, messages.EventSubscription(events=wanted))
            self._media.place(answer.media_urls, now)
            self._media_changed()
        else:
            self._signaling_changed()

    def _signaling_changed(self) -> None:
        """See what a change of the signaling link means for the stream."""
        if self._server.end is not None:
            self._end(self._server.end)

    def _media_changed(self) -> None:
        """See what a change of media links means for the stream: message 7 is due, or nothing is left."""
        if self.phase in (Phase.STOPPING, Phase.ENDED):
            return
        if (end := self._media.exhausted) is not None:
            self._end(end)
        elif self._media.take_ready():
            self._out.send(self._signaling, messages.ClientReady(rtms_stream_id=self._identity.stream_id))
            self._signaling.settle()
            self._go("ready")
        elif not self._media.any_up:
            self._go("media_lost")

    def _time_out(self, link: Link, now: float) -> None:
        told = {LinkState.CONNECTING: "could not be opened in time", LinkState.SHAKING: "handshake was not answered in time"}
        if link is self._signaling and link.state is LinkState.WAITING:
            self._server.open(now)
            self._signaling_changed()
        elif link.state is LinkState.WAITING:
            self._media.open(link, now)
            self._media_changed()
        elif link.state is LinkState.SHAKING and link is not self._signaling and self._options.tolerant:
            self._media.accept(link, None, now)
            self._media_changed()
        else:
            self._lose(link, now, told.get(link.state, "nothing came for too long"))

    def _lose(self, link: Link, now: float, error: str, *, at_once: bool = False) -> None:
        """A link is gone, or as good as gone."""
        if self.phase is Phase.STOPPING:
            self._lose_while_stopping(link, now)
        elif link is not self._signaling:
            self._media.retry(link, now, error, at_once=at_once)
            self._media_changed()
        elif link.in_progress or link.is_up:
            # Case B: all is closed and signaling tried again; media follows where the next message 2 says.
            self._server.retry(now, error, at_once=at_once)
            self._media.reset()
            self._go("signaling_lost")
            self._signaling_changed()

    def _lose_while_stopping(self, link: Link, now: float) -> None:
        self._out.close(link)
        link.reset()
        if self._ending.is_draining:
            if not self._media.any_up:
                self._end(self._ending.verdict)
        elif link is self._signaling:
            self._drain(now)  # nobody is left to tell us more

    def _started_again(self, webhook: Started, now: float) -> None:
        judged = self._announced.judge(webhook, self._signaling, now)
        if judged is Announced.FAILOVER:
            self._fail_over(webhook.server_urls, now)
            return
        self.counters.add(judged.value)
        if judged is Announced.SUSPICION:
            self._signaling.suspect(now)

    def _interrupted(self, server_urls: str | None, now: float) -> None:
        """Trigger of case B by webhook. It may be minutes late: a link that shows life is left alone."""
        if server_urls is not None and server_urls != self._server.url:
            self._fail_over(server_urls, now)
        elif self._signaling.is_up:
            self._signaling.suspect(now)
        else:
            self._signaling.hurry(now)

    def _fail_over(self, url: str, now: float) -> None:
        """Case A: a new server has the stream; everything is opened anew, at once."""
        self._server.fail_over(url, now)
        self._media.reset(forget=True)
        self._go("failover")
        self._signaling_changed()

    # The end ---------------------------------------------------------------------------------------------------------

    def _close_answered(self, answer: messages.StreamCloseResponse, now: float) -> None:
        if not self._ending.asked_for or self.phase is not Phase.STOPPING:
            self.counters.add("unexpected StreamCloseResponse")
        elif treatment(answer.code) is Treatment.ACCEPT:
            self._finish(Ended(kind="closed", reason=StopReason.RECEIVER_REQUEST_CLOSE), now)
        else:
            self._end(self._ending.verdict)

    def _stop(self, verdict: Ended, patience_s: float, now: float) -> None:
        """Open nothing any more, and end with the verdict when Zoom says no more."""
        self._ending.judge(verdict)
        if self.phase is Phase.STOPPING:
            return
        self._go("stop")
        self._ending.wait(patience_s, now)
        for link in self._links():
            if not link.is_up:
                self._out.close(link)
                link.reset()

    def _finish(self, verdict: Ended, now: float) -> None:
        """The stream is over: take what the media links still hold, then end. What is revoked is not waited for."""
        if verdict.kind == "revoked":
            self._end(verdict)
            return
        self._stop(verdict, self._limits.close_grace_s, now)
        if not self._ending.is_draining:
            self._drain(now)

    def _drain(self, now: float) -> None:
        if self._media.any_up:
            self._ending.drain(now)
        else:
            self._end(self._ending.verdict)

    def _end(self, verdict: Ended | None) -> None:
        if self.phase is Phase.ENDED:
            return
        self._close_all()
        self._go("end")
        self._out.tell(verdict or Ended(kind="normal"))

    def _close_all(self) -> None:
        """Close media first, then signaling (8.6)."""
        for link in (*self._media, self._signaling):
            self._out.close(link)
            link.reset()

    def _links(self) -> Iterator[Link]:
        yield self._signaling
        yield from self._media

    def _link_of(self, socket: int) -> Link | None:
        return next((link for link in self._links() if link.socket == socket), None)

    def _go(self, step: PhaseStep) -> None:
        self.phase = after(self.phase, step)

    def _unix_ms(self, now: float) -> int:
        return self._clock[1] + round((now - self._clock[0]) * 1000)
