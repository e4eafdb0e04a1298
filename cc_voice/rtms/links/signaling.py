"""The signaling link: its handshake, what a refusal of it means, and when it is given up (README 5.1, 7.8, 8.4 case B)."""

from collections.abc import Callable

from .. import stop_classes
from ..errors import UrlError
from ..events import Ended, LinkDown, LinkUp
from ..messages import SignalingResponse
from ..options import ClientOptions
from ..outbox import Outbox
from .handshakes import HandshakeIdentity
from .link import Link, LinkState
from .statuses import Treatment, treatment

_UNKNOWN_TO_ZOOM = (Treatment.UNKNOWN_STREAM, Treatment.WRONG_SIGNATURE)
_FINAL = (Treatment.STOP, Treatment.OTHER_KEY, *_UNKNOWN_TO_ZOOM)
TURNED_AWAY_AFTER = 2
"""Clean closes before message 2. One may be a server that is being shut down."""


class Signaling:
    """The one signaling link of a stream. When `end` is set, the stream is to end with it."""

    def __init__(
        self, url: str, options: ClientOptions, identity: HandshakeIdentity, outbox: Outbox, jitter: Callable[[], float]
    ) -> None:
        self.link = Link("signaling", options.limits, options.limits.signaling_window_s)
        self.url = url
        self.end: Ended | None = None
        self._options = options
        self._identity = identity
        self._out = outbox
        self._jitter = jitter
        self._was_accepted = False
        self._clean_closes = 0

    def open(self, now: float) -> None:
        """Open the link, or open it again."""
        try:
            self._out.open(self.link, self.url, now)
        except UrlError as error:
            self.end = Ended(kind="refused", error=str(error))

    def opened(self, now: float) -> None:
        """The socket is open: shake hands."""
        self.link.opened(now, self._options.limits.handshake_s)
        self._out.send(self.link, self._identity.signaling_request(self._options.buffer_data))

    def closed(self, link: Link, code: int | None) -> None:
        """A server closed a link's socket. Twice cleanly instead of answering our first handshake is its way to say no."""
        first_contact = link is self.link and self.link.state is LinkState.SHAKING and not self._was_accepted
        if first_contact and code == stop_classes.CLEAN_CLOSE:
            self._clean_closes += 1
            if self._clean_closes == TURNED_AWAY_AFTER:
                self.end = stop_classes.turned_away()

    def answered(self, answer: SignalingResponse, now: float) -> bool:
        """Tell whether the handshake succeeded; otherwise the link waits for its next attempt, or the stream is to end."""
        if self.link.state is not LinkState.SHAKING:
            self._out.counters.add("unexpected SignalingResponse")
            return False
        todo = treatment(answer.code)
        if todo is not Treatment.ACCEPT:
            self._out.counters.add(f"signaling status {answer.code}")
            self._refused(todo, answer, now)
            return False
        self._identity.settle()
        self._was_accepted = True
        self.link.accepted(now)
        self._out.tell(LinkUp(link="signaling"))
        return True

    def _refused(self, todo: Treatment, answer: SignalingResponse, now: float) -> None:
        refusal = stop_classes.handshake_refused(answer.code, answer.why)
        if todo in (Treatment.UNKNOWN_STREAM, Treatment.OTHER_KEY) and self._identity.change_key():
            self.retry(now, refusal, at_once=True)
        elif todo in _UNKNOWN_TO_ZOOM and self._was_accepted:
            # The successor of a dead server may not know the stream yet: final only after the window (8.4).
            self.retry(now, refusal)
        elif todo in _UNKNOWN_TO_ZOOM and self._options.resume:
            self.end = stop_classes.gone(answer.code, answer.why)
        elif todo in _FINAL:
            self.end = stop_classes.refused(answer.code, answer.why)
        else:
            self.retry(now, refusal, duplicate=todo is Treatment.DUPLICATE)

    def retry(self, now: float, error: str, *, duplicate: bool = False, at_once: bool = False) -> None:
        """The link failed: try it again, unless its window has passed."""
        if self.link.is_up:
            self._out.tell(LinkDown(link="signaling", error=error))
        self._out.close(self.link)
        self.link.fail(now, error, jitter_s=self._jitter(), duplicate=duplicate, at_once=at_once)
        if self.link.is_over(now):
            what = "the signaling link did not come back in time" if self._was_accepted else "no signaling link could be opened"
            self.end = stop_classes.lost(what, error)
        elif at_once:
            self.open(now)

    def fail_over(self, url: str, now: float) -> None:
        """Go to another server, at once and without a past."""
        if self.link.is_up:
            self._out.tell(LinkDown(link="signaling", error="Zoom's server failed over"))
        self._out.close(self.link)
        self.link.reset(forget=True)
        self.url = url
        self.open(now)
