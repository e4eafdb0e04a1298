"""One link of a stream as a state machine: a socket's life, its timers, and when the next one may be tried.

            open            opened           accepted
    IDLE ─────────▶ CONNECTING ─────▶ SHAKING ─────────▶ UP
     ▲ ▲   open  ▲      │                │               │
     │ │ ┌───────┘      │ fail           │ fail          │ fail
     │ │ │              ▼                ▼               ▼
     │ └─WAITING ◀──────┴────────────────┴───────────────┘
     │                                   │ give_up (also from IDLE, CONNECTING, WAITING)
     └── reset (from all but GIVEN_UP)   ▼
                                     GIVEN_UP

One timer belongs to each state: connecting and shaking must be over in time, an open link must show life, a waiting one
is tried again. A link has at most one socket, and a socket is used for one handshake: hence there are never two
handshakes under way on a link. Sockets are told apart by number; what an earlier one still delivers finds no link.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Literal

from ..events import LinkName
from ..options import TimeLimits

LinkStep = Literal["open", "opened", "accepted", "fail", "give_up", "reset"]


class LinkState(Enum):
    """See the picture above."""

    IDLE = auto()
    CONNECTING = auto()
    SHAKING = auto()
    UP = auto()
    WAITING = auto()
    GIVEN_UP = auto()


_S = LinkState
_RESET: Mapping[tuple[LinkState, LinkStep], LinkState] = {(state, "reset"): _S.IDLE for state in _S if state is not _S.GIVEN_UP}
LINK_TABLE: Mapping[tuple[LinkState, LinkStep], LinkState] = {
    (_S.IDLE, "open"): _S.CONNECTING,
    (_S.WAITING, "open"): _S.CONNECTING,
    (_S.CONNECTING, "opened"): _S.SHAKING,
    (_S.SHAKING, "accepted"): _S.UP,
    (_S.CONNECTING, "fail"): _S.WAITING,
    (_S.SHAKING, "fail"): _S.WAITING,
    (_S.UP, "fail"): _S.WAITING,
    (_S.IDLE, "give_up"): _S.GIVEN_UP,
    (_S.CONNECTING, "give_up"): _S.GIVEN_UP,
    (_S.SHAKING, "give_up"): _S.GIVEN_UP,
    (_S.WAITING, "give_up"): _S.GIVEN_UP,
    **_RESET,
    (_S.GIVEN_UP, "reset"): _S.GIVEN_UP,
}
IN_PROGRESS = frozenset({_S.CONNECTING, _S.SHAKING})
"""A handshake is under way, or about to be."""


class Link:
    """The state of one link. Times are the caller's clock, in seconds."""

    def __init__(self, name: LinkName, limits: TimeLimits, window_s: float) -> None:
        self.name: LinkName = name
        self.state = LinkState.IDLE
        self.socket: int | None = None
        self.deadline: float | None = None
        """When the state's timer runs out."""
        self.window_until: float | None = None
        """After this a failure is final; None while the link has not failed."""
        self.error: str | None = None
        """What went wrong last."""
        self.last_frame_at = 0.0
        self._limits = limits
        self._window_s = window_s
        self._failures = 0
        self._duplicates = 0
        self._suspected_until: float | None = None

    @property
    def is_up(self) -> bool:
        return self.state is LinkState.UP

    @property
    def in_progress(self) -> bool:
        return self.state in IN_PROGRESS

    def is_suspected(self, now: float) -> bool:
        """Tell whether Zoom said a moment ago that this link, or one like it, was interrupted."""
        return self._suspected_until is not None and now <= self._suspected_until

    def is_healthy(self, now: float) -> bool:
        """Tell whether the link is up and had a frame lately."""
        return self.is_up and now - self.last_frame_at <= self._limits.healthy_s

    # Steps -----------------------------------------------------------------------------------------------------------

    def open(self, socket: int, now: float) -> None:
        """A socket is being opened."""
        self._go("open")
        self.socket = socket
        self.deadline = now + self._limits.connect_s
        if self.window_until is None:
            self.window_until = now + self._window_s

    def opened(self, now: float, handshake_s: float) -> None:
        """The socket is open and the handshake sent."""
        self._go("opened")
        self.last_frame_at = now
        self.deadline = now + handshake_s

    def accepted(self, now: float) -> None:
        """The handshake succeeded."""
        self._go("accepted")
        self._failures = self._duplicates = 0
        self._suspected_until = None
        self.error = None
        self.last_frame_at = now
        self.deadline = now + self._limits.watchdog_s

    def settle(self) -> None:
        """Forget the window: what is needed flows again."""
        self.window_until = None

    def alive(self, now: float) -> None:
        """A frame of any kind came."""
        self.last_frame_at = now
        if self.state is LinkState.UP:
            self._suspected_until = None
            self.deadline = now + self._limits.watchdog_s

    def suspect(self, now: float) -> None:
        """Zoom says a link is interrupted: this one must show life soon."""
        self._suspected_until = now + self._limits.suspicion_s
        if self.is_up and self.deadline is not None:
            self.deadline = min(self.deadline, self._suspected_until)

    def fail(self, now: float, error: str | None, *, jitter_s: float = 0.0, duplicate: bool = False, at_once: bool = False) -> None:
        """The socket is gone or useless: wait before the next, as long as the back-off says, but not past the window."""
        self._go("fail")
        self.socket = None
        self.error = error
        if self.window_until is None:
            self.window_until = now + self._window_s
        delay = 0.0 if at_once else self._delay(jitter_s, duplicate)
        self._suspected_until = None
        # The last attempt is made when the window ends: later, Zoom has given the stream up.
        self.deadline = min(now + delay, max(now, self.window_until))

    def hurry(self, now: float) -> None:
        """Do not wait any longer."""
        if self.state is LinkState.WAITING:
            self.deadline = now

    def give_up(self, error: str) -> None:
        """Never try again."""
        self._go("give_up")
        self.socket = self.deadline = None
        self.error = error

    def reset(self, *, forget: bool = False) -> None:
        """Back to the start, for another signaling link. With `forget` also its failures: a new server, a new count."""
        self._go("reset")
        self.socket = self.deadline = None
        self._suspected_until = None
        if forget:
            self._failures = self._duplicates = 0
            self.window_until = None

    def is_over(self, now: float) -> bool:
        """Tell whether the window has passed, so that a failure now is the last one."""
        return self.window_until is not None and now >= self.window_until

    def _delay(self, jitter_s: float, duplicate: bool) -> float:
        if duplicate and self._duplicates < len(self._limits.duplicate_s):
            self._duplicates += 1
            return self._limits.duplicate_s[self._duplicates - 1]
        steps = self._limits.back_off_s
        self._failures += 1
        return steps[min(self._failures, len(steps)) - 1] + jitter_s

    def _go(self, step: LinkStep) -> None:
        following = LINK_TABLE.get((self.state, step))
        if following is None:
            raise AssertionError(f"link {self.name}: {step} in state {self.state.name}")
        self.state = following
