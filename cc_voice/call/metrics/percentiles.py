"""Percentiles with linear interpolation between the two nearest values."""

from collections.abc import Sequence


def interpolated(values: Sequence[float], share: float) -> float:
    """Return a percentile with linear interpolation; `share` is 0–1, and there is a value."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])
