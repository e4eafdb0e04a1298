"""Outbox: what a stream wants of its caller – actions – and has to tell its consumer – events –, in order."""

import msgspec

from .counters import Counters
from .events import Event, LinkName
from .links.link import Link
from .messages import Message, encode
from .urls import UrlPolicy


class Open(msgspec.Struct, frozen=True):
    """Open a WebSocket; call `opened` or `closed` with its number."""

    socket: int
    link: LinkName
    url: str


class Send(msgspec.Struct, frozen=True):
    """Send a text frame."""

    socket: int
    data: bytes


class Close(msgspec.Struct, frozen=True):
    """Close a WebSocket, or stop opening it. Nothing it does from now on matters; `closed` need not be called."""

    socket: int


Action = Open | Send | Close


class Outbox:
    """Collects actions, events and counts; numbers the sockets; keeps the guard of URLs."""

    def __init__(self, policy: UrlPolicy) -> None:
        self.counters = Counters()
        self._policy = policy
        self._actions: list[Action] = []
        self._events: list[Event] = []
        self._sockets = 0

    def open(self, link: Link, url: str, now: float) -> None:
        """Have a socket opened for a link. Raises UrlError."""
        self._policy.check(url)
        self._sockets += 1
        link.open(self._sockets, now)
        self._actions.append(Open(self._sockets, link.name, url))

    def send(self, link: Link, message: Message) -> None:
        """Have a message sent, if the link has a socket."""
        if link.socket is not None:
            self._actions.append(Send(link.socket, encode(message)))

    def close(self, link: Link) -> None:
        """Have a link's socket closed, if it has one."""
        if link.socket is not None:
            self._actions.append(Close(link.socket))
            link.socket = None

    def tell(self, event: Event) -> None:
        self._events.append(event)

    def take_actions(self) -> list[Action]:
        taken, self._actions = self._actions, []
        return taken

    def take_events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken
