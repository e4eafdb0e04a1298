"""Whole seconds: audio whose clock tells seconds where it should tell milliseconds, put back in its place.

Fifty packets of a party then say the same time, and only their order is known. Where a party is sent without a pause its seconds
are full: the packets of the first one are put so that they end where the next second begins, all others from their second's
beginning on, and each is where it was said. Where a party is sent with pauses, as one who is muted, a run that begins or ends
within a second may lie anywhere in it. Such a party is up to a second off, which is more than an answer or an interruption takes:
it is told (`COARSE`), and what depends on it is not measured.
"""

import msgspec

from cc_voice.call.analysis import Doubt
from cc_voice.rtms.events import Audio

COARSE: Doubt = "clock_in_seconds"
SECOND_MS = 1_000
_SLACK_MS = 100
"""A second's packets may hold so much more or less than a second: its ends fall within packets, and clocks drift."""
Placed = tuple[Audio, float]
"""A packet, and how long it lasts in ms."""


class _SpokenRun(msgspec.Struct):
    """Packets of one party without a break, as far as whole seconds tell."""

    second: int
    next_ms: float
    waiting: list[Placed]
    """Those of the first second, until it is known where in it they are."""


class WholeSeconds:
    """Gives the packets of one stream their milliseconds."""

    def __init__(self) -> None:
        self.coarse: set[str] = set()
        """Sources of which something may lie anywhere in its second."""
        self._runs: dict[str, _SpokenRun] = {}

    def take(self, packet: Audio, length_ms: float) -> list[Audio]:
        """Return the packets whose time is known now that this one is here, in order."""
        if not packet.whole_seconds:
            return [packet]
        source, second = packet.source, packet.timestamp_ms
        run = self._runs.get(source)
        if run is None or second not in (run.second, run.second + SECOND_MS):
            done = self.finish(source)
            self._runs[source] = _SpokenRun(second, 0.0, [(packet, length_ms)])
            return done
        if second == run.second and run.waiting:
            run.waiting.append((packet, length_ms))
            return []
        found: list[Audio] = []
        if second != run.second:
            if run.waiting:
                found = self._place(run, second - sum(length for _, length in run.waiting))
            elif run.next_ms < second - _SLACK_MS:  # where in the second before it paused, nothing tells
                self.coarse.add(source)
                run.next_ms = second
            elif run.next_ms > second + _SLACK_MS:
                self.coarse.add(source)
            run.second = second
        run.waiting.append((packet, length_ms))
        return [*found, *self._place(run, max(run.next_ms, second))]

    def finish(self, source: str | None = None) -> list[Audio]:
        """Return what still waits of a source, or of all: a run that lies within one second."""
        found = []
        for one in list(self._runs) if source is None else [source]:
            run = self._runs.pop(one, None)
            if run is not None and run.waiting:
                if sum(length for _, length in run.waiting) < SECOND_MS - _SLACK_MS:
                    self.coarse.add(one)
                found += self._place(run, run.second)
        return found

    @staticmethod
    def _place(run: _SpokenRun, at_ms: float) -> list[Audio]:
        """Return the packets that wait, one after the other from a moment on."""
        found = []
        for packet, length_ms in run.waiting:
            found.append(msgspec.structs.replace(packet, timestamp_ms=round(at_ms), whole_seconds=False))
            at_ms += length_ms
        run.next_ms = at_ms
        run.waiting.clear()
        return found
