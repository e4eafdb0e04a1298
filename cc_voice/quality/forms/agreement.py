"""Agreement of evaluators: raw, and Gwet's AC1, which takes out what would agree by chance.

For q categories, r_ik ratings of category k on item i, r_i ratings of it in all (Gwet 2008; raters may be missing):

    p_a = mean over items with r_i ≥ 2 of Σ_k r_ik (r_ik − 1) / (r_i (r_i − 1))
    π_k = mean over all rated items of r_ik / r_i        p_e = Σ_k π_k (1 − π_k) / (q − 1)        AC1 = (p_a − p_e) / (1 − p_e)

Not kappa: where nearly every answer is yes, two who agree on 18 of 20 have a kappa below nothing.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import msgspec

LEAST_ITEMS = 10
"""With fewer a coefficient says nothing."""
INTERVAL_BELOW = 30
"""With fewer items than these the coefficient comes with an interval."""
_Z_95 = 1.959963984540054
_T_95 = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314),
    *(2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452),
)
"""Student's t of 1 to 29 degrees of freedom, two-sided 95 %."""

Ratings = Sequence[Mapping[str, Hashable]]
"""For each item: rater → category; who did not answer is left out."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far evaluators agree on a question. Shown with `n`."""

    n: int
    """Items with two ratings or more."""
    raw: float | None
    """Mean share of pairs of evaluators who answered the same, 0 to 1."""
    ac1: float | None
    """None with fewer than ten items."""
    low: float | None = None
    high: float | None = None
    """95 % interval by jackknife, with fewer than thirty items."""


def agreement(items: Ratings, categories: int) -> Agreement:
    """Return how far raters agree; `categories` are those the form offers, two at least."""
    counts = [Counter(item.values()) for item in items if item]
    paired = [count for count in counts if count.total() >= 2]
    n = len(paired)
    if not n:
        return Agreement(n=0, raw=None, ac1=None)
    raw = observed(paired)
    if n < LEAST_ITEMS:
        return Agreement(n=n, raw=raw, ac1=None)
    ac1 = gwet_ac1(items, categories)
    low, high = _jackknife(counts, categories) if n < INTERVAL_BELOW else (None, None)
    return Agreement(n=n, raw=raw, ac1=ac1, low=low, high=high)


def observed(counts: Sequence[Counter[Hashable]]) -> float:
    """Return p_a of items with two ratings or more."""
    shares = [sum(r * (r - 1) for r in count.values()) / (count.total() * (count.total() - 1)) for count in counts]
    return math.fsum(shares) / len(shares)


def gwet_ac1(items: Ratings, categories: int) -> float | None:
    """Return AC1, None where no item has two ratings."""
    return _ac1([Counter(item.values()) for item in items if item], categories)


def _ac1(counts: Sequence[Counter[Hashable]], categories: int) -> float | None:
    if categories < 2:
        raise AssertionError("a question offers two answers at least")
    paired = [count for count in counts if count.total() >= 2]
    if not paired:
        return None
    seen = sorted({category for count in counts for category in count}, key=repr)
    shares = [math.fsum(count[category] / count.total() for count in counts) / len(counts) for category in seen]
    by_chance = math.fsum(share * (1 - share) for share in shares) / (categories - 1)
    return (observed(paired) - by_chance) / (1 - by_chance)


def _jackknife(counts: Sequence[Counter[Hashable]], categories: int) -> tuple[float | None, float | None]:
    """Return the interval from how the coefficient moves when each item is left out."""
    whole = _ac1(counts, categories)
    left_out = [_ac1([*counts[:at], *counts[at + 1 :]], categories) for at in range(len(counts))]
    found = [value for value in left_out if value is not None]
    n = len(found)
    if whole is None or n < 2:
        return None, None
    mean = math.fsum(found) / n
    error = math.sqrt((n - 1) / n * math.fsum((value - mean) ** 2 for value in found))
    half = (_T_95[n - 2] if n - 2 < len(_T_95) else _Z_95) * error
    return max(-1.0, whole - half), min(1.0, whole + half)
