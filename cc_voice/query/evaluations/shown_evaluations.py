"""Shown evaluations: an evaluation with its answers, their evidence, sections, score and steps, and who may not see one yet."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.quality.forms.clauses import AnswerEvidence
from cc_voice.quality.forms.form import EvaluationForm
from cc_voice.quality.forms.scores import UNIT, AnswerState, ScoredAnswer, form_score, shown, sums
from cc_voice.quality.forms.workflow import EvaluationPerson, EvaluationState
from cc_voice.query.evaluations.form_folder import version_of
from cc_voice.store.database import Connection


class ShownAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is shown."""

    question: str
    section: str
    title: str
    kind: str
    weight: int
    critical_cap: int | None
    answers: tuple[str, ...]
    """What may be answered, beside `na`."""
    answer: str
    state: str
    units: int
    reason: str | None
    needs_review: bool
    auto_answer: str | None
    auto_confidence: float | None
    auto_accepted: bool | None
    override_reason: str | None
    override_text: str | None
    rule_versions: dict[str, int]
    evidence: tuple[AnswerEvidence, ...]


class ShownSection(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of a section, as weights of 100."""

    title: str
    applicable: float
    determined: float
    earned: float
    score_pct: float | None


class ShownStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step that somebody made."""

    at_ts: datetime.datetime
    actor: str
    deed: str
    from_state: str
    to_state: str
    question: str | None
    text: str


class EvaluationHead(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation without its answers."""

    evaluation_id: str
    leg_id: str | None
    call_id: str
    agent_id: str | None
    agent_name: str | None
    start_ms: int
    end_ms: int
    form_id: str
    form_version: int
    evaluator_id: str | None
    evaluator_name: str | None
    evaluation_source: str
    evaluation_type: str
    calibration_session_id: str | None
    state: EvaluationState
    score_pct: float | None
    score_uncapped_pct: float | None
    coverage_pct: float | None
    adherence_pct: float | None
    score_reason: str | None
    automatic_fail: bool
    is_sampled: bool
    is_resubmitted: bool
    is_timed_out: bool | None
    asr_model: str | None
    opened_ts: datetime.datetime | None
    submitted_ts: datetime.datetime | None
    acknowledged_ts: datetime.datetime | None


class ShownEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation with everything behind it."""

    evaluation: EvaluationHead
    form_title: str
    score: str
    """One decimal, half to even."""
    sections: tuple[ShownSection, ...]
    answers: tuple[ShownAnswer, ...]
    steps: tuple[ShownStep, ...]


_VERSIONS = msgspec.json.Decoder(dict[str, int])
_EVIDENCE = msgspec.json.Decoder(tuple[AnswerEvidence, ...])
_HEAD = """
    select e.evaluation_id, e.leg_id, e.call_id, a.user_id as agent_id, a.display_name as agent_name, e.start_ms, e.end_ms,
        e.form_id, e.form_version, e.evaluator_id, e.evaluator_name, e.evaluation_source, e.evaluation_type,
        e.calibration_session_id, e.state, e.score_pct, e.score_uncapped_pct, e.coverage_pct, e.adherence_pct, e.score_reason,
        e.automatic_fail, e.is_sampled, e.is_resubmitted, e.is_timed_out, e.asr_model, e.opened_ts,
        e.submitted_ts, e.acknowledged_ts
    from fact_evaluation as e
    left join fact_leg as l on l.leg_id = e.leg_id
    left join dim_agent as a on a.agent_key = l.agent_key
"""


def heads(con: Connection, where: str, values: Sequence[Any]) -> list[EvaluationHead]:
    """Return evaluations, the newest first."""
    rows = con.execute(f"{_HEAD} where {where} order by e.opened_ts desc, e.evaluation_id", values).fetchall()
    return [EvaluationHead(**dict(zip(EvaluationHead.__struct_fields__, row, strict=True))) for row in rows]


def head(con: Connection, evaluation_id: str) -> EvaluationHead | None:
    """Return an evaluation, None where it is not there, or not in the scope of the cursor."""
    found = heads(con, "e.evaluation_id = ?", [evaluation_id])
    return found[0] if found else None


def is_hidden(con: Connection, one: EvaluationHead, person: EvaluationPerson) -> bool:
    """Whether somebody may not see an evaluation yet: an agent a draft, an evaluator what others answered in a calibration."""
    if person.is_owner or one.evaluator_id == person.id:
        return False
    if one.evaluation_type == "calibration":
        mine = heads(con, "e.calibration_session_id = ? and e.evaluator_id = ?", [one.calibration_session_id, person.id])
        return not person.may("evaluate") or any(each.state == "draft" for each in mine) or (not mine and not person.may("coach"))
    return one.state == "draft" and not (person.may("evaluate") or person.may("coach"))


def show(con: Connection, one: EvaluationHead) -> ShownEvaluation:
    """Return an evaluation with its answers, evidence and steps."""
    form = version_of(con, one.form_id, one.form_version)
    answers = answers_of(con, one.evaluation_id, form)
    states = {each.question: scored_answer(form, each) for each in answers}
    score = form_score(list(states.values()))
    return ShownEvaluation(
        evaluation=one,
        form_title=form.title,
        score=shown(score.score),
        sections=tuple(
            _section(section.title, [states[q.id] for q in section.questions if q.id in states]) for section in form.sections
        ),
        answers=tuple(answers),
        steps=tuple(steps(con, one.evaluation_id)),
    )


def _section(title: str, answers: Sequence[ScoredAnswer]) -> ShownSection:
    found = sums(answers)
    return ShownSection(
        title=title,
        applicable=found.applicable / UNIT,
        determined=found.determined / UNIT,
        earned=found.earned / UNIT,
        score_pct=None if found.score is None else float(found.score),
    )


def scored_answer(form: EvaluationForm, answer: ShownAnswer) -> ScoredAnswer:
    state: AnswerState = answer.state  # type: ignore[assignment]  # rows hold what `AnswerState` allows
    return ScoredAnswer(weight=answer.weight, state=state, units=answer.units, cap=answer.critical_cap)


def answers_of(con: Connection, evaluation_id: str, form: EvaluationForm) -> list[ShownAnswer]:
    rows = con.execute(
        """
        select d.item_reference_id, i.answer, i.state, i.units, i.reason, i.needs_review, i.auto_answer, i.auto_confidence,
            i.auto_accepted, i.override_reason, i.override_text, i.rule_versions, i.evidence
        from fact_evaluation_item as i
        join dim_form_item as d on d.form_item_key = i.form_item_key
        where i.evaluation_id = ?
        """,
        [evaluation_id],
    ).fetchall()
    stored = {row[0]: row[1:] for row in rows}
    found = []
    for section in form.sections:
        for question in section.questions:
            if question.id not in stored:
                continue
            (*(answer, state, of_units, reason, review, auto, confidence, accepted, why, text, versions, evidence),) = stored[
                question.id
            ]
            found.append(
                ShownAnswer(
                    question=question.id,
                    section=section.title,
                    title=question.title,
                    kind=question.kind,
                    weight=question.weight,
                    critical_cap=question.cap,
                    answers=question.answers,
                    answer=answer,
                    state=state,
                    units=of_units,
                    reason=reason,
                    needs_review=bool(review),
                    auto_answer=auto,
                    auto_confidence=confidence,
                    auto_accepted=accepted,
                    override_reason=why,
                    override_text=text,
                    rule_versions=_VERSIONS.decode(versions or "{}"),
                    evidence=_EVIDENCE.decode(evidence or "[]"),
                )
            )
    return found


def steps(con: Connection, evaluation_id: str) -> list[ShownStep]:
    """Return what was done with an evaluation, the first first."""
    rows = con.execute(
        """
        select at_ts, actor, deed, from_state, to_state, question_id, text
        from evaluation_event
        where evaluation_id = ?
        order by event_no
        """,
        [evaluation_id],
    ).fetchall()
    return [ShownStep(**dict(zip(ShownStep.__struct_fields__, row, strict=True))) for row in rows]
