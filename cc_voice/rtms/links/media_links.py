"""The media links of a stream: opened when signaling is up, adapted when refused, brought back one by one (8.4 case C).

What concerns the whole stream is for `rtms/stream.py` to see to: it asks whether message 7 is due, and what there is to end for.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from .. import stop_classes
from ..errors import UrlError
from ..events import Audio, AudioFormat, Ended, LinkDown, LinkName, LinkUp, MediaRefused
from ..media import MediaParams
from ..messages import MediaResponse, SignalingResponse, params_of
from ..options import ClientOptions
from ..outbox import Outbox
from ..urls import media_url
from .handshakes import HandshakeIdentity, MediaOffer, offers
from .link import Link, LinkState
from .statuses import Treatment, treatment

_NOT_YET = (Treatment.BACK_OFF, Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE, Treatment.OTHER_KEY)
"""Signaling took the same id and signature: a media server that does not is merely behind."""


class MediaLinks:
    """All media links of one stream, in order of importance."""

    def __init__(self, options: ClientOptions, identity: HandshakeIdentity, outbox: Outbox, jitter: Callable[[], float]) -> None:
        self._options = options
        self._identity = identity
        self._out = outbox
        self._jitter = jitter
        self._all = {link: _Media(offer) for link, offer in _links(options)}
        self._format: AudioFormat | None = None
        self._packet_bytes: int | None = None
        self._ready_sent = False
        self._ready_due = False
        self._refusal: Ended | None = None

    def __iter__(self) -> Iterator[Link]:
        return iter(self._all)

    @property
    def any_up(self) -> bool:
        return any(link.is_up for link in self._all)

    @property
    def exhausted(self) -> Ended | None:
        """Why the stream is of no more use: the end, when every link was given up."""
        return self._refusal if all(link.state is LinkState.GIVEN_UP for link in self._all) else None

    def take_ready(self) -> bool:
        """Tell whether message 7 is due, and count it as sent (5.6).

        At first that is when no link is under way any more, later whenever one came back: audio shall not wait twice.
        """
        if not self._ready_due or (not self._ready_sent and any(link.in_progress for link in self._all)):
            return False
        self._ready_due = False
        self._ready_sent = True
        return True

    # Handshakes ------------------------------------------------------------------------------------------------------

    def place(self, offered: Mapping[str, str], now: float) -> None:
        """Open all links where the signaling server says."""
        for link, media in self._all.items():
            media.url = media_url(offered, media.offer.kind.url_names) or media.url
            if link.state is LinkState.GIVEN_UP:
                continue
            if media.url:
                self.open(link, now)
            else:
                self._give_up(link, None, "Zoom offers no media server; check the scopes of the app")

    def open(self, link: Link, now: float) -> None:
        """Open a link, or open it again."""
        try:
            self._out.open(link, self._all[link].url, now)
        except UrlError as error:
            self._give_up(link, None, str(error))

    def opened(self, link: Link, now: float) -> None:
        """A link's socket is open: shake hands."""
        limits = self._options.limits
        offer = self._all[link].offer
        link.opened(now, limits.tolerant_s if self._options.tolerant else limits.handshake_s)
        self._out.send(link, self._identity.media_request(offer.kind.media_type, offer.params))

    def answered(self, link: Link, answer: MediaResponse | SignalingResponse, now: float) -> None:
        """A link's handshake was answered."""
        if link.state is not LinkState.SHAKING:
            self._out.counters.add(f"unexpected {type(answer).__name__}")
            return
        todo = treatment(answer.code)
        if todo is Treatment.ACCEPT:
            if isinstance(answer, MediaResponse) and answer.encrypted:
                self._out.counters.add("payload encrypted though not asked for")
            self.accept(link, params_of(answer), now)
            return
        self._out.counters.add(f"media status {answer.code}")
        refusal = stop_classes.media_refused(answer.code, answer.why)
        if todo is Treatment.DUPLICATE:
            self.retry(link, now, refusal, duplicate=True)
        elif todo in _NOT_YET:
            self.retry(link, now, refusal)
        elif self._all[link].offer.adapt(todo):
            self.retry(link, now, refusal, at_once=True)
        else:
            self._give_up(link, answer.code, refusal)

    def accept(self, link: Link, echoed: MediaParams | None, now: float) -> None:
        """A link's handshake succeeded, or is taken to have (tolerant mode); `echoed` is what the server will send."""
        link.accepted(now)
        link.settle()
        self._out.tell(LinkUp(link=link.name))
        offer = self._all[link].offer
        if offer.carries_audio:
            self._tell_format(echoed or offer.params)
        self._ready_due = True

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
            self._format, self._packet_bytes = told, told.packet_bytes
            self._out.tell(told)

    def is_as_agreed(self, packet: Audio) -> bool:
        """Whether a packet has the size that the server's format gives it (6.4)."""
        return self._packet_bytes is None or len(packet.pcm) == self._packet_bytes

    # Losses ----------------------------------------------------------------------------------------------------------

    def retry(self, link: Link, now: float, error: str, *, duplicate: bool = False, at_once: bool = False) -> None:
        """A link failed: try it again, unless its window has passed."""
        if link.is_up:
            self._out.tell(LinkDown(link=link.name, error=error))
        self._out.close(link)
        link.fail(now, error, jitter_s=self._jitter(), duplicate=duplicate, at_once=at_once)
        if link.is_over(now):
            self._give_up(link, None, f"the {link.name} link did not come back in time ({error})")
        elif at_once:
            self.open(link, now)

    def interrupted(self, now: float) -> None:
        """Zoom says that a media link is interrupted. Which one is not published (5.4, event 7).

        Those that wait are tried at once. If none does, the lost one is still taken to be up: each must show life.
        """
        waiting = [link for link in self._all if link.state is LinkState.WAITING]
        for link in waiting:
            link.hurry(now)
        for link in () if waiting else self._all:
            link.suspect(now)

    def reset(self, *, forget: bool = False) -> None:
        """Close all links: signaling is lost, and Zoom tears media down with it. `forget`: a new server, a new count."""
        for link in self._all:
            if link.is_up:
                self._out.tell(LinkDown(link=link.name, error="signaling was lost"))
            self._out.close(link)
            link.reset(forget=forget)
        self._ready_sent = self._ready_due = False

    def _give_up(self, link: Link, status: int | None, error: str) -> None:
        self._out.close(link)
        link.give_up(error)
        self._out.tell(MediaRefused(link=link.name, status=status, error=error))
        was_heard = status is None and self._format is not None
        self._refusal = Ended(kind="lost" if was_heard else "refused", error=f"no media is left: {error}")


class _Media:
    """What a link asks for, and where."""

    def __init__(self, offer: MediaOffer) -> None:
        self.offer = offer
        self.url = ""


def _links(options: ClientOptions) -> Iterator[tuple[Link, MediaOffer]]:
    for offer in offers(options):
        name: LinkName = offer.kind.name
        yield Link(name, options.limits, options.limits.media_window_s), offer
