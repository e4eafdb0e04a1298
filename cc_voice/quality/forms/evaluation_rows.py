"""Evaluation rows: the automatic answers of a call's legs as the store keeps them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from cc_voice.call.rows import EvaluationItemRow, EvaluationRow, EvaluationRows, FormItemRow, FormVersionRow, MeasuredCall
from cc_voice.quality.forms.automatic_answers import FormAnswers, FormEvaluator, QuestionAnswer
from cc_voice.quality.forms.form import EvaluationForm, Question
from cc_voice.quality.forms.scores import Sums
from cc_voice.quality.rules.leg_record import LegRecord, leg_records


def with_evaluations(call: MeasuredCall, forms: Sequence[FormEvaluator], low_conf: float) -> MeasuredCall:
    """Return a measured call with what forms say of its legs."""
    models = {row.leg_id: row.asr_model for row in reversed(call.utterances) if row.asr_model}
    rows = [
        row
        for leg in (leg_records(call, low_conf) if forms else ())
        for form in forms
        if (row := leg_evaluation(form, leg, models.get(leg.leg_id)))
    ]
    used = {(row.form_id, row.form_version) for row in rows}
    versions = tuple(form_version(each.form) for each in forms if (each.form.id, each.form.version) in used)
    return msgspec.structs.replace(call, evaluations=EvaluationRows(forms=versions, evaluations=tuple(rows)))


def leg_evaluation(form: FormEvaluator, leg: LegRecord, asr_model: str | None) -> EvaluationRow | None:
    """Return the automatic evaluation of a leg, None where the form is for other queues."""
    found = form.answered(leg)
    return None if found is None else _row(found, form.sha, asr_model)


def _row(found: FormAnswers, rule_set: str, asr_model: str | None) -> EvaluationRow:
    questions = {question.id: question for question in found.form.questions}
    total = found.score.sums
    return EvaluationRow(
        leg_id=found.leg_id,
        form_id=found.form.id,
        form_version=found.form.version,
        state=found.state,
        applicable=total.applicable,
        determined=total.determined,
        earned=total.earned,
        score_pct=_pct(found.score.score),
        score_uncapped_pct=_pct(found.score.uncapped),
        coverage_pct=_pct(total.coverage),
        adherence_pct=adherence(found.adherence),
        score_reason=found.score.reason,
        automatic_fail=found.score.is_failed,
        rule_set=rule_set,
        asr_model=asr_model,
        items=tuple(_item(questions[answer.question_id], answer) for answer in found.answers),
    )


def _pct(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def adherence(steps: Sums) -> float | None:
    """Return the share of steps that were met, None where none is determined."""
    return _pct(steps.score)


def _item(question: Question, answer: QuestionAnswer) -> EvaluationItemRow:
    return EvaluationItemRow(
        question_id=question.id,
        state=answer.state,
        units=answer.units,
        applied_weight=question.weight if answer.state in ("met", "missed", "partial") else 0,
        reason=answer.reason,
        confidence=answer.confidence,
        needs_review=answer.needs_review,
        rule_versions=msgspec.json.encode(answer.rule_versions, order="deterministic").decode(),
        evidence=msgspec.json.encode(answer.evidence).decode(),
    )


def form_version(form: EvaluationForm) -> FormVersionRow:
    """Return what a version of a form is called, with its questions."""
    return FormVersionRow(
        form_id=form.id,
        version=form.version,
        title=form.title,
        state=form.state,
        form=msgspec.json.encode(form).decode(),
        items=tuple(_items(form)),
    )


def _items(form: EvaluationForm) -> Iterable[FormItemRow]:
    place = 0
    for section in form.sections:
        for question in section.questions:
            place += 1
            yield FormItemRow(
                question_id=question.id,
                section=section.title,
                place=place,
                kind=question.kind,
                title=question.title,
                weight=question.weight,
                max_points=question.max_points,
                critical_cap=question.cap,
                review=question.review,
                automation=msgspec.json.encode(question).decode(),
            )
