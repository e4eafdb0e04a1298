"""Decision: from Silero's probabilities to stretches of speech.

Speech keeps its state over 32 ms chunks: it begins at 0.25 and ends under 0.2. A run of five chunks (160 ms) confirms it – the
onset of a dial tone or of a note looks like speech for three – and what is confirmed reaches 192 ms further on both sides, because
Silero leaves out soft beginnings and ends; where exactly speech ends there is WebRTC's to say (two_stage.py).
Neighbours of these four numbers do as well (README).
"""

from collections import deque

OPEN = 0.25
KEEP = 0.2
CONFIRM = 5
REACH = 6


class VoiceDecision:
    """Follow the probabilities of one channel, in order of chunks, some of which may be left out: those are no speech."""

    def __init__(self) -> None:
        self._next = 0
        self._on = False
        self._run = 0
        self._speech: deque[tuple[int, int]] = deque()
        """Chunks confirmed as speech: first, and first behind."""

    def push(self, chunk: int, probability: float) -> None:
        """Take the probability of a chunk."""
        if chunk != self._next:
            self._on, self._run = False, 0
        self._next = chunk + 1
        self._on = probability >= (KEEP if self._on else OPEN)
        self._run = self._run + 1 if self._on else 0
        if self._run >= CONFIRM:
            self._confirm(self._next - self._run - REACH, self._next + REACH)

    def verdict(self, chunk: int) -> bool | None:
        """Return whether a chunk is speech; None: what comes next may decide. Ask in order of chunks."""
        while self._speech and self._speech[0][1] <= chunk:
            self._speech.popleft()
        if self._speech and self._speech[0][0] <= chunk:
            return True
        earliest = self._next - self._run - REACH
        return None if chunk >= earliest else False

    @property
    def wavering(self) -> bool:
        """Whether something sounds like speech that is not confirmed: the next chunk must be heard."""
        return 0 < self._run < CONFIRM

    def _confirm(self, start: int, end: int) -> None:
        if self._speech and start <= self._speech[-1][1]:
            start = self._speech.pop()[0]
        self._speech.append((start, end))
