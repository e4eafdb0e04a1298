"""Calibrations: several people answer one form about one leg, without seeing each other, and how far they agree."""

import datetime
import hashlib
from collections import defaultdict
from typing import Any

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.quality.forms.agreement import Agreement, agreement
from cc_voice.quality.forms.errors import FormError, NotAllowed
from cc_voice.quality.forms.form import Question
from cc_voice.quality.forms.workflow import EvaluationPerson
from cc_voice.query.evaluations import desk, shown_evaluations
from cc_voice.query.evaluations.form_folder import version_of
from cc_voice.query.evaluations.stored_legs import leg_place
from cc_voice.store.database import Connection


class CalibrationSession(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration."""

    calibration_session_id: str
    title: str
    call_id: str
    leg_id: str | None
    form_id: str
    form_version: int
    expert_id: str | None
    created_by: str
    created_ts: datetime.datetime


class QuestionAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far people agree on a question, with each other, with the expert, and with the automatic answer."""

    question: str
    title: str
    weight: int
    categories: int
    evaluators: Agreement
    expert: Agreement
    automatic: Agreement
    spread: float
    """Mean distance of the most from the least points of a leg, 0 to 1: questions with most of it are shown first."""


class CalibrationAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody answered to a question about one leg."""

    session: str
    question: str
    answers: dict[str, str]
    """Evaluator → answer; `automatic` is the one without a person."""


class CalibrationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the calibrations of a version of a form."""

    form_id: str
    form_version: int
    sessions: int
    questions: tuple[QuestionAgreement, ...]
    answers: tuple[CalibrationAnswers, ...]


_SELECT = """
    select calibration_session_id, title, call_id, leg_id, form_id, form_version, expert_id, created_by, created_ts
    from calibration_session
"""


def sessions(con: Connection, where: str = "true", values: tuple[Any, ...] = ()) -> list[CalibrationSession]:
    """Return calibrations, the newest first."""
    rows = con.execute(f"{_SELECT} where {where} order by created_ts desc, calibration_session_id", list(values)).fetchall()
    return [CalibrationSession(**dict(zip(CalibrationSession.__struct_fields__, row, strict=True))) for row in rows]


def begin(
    con: Connection, settings: Settings, leg_id: str, form_id: str, expert: str | None, person: EvaluationPerson, now_ms: int
) -> CalibrationSession:
    """Begin a calibration of a leg. Raises FormError, NotAllowed."""
    if not person.may("coach"):
        raise NotAllowed("to begin a calibration needs the right `coach`")
    leg = leg_place(con, leg_id)
    if leg is None:
        raise FormError(f"there is no leg {leg_id!r}")
    form = version_of(con, form_id)
    desk.automatic_of(con, settings, leg_id, form.id, form.version)
    key = hashlib.sha256(f"{leg_id}\x1f{form.id}\x1f{form.version}\x1f{now_ms}".encode()).hexdigest()[:16]
    con.execute(
        "insert into calibration_session values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, make_timestamptz(?::bigint * 1000))",
        [
            *(key, f"{form.title}, {leg_id}", leg.call_id, leg_id, leg.start_ms, leg.end_ms, form.id, form.version, expert),
            *(person.id, now_ms),
        ],
    )
    return sessions(con, "calibration_session_id = ?", (key,))[0]


def join(
    con: Connection, settings: Settings, session_id: str, person: EvaluationPerson, now_ms: int
) -> shown_evaluations.EvaluationHead:
    """Open one's own evaluation of a calibration. Raises FormError, NotAllowed."""
    found = sessions(con, "calibration_session_id = ?", (session_id,))
    if not found or found[0].leg_id is None:
        raise FormError(f"there is no calibration {session_id!r}, or its leg is not there any more")
    why = desk.OpenedFor(form_id=found[0].form_id, form_version=found[0].form_version, calibration_session_id=session_id)
    return desk.open_(con, settings, found[0].leg_id, why, person, now_ms)


def result(con: Connection, form_id: str, version: int | None, person: EvaluationPerson) -> CalibrationResult:
    """Return how far people agree over the calibrations of a version of a form; submitted answers only. Raises FormError."""
    form = version_of(con, form_id, version)
    found = sessions(con, "form_id = ? and form_version = ?", (form.id, form.version))
    shown = [one for one in found if not _is_answering(con, one, person)]
    ids = [one.calibration_session_id for one in shown]
    experts = {one.calibration_session_id: one.expert_id for one in shown}
    given = _given(con, ids)
    questions = [_agreement(question, given, experts) for question in form.questions]
    rows = [
        CalibrationAnswers(session=session, question=question, answers={who: told for who, (told, _) in answers.items()})
        for (session, question), answers in given.items()
    ]
    order = {each.question: place for place, each in enumerate(sorted(questions, key=lambda each: (-each.spread, -each.weight)))}
    return CalibrationResult(
        form_id=form.id,
        form_version=form.version,
        sessions=len(ids),
        questions=tuple(sorted(questions, key=lambda each: order[each.question])),
        answers=tuple(sorted(rows, key=lambda each: (order.get(each.question, 0), each.session))),
    )


def _is_answering(con: Connection, one: CalibrationSession, person: EvaluationPerson) -> bool:
    """Whether somebody still answers in a calibration, and may not see what others did."""
    mine = shown_evaluations.heads(
        con, "e.calibration_session_id = ? and e.evaluator_id = ?", [one.calibration_session_id, person.id]
    )
    return any(each.state == "draft" for each in mine)


_Given = dict[tuple[str, str], dict[str, tuple[str, float]]]
"""(calibration, question) → who → answer and share of points."""


def _given(con: Connection, ids: list[str]) -> _Given:
    rows = con.execute(
        """
        select e.calibration_session_id, d.item_reference_id, e.evaluator_id, i.state, i.answer, i.units, i.auto_answer,
            i.auto_units, d.item_type
        from fact_evaluation as e
        join fact_evaluation_item as i on i.evaluation_id = e.evaluation_id
        join dim_form_item as d on d.form_item_key = i.form_item_key
        where e.calibration_session_id in (select unnest(?)) and e.state <> 'draft'
        order by all
        """,
        [ids],
    ).fetchall()
    found: _Given = defaultdict(dict)
    for session, question, who, state, answer, of_units, auto, auto_units, kind in rows:
        if state not in ("unanswered", "undetermined"):
            told = answer if kind in ("yes_no", "scale", "choice") and state != "not_applicable" else _category(state, of_units)
            found[session, question][who] = (told, of_units / 720_720)
        if auto not in (None, "unanswered", "undetermined"):
            found[session, question]["automatic"] = (_category(auto, auto_units), auto_units / 720_720)
    return found


def _category(state: str, of_units: int) -> str:
    """Return an answer as a category: shares of points are different answers, and not applicable is one of its own."""
    return f"partial {of_units}" if state == "partial" else state


def categories_of(question: Question) -> int:
    """Return how many answers a question offers, not applicable among them where that may be answered."""
    if question.scale is not None:
        points = {points for _, points in question.scale.steps} | {question.scale.otherwise}
        return max(2, len(points) + 1)
    return len(question.answers) + 1


def _agreement(question: Question, given: _Given, experts: dict[str, str | None]) -> QuestionAgreement:
    people, expert, automatic, spreads = [], [], [], []
    for (session, asked), answers in given.items():
        if asked != question.id:
            continue
        by_people = {who: told for who, (told, _) in answers.items() if who != "automatic"}
        people.append(by_people)
        reference = experts.get(session)
        if reference in by_people:
            expert += [{"expert": by_people[reference], "other": told} for who, told in by_people.items() if who != reference]
        if "automatic" in answers:
            automatic += [{"automatic": answers["automatic"][0], "person": told} for told in by_people.values()]
        shares = [share for who, (_, share) in answers.items() if who != "automatic"]
        spreads.append(max(shares) - min(shares) if shares else 0.0)
    categories = categories_of(question)
    return QuestionAgreement(
        question=question.id,
        title=question.title,
        weight=question.weight,
        categories=categories,
        evaluators=agreement(people, categories),
        expert=agreement(expert, categories),
        automatic=agreement(automatic, categories),
        spread=sum(spreads) / len(spreads) if spreads else 0.0,
    )
