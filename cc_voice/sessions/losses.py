"""Losses: audio that arrived and is not in the recording, told in the journal as it happens.

A hole is something else: there nothing came. What is lost was said and sent, and the call's numbers miss it.
"""

from collections.abc import Callable
from typing import Literal

from cc_voice.sessions.journal import LossNote

TOLD_EVERY_MS = 1_000
"""A source that is refused for hours makes a note for every second; a killed process leaves less than this untold."""
Why = Literal["time taken", "impossible time", "damaged", "refused", "too many sources", "past the longest"]


class Losses:
    """What is lost of one stream; `note` writes to its journal and may raise OSError."""

    def __init__(self, note: Callable[[LossNote], None]) -> None:
        self.total_ms = 0.0
        self._note = note
        self._open: dict[tuple[str, Why], LossNote] = {}

    def add(self, source: str, at_unix_ms: int, length_ms: float, why: Why) -> None:
        """A packet of a source was lost, which says or seems to be of this time."""
        if length_ms <= 0:
            return
        self.total_ms += length_ms
        known = self._open.get((source, why))
        if known is not None and abs(at_unix_ms - known.end_unix_ms) > TOLD_EVERY_MS:
            self._tell(source, why)
            known = None
        start = at_unix_ms if known is None else known.start_unix_ms
        end = max(at_unix_ms + round(length_ms), start if known is None else known.end_unix_ms)
        lost_ms = length_ms + (0 if known is None else known.lost_ms)
        self._open[source, why] = LossNote(channel_id=source, start_unix_ms=start, end_unix_ms=end, lost_ms=lost_ms, why=why)
        if lost_ms >= TOLD_EVERY_MS:
            self._tell(source, why)

    def finish(self) -> None:
        """Tell what is left."""
        for source, why in list(self._open):
            self._tell(source, why)

    def _tell(self, source: str, why: Why) -> None:
        self._note(self._open.pop((source, why)))
