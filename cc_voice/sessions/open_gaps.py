"""Open gaps: time for which a link of audio is down or paused, of all parties together and of each.

All parties together are without audio from the furthest packet on. But their packets do not come at once: a process that was
killed had one party's last packet and not the other's. So each party that was heard a moment before has a gap of its own, which
ends where its audio goes on – soon after somebody's does, for a party that is silent then may not be sent at all.
"""

from collections.abc import Callable

import msgspec

from cc_voice.sessions.journal import GapNote

RECENT_MS = 2_000
"""A party whose audio came no further than this behind the furthest was being sent when the link went."""
TOGETHER_MS = 500
"""So long after the first party's audio goes on another's absence still belongs to the gap."""


class _Gap(msgspec.Struct):
    start: int
    together_until: int | None = None
    """Set once somebody's audio goes on."""


class OpenGaps:
    """The gaps of one stream. Times are Unix ms of its clock; `note` writes to its journal and may raise OSError."""

    def __init__(self, note: Callable[[GapNote], None]) -> None:
        self._note = note
        self._ends: dict[str, int] = {}
        self._start: int | None = None
        self._is_pause = False
        self._parties: dict[str, _Gap] = {}

    def open(self, *, is_pause: bool = False) -> None:
        """A link went, or was paused: what does not come now is missing. Nothing is, before the first packet."""
        if not self._ends:
            return
        furthest = max(self._ends.values())
        if self._start is None:
            self._start, self._is_pause = furthest, is_pause
        for source, end in self._ends.items():
            if end >= furthest - RECENT_MS:
                self._parties.setdefault(source, _Gap(end))

    def came(self, source: str, start_unix_ms: int, end_unix_ms: int) -> None:
        """Audio of a party came, from there to there."""
        if self._start is not None and start_unix_ms >= self._start:
            self._tell(self._start, start_unix_ms)
            self._start = None
            for gap in self._parties.values():
                gap.together_until = start_unix_ms + TOGETHER_MS
        gap_of_party = self._parties.get(source)
        if gap_of_party is not None and end_unix_ms > gap_of_party.start:
            del self._parties[source]
            self._tell_party(source, gap_of_party, start_unix_ms)
        self._ends[source] = max(self._ends.get(source, end_unix_ms), end_unix_ms)

    def finish(self, stopped_unix_ms: int | None) -> None:
        """The stream ended, as far as is known at a time: a gap that is still open reaches until then. A pause loses nothing."""
        if self._start is not None and not self._is_pause and stopped_unix_ms is not None:
            self._tell(self._start, stopped_unix_ms)
        for source, gap in self._parties.items():
            if gap.together_until is not None:
                self._tell_party(source, gap, gap.together_until - TOGETHER_MS)
        self._start = None
        self._parties.clear()

    def _tell_party(self, source: str, gap: _Gap, until: int) -> None:
        self._tell(gap.start, until if gap.together_until is None else min(until, gap.together_until), source)

    def _tell(self, start: int, end: int, source: str | None = None) -> None:
        if end > start:
            self._note(GapNote(start_unix_ms=start, end_unix_ms=end, channel_id=source))
