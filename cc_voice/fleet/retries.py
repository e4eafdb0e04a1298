"""Retries: when a stream that failed is taken up again. Values in, values out: the dispatcher keeps the time.

A session that raised, or lost its worker, may have met something that passes – a full disk, a process killed for its memory –
while Zoom keeps the stream for 60 s only, so the first attempts come quickly. It may also have met audio that kills every
worker it is given to, so their number is bounded: one call must not take the others' workers with it for ever.
"""

DELAYS_S = (0.0, 1.0, 3.0, 10.0, 30.0, 120.0, 600.0)
"""Before each attempt. The first five fall into Zoom's window; the later ones finish the call from its recording."""
CALM_S = 900.0
"""After so long without a failure a stream counts as well, and its attempts start anew."""


class Retries:
    """How often each stream has failed lately."""

    def __init__(self, delays_s: tuple[float, ...] = DELAYS_S) -> None:
        self._delays_s = delays_s
        self._failed: dict[str, tuple[int, float]] = {}

    def failed(self, stream_id: str, now: float) -> float | None:
        """Note a failure and return how many seconds to wait before the next attempt; None: no further attempt."""
        count, last = self._failed.get(stream_id, (0, now))
        if now - last > CALM_S:
            count = 0
        if count == len(self._delays_s):
            del self._failed[stream_id]
            return None
        self._failed[stream_id] = (count + 1, now)
        return self._delays_s[count]

    def done(self, stream_id: str) -> None:
        """Forget a stream that was finished."""
        self._failed.pop(stream_id, None)

    def count(self, now: float) -> int:
        """Return how many streams failed lately and are not finished."""
        return sum(now - last <= CALM_S for _, last in self._failed.values())
