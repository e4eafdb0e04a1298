"""Workflow of evaluations: who moves them on, and who must not."""

import itertools
from typing import get_args

import pytest

from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.workflow import TRANSITIONS, Deed, EvaluationPerson, EvaluationState, check_override, step

RIGHTS = frozenset({"evaluate", "coach"})
EVA = EvaluationPerson(id="eva", name="Eva", rights=RIGHTS)
ANA = EvaluationPerson(id="ana", name="Ana", user_id="u-ana", rights=frozenset({"acknowledge"}))
LEAD = EvaluationPerson(id="lead", name="Lead", rights=RIGHTS | {"appeals"})
WHY = "because of what was said"


def moved(state: EvaluationState, deed: Deed, person: EvaluationPerson, text: str = WHY) -> str:
    return step(state, deed, person, evaluator="eva", agent="u-ana", text=text).to


def test_an_evaluation_goes_its_way() -> None:
    way: list[tuple[Deed, EvaluationPerson]] = [
        ("open", EVA),
        ("submit", EVA),
        ("dispute", ANA),
        ("uphold", EVA),
        ("appeal", ANA),
        ("decide", LEAD),
    ]
    state: EvaluationState = "auto"
    for deed, person in way:
        state = moved(state, deed, person)  # type: ignore[assignment]
    assert state == "final"


def test_every_other_deed_is_refused() -> None:
    boss = EvaluationPerson(id="eva", name="Eva", rights=frozenset({"evaluate", "coach", "appeals", "acknowledge"}), is_owner=True)
    for state, deed in itertools.product(get_args(EvaluationState), get_args(Deed)):
        if (state, deed) not in TRANSITIONS:
            with pytest.raises(FormError, match=f"that is {state} has no {deed}"):
                moved(state, deed, boss)


def test_nobody_does_what_is_somebody_elses() -> None:
    other = EvaluationPerson(id="ben", name="Ben", user_id="u-ben", rights=frozenset({"acknowledge"}))
    own = EvaluationPerson(id="eva", name="Eva", user_id="u-ana", rights=RIGHTS | {"appeals"})
    refused: list[tuple[EvaluationState, Deed, EvaluationPerson]] = [
        ("submitted", "acknowledge", other),
        ("submitted", "dispute", EVA),
        ("draft", "submit", LEAD),
        ("appealed", "decide", EVA),
        ("disputed", "uphold", ANA),
        ("auto", "open", own),
        ("disputed", "change", own),
        ("appealed", "decide", own),
    ]
    for state, deed, person in refused:
        with pytest.raises(NotAllowed):
            moved(state, deed, person)


def test_why_is_said_where_it_must_be() -> None:
    for state, deed, person in (("submitted", "dispute", ANA), ("disputed", "uphold", EVA), ("upheld", "appeal", ANA)):
        with pytest.raises(FormError, match="say why"):
            moved(state, deed, person, "no")  # type: ignore[arg-type]
    check_override("context", "they looked for the bill")
    for reason, text in ((None, WHY), ("mood", WHY), ("context", "short"), ("context", " " * 20)):
        with pytest.raises(FormError):
            check_override(reason, text)
