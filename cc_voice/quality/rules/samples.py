"""Samples and what marks on them say: drawn so that the same seed and hits give the same sample, and told with their uncertainty.

Of all hits those with the smallest SHA-256 of seed and key are taken: a call more in the store moves nothing else.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

T = TypeVar("T")

Z_95 = 1.959963984540054


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """A share of marks, with its 95 % Wilson interval; always shown with `n`."""

    right: int
    n: int
    """Right and wrong; who was unsure is not in it."""
    pct: float | None
    low_pct: float | None
    high_pct: float | None


def sampled(found: Iterable[T], key: Callable[[T], str], seed: int, size: int) -> list[T]:
    """Return a sample of what was found, in the order in which it was drawn."""
    return sorted(found, key=lambda one: drawn(seed, key(one)))[:size]


def drawn(seed: int, key: str) -> str:
    """Return by what a hit's place in a sample is decided."""
    return hashlib.sha256(f"{seed}\x1f{key}".encode()).hexdigest()


def precision(right: int, wrong: int) -> Precision:
    """Return the share of right ones with its interval (Wilson 1927); nothing is known of no marks."""
    n = right + wrong
    if not n:
        return Precision(right=0, n=0, pct=None, low_pct=None, high_pct=None)
    share, z2 = right / n, Z_95 * Z_95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Precision(
        right=right, n=n, pct=100 * share, low_pct=100 * max(0.0, middle - half), high_pct=100 * min(1.0, middle + half)
    )


def estimated_misses(missed: int, not_missed: int, legs: int) -> float | None:
    """Return how many legs a rule misses, estimated: the marked share of a sample of legs without a hit, times all of these."""
    return legs * missed / (missed + not_missed) if missed + not_missed else None
