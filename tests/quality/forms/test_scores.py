"""Scores of forms: the golden example to the digit, and what holds of every form."""

import random
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media.form_sets import shipped_forms
from cc_voice.quality.forms.automatic_answers import QuestionAnswer, assembled
from cc_voice.quality.forms.scores import UNIT, FormScore, ScoredAnswer, form_score, shown, sums, units

FORM = shipped_forms()[0]
AUTOMATIC: dict[str, tuple[str, Fraction]] = {
    "q1": ("met", Fraction(1)),
    "q2": ("met", Fraction(1)),
    "q3": ("undetermined", Fraction(0)),
    "q4": ("met", Fraction(1)),
    "q5": ("partial", Fraction(1, 2)),
    "q6": ("missed", Fraction(0)),
    "q7": ("not_applicable", Fraction(0)),
    "q8": ("not_applicable", Fraction(0)),
    "q9": ("not_applicable", Fraction(0)),
    "q10": ("met", Fraction(1)),
    "q11": ("met", Fraction(1)),
    "q12": ("met", Fraction(1)),
}
MISSED, MET = ("missed", Fraction(0)), ("met", Fraction(1))


def scored(**changed: tuple[str, Fraction]) -> FormScore:
    answers = [
        QuestionAnswer(question_id=name, state=state, units=units(share))  # type: ignore[arg-type]
        for name, (state, share) in (AUTOMATIC | changed).items()
    ]
    return assembled(FORM, "leg", answers, ()).score


@pytest.mark.parametrize(
    ("changed", "applicable", "determined", "earned", "uncapped", "score", "coverage", "undecided"),
    [
        ({}, 80, 72, 57, "79.17", "79.17", 90, True),
        ({"q3": MISSED}, 80, 80, 57, "71.25", "50.00", 100, False),
        ({"q3": MET}, 80, 80, 65, "81.25", "81.25", 100, False),
        ({"q3": MET, "q6": MET}, 80, 80, 75, "93.75", "93.75", 100, False),
        ({"q3": MISSED, "q6": MET}, 80, 80, 67, "83.75", "50.00", 100, False),
    ],
)
def test_the_golden_example_comes_out_to_the_digit(
    changed: dict[str, Any],
    applicable: int,
    determined: int,
    earned: int,
    uncapped: str,
    score: str,
    coverage: int,
    undecided: bool,
) -> None:
    found = scored(**changed)
    total = found.sums
    assert (total.applicable, total.determined, total.earned) == (applicable * UNIT, determined * UNIT, earned * UNIT)
    assert (f"{float(found.uncapped or 0):.2f}", f"{float(found.score or 0):.2f}") == (uncapped, score)
    assert total.coverage == coverage
    assert found.is_undecided == undecided
    assert found.is_failed == (changed.get("q3") == MISSED)


STATES = st.sampled_from(["met", "missed", "partial", "not_applicable", "undetermined", "unanswered"])


@st.composite
def answers(draw: Any) -> list[ScoredAnswer]:
    found = []
    for _ in range(draw(st.integers(1, 20))):
        state = draw(STATES)
        of = draw(st.integers(2, 16))
        share = {"met": Fraction(1), "partial": Fraction(draw(st.integers(1, of - 1)), of)}.get(state, Fraction(0))
        cap = draw(st.sampled_from([None, None, 0, 50]))
        found.append(ScoredAnswer(weight=draw(st.integers(0, 30)), state=state, units=units(share), cap=cap))
    return found


@given(answers(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_sections_add_up_and_order_does_not_matter(given_: list[ScoredAnswer], rand: random.Random, parts: int) -> None:
    whole = form_score(given_)
    sections = [sums(given_[at::parts]) for at in range(parts)]
    for name in ("applicable", "determined", "earned"):
        assert sum(getattr(each, name) for each in sections) == getattr(whole.sums, name)
    shuffled = list(given_)
    rand.shuffle(shuffled)
    assert form_score(shuffled) == whole
    if whole.score is not None:
        assert 0 <= whole.score <= 100


@given(answers())
def test_shares_of_up_to_sixteen_steps_are_exact(given_: list[ScoredAnswer]) -> None:
    exact = sum(
        (answer.weight * Fraction(answer.units, UNIT) for answer in given_ if answer.state in ("met", "partial")), Fraction(0)
    )
    assert Fraction(sums(given_).earned, UNIT) == exact
    for of in range(1, 17):
        assert Fraction(units(Fraction(1, of)), UNIT) == Fraction(1, of)


@given(answers())
def test_a_form_of_which_nothing_applies_has_no_score(given_: list[ScoredAnswer]) -> None:
    none = [msgspec.structs.replace(answer, state="not_applicable") for answer in given_]
    found = form_score(none)
    assert (found.score, found.reason, found.is_failed) == (None, "form_does_not_fit", False)


def test_too_little_that_is_known_or_applies_gives_no_score_with_its_reason() -> None:
    known = ScoredAnswer(weight=69, state="met", units=UNIT)
    unknown = ScoredAnswer(weight=31, state="undetermined")
    assert form_score([known, unknown]).reason == "too_little_determined"
    assert form_score([msgspec.structs.replace(known, weight=70), msgspec.structs.replace(unknown, weight=30)]).score == 100
    assert form_score([ScoredAnswer(weight=39, state="met", units=UNIT)]).reason == "form_does_not_fit"
    assert form_score([ScoredAnswer(weight=40, state="met", units=UNIT)]).score == 100


def test_a_critical_question_of_no_weight_decides_the_score() -> None:
    found = form_score([ScoredAnswer(weight=100, state="met", units=UNIT), ScoredAnswer(weight=0, state="missed", cap=0)])
    assert (found.score, found.uncapped, found.is_failed) == (0, 100, True)


def test_a_score_is_shown_with_one_decimal_half_to_even() -> None:
    assert [shown(Fraction(each)) for each in ("79.25", "79.35", "79.249", "100", "0")] == ["79.2", "79.4", "79.2", "100.0", "0.0"]
    assert shown(None) == "–"
