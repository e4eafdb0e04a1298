"""A stream as a pure state machine: frames, closed sockets, webhooks and the time go in; actions and events come out.

The caller moves bytes and keeps the clock (`client.py` does it with asyncio). After every call it carries out `actions()`
in order, hands on `events()`, and calls `tick` no later than `next_deadline()`. Times are seconds on any clock that does
not jump. Nothing a peer sends raises.

    NEW ─start▶ SIGNALING ─signaling_up▶ MEDIA ─ready▶ READY ─flow▶ STREAMING ⇄ PAUSED
                 ▲    ▲                   ▲              (pause, resume)
                 │    └ signaling_lost ┐  └ media_lost ┐
                 └ failover            └ all between ──┘
    all but NEW ─stop▶ STOPPING ─end▶ ENDED;  all ─end▶ ENDED

SIGNALING: the signaling link is on its way, for the first time or again. MEDIA: it is up, and no media link is ready.
READY: message 7 was sent. STREAMING: message 8 said so, or media came. STOPPING: nothing is opened any more; what media
links still hold is taken. Each link is a machine of its own (`links.py`); losing signaling resets all media links, as
Zoom tears them down too, while a lost media link comes back alone (8.4 cases B and C). A step that the table does not
know in a phase changes nothing: Zoom may say twice that a stream is active.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

import msgspec

from cc_voice.rtms import endings, events, messages, translation
from cc_voice.rtms.counters import Counters
from cc_voice.rtms.enums import StopReason, StreamState
from cc_voice.rtms.errors import FrameError, MisuseError, UrlError
from cc_voice.rtms.events import AudioFormat, Ended, Event, LinkDown, LinkUp, MediaRefused
from cc_voice.rtms.handshakes import Identity, MediaOffer, offers
from cc_voice.rtms.links import Link, LinkState
from cc_voice.rtms.media import AudioContent, MediaParams
from cc_voice.rtms.options import ClientOptions, StreamTarget
from cc_voice.rtms.products import PRODUCTS
from cc_voice.rtms.statuses import Treatment, treatment
from cc_voice.rtms.urls import UrlPolicy, media_url
from cc_voice.rtms.webhooks import Interrupted, Started, Stopped, Webhook


class Phase(Enum):
    """See the picture above."""

    NEW = auto()
    SIGNALING = auto()
    MEDIA = auto()
    READY = auto()
    STREAMING = auto()
    PAUSED = auto()
    STOPPING = auto()
    ENDED = auto()


_P = Phase
_LIVE = (_P.SIGNALING, _P.MEDIA, _P.READY, _P.STREAMING, _P.PAUSED)
PHASE_TABLE: Mapping[tuple[Phase, str], Phase] = {
    (_P.NEW, "start"): _P.SIGNALING,
    (_P.SIGNALING, "signaling_up"): _P.MEDIA,
    (_P.MEDIA, "ready"): _P.READY,
    (_P.READY, "flow"): _P.STREAMING,
    (_P.READY, "pause"): _P.PAUSED,
    (_P.STREAMING, "pause"): _P.PAUSED,
    (_P.PAUSED, "resume"): _P.STREAMING,
    **{(phase, "media_lost"): _P.MEDIA for phase in _LIVE if phase is not _P.SIGNALING},
    **{(phase, "signaling_lost"): _P.SIGNALING for phase in _LIVE},
    **{(phase, "failover"): _P.SIGNALING for phase in _LIVE},
    **{(phase, "stop"): _P.STOPPING for phase in _LIVE},
    **{(phase, "end"): _P.ENDED for phase in _P},
}


class Open(msgspec.Struct, frozen=True):
    """Open a WebSocket; call `opened` or `closed` with its number."""

    socket: int
    link: events.LinkName
    url: str


class Send(msgspec.Struct, frozen=True):
    """Send a text frame."""

    socket: int
    data: bytes


class Close(msgspec.Struct, frozen=True):
    """Close a WebSocket, or stop opening it. Nothing it does from now on matters; `closed` need not be called."""

    socket: int


Action = Open | Send | Close


class Stream:
    """The protocol of one stream. `signature` is that of its handshakes; `jitter` returns seconds to add to a back-off."""

    def __init__(
        self,
        target: StreamTarget,
        signature: str,
        options: ClientOptions | None = None,
        jitter: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.phase = Phase.NEW
        self.counters = Counters()
        self._options = options or ClientOptions()
        self._limits = self._options.limits
        self._jitter = jitter
        self._product = PRODUCTS[target.product]
        self._policy = UrlPolicy(allowed_hosts=self._options.allowed_hosts, allow_insecure=self._options.allow_insecure)
        self._identity = Identity(target, signature)
        self._announced = (target.event_ts_ms, target.server_urls)
        self._signaling = Link("signaling", self._limits, self._limits.signaling_window_s)
        self._signaling_url = target.server_urls
        self._media = tuple(_MediaLink(offer, self._options) for offer in offers(self._options))
        if not self._media:
            raise MisuseError("a stream without media is of no use: name at least one in ClientOptions.media")
        self._actions: list[Action] = []
        self._events: list[Event] = []
        self._sockets = 0
        self._was_accepted = False
        self._ready_sent = False
        self._ready_due = False
        self._format: AudioFormat | None = None
        self._replays = translation.Replays()
        self._clock = (0.0, 0)
        self._verdict: Ended | None = None
        self._closing = False
        self._end_by: float | None = None
        self._quiet_by: float | None = None

    # What the caller does --------------------------------------------------------------------------------------------

    def start(self, now: float, unix_ms: int) -> None:
        """Begin. `unix_ms` is the wall clock at `now`. Raises MisuseError when begun before."""
        if self.phase is not Phase.NEW:
            raise MisuseError("a stream is started once")
        self._clock = (now, unix_ms)
        self._go("start")
        announced_ms = self._announced[0]
        is_stale = announced_ms is not None and unix_ms - announced_ms > self._limits.stale_s * 1000
        if is_stale and not self._options.resume:
            self._signaling.window_until = now  # webhooks can be hours late: one attempt, whatever it brings (8.4)
        self._open_signaling(now)

    def opened(self, socket: int, now: float) -> None:
        """A socket is open."""
        link = self._link_of(socket)
        if link is None or link.state is not LinkState.CONNECTING:
            return
        if link is self._signaling:
            link.opened(now, self._limits.handshake_s)
            self._send(link, self._identity.signaling_request(self._options.buffer_data))
            return
        media = self._media_of(link)
        link.opened(now, self._limits.tolerant_s if self._options.tolerant else self._limits.handshake_s)
        self._send(link, self._identity.media_request(media.offer.kind.media_type, media.offer.params))

    def received(self, socket: int, frame: bytes, now: float) -> None:
        """A frame came, text or binary."""
        link = self._link_of(socket)
        if link is None or link.state is LinkState.CONNECTING:
            self.counters.add("frame of a superseded socket")
            return
        link.alive(now)
        try:
            message = messages.decode(frame)
            self._take(link, message, frame, now)
        except FrameError:
            self.counters.add("garbage")

    def closed(self, socket: int, now: float, error: str | None = None) -> None:
        """A socket is closed, or could not be opened; `error` says why, if the reason is known."""
        link = self._link_of(socket)
        if link is not None:
            # Zoom's close codes have no documented meaning: every close we did not ask for is a loss (8.4).
            suspected = link.is_suspected(now)
            link.socket = None
            self._lose(link, now, error or "closed by the server", at_once=suspected)

    def notify(self, webhook: Webhook, now: float) -> None:
        """A further webhook of this stream came. Raises MisuseError for one of another stream."""
        if not isinstance(webhook, Started | Stopped | Interrupted):
            return
        if webhook.stream_id != self._identity.stream_id:
            raise MisuseError("the webhook belongs to another stream; streams are told apart by rtms_stream_id")
        if self.phase is Phase.ENDED or self.phase is Phase.NEW:
            return
        match webhook:
            case Started():
                self._announced_again(webhook, now)
            case Stopped():
                self._finish(endings.stopped(webhook.stop_reason), now)
            case Interrupted():
                self._interrupted(webhook.server_urls, now)

    def close(self, now: float) -> None:
        """End the stream gracefully: tell Zoom, take what is on its way, close (8.6). A second call does nothing."""
        if self.phase in (Phase.STOPPING, Phase.ENDED):
            return
        self._closing = True
        verdict = Ended(kind="closed", reason=StopReason.RECEIVER_REQUEST_CLOSE)
        if not self._signaling.is_up:
            self._end(verdict)
            return
        self._stop(verdict, now + self._limits.close_grace_s)
        self._send(self._signaling, messages.StreamCloseRequest(rtms_stream_id=self._identity.stream_id))

    def abandon(self) -> None:
        """Close all links without a word, so that a successor can take the stream up; no event says so (8.6)."""
        if self.phase is not Phase.ENDED:
            self._close_all()
            self._go("end")

    def subscribe_video(self, user_id: int, subscribe: bool, unix_ms: int) -> None:
        """Switch one participant's video on or off; on replaces an earlier one (5.10). Raises MisuseError without signaling."""
        if not self._signaling.is_up:
            raise MisuseError("video can be subscribed to while the signaling link is up")
        self._send(self._signaling, messages.VideoSubscriptionRequest(user_id=user_id, subscribe=subscribe, timestamp=unix_ms))

    def ask_state(self) -> None:
        """Ask for the stream's state; the answer is an event. Raises MisuseError without signaling."""
        if not self._signaling.is_up:
            raise MisuseError("the stream's state can be asked for while the signaling link is up")
        self._send(self._signaling, messages.StreamStateRequest(rtms_stream_id=self._identity.stream_id))

    def tick(self, now: float) -> None:
        """Do what is due."""
        for link in (self._signaling, *(media.link for media in self._media)):
            if link.deadline is not None and link.deadline <= now and self.phase is not Phase.ENDED:
                self._time_out(link, now)
        if self.phase is Phase.STOPPING and any(by is not None and by <= now for by in (self._end_by, self._quiet_by)):
            self._end(self._verdict)

    def next_deadline(self) -> float | None:
        """When `tick` is due; None: not before something else happens."""
        if self.phase is Phase.ENDED:
            return None
        links = [link.deadline for link in (self._signaling, *(media.link for media in self._media))]
        return min((at for at in (*links, self._end_by, self._quiet_by) if at is not None), default=None)

    def actions(self) -> list[Action]:
        """Take what is to be done, in order."""
        taken, self._actions = self._actions, []
        return taken

    def events(self) -> list[Event]:
        """Take what there is to tell, in order."""
        taken, self._events = self._events, []
        return taken

    # Messages --------------------------------------------------------------------------------------------------------

    def _take(self, link: Link, message: messages.Message | messages.UnknownMessage, frame: bytes, now: float) -> None:
        match message:
            case messages.MediaAudio() | messages.MediaTranscript() | messages.MediaVideo():
                self._take_media(link, message, now)
            case messages.KeepAliveRequest():
                # None in, none out: an invented time stamp would be a wrong one (decisions; 8.1).
                echo = msgspec.UNSET if message.timestamp is None else message.timestamp
                self._send(link, messages.KeepAliveResponse(timestamp=echo))
            case messages.MediaShare() | messages.MediaChat():
                self._take_media(link, message, now)
            case messages.UnknownMessage():
                self.counters.add(f"unknown message {message.msg_type}")
            case _:
                for name in messages.unknown_fields(frame, message):
                    self.counters.add(f"unknown field {type(message).__name__}.{name[:40]}")
                self._take_control(link, message, frame, now)

    def _take_control(self, link: Link, message: messages.Message, frame: bytes, now: float) -> None:
        match message:
            case messages.SignalingResponse() if link is self._signaling:
                self._signaling_answered(message, now)
            # A failed media handshake may be answered by message 2 (12, row 13).
            case messages.MediaResponse() | messages.SignalingResponse() if link is not self._signaling:
                self._media_answered(self._media_of(link), message, now)
            case messages.EventUpdate():
                self._take_event(message, frame, now)
            case messages.StreamStateUpdate() | messages.StreamStateResponse():
                self._take_stream_state(message, now)
            case messages.SessionStateUpdate() | messages.SessionStateResponse():
                self._take_session_state(message)
            case messages.StreamCloseResponse():
                self._close_answered(message, now)
            case messages.VideoSubscriptionResponse():
                if treatment(message.code) is not Treatment.ACCEPT:
                    self.counters.add(f"video subscription status {message.code}")
            case _:
                self.counters.add(f"unexpected {type(message).__name__}")

    def _take_event(self, message: messages.EventUpdate, frame: bytes, now: float) -> None:
        head, raw = messages.event_of(message, frame)
        event = translation.platform_event(self._product, head, raw, self._unix_ms(now))
        if event.name == "first_packet_timestamp" and head.at_unix_ms is None:
            raise FrameError("event 1 has no time, and says nothing else")
        if event.name.startswith("event_"):
            self.counters.add(f"unknown event {event.event_type}")
        self._events.append(event)
        if event.name == "media_connection_interrupted":
            self._media_interrupted(now)

    def _take_stream_state(self, message: messages.StreamStateUpdate | messages.StreamStateResponse, now: float) -> None:
        state, reason = message.number, message.why
        if state is None or state < 0:
            self.counters.add("stream state without a state")
            return
        self._events.append(events.StreamStateChanged(state=state, reason=reason, at_unix_ms=message.at_unix_ms))
        match state:
            case StreamState.ACTIVE:
                self._go("flow")
                self._go("resume")
            case StreamState.RESUMED:
                self._go("resume")
            case StreamState.PAUSED:
                self._go("pause")
            case StreamState.INTERRUPTED if reason == StopReason.SIGNAL_CONNECTION_INTERRUPTED:
                self._lose(self._signaling, now, "Zoom says that signaling was interrupted")
            case StreamState.INTERRUPTED if reason in (None, StopReason.DATA_CONNECTION_INTERRUPTED):
                self._media_interrupted(now)
            case StreamState.TERMINATING:
                self._stop(endings.stopped(reason), now + self._limits.watchdog_s)
            case StreamState.TERMINATED:
                self._finish(endings.stopped(reason), now)
            case _:
                if state > max(StreamState):
                    self.counters.add(f"unknown stream state {state}")

    def _take_session_state(self, message: messages.SessionStateUpdate | messages.SessionStateResponse) -> None:
        # A stream outlives its sessions: it ends by message 8 or the webhook only (5.8).
        if message.number is None:
            self.counters.add("session state without a state")
            return
        changed = events.SessionStateChanged(
            session_id=message.session, state=message.number, reason=message.why, at_unix_ms=message.at_unix_ms
        )
        self._events.append(changed)

    def _take_media(self, link: Link, message: messages.Media, now: float) -> None:
        if link is self._signaling:
            self.counters.add("media on signaling")
            return
        if link.state is LinkState.SHAKING:
            if not self._options.tolerant:
                self.counters.add("media before the handshake's answer")
                return
            self._media_accepted(self._media_of(link), None, now)
        event = self._media_event(message, now)
        if event is not None:
            self._go("flow")
            self._events.append(event)
        if self._quiet_by is not None:
            self._quiet_by = now + self._limits.drain_s

    def _media_event(self, message: messages.Media, now: float) -> Event | None:
        event: Event | None
        match message:
            case messages.MediaAudio(content=content):
                return self._audio_event(content)
            case messages.MediaTranscript(content=said):
                event = translation.transcript(said)
                if said.language is not None and said.language >= 0 and event is not None and event.language is None:
                    self.counters.add(f"unknown language {said.language}")
            case messages.MediaVideo(content=seen):
                event = translation.picture(events.Video, seen)
            case messages.MediaShare(content=seen):
                event = translation.picture(events.Share, seen)
            case messages.MediaChat():
                event = translation.chat(message, self._unix_ms(now))
        if event is None:
            self.counters.add("media without a time")
        return event

    def _audio_event(self, content: AudioContent) -> Event | None:
        packet = translation.audio(content)
        if packet is None:
            self.counters.add("media without a time")
            return None
        if content.length is not None and content.length != len(packet.pcm):
            self.counters.add("audio of another length than told")
        if not self._replays.is_new(packet.source, packet.timestamp_ms):
            self.counters.add("replayed audio")
            return None
        return packet

    # Handshakes ------------------------------------------------------------------------------------------------------

    def _open_signaling(self, now: float) -> None:
        try:
            self._open(self._signaling, self._signaling_url, now)
        except UrlError as error:
            self._end(Ended(kind="refused", error=str(error)))

    def _open_media(self, media: "_MediaLink", now: float) -> None:
        try:
            self._open(media.link, media.url, now)
        except UrlError as error:
            self._give_up(media, None, str(error))

    def _open(self, link: Link, url: str, now: float) -> None:
        self._policy.check(url)
        self._sockets += 1
        link.open(self._sockets, now)
        self._actions.append(Open(self._sockets, link.name, url))

    def _signaling_answered(self, answer: messages.SignalingResponse, now: float) -> None:
        if self._signaling.state is not LinkState.SHAKING or self.phase is not Phase.SIGNALING:
            self.counters.add("unexpected SignalingResponse")
            return
        todo = treatment(answer.code)
        if todo is not Treatment.ACCEPT:
            self._signaling_refused(todo, answer, now)
            return
        self._identity.settle()
        self._was_accepted = True
        self._signaling.accepted(now)
        self._events.append(LinkUp(link="signaling"))
        self._go("signaling_up")
        self._subscribe()
        self._place_media(answer.media_urls, now)

    def _subscribe(self) -> None:
        """Subscriptions do not outlive their link (5.3); 1 and 7 come unasked and must not be asked for."""
        wanted = list(self._product.subscriptions)
        if self._product.name in ("meeting", "webinar"):
            kinds = {"deskshare": (5, 6), "video": (8, 9), "chat": (10, 11, 12, 13, 14)}
            wanted += [numbers for name, numbers in kinds.items() if name in self._options.media]
        for numbers in wanted:
            subscriptions = tuple(messages.Subscription(number) for number in numbers)
            self._send(self._signaling, messages.EventSubscription(events=subscriptions))

    def _place_media(self, offered: Mapping[str, str], now: float) -> None:
        for media in self._media:
            url = media_url(offered, media.offer.kind.url_names)
            if url is not None:
                media.url = url
        for media in self._media:
            if media.link.state is not LinkState.GIVEN_UP and self.phase is not Phase.ENDED:
                if media.url:
                    self._open_media(media, now)
                else:
                    self._give_up(media, None, "Zoom offers no media server; check the scopes of the app")

    def _signaling_refused(self, todo: Treatment, answer: messages.SignalingResponse, now: float) -> None:
        code, why = answer.code, answer.why
        self.counters.add(f"signaling status {code}")
        refusal = endings.handshake_refused(code, why)
        if todo in (Treatment.UNKNOWN_STREAM, Treatment.OTHER_KEY) and self._identity.change_key():
            self._retry_signaling(now, refusal, at_once=True)
        elif todo is Treatment.DUPLICATE:
            self._retry_signaling(now, refusal, duplicate=True)
        elif todo in (Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE) and self._was_accepted:
            # A successor of a dead server may not know the stream yet: final only after the window (8.4).
            self._retry_signaling(now, refusal)
        elif todo in (Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE) and self._options.resume:
            self._end(endings.gone(code, why))
        elif todo in (Treatment.STOP, Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE, Treatment.OTHER_KEY):
            self._end(endings.refused(code, why))
        else:
            self._retry_signaling(now, refusal)

    def _media_answered(self, media: "_MediaLink", answer: messages.MediaResponse | messages.SignalingResponse, now: float) -> None:
        if media.link.state is not LinkState.SHAKING:
            self.counters.add(f"unexpected {type(answer).__name__}")
            return
        todo = treatment(answer.code)
        if todo is Treatment.ACCEPT:
            if isinstance(answer, messages.MediaResponse) and answer.encrypted:
                self.counters.add("payload encrypted though not asked for")
            self._media_accepted(media, messages.params_of(answer), now)
            return
        self.counters.add(f"media status {answer.code}")
        refusal = endings.handshake_refused(answer.code, answer.why)
        if todo is Treatment.DUPLICATE:
            self._retry_media(media, now, refusal, duplicate=True)
        elif todo in (Treatment.BACK_OFF, Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE, Treatment.OTHER_KEY):
            # Signaling took the same id and signature: the media server does not know the stream yet.
            self._retry_media(media, now, refusal)
        elif media.offer.adapt(todo):
            self._retry_media(media, now, refusal, at_once=True)
        else:
            self._give_up(media, answer.code, refusal)

    def _media_accepted(self, media: "_MediaLink", echoed: MediaParams | None, now: float) -> None:
        media.link.accepted(now)
        media.link.settle()
        self._events.append(LinkUp(link=media.link.name))
        if media.offer.carries_audio:
            self._tell_format(echoed or media.offer.params)
        self._ready_due = True
        self._settle()

    def _tell_format(self, params: MediaParams | None) -> None:
        audio = params.audio if params is not None and params.audio is not msgspec.UNSET else self._options.audio
        told = AudioFormat(
            sample_rate_hz=audio.sample_rate_hz,
            channels=audio.channel,
            codec=audio.codec,
            content_type=audio.content_type,
            data_opt=audio.data_opt,
            send_rate_ms=audio.send_rate,
        )
        if told != self._format:
            self._format = told
            self._events.append(told)

    def _settle(self) -> None:
        """Send message 7: at first when no media link is under way any more, later after each that came back (5.6)."""
        if not self._ready_due or not self._signaling.is_up or self.phase is Phase.STOPPING:
            return
        if not self._ready_sent and any(media.link.in_progress for media in self._media):
            return
        self._ready_due = False
        self._ready_sent = True
        self._send(self._signaling, messages.ClientReady(rtms_stream_id=self._identity.stream_id))
        self._signaling.settle()
        self._go("ready")

    # Losses ----------------------------------------------------------------------------------------------------------

    def _time_out(self, link: Link, now: float) -> None:
        if link.state is LinkState.WAITING:
            if link is self._signaling:
                self._open_signaling(now)
            else:
                self._open_media(self._media_of(link), now)
        elif link.state is LinkState.SHAKING and link is not self._signaling and self._options.tolerant:
            self._media_accepted(self._media_of(link), None, now)
        else:
            told = {LinkState.CONNECTING: "could not be opened in time", LinkState.SHAKING: "handshake was not answered in time"}
            self._lose(link, now, told.get(link.state, "nothing came for too long"))

    def _lose(self, link: Link, now: float, error: str, *, at_once: bool = False) -> None:
        """A link is gone, or as good as gone."""
        if self.phase is Phase.STOPPING:
            self._lose_while_stopping(link, now)
        elif link is self._signaling:
            if link.in_progress or link.is_up:
                self._retry_signaling(now, error, at_once=at_once)
        else:
            self._retry_media(self._media_of(link), now, error, at_once=at_once)

    def _lose_while_stopping(self, link: Link, now: float) -> None:
        self._close_socket(link)
        link.reset()
        if link is self._signaling and self._quiet_by is None:
            self._drain(now)  # nobody is left to tell us more
        elif self._quiet_by is not None and not self._has_media:
            self._end(self._verdict)

    def _retry_signaling(self, now: float, error: str, *, duplicate: bool = False, at_once: bool = False) -> None:
        """Case B: everything is closed, signaling is tried again, media follows it."""
        link = self._signaling
        if link.is_up:
            self._events.append(LinkDown(link=link.name, error=error))
        self._close_socket(link)
        link.fail(now, error, jitter_s=self._jitter(), duplicate=duplicate, at_once=at_once)
        self._reset_media()
        self._go("signaling_lost")
        if link.is_over(now):
            what = "the signaling link did not come back in time" if self._was_accepted else "no signaling link could be opened"
            self._end(endings.lost(what, error))
        elif at_once:
            self._open_signaling(now)

    def _reset_media(self, *, forget: bool = False) -> None:
        for media in self._media:
            if media.link.is_up:
                self._events.append(LinkDown(link=media.link.name, error="signaling was lost"))
            self._close_socket(media.link)
            media.link.reset(forget=forget)
        self._ready_sent = self._ready_due = False

    def _retry_media(self, media: "_MediaLink", now: float, error: str, *, duplicate: bool = False, at_once: bool = False) -> None:
        """Case C: this link is tried again, the others go on."""
        link = media.link
        if link.is_up:
            self._events.append(LinkDown(link=link.name, error=error))
        self._close_socket(link)
        link.fail(now, error, jitter_s=self._jitter(), duplicate=duplicate, at_once=at_once)
        if link.is_over(now):
            self._give_up(media, None, f"the {link.name} link did not come back in time ({error})")
            return
        if at_once:
            self._open_media(media, now)
        if not self._has_media:
            self._go("media_lost")
        self._settle()

    def _give_up(self, media: "_MediaLink", status: int | None, error: str) -> None:
        self._close_socket(media.link)
        media.link.give_up(error)
        self._events.append(MediaRefused(link=media.link.name, status=status, error=error))
        if all(other.link.state is LinkState.GIVEN_UP for other in self._media):
            kind: events.EndKind = "refused" if status is not None or not self._format else "lost"
            self._end(Ended(kind=kind, error=f"no media is left: {error}"))
        else:
            self._settle()

    def _interrupted(self, server_urls: str | None, now: float) -> None:
        """Trigger of case B by webhook. It may be minutes late: a link that shows life is left alone."""
        if self.phase is Phase.STOPPING:
            return
        if server_urls is not None and server_urls != self._signaling_url:
            self._fail_over(server_urls, now)
        elif self._signaling.is_up:
            self._signaling.suspect(now)
        else:
            self._signaling.hurry(now)

    def _media_interrupted(self, now: float) -> None:
        """Trigger of case C. Which link it means is not published: those waiting go on at once, the others must show life."""
        waiting = [media for media in self._media if media.link.state is LinkState.WAITING]
        for media in waiting:
            media.link.hurry(now)
        if not waiting:
            for media in self._media:
                media.link.suspect(now)

    def _announced_again(self, webhook: Started, now: float) -> None:
        """Tell a repeated *started* from a failover (2.7)."""
        if self.phase is Phase.STOPPING:
            return
        event_ts, url = self._announced
        is_new_url = webhook.server_urls != url
        is_repeat = not is_new_url and (webhook.event_ts_ms is None or webhook.event_ts_ms == event_ts)
        is_older = webhook.event_ts_ms is not None and event_ts is not None and webhook.event_ts_ms < event_ts
        if is_repeat or is_older:
            self.counters.add("started repeated")
        elif is_new_url or not (self._signaling.is_healthy(now) or self._signaling.in_progress):
            self._announced = (webhook.event_ts_ms, webhook.server_urls)
            self._fail_over(webhook.server_urls, now)
        else:
            self._announced = (webhook.event_ts_ms, url)
            self.counters.add("started again though signaling is healthy")

    def _fail_over(self, url: str, now: float) -> None:
        """Case A: a new server has the stream; everything is opened anew, at once."""
        if self._signaling.is_up:
            self._events.append(LinkDown(link="signaling", error="Zoom's server failed over"))
        self._close_socket(self._signaling)
        self._signaling.reset(forget=True)
        self._reset_media(forget=True)
        self._signaling_url = url
        self._go("failover")
        self._open_signaling(now)

    # The end ---------------------------------------------------------------------------------------------------------

    def _close_answered(self, answer: messages.StreamCloseResponse, now: float) -> None:
        if not self._closing or self.phase is not Phase.STOPPING:
            self.counters.add("unexpected StreamCloseResponse")
        elif answer.code == 0:
            self._finish(Ended(kind="closed", reason=StopReason.RECEIVER_REQUEST_CLOSE), now)
        else:
            self._end(self._verdict)

    def _stop(self, verdict: Ended, end_by: float) -> None:
        """Open nothing any more; end with the verdict, if no other comes, when the time is up."""
        self._verdict = self._judged(verdict)
        if self.phase is Phase.STOPPING:
            return
        self._go("stop")
        self._end_by = end_by
        for link in (self._signaling, *(media.link for media in self._media)):
            if not link.is_up:
                self._close_socket(link)
                link.reset()

    def _finish(self, verdict: Ended, now: float) -> None:
        """The stream is over: take what the media links still hold, then end. What is revoked is not waited for."""
        if verdict.kind == "revoked":
            self._end(verdict)
            return
        self._stop(verdict, now + self._limits.close_grace_s)
        if self._quiet_by is None:
            self._drain(now)

    def _drain(self, now: float) -> None:
        if not self._has_media:
            self._end(self._verdict)
            return
        self._end_by = now + self._limits.close_grace_s
        self._quiet_by = now + self._limits.drain_s

    def _judged(self, verdict: Ended) -> Ended:
        """Whatever reason Zoom gives, an end we asked for is ours; and a reason once given stands."""
        if self._closing:
            return Ended(kind="closed", reason=verdict.reason or StopReason.RECEIVER_REQUEST_CLOSE)
        return self._verdict if self._verdict is not None and verdict.reason is None else verdict

    def _end(self, verdict: Ended | None) -> None:
        if self.phase is Phase.ENDED:
            return
        self._close_all()
        self._go("end")
        self._events.append(verdict or Ended(kind="normal"))

    def _close_all(self) -> None:
        """Close media first, then signaling (8.6)."""
        for link in (*(media.link for media in self._media), self._signaling):
            self._close_socket(link)
            link.reset()

    # Small things ----------------------------------------------------------------------------------------------------

    def _send(self, link: Link, message: messages.Message) -> None:
        if link.socket is not None:
            self._actions.append(Send(link.socket, messages.encode(message)))

    def _close_socket(self, link: Link) -> None:
        if link.socket is not None:
            self._actions.append(Close(link.socket))
            link.socket = None

    def _link_of(self, socket: int) -> Link | None:
        links = (self._signaling, *(media.link for media in self._media))
        return next((link for link in links if link.socket == socket), None)

    def _media_of(self, link: Link) -> "_MediaLink":
        return next(media for media in self._media if media.link is link)

    @property
    def _has_media(self) -> bool:
        return any(media.link.is_up for media in self._media)

    def _go(self, step: str) -> None:
        self.phase = PHASE_TABLE.get((self.phase, step), self.phase)

    def _unix_ms(self, now: float) -> int:
        began, unix_ms = self._clock
        return unix_ms + round((now - began) * 1000)


class _MediaLink:
    """A media link, what it asks for, and where."""

    def __init__(self, offer: MediaOffer, options: ClientOptions) -> None:
        name: events.LinkName = offer.kind.name  # type: ignore[assignment]
        self.link = Link(name, options.limits, options.limits.media_window_s)
        self.offer = offer
        self.url = ""
