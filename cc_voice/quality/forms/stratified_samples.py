"""Stratified samples: which legs are evaluated, drawn so that anybody can draw them again.

Within each stratum the legs with the smallest SHA-256 of seed and leg are taken. The same seed and population give the same list in
whatever order legs arrived; a leg more leaves the order of the rest as it is. Averages over a sample weigh each pick by the
population of its stratum ÷ its picks.
"""

import hashlib
from collections.abc import Iterable

import msgspec


class EligibleLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg that may be drawn, and the stratum that it is in."""

    leg_id: str
    stratum: tuple[str, ...]


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """A stratum of a sample."""

    stratum: tuple[str, ...]
    population: int
    picks: int
    weight: float
    """Population ÷ picks."""


class SamplePick(msgspec.Struct, frozen=True, kw_only=True):
    """A leg that was drawn."""

    leg_id: str
    stratum: tuple[str, ...]
    place: int
    """In its stratum, from 1."""
    weight: float


class StratifiedSample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample and what it was drawn from."""

    strata: tuple[Stratum, ...]
    picks: tuple[SamplePick, ...]

    @property
    def population(self) -> int:
        return sum(each.population for each in self.strata)


def drawn_order(seed: str, leg_id: str) -> str:
    """Return by what a leg's place in its stratum is decided."""
    return hashlib.sha256(f"{seed}\x1f{leg_id}".encode()).hexdigest()


def draw(eligible: Iterable[EligibleLeg], seed: str, per_stratum: int) -> StratifiedSample:
    """Draw so many legs of each stratum, all where it has fewer."""
    by_stratum: dict[tuple[str, ...], set[str]] = {}
    for leg in eligible:
        by_stratum.setdefault(leg.stratum, set()).add(leg.leg_id)
    strata, picks = [], []
    for stratum in sorted(by_stratum):
        legs = sorted(by_stratum[stratum], key=lambda leg_id: (drawn_order(seed, leg_id), leg_id))
        taken = legs[:per_stratum]
        weight = len(legs) / len(taken) if taken else 0.0
        strata.append(Stratum(stratum=stratum, population=len(legs), picks=len(taken), weight=weight))
        picks += [SamplePick(leg_id=leg_id, stratum=stratum, place=place, weight=weight) for place, leg_id in enumerate(taken, 1)]
    return StratifiedSample(strata=tuple(strata), picks=tuple(picks))


def next_in_order(eligible: Iterable[EligibleLeg], seed: str, stratum: tuple[str, ...], drawn: Iterable[str]) -> str | None:
    """Return the leg that follows in a stratum when a pick was rejected, None where there is none left."""
    taken = set(drawn)
    left = {leg.leg_id for leg in eligible if leg.stratum == stratum} - taken
    return min(left, key=lambda leg_id: (drawn_order(seed, leg_id), leg_id), default=None)
