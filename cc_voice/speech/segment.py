"""Where speech begins and ends: hysteresis over voiced frames, in two widths from one pass.

Tight intervals measure talk and silence: opened by 60 ms of voice within 100 ms, back-dated to the start of these 100 ms,
closed by 200 ms without voice at the last voiced frame. Wide segments are for recognition: the same opening, closed by
500 ms, so that a phrase stays whole. Uncapped, a wide segment is the union of the tight intervals it covers.
From `soft_cap_ms` on any short pause closes a wide segment, and at `cap_ms` it is cut: a recogniser's lattices grow with it.
"""

from enum import Enum

import msgspec

from cc_voice.speech.framing import FRAME_MS


class SegmentRule(msgspec.Struct, frozen=True, kw_only=True):
    """When speech opens and closes, in ms."""

    window_ms: int = 100
    needed_ms: int = 60
    hang_ms: int = 200
    soft_cap_ms: int | None = None
    soft_hang_ms: int = 100
    cap_ms: int | None = None


TIGHT = SegmentRule()
WIDE = SegmentRule(hang_ms=500, soft_cap_ms=12_000, cap_ms=14_600)
"""With 150 ms of padding on both sides a capped segment stays below 15 s."""


class Edge(Enum):
    """What a frame did to the speech around it."""

    NONE = 0
    OPENED = 1
    CLOSED = 2


class Hysteresis:
    """Follow one channel's frames under one rule. Times are frame numbers; ends are exclusive.

    `start` and `end` are those of the open interval, or of the last one when none is open; `end` is behind the last voiced frame.
    """

    def __init__(self, rule: SegmentRule) -> None:
        self.open = False
        self.start = 0
        self.end = 0
        self.frames = 0
        self._window = rule.window_ms // FRAME_MS
        self._needed = rule.needed_ms // FRAME_MS
        self._hang = rule.hang_ms // FRAME_MS
        self._soft_cap = None if rule.soft_cap_ms is None else rule.soft_cap_ms // FRAME_MS
        self._soft_hang = rule.soft_hang_ms // FRAME_MS
        self._cap = None if rule.cap_ms is None else rule.cap_ms // FRAME_MS
        self._mask = (1 << self._window) - 1
        self._recent = 0

    def push(self, voiced: bool) -> Edge:
        """Take the next frame."""
        self.frames += 1
        self._recent = (self._recent << 1 | voiced) & self._mask
        if not self.open:
            return self._begin() if voiced and self._recent.bit_count() >= self._needed else Edge.NONE
        if voiced:
            self.end = self.frames
        return self.finish() if self._over(self.frames - self.start, self.frames - self.end) else Edge.NONE

    def finish(self) -> Edge:
        """Close what is open: the audio ends, or a rule says so."""
        was_open, self.open = self.open, False
        return Edge.CLOSED if was_open else Edge.NONE

    def _begin(self) -> Edge:
        self.open = True
        self.start = max(self.end, self.frames - self._window)
        self.end = self.frames
        return Edge.OPENED

    def _over(self, length: int, unvoiced: int) -> bool:
        if self._cap is not None and length >= self._cap:
            return True
        soft = self._soft_cap is not None and length >= self._soft_cap
        return unvoiced >= (self._soft_hang if soft else self._hang)


def close_gaps(intervals: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Join neighbours of a sorted list that lie `gap` or less apart."""
    joined: list[tuple[int, int]] = []
    for start, end in intervals:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
