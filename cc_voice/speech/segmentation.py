"""Segmentation: where speech begins and ends, in two widths from one pass over voiced frames.

Tight intervals measure talk and silence: opened by 60 ms of voice within 100 ms, back-dated to the start of these 100 ms,
closed by 200 ms without voice at the last voiced frame. Wide segments are for recognition: tight intervals joined over
pauses of about half a second, so that a phrase stays whole. From `soft_cap_ms` on any short pause ends a wide segment, and at
`cap_ms` it is cut, because a recogniser's lattices grow with it. (A soft cap lost fewer words than a cut alone: README.)
"""

from enum import Enum

import msgspec

from cc_voice.speech.frames import FRAME_MS


class TightRule(msgspec.Struct, frozen=True, kw_only=True):
    """When speech opens and closes, in ms."""

    window_ms: int = 100
    needed_ms: int = 60
    hang_ms: int = 200


class WideRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a segment for recognition ends, in ms."""

    hang_ms: int = 600
    """Counts until speech is confirmed, 60 ms into it: pauses up to 530 ms are bridged."""
    soft_cap_ms: int = 12_000
    soft_hang_ms: int = 100
    cap_ms: int = 14_700
    """With 150 ms of padding on both sides a segment stays within 15 s."""


class Edge(Enum):
    """What a frame did to the speech around it."""

    NONE = 0
    OPENED = 1
    CLOSED = 2


class TightSpeech:
    """Follow the voiced frames of one channel. Times are frame numbers; ends are exclusive.

    `start` and `end` are those of the open interval, or of the last one when none is open; `end` is behind its last voiced frame.
    """

    def __init__(self, rule: TightRule | None = None) -> None:
        rule = rule or TightRule()
        self.open = False
        self.start = 0
        self.end = 0
        self.frames = 0
        self._window = rule.window_ms // FRAME_MS
        self._needed = rule.needed_ms // FRAME_MS
        self._hang = rule.hang_ms // FRAME_MS
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
        return self.finish() if self.frames - self.end >= self._hang else Edge.NONE

    def finish(self) -> Edge:
        """Close what is open: the audio ends, or the hang is over."""
        was_open, self.open = self.open, False
        return Edge.CLOSED if was_open else Edge.NONE

    def _begin(self) -> Edge:
        self.open = True
        self.start = max(self.end, self.frames - self._window)
        self.end = self.frames
        return Edge.OPENED


class WideSegment:
    """Follow the tight intervals of one channel and join them to segments. `start` and `end` as in TightSpeech."""

    def __init__(self, rule: WideRule | None = None) -> None:
        rule = rule or WideRule()
        self.open = False
        self.start = 0
        self.end = 0
        self._hang = rule.hang_ms // FRAME_MS
        self._soft_cap = rule.soft_cap_ms // FRAME_MS
        self._soft_hang = rule.soft_hang_ms // FRAME_MS
        self._cap = rule.cap_ms // FRAME_MS

    def follow(self, tight: TightSpeech) -> Edge:
        """Look at the tight speech after each frame."""
        edge = Edge.NONE
        if tight.open and tight.end > self.end:
            if not self.open:
                self.open, self.start, edge = True, max(self.end, tight.start), Edge.OPENED
            self.end = tight.end
        return self.finish() if self.open and self._over(tight.frames) else edge

    def finish(self) -> Edge:
        """Close what is open."""
        was_open, self.open = self.open, False
        return Edge.CLOSED if was_open else Edge.NONE

    def _over(self, now: int) -> bool:
        length, pause = now - self.start, now - self.end
        return length >= self._cap or pause >= (self._soft_hang if length >= self._soft_cap else self._hang)


def close_gaps(intervals: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Join neighbours of a sorted list that lie `gap` or less apart."""
    joined: list[tuple[int, int]] = []
    for start, end in intervals:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
