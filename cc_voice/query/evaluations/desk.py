"""Evaluation desk: evaluations as people see, open, answer and move on. Steps and answers are rows that are added, never changed.

Every function works in one transaction of its caller. Whether a person may see a leg is asked before, on the cursor of their scope.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.media import rule_sets
from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.form import EvaluationForm, Question
from cc_voice.quality.forms.scores import DETERMINED, AnswerState, form_score, sums, units
from cc_voice.quality.forms.workflow import COUNTED, Deed, EvaluationPerson, check_override, step
from cc_voice.quality.rules.rule import RuleCondition
from cc_voice.query.evaluations import stored_legs
from cc_voice.query.evaluations.form_folder import version_of
from cc_voice.query.evaluations.shown_evaluations import EvaluationHead, answers_of, head, heads, scored_answer
from cc_voice.query.evaluations.stored_legs import LegPlace, leg_place
from cc_voice.store import evaluation_rows, outbox
from cc_voice.store.database import Connection


class GivenAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's answer: met, missed, na, or a share of points such as 1/2; to a question for people, one of its answers."""

    question: str
    answer: str
    reason: str | None = None
    """Why an automatic answer was changed: one of the list, and in words."""
    text: str = ""


# -- what people do --------------------------------------------------------------------------------------------------


def automatic_of(con: Connection, settings: Settings, leg_id: str, form_id: str, version: int | None = None) -> EvaluationHead:
    """Return the automatic evaluation of a leg, made now where there is none. Raises FormError."""
    leg = _leg(con, leg_id)
    key = stored_legs.automatic(con, settings, leg, version_of(con, form_id, version))
    found = head(con, key)
    if found is None:
        raise AssertionError("it was just made")
    return found


def _leg(con: Connection, leg_id: str) -> LegPlace:
    leg = leg_place(con, leg_id)
    if leg is None:
        raise FormError(f"there is no leg {leg_id!r}; `cc-voice calls show` names the legs of a call")
    return leg


class OpenedFor(msgspec.Struct, frozen=True, kw_only=True):
    """Why an evaluation is opened."""

    form_id: str
    form_version: int | None = None
    calibration_session_id: str | None = None
    is_sampled: bool = False


def open_(
    con: Connection, settings: Settings, leg_id: str, why: OpenedFor, person: EvaluationPerson, now_ms: int
) -> EvaluationHead:
    """Open a draft with the automatic answers filled in, or return the one that this person has. Raises FormError, NotAllowed."""
    auto = automatic_of(con, settings, leg_id, why.form_id, why.form_version)
    transition = step(auto.state, "open", person, evaluator=None, agent=auto.agent_id, text="")
    kind = "calibration" if why.calibration_session_id else "standard"
    mine = heads(
        con,
        """e.leg_id = ? and e.form_id = ? and e.form_version = ? and e.evaluator_id = ? and e.evaluation_type = ?
        and e.calibration_session_id is not distinct from ?""",
        [leg_id, auto.form_id, auto.form_version, person.id, kind, why.calibration_session_id],
    )
    if mine:
        return mine[0]
    key = evaluation_rows.human_id(auto.evaluation_id, person.id, why.calibration_session_id, now_ms)
    evaluation_rows.copy_automatic(
        con,
        auto.evaluation_id,
        key,
        (person.id, person.name, kind, why.calibration_session_id, transition.to, why.is_sampled),
        now_ms,
    )
    _note_step(con, key, now_ms, person, ("open", auto.state, transition.to), None, "")
    return _again(con, key)


def _again(con: Connection, key: str) -> EvaluationHead:
    found = head(con, key)
    if found is None:
        raise AssertionError("it was just written")
    return found


def _note_step(
    con: Connection, key: str, now_ms: int, person: EvaluationPerson, made: tuple[str, str, str], question: str | None, text: str
) -> None:
    con.execute(
        """
        insert into evaluation_event
        values (nextval('evaluation_event_no'), ?, make_timestamptz(?::bigint * 1000), ?, ?, ?, ?, ?, ?)
        """,
        [key, now_ms, person.id, *made, question, text],
    )
    if made[2] in ("submitted", "disputed"):
        _tell_step(con, key, now_ms, "evaluation.submitted" if made[2] == "submitted" else "evaluation.disputed")


def _tell_step(con: Connection, key: str, now_ms: int, kind: Literal["evaluation.submitted", "evaluation.disputed"]) -> None:
    """Write for other programs what became of an evaluation: ids and numbers, no words."""
    ((call_id, leg_id, form_id, version, score_pct),) = con.execute(
        "select call_id, leg_id, form_id, form_version, score_pct from fact_evaluation where evaluation_id = ?", [key]
    ).fetchall()
    told = {"evaluation_id": key, "call_id": call_id, "leg_id": leg_id, "form_id": form_id, "form_version": version}
    outbox.add(con, kind, now_ms, {**told, "score_pct": score_pct}, call_id=call_id, queue=_queue(con, leg_id))


def _queue(con: Connection, leg_id: str | None) -> tuple[str | None, str | None]:
    rows = con.execute(
        "select q.queue_id, q.queue_name from fact_leg as l join dim_queue as q using (queue_key) where l.leg_id = ?", [leg_id]
    ).fetchall()
    return rows[0] if rows else (None, None)


def answer(
    con: Connection, one: EvaluationHead, given: Sequence[GivenAnswer], person: EvaluationPerson, now_ms: int
) -> EvaluationHead:
    """Answer questions of a draft. Raises FormError, NotAllowed."""
    if one.state != "draft":
        raise FormError(f"evaluation {one.evaluation_id} is {one.state}; only a draft is answered")
    if person.id != one.evaluator_id and not person.is_owner:
        raise NotAllowed(f"only {one.evaluator_id}, who opened it, answers it")
    _write(con, one, given, person, now_ms)
    return _again(con, one.evaluation_id)


def _write(con: Connection, one: EvaluationHead, given: Sequence[GivenAnswer], person: EvaluationPerson, now_ms: int) -> None:
    form = version_of(con, one.form_id, one.form_version)
    before = {each.question: each for each in answers_of(con, one.evaluation_id, form)}
    for each in given:
        question = form.question(each.question)
        if question is None or each.question not in before:
            raise FormError(f"form {form.id} has no question {each.question!r}; there are {', '.join(before)}")
        state, of_units = read_answer(question, each.answer)
        auto = before[each.question]
        is_changed = is_override(con, one.evaluation_id, question.id, state, of_units)
        if is_changed:
            check_override(each.reason, each.text)
        evaluation_rows.write_answer(
            con,
            (one.evaluation_id, one.form_id, one.form_version, question.id),
            (
                each.answer,
                state,
                of_units,
                question.weight if state in DETERMINED else 0,
                not is_changed and auto.auto_answer is not None,
            ),
            (each.reason if is_changed else None, each.text if is_changed else None, person.id, now_ms),
        )
    _rescore(con, one, form)


def read_answer(question: Question, text: str) -> tuple[AnswerState, int]:
    """Return state and units of a person's answer. Raises FormError."""
    told = f"question {question.id}: answer {', '.join((*question.answers, 'na'))}"
    if text in ("na", "not_applicable"):
        return "not_applicable", 0
    if question.human is not None:
        share = question.share_of(text)
    elif text in ("met", "missed"):
        share = Fraction(text == "met")
    else:
        share = _fraction(text) if question.scale or question.each else None
        told += "; a share of points as a fraction, such as 1/2" if question.scale or question.each else ""
    if share is None:
        raise FormError(f"{told}, not {text!r}")
    return ("met" if share == 1 else "partial" if share else "missed"), units(share)


def _fraction(text: str) -> Fraction | None:
    try:
        found = Fraction(text) if len(text) <= 9 and "e" not in text.lower() else None
    except (ValueError, ZeroDivisionError):
        return None
    return found if found is not None and 0 <= found <= 1 else None


def is_override(con: Connection, evaluation_id: str, question_id: str, state: AnswerState, of_units: int) -> bool:
    """Whether an answer changes an automatic one; what was undetermined, or for people, had none."""
    auto, auto_units = evaluation_rows.automatic_answer(con, evaluation_id, question_id)
    return auto not in (None, "undetermined", "unanswered") and (auto, auto_units) != (state, of_units)


def _rescore(con: Connection, one: EvaluationHead, form: EvaluationForm) -> None:
    answers = answers_of(con, one.evaluation_id, form)
    score = form_score([scored_answer(form, each) for each in answers])
    of_steps = step_questions(con, form)
    stepped = sums(scored_answer(form, each) for each in answers if each.question in of_steps)
    evaluation_rows.write_score(
        con,
        one.evaluation_id,
        {
            "score_pct": None if score.score is None else float(score.score),
            "score_uncapped_pct": None if score.uncapped is None else float(score.uncapped),
            "coverage_pct": None if score.sums.coverage is None else float(score.sums.coverage),
            "adherence_pct": None if stepped.score is None else float(stepped.score),
            "score_reason": score.reason,
            "applicable": score.sums.applicable,
            "determined": score.sums.determined,
            "earned": score.sums.earned,
            "automatic_fail": score.is_failed,
        },
    )


def step_questions(con: Connection, form: EvaluationForm) -> frozenset[str]:
    """Return the questions whose clauses are all steps: what adherence is made of."""
    kinds = {rule.id: rule.kind for rule in rule_sets.shipped_rules()}
    kinds |= dict(con.execute("select category_id, kind from dim_category order by version").fetchall())
    named = {
        question.id: [clause.condition.rule if isinstance(clause.condition, RuleCondition) else "" for clause in question.met]
        for question in form.questions
        if question.met
    }
    return frozenset(name for name, rules in named.items() if all(kinds.get(rule) == "step" for rule in rules))


class StepTaken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that somebody makes."""

    deed: Deed
    text: str = ""
    question: str | None = None
    """What is disputed."""
    answers: tuple[GivenAnswer, ...] = ()
    """What is changed, where a dispute or an appeal is decided so."""


def move(con: Connection, one: EvaluationHead, taken: StepTaken, person: EvaluationPerson, now_ms: int) -> EvaluationHead:
    """Move an evaluation on. Raises FormError, NotAllowed."""
    if one.evaluation_source != "human" or taken.deed == "open":
        raise FormError("an automatic evaluation is opened first; that makes a draft of one's own")
    if one.evaluation_type == "calibration" and taken.deed != "submit":
        raise FormError("an evaluation of a calibration is submitted, and nothing else: it counts for nobody")
    transition = step(one.state, taken.deed, person, evaluator=one.evaluator_id, agent=one.agent_id, text=taken.text)
    if taken.question is not None and version_of(con, one.form_id, one.form_version).question(taken.question) is None:
        raise FormError(f"form {one.form_id} has no question {taken.question!r}")
    if taken.answers and taken.deed not in ("change", "decide"):
        raise FormError(f"to {taken.deed} changes no answers")
    if taken.deed == "change" and not taken.answers:
        raise FormError("to change, say which answers; to keep them, uphold")
    if taken.deed == "submit":
        _check_complete(con, one)
    if taken.answers:
        _write(con, one, taken.answers, person, now_ms)
    evaluation_rows.set_state(con, one.evaluation_id, transition.to, now_ms, taken.text, is_resubmitted=bool(taken.answers))
    _note_step(con, one.evaluation_id, now_ms, person, (taken.deed, one.state, transition.to), taken.question, taken.text)
    return _again(con, one.evaluation_id)


def _check_complete(con: Connection, one: EvaluationHead) -> None:
    form = version_of(con, one.form_id, one.form_version)
    open_questions = [
        each.question
        for each in answers_of(con, one.evaluation_id, form)
        if each.state in ("undetermined", "unanswered") and (each.weight or each.critical_cap is not None)
    ]
    if open_questions:
        raise FormError(f"not answered yet: {', '.join(open_questions)}")


def time_out(con: Connection, now_ms: int, days: int) -> int:
    """Acknowledge what its agent left alone for so many days, marked so; return how many."""
    late = evaluation_rows.left_alone(con, now_ms - days * 86_400_000)
    clock = EvaluationPerson(id="time-out", name="time-out")
    for key, state in late:
        evaluation_rows.set_state(con, key, "acknowledged", now_ms, "", is_timed_out=True)
        _note_step(con, key, now_ms, clock, ("acknowledge", state, "acknowledged"), None, f"nobody answered within {days} days")
    return len(late)


def counts(one: EvaluationHead) -> bool:
    """Whether an evaluation of a person is in averages."""
    return one.state in COUNTED and one.evaluation_type == "standard"
