"""Metric changes: what measuring again would change, before and after, metric by metric, so that somebody can look before it is
published."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.rows import LegRow


class MetricChange(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over all legs that were there before and are there after.

    Means are over the legs that have a value, None without any; a truth counts as 0 or 1, and names have no mean.
    """

    metric: str
    legs_changed: int
    measured_before: int
    """Legs with a value; the others have a reason."""
    measured_after: int
    mean_before: float | None
    mean_after: float | None
    largest: float | None
    """The greatest difference, after − before, of a leg measured both times."""
    largest_leg_id: str | None
    """The leg with the greatest difference, or the first that changed."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Before and after of a set of calls."""

    legs: int
    """Compared: there before and after."""
    legs_changed: int
    """With another value in any metric."""
    legs_new: int
    legs_gone: int
    metrics: tuple[MetricChange, ...]
    """Those that changed, the most frequent first."""


class _Tally:
    """One metric, while legs are added."""

    def __init__(self) -> None:
        self.changed = self.before = self.after = 0
        self.sum_before = self.sum_after = 0.0
        self.numeric = True
        self.largest: float | None = None
        self.leg_id: str | None = None

    def add(self, leg_id: str, before: Any, after: Any) -> bool:
        self.before += before is not None
        self.after += after is not None
        numbers = [value for value in (before, after) if isinstance(value, int | float)]
        if len(numbers) < sum(value is not None for value in (before, after)):
            self.numeric = False
        else:
            self.sum_before += before or 0
            self.sum_after += after or 0
        if _same(before, after):
            return False
        self.changed += 1
        difference = numbers[1] - numbers[0] if len(numbers) == 2 else None
        if difference is not None and (self.largest is None or abs(difference) > abs(self.largest)):
            self.largest, self.leg_id = difference, leg_id
        self.leg_id = self.leg_id or leg_id
        return True

    def result(self, metric: str) -> MetricChange:
        return MetricChange(
            metric=metric,
            legs_changed=self.changed,
            measured_before=self.before,
            measured_after=self.after,
            mean_before=self.sum_before / self.before if self.numeric and self.before else None,
            mean_after=self.sum_after / self.after if self.numeric and self.after else None,
            largest=self.largest,
            largest_leg_id=self.leg_id,
        )


MEASURED = tuple(name for name, metric in METRICS.items() if "import" not in metric.needs)
"""What measuring again can change. Reports of Zoom bring the rest, and writing a call again leaves it as they told it."""


class MetricComparison:
    """Takes legs before and after, call by call; memory does not grow with their number."""

    def __init__(self, metrics: Iterable[str] = MEASURED) -> None:
        self._tallies = {metric: _Tally() for metric in metrics}
        self._legs = self._changed = self._new = self._gone = 0

    def add(self, before: Mapping[str, Mapping[str, Any]], after: Iterable[LegRow]) -> None:
        """Compare the legs of a call; `before` is what is stored, leg_id → column → value."""
        left = set(before)
        for leg in after:
            known = before.get(leg.leg_id)
            left.discard(leg.leg_id)
            if known is None:
                self._new += 1
                continue
            self._legs += 1
            differs = [tally.add(leg.leg_id, known.get(name), getattr(leg, name)) for name, tally in self._tallies.items()]
            self._changed += any(differs)
        self._gone += len(left)

    def result(self) -> Changes:
        """Return what has been compared so far."""
        found = [tally.result(name) for name, tally in self._tallies.items() if tally.changed]
        return Changes(
            legs=self._legs,
            legs_changed=self._changed,
            legs_new=self._new,
            legs_gone=self._gone,
            metrics=tuple(sorted(found, key=lambda change: (-change.legs_changed, change.metric))),
        )


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, float) or isinstance(after, float):
        # The store keeps doubles: what differs in the last digits was summed up in another order
        return before is not None and after is not None and abs(before - after) <= 1e-9 * max(1.0, abs(before))
    return bool(before == after)
