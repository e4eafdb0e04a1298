"""Stop classes: why streams end, by class (README 7.9), and the sentence an operator gets for it."""

from collections.abc import Mapping
from typing import Literal

from .enums import Status, StopReason, name_of
from .events import Ended
from .links.statuses import Treatment, treatment
from .options import TimeLimits

_LOOKS = 10
"""A second look follows after this part of the time that counts as quiet, and no later than as much again."""
CHECK_CREDENTIALS = "client id and secret do not belong to the app that was started; check the configuration"
FAULTS = frozenset({*range(10, 20), 24})
"""After these the documentation asks for a complete new connection: a new stream by REST (8.4 case D)."""
CURABLE = FAULTS - {StopReason.AUTHENTICATION_FAILURE}
"""Faults that a new stream may cure. With the wrong credentials the next one ends as this one did."""
CLEAN_CLOSE = 1000
"""The close code that says all went well. Before message 2 it is how Zoom turns a wrong client pair away (forum topic 142247)."""

_ADVICE: Mapping[int, str] = {
    StopReason.INTERNAL_EXCEPTION: "Zoom failed; start a new stream if the conversation goes on",
    StopReason.CONNECTION_TIMEOUT: "Zoom waited for us in vain; check that this host reaches Zoom's servers",
    StopReason.INSTANCE_CONNECTION_INTERRUPTED: "Zoom lost the conversation's media; start a new stream if it goes on",
    StopReason.AUTHENTICATION_FAILURE: CHECK_CREDENTIALS,
    StopReason.AWAIT_RECONNECTION_TIMEOUT: "we came back too late; check the network between this host and Zoom",
    StopReason.KEEP_ALIVE_TIMEOUT: "keep-alives went unanswered; check the load of this host",
    StopReason.EXIT_SIGNAL: "Zoom's server went away; start a new stream if the conversation goes on",
}
_NETWORK = "the connection to Zoom was lost; check the network between this host and Zoom"

_NO_SCOPE = "give the app the scope, and the account the licence, for this kind of media, or do not ask for it"
_REFUSALS: Mapping[int, str] = {
    Status.INVALID_RTMS_STREAM_ID: "Zoom does not know the stream, so it has ended or belongs to another app",
    Status.INVALID_SIGNATURE: CHECK_CREDENTIALS,
    Status.INVALID_PAYLOAD: "Zoom does not accept the conversation's id; check that the webhook came from this app",
}


def stopped(reason: int | None) -> Ended:
    """Return the end for a stop reason. None and numbers nobody knows count as normal: Zoom ended it, and did not complain."""
    if reason == StopReason.STREAM_REVOKED:
        return Ended(kind="revoked", reason=reason)
    if reason in FAULTS:
        return Ended(kind="fault", reason=reason, error=f"Zoom stopped the stream with reason {_named(reason)}: {_advice(reason)}")
    return Ended(kind="normal", reason=reason)


def refused(code: int, why: str) -> Ended:
    """Return the end for a handshake that will never succeed. `why` is the server's text, quoted in the error."""
    advice = _REFUSALS.get(code, "report this with Zoom's text")
    return Ended(kind="refused", error=f"{handshake_refused(code, why)}: {advice}")


def turned_away() -> Ended:
    """Return the end for a stream whose server closed the link cleanly, again and again, instead of answering message 1."""
    said = f"Zoom closed the link with {CLEAN_CLOSE} instead of answering the handshake"
    return Ended(kind="refused", error=f"{said}, as it does when {CHECK_CREDENTIALS}")


def lost(what: str, cause: str | None) -> Ended:
    """Return the end for a stream that could not be reached, or not again in time."""
    return Ended(kind="lost", error=f"{what} ({cause or 'no answer'}); check the network between this host and Zoom")


def gone(code: int, why: str) -> Ended:
    """Return the end for a stream that was taken up again and is no longer there."""
    return Ended(kind="lost", error=f"the stream ended while we were away: {handshake_refused(code, why)}")


def media_refused(code: int, why: str) -> str:
    """Describe a refusal of one kind of media, with what the operator can do where Zoom says that the app may not have it."""
    refusal = handshake_refused(code, why)
    return f"{refusal}: {_NO_SCOPE}" if treatment(code) is Treatment.GIVE_UP_TYPE else refusal


def handshake_refused(code: int, why: str) -> str:
    """Describe a refusal; the server's text is authoritative, and cut, as it goes to logs and pages."""
    return f"Zoom refused the handshake with status {name_of(Status, code)}" + (f", {why[:200]!r}" if why else "")


class StreamEnd:
    """How and when a stream that is stopping will end. Times are the caller's clock, in seconds."""

    def __init__(self, limits: TimeLimits) -> None:
        self.asked_for = False
        """We told Zoom to close the stream."""
        self.verdict: Ended | None = None
        self._limits = limits
        self._end_by: float | None = None
        self._quiet_by: float | None = None
        self._is_confirmed = False
        self._media_at: float | None = None

    @property
    def is_draining(self) -> bool:
        """Whether all is said, and only what media links still hold is waited for."""
        return self._quiet_by is not None

    @property
    def deadline(self) -> float | None:
        """When the stream ends at the latest, as far as is known."""
        return min((at for at in (self._end_by, self._quiet_by) if at is not None), default=None)

    def judge(self, verdict: Ended) -> None:
        """Take a verdict. Whatever Zoom's reason, an end we asked for is ours; and a reason once given stands."""
        if self.asked_for:
            self.verdict = Ended(kind="closed", reason=verdict.reason or StopReason.RECEIVER_REQUEST_CLOSE)
        elif self.verdict is None or verdict.reason is not None:
            self.verdict = verdict

    def wait(self, seconds: float, now: float) -> None:
        """Wait this long for Zoom to say more."""
        self._end_by = now + seconds

    def drain(self, now: float) -> None:
        """Wait for media links to run dry, but not for ever."""
        self._end_by = now + self._limits.drain_most_s
        self._quiet_by = now + self._limits.drain_s
        self._is_confirmed = False

    def media_came(self, now: float) -> None:
        self._media_at = now
        if self._quiet_by is not None:
            self._quiet_by = now + self._limits.drain_s
            self._is_confirmed = False

    def due(self, now: float) -> Literal["drain", "end"] | None:
        """Whether it is time to end, as Zoom said no more or the links are quiet.

        Silence of signaling alone does not stop media that flows: that is drained first, unless we asked for the end. Then what
        flows is what we do not want.
        """
        if self.is_quiet(now):
            return "end"
        if not self.is_exhausted(now):
            return None
        return "drain" if self.still_flows(now) and not self.is_draining and not self.asked_for else "end"

    def is_quiet(self, now: float) -> bool:
        """Whether the links have run dry, at a time at which that is due.

        A caller that was busy sees the time first and only then the frames that lay in its sockets meanwhile. So silence ends
        a stream at the second look, and only if that one came in time: the caller was reading, and nothing was there.
        """
        if self._quiet_by is None or now < self._quiet_by:
            return False
        look_s = self._limits.drain_s / _LOOKS
        was_late = now - self._quiet_by > look_s
        if self._is_confirmed and not was_late:
            return True
        self._is_confirmed, self._quiet_by = True, now + look_s
        return False

    def still_flows(self, now: float) -> bool:
        """Whether media came a moment ago."""
        return self._media_at is not None and now - self._media_at <= self._limits.drain_s

    def is_exhausted(self, now: float) -> bool:
        """Whether patience is at its end, whatever still flows."""
        return self._end_by is not None and now >= self._end_by


def _advice(reason: int | None) -> str:
    return _NETWORK if reason is None else _ADVICE.get(reason, _NETWORK)


def _named(reason: int | None) -> str:
    return name_of(StopReason, reason)
