"""The faults of one call: when each begins, which handshake it has spoilt already, what it does to each link. Knows no call."""

import asyncio
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from cc_voice.simulator.alterations import ALTERATIONS, Alteration
from cc_voice.simulator.faults import FAULTS, FaultKind, Planned
from cc_voice.simulator.parameters import HandshakeRefusal
from cc_voice.simulator.scenario import Script
from cc_voice.simulator.script_changes import SCRIPT_CHANGES
from cc_voice.simulator.wire import Message


class CallFaults:
    """What goes wrong in one call."""

    def __init__(self, planned: Sequence[Planned] = ()) -> None:
        self._planned = tuple(planned)
        self.begun = asyncio.Event()
        """Media has flowed."""
        self._begun_s: float | None = None
        self._spent: set[str] = set()

    @property
    def texts(self) -> tuple[str, ...]:
        """The faults as they were asked for."""
        return tuple(planned.text for planned in self._planned)

    def asked(self, name: str) -> bool:
        return bool(self._named(name))

    def argument(self, name: str) -> Any:
        """Return the argument of a fault; None when it was not asked for."""
        return next((planned.argument for planned in self._named(name)), None)

    def of_kind(self, kind: FaultKind) -> tuple[Planned, ...]:
        return tuple(planned for planned in self._planned if planned.fault.kind == kind)

    def rewrite(self, script: Script) -> Script:
        for planned in self.of_kind("script"):
            script = SCRIPT_CHANGES[planned.fault.name](script, planned.argument)
        return script

    def begin(self) -> None:
        """Media flows for the first time: from now on the seconds count. Again: nothing happens."""
        if self._begun_s is None:
            self._begun_s = time.monotonic()
            self.begun.set()

    def has_begun(self, planned: Planned) -> bool:
        """Whether a fault that was given a time has reached it; one without is there from the start."""
        if planned.at_s is None:
            return True
        return self._begun_s is not None and time.monotonic() - self._begun_s >= planned.at_s

    def refusal(self, link: AbstractSet[str]) -> HandshakeRefusal | None:
        """Return the refusal of a handshake, the first on such a link. `link` are the names it goes by."""
        planned = self._first("bad-status", lambda bad: bad.link in link)
        return None if planned is None else HandshakeRefusal(planned.argument.status, f"fault {planned.text}")

    def is_half_open(self, link: AbstractSet[str]) -> bool:
        """Tell whether a handshake is to go unanswered."""
        return self._first("half-open", lambda name: name in link) is not None

    def on_link(self) -> "LinkFaults":
        """Return what a new link suffers."""
        return LinkFaults(self)

    def alterations(self) -> list[tuple[Planned, Alteration]]:
        return [(planned, ALTERATIONS[planned.fault.name]()) for planned in self.of_kind("alteration")]

    def _named(self, name: str) -> list[Planned]:
        fault = FAULTS[name]  # so that a name which nobody can ask for raises, instead of never being asked for
        return [planned for planned in self._planned if planned.fault is fault]

    def _first(self, name: str, concerns: Callable[[Any], bool]) -> Planned | None:
        """Return a fault that happens once, the first time that its argument concerns something."""
        for planned in self._named(name):
            if planned.text not in self._spent and concerns(planned.argument):
                self._spent.add(planned.text)
                return planned
        return None


class LinkFaults:
    """What one link suffers."""

    def __init__(self, mischief: CallFaults) -> None:
        self._mischief = mischief
        self._alterations = mischief.alterations()
        self.binary = mischief.asked("binary-frames")
        self.untimed_keep_alives = mischief.asked("keep-alive-without-timestamp")
        self.read_delay_s = (mischief.argument("slow-reader") or 0) / 1000

    def outgoing(self, message: Message) -> list[Message]:
        """Return what is sent in a message's place."""
        messages = [message]
        for planned, alter in self._alterations:
            if self._mischief.has_begun(planned):
                messages = [altered for each in messages for altered in alter(each)]
        return messages

    def held(self) -> list[Message]:
        """Return what was held back, as nothing else will come."""
        messages: list[Message] = []
        for _, alter in self._alterations:
            messages = [altered for each in messages for altered in alter(each)] + alter.held()
        return messages
