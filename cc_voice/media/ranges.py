"""Ranges received: what of a channel has arrived, disjoint ranges of samples, in order."""

from bisect import bisect_left, bisect_right


class Ranges:
    """Disjoint sorted ranges of received samples; adding is cheap at the end, correct anywhere."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> int:
        """Add [start, end) and return how many of its samples are new."""
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        known = sum(min(end, self._ends[i]) - max(start, self._starts[i]) for i in range(first, last))
        if first < last:
            merged_start, merged_end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        else:
            merged_start, merged_end = start, end
        self._starts[first:last] = [merged_start]
        self._ends[first:last] = [merged_end]
        return (end - start) - max(0, known)

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return what of [start, end) is not here, in order."""
        found: list[tuple[int, int]] = []
        for i in range(bisect_right(self._ends, start), len(self._starts)):
            if self._starts[i] >= end:
                break
            if start < self._starts[i]:
                found.append((start, self._starts[i]))
            start = self._ends[i]
        if start < end:
            found.append((start, end))
        return found

    def end_of_run(self, position: int) -> int | None:
        """Return the end of the range that holds `position`, or None in a hole."""
        i = bisect_right(self._starts, position) - 1
        return self._ends[i] if i >= 0 and position < self._ends[i] else None

    def next_start(self, position: int) -> int | None:
        """Return where the first range after `position` starts, or None."""
        i = bisect_right(self._starts, position)
        return self._starts[i] if i < len(self._starts) else None

    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, self._ends, strict=True))

    @property
    def total(self) -> int:
        return sum(self._ends) - sum(self._starts)

    @property
    def end(self) -> int:
        return self._ends[-1] if self._ends else 0
