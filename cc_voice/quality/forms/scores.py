"""Scores: the exact arithmetic of a form's answers.

With w the weight of a question and p its share of points, a fraction and never a float:

    applicable = Σ w over what applies          determined = Σ w over met, missed, partial
    earned = Σ w·p over what is determined      score = 100 · earned / determined     coverage = 100 · determined / applicable

What does not apply and what is undetermined both leave the denominator; what does not apply leaves `applicable`, too. Sums are kept
as integers × 720,720, the least number that 1 to 16 divide: thirds and sevenths add up to the whole, in any order. Ruled out:
floats, of which sections would not add up to their form.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Literal

import msgspec

UNIT = 720_720
LEAST_COVERAGE_PCT = 70
LEAST_APPLICABLE = 40
"""Of 100: with less the form is not about such a call."""

AnswerState = Literal["met", "missed", "partial", "not_applicable", "undetermined", "unanswered"]
"""unanswered: a person's question that nobody answered; it is in no sum."""
DETERMINED: tuple[AnswerState, ...] = ("met", "missed", "partial")
ScoreReason = Literal["too_little_determined", "form_does_not_fit"]


class ScoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as arithmetic sees it."""

    weight: int
    state: AnswerState
    units: int = 0
    """Share of its points × 720,720."""
    cap: int | None = None
    """Of a critical question: the highest score with it missed."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of weights × 720,720, of a section or a form."""

    applicable: int = 0
    determined: int = 0
    earned: int = 0

    @property
    def score(self) -> Fraction | None:
        return Fraction(100 * self.earned, self.determined) if self.determined else None

    @property
    def coverage(self) -> Fraction | None:
        return Fraction(100 * self.determined, self.applicable) if self.applicable else None


class FormScore(msgspec.Struct, frozen=True, kw_only=True):
    """What a form's answers come to."""

    sums: Sums
    score: Fraction | None
    uncapped: Fraction | None
    reason: ScoreReason | None
    """Why there is no score."""
    is_failed: bool
    """A critical question is missed."""
    is_undecided: bool
    """A critical question is undetermined: a person decides before it counts."""


def units(share: Fraction) -> int:
    """Return a share of points × 720,720; exact where its denominator has up to 16 steps, else the nearest."""
    if not 0 <= share <= 1:
        raise AssertionError(f"a share is from 0 to 1, not {share}")
    return round(share * UNIT)


def sums(answers: Iterable[ScoredAnswer]) -> Sums:
    """Add up answers of a section or a form."""
    applicable = determined = earned = 0
    for answer in answers:
        if answer.state in ("not_applicable", "unanswered"):
            continue
        applicable += answer.weight * UNIT
        if answer.state in DETERMINED:
            determined += answer.weight * UNIT
            earned += answer.weight * answer.units
    return Sums(applicable=applicable, determined=determined, earned=earned)


def form_score(answers: Sequence[ScoredAnswer]) -> FormScore:
    """Return the score of a form; NULL with its reason where too little of it applies or is known."""
    total = sums(answers)
    caps = [answer.cap for answer in answers if answer.cap is not None and answer.state == "missed"]
    reason = _no_score(total)
    uncapped = total.score if reason is None else None
    return FormScore(
        sums=total,
        score=None if uncapped is None else min([uncapped, *map(Fraction, caps)]),
        uncapped=uncapped,
        reason=reason,
        is_failed=bool(caps),
        is_undecided=any(answer.cap is not None and answer.state == "undetermined" for answer in answers),
    )


def _no_score(total: Sums) -> ScoreReason | None:
    if total.applicable < LEAST_APPLICABLE * UNIT or total.coverage is None:
        return "form_does_not_fit"
    if total.coverage < LEAST_COVERAGE_PCT or not total.determined:
        return "too_little_determined"
    return None


def shown(pct: Fraction | None) -> str:
    """Return a percentage with one decimal, half to even, as people see it."""
    if pct is None:
        return "–"
    tenths = round(pct * 10)
    return f"{tenths // 10}.{tenths % 10}"
