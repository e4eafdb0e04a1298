"""Counts of what was odd: unknown numbers and fields, garbage, late frames. For operators and tests, not for decisions."""

from collections.abc import Mapping

_MAX_NAMES = 256
"""A hostile peer chooses some of the names: there must be an end to them."""


class Counters:
    """Named counts; beyond the limit of names everything new counts as `other`."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        if name not in self._counts and len(self._counts) >= _MAX_NAMES:
            name = "other"
        self._counts[name] = self._counts.get(name, 0) + 1

    def snapshot(self) -> Mapping[str, int]:
        """Return a copy of the counts."""
        return dict(self._counts)

    def __getitem__(self, name: str) -> int:
        return self._counts.get(name, 0)
