"""Intervals: set algebra on time, as every metric is a length of a union, an intersection or a difference of intervals.

A set of time is a tuple of (start_ms, end_ms), sorted, disjoint, not touching, none empty: the canonical form, so that equal sets
are equal tuples. Every function returns that form; those that take `Intervals` expect it, `canonical` makes it from anything.
All run in linear time except where a binary search is enough.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

from cc_voice.call.analysis import Interval

Intervals = tuple[Interval, ...]
"""A set of time in canonical form."""


def canonical(intervals: Iterable[Interval]) -> Intervals:
    """Return the same set of time sorted and merged; empty and reversed intervals are dropped."""
    merged: list[Interval] = []
    for start, end in sorted(piece for piece in intervals if piece[0] < piece[1]):
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def length(intervals: Intervals) -> int:
    """Return how long the set is, in ms."""
    return sum(end - start for start, end in intervals)


def longest(intervals: Iterable[Interval]) -> int:
    """Return the length of the longest interval, 0 when there is none."""
    return max((end - start for start, end in intervals), default=0)


def union(*sets: Intervals) -> Intervals:
    """Return time that is in any of the sets."""
    return canonical(piece for intervals in sets for piece in intervals)


def intersect(first: Intervals, second: Intervals) -> Intervals:
    """Return time that is in both sets."""
    common: list[Interval] = []
    i = j = 0
    while i < len(first) and j < len(second):
        start, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if start < end:
            common.append((start, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract(first: Intervals, second: Intervals) -> Intervals:
    """Return time that is in the first set and not in the second."""
    if not first:
        return ()
    return intersect(first, complement(second, (first[0][0], first[-1][1])))


def complement(intervals: Intervals, within: Interval) -> Intervals:
    """Return time of `within` that is not in the set."""
    left: list[Interval] = []
    position = within[0]
    for start, end in intersect(intervals, canonical((within,))):
        if position < start:
            left.append((position, start))
        position = end
    if position < within[1]:
        left.append((position, within[1]))
    return tuple(left)


def clip(intervals: Intervals, within: Interval) -> Intervals:
    """Return the part of the set that lies in `within`."""
    return intersect(intervals, canonical((within,)))


def shift(intervals: Intervals, by_ms: int) -> Intervals:
    """Return the set moved in time."""
    return tuple((start + by_ms, end + by_ms) for start, end in intervals)


def at_least(intervals: Intervals, minimum_ms: int) -> Intervals:
    """Return the intervals that are at least so long."""
    return tuple((start, end) for start, end in intervals if end - start >= minimum_ms)


def index_at(intervals: Intervals, at_ms: int) -> int | None:
    """Return which interval contains the instant, None when none does."""
    index = bisect_right(intervals, at_ms, key=_start) - 1
    return index if index >= 0 and at_ms < intervals[index][1] else None


def contains(intervals: Intervals, at_ms: int) -> bool:
    """Tell whether the instant is in the set."""
    return index_at(intervals, at_ms) is not None


def overlapping(intervals: Intervals, piece: Interval) -> range:
    """Return the indexes of the intervals that share time with `piece`."""
    first = bisect_right(intervals, piece[0], key=_end)
    last = first
    while last < len(intervals) and intervals[last][0] < piece[1]:
        last += 1
    return range(first, last)


def split(intervals: Intervals, parts: int) -> tuple[Intervals, ...]:
    """Cut the set into consecutive parts of equal length (to the millisecond): thirds and quarters of analysed time."""
    total = length(intervals)
    marks = [total * part // parts for part in range(parts + 1)]
    return tuple(_between(intervals, low, high) for low, high in pairwise(marks))


def _between(intervals: Intervals, low: int, high: int) -> Intervals:
    """The time of the set from its `low`-th to its `high`-th millisecond."""
    found: list[Interval] = []
    passed = 0
    for start, end in intervals:
        piece = (start + max(low - passed, 0), min(end, start + high - passed))
        if piece[0] < piece[1]:
            found.append(piece)
        passed += end - start
    return tuple(found)


def _start(interval: Interval) -> int:
    return interval[0]


def _end(interval: Interval) -> int:
    return interval[1]
