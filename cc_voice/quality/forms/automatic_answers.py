"""Automatic answers: what a form's questions are of a leg, each with evidence, confidence and reason.

What is undetermined is said to be so and leaves the score: an agent is not judged for what nobody could hear. A question for people
stays unanswered. Metrics, intervals and words were measured and found before; nothing here changes them.
"""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

import msgspec

from cc_voice.quality.forms.clauses import AnswerEvidence, ClauseAnswer, ClauseRule, asked_set, clause_answer, clause_rule, moved
from cc_voice.quality.forms.form import Clause, EachInstance, EvaluationForm, MetricScale, Question
from cc_voice.quality.forms.form_files import named_rules
from cc_voice.quality.forms.rates import rated_metric, value_of
from cc_voice.quality.forms.scores import AnswerState, FormScore, ScoredAnswer, Sums, form_score, sums, units
from cc_voice.quality.rules.compilation import CompiledRule, RuleSet
from cc_voice.quality.rules.evaluation import Evaluator, Finding
from cc_voice.quality.rules.leg_record import LegRecord
from cc_voice.quality.rules.logic import RuleAnswer, RuleState
from cc_voice.quality.rules.rule import MetricCondition, RuleCondition, Window


class QuestionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a question."""

    question_id: str
    state: AnswerState
    units: int = 0
    """Share of its points × 720,720."""
    reason: str | None = None
    confidence: float | None = None
    """The lowest of what it rests on; None where nothing of it has one."""
    evidence: tuple[AnswerEvidence, ...] = ()
    needs_review: bool = False
    """A person must look at it, by its `review`, or as it is critical and undetermined."""
    rule_versions: dict[str, int] = {}


class FormAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """A form's answers of a leg, and what they come to."""

    form: EvaluationForm
    leg_id: str
    answers: tuple[QuestionAnswer, ...]
    score: FormScore
    sections: tuple[Sums, ...]
    adherence: Sums
    """Over questions whose clauses are all steps."""

    @property
    def state(self) -> str:
        return "needs_review" if self.score.is_undecided or any(each.needs_review for each in self.answers) else "auto"


class _AskedQuestion(msgspec.Struct, frozen=True, kw_only=True):
    question: Question
    met: tuple[ClauseRule | None, ...]
    na: tuple[ClauseRule | None, ...]


class FormEvaluator:
    """A form, ready for legs, with the rules in force."""

    def __init__(self, form: EvaluationForm, rules: RuleSet, unproven: Collection[str] = ()) -> None:
        """`unproven` are rules that nobody has seen find anything yet: critical questions on them are for people to decide."""
        self.form = form
        self.sha = rules.sha
        self._unproven = frozenset(unproven)
        self._rules = {each.rule.id: each for each in rules.rules}
        order = [each.rule.id for each in rules.rules]
        self._asked = [self._prepared(question) for question in form.questions]
        made = [each for asked in self._asked for clause in (*asked.met, *asked.na) if clause for each in clause.all]
        self._evaluator = Evaluator(asked_set(made, self._rules, order))
        self._each = {
            question.id: self._beside(question.id, question.each, order) for question in form.questions if question.each is not None
        }
        self._steps = {
            question.id for question in form.questions if question.met and all(self._is_step(clause) for clause in question.met)
        }

    def _prepared(self, question: Question) -> _AskedQuestion:
        def made(clauses: Sequence[Clause], kind: str) -> tuple[ClauseRule | None, ...]:
            return tuple(
                clause_rule(clause, f"{question.id}/{kind}/{number}", self._rules) for number, clause in enumerate(clauses, 1)
            )

        return _AskedQuestion(question=question, met=made(question.met, "met"), na=made(question.na, "na"))

    def _is_step(self, clause: Clause) -> bool:
        named = clause.condition.rule if isinstance(clause.condition, RuleCondition) else None
        return named in self._rules and self._rules[named].rule.is_step

    def _beside(self, question_id: str, each: EachInstance, order: Sequence[str]) -> tuple[tuple[str, Evaluator | None], ...]:
        """Return for each side the rule and what asks there; the instance stands in for the leg's answer or end."""
        found: list[tuple[str, Evaluator | None]] = []
        for side, anchor in (("before", each.before), ("after", each.after)):
            if anchor is None or anchor.rule is None:
                continue
            compiled = self._rules.get(anchor.rule)
            event = msgspec.structs.replace(anchor, rule=None, event="answered" if side == "before" else "leg_end")
            window = Window(before=event) if side == "before" else Window(after=event)
            made: list[CompiledRule] = [moved(compiled, f"{question_id}/{side}", window, None)] if compiled else []
            found.append((anchor.rule, Evaluator(asked_set(made, self._rules, order)) if made else None))
        return tuple(found)

    def answered(self, leg: LegRecord) -> FormAnswers | None:
        """Return the answers of a leg that is over, None where the form is for other queues."""
        if self.form.queues and not set(self.form.queues) & set(leg.queues):
            return None
        leg = _with_rates(leg, self.form)
        found = {finding.rule.id: finding for finding in self._evaluator.findings(leg)}
        answers = tuple(self._answer(asked, leg, found) for asked in self._asked)
        return assembled(self.form, leg.leg_id or "", answers, self._steps)

    # -- one question

    def _answer(self, asked: _AskedQuestion, leg: LegRecord, found: Mapping[str, Finding]) -> QuestionAnswer:
        question = asked.question
        versions = {name: self._rules[name].rule.version for name in sorted(named_rules(question)) if name in self._rules}
        answer = self._unversioned(asked, leg, found)
        return msgspec.structs.replace(answer, rule_versions=versions, needs_review=self._needs_review(question, answer))

    def _unversioned(self, asked: _AskedQuestion, leg: LegRecord, found: Mapping[str, Finding]) -> QuestionAnswer:
        question = asked.question
        beside = [clause_answer(each, found, leg) for each in asked.na]
        if hit := next((each for each in beside if each.answer.state == RuleState.MATCHED), None):
            return _told(question, "not_applicable", Fraction(0), None, [hit])
        if doubt := next((each for each in beside if each.answer.state == RuleState.UNDETERMINED), None):
            return _told(question, "undetermined", Fraction(0), doubt.answer.reason, [doubt])
        if question.human is not None:
            return QuestionAnswer(question_id=question.id, state="unanswered")
        if question.scale is not None:
            return _scaled(question, question.scale, leg)
        if question.each is not None:
            return self._of_instances(question, question.each, leg)
        return _of_clauses(question, [clause_answer(each, found, leg) for each in asked.met])

    def _needs_review(self, question: Question, answer: QuestionAnswer) -> bool:
        if answer.state in ("not_applicable", "unanswered"):
            return False
        if question.cap is not None and (answer.state == "undetermined" or named_rules(question) & self._unproven):
            return True
        return question.review == "always"

    def _of_instances(self, question: Question, each: EachInstance, leg: LegRecord) -> QuestionAnswer:
        if each.interval is not None and (reason := _unknown_instances(each.interval, leg)):
            return QuestionAnswer(question_id=question.id, state="undetermined", reason=reason)
        instances = _instances(each, leg)
        if not instances:
            return QuestionAnswer(question_id=question.id, state="not_applicable", reason="no_instance")
        told = [self._of_instance(question.id, span, leg) for span in instances]
        answers = [answer for one in told for answer in one]
        evidence = [AnswerEvidence(kind="interval", name=each.interval or each.event, start_ms=a, end_ms=b) for a, b in instances]
        doubtful = [one.answer.reason for one in answers if one.answer.state in (RuleState.UNDETERMINED, RuleState.NOT_APPLICABLE)]
        satisfied = sum(all(one.answer.state == RuleState.MATCHED for one in of_one) for of_one in told)
        # An instance of which one side is missed fails whatever the other is
        failed = sum(any(one.answer.state == RuleState.MISSED for one in of_one) for of_one in told)
        parts = [ClauseAnswer(answer=RuleAnswer(RuleState.MATCHED), evidence=tuple(evidence)), *answers]
        if satisfied + failed < len(instances):
            return _told(question, "undetermined", Fraction(0), doubtful[0], parts)
        share = Fraction(satisfied, len(instances))
        return _told(question, _state_of(share), share, None, parts)

    def _of_instance(self, question_id: str, instance: tuple[int, int], leg: LegRecord) -> list[ClauseAnswer]:
        start, end = instance
        moments = {**leg.moments, "answered": (start,), "leg_end": (end,)}
        record = msgspec.structs.replace(leg, moments=moments)
        found: list[ClauseAnswer] = []
        for named, evaluator in self._each[question_id]:
            if evaluator is None:
                found.append(ClauseAnswer(answer=RuleAnswer(RuleState.UNDETERMINED, "no_rule")))
                continue
            findings = {finding.rule.id: finding for finding in evaluator.findings(record)}
            compiled = evaluator.rules.rules[-1]
            clause = Clause(condition=RuleCondition(name="asked", rule=named))
            found.append(clause_answer(ClauseRule(clause=clause, rule=compiled), findings, record))
        return found


def _with_rates(leg: LegRecord, form: EvaluationForm) -> LegRecord:
    """Return a leg that has the rates that clauses name among its metrics."""
    named = {
        clause.condition.metric
        for question in form.questions
        for clause in (*question.met, *question.na)
        if isinstance(clause.condition, MetricCondition)
    }
    rates = [name for name in sorted(named) if rated_metric(name) is not None]
    if not rates:
        return leg
    values = {name: value_of(name, leg.metrics, leg.reasons) for name in rates}
    metrics = {**leg.metrics, **{name: value for name, (value, _) in values.items()}}
    reasons = {**leg.reasons, **{name: reason for name, (_, reason) in values.items() if reason}}
    return msgspec.structs.replace(leg, metrics=metrics, reasons=reasons)


def _unknown_instances(interval: str, leg: LegRecord) -> str | None:
    """Return why it is not known which holds a leg had: without Zoom's events nobody tells."""
    return leg.reasons.get("hold_count") if interval == "hold" else None


def _instances(each: EachInstance, leg: LegRecord) -> list[tuple[int, int]]:
    if each.event is not None:
        return [(at, at) for at in leg.moments.get(each.event, ())]
    return [
        (row.start_ms, row.end_ms)
        for row in leg.intervals
        if row.kind == each.interval
        and each.subkind in (None, row.subkind)
        and each.party in (None, row.party)
        and row.end_ms - row.start_ms >= each.min_ms
    ]


def _scaled(question: Question, scale: MetricScale, leg: LegRecord) -> QuestionAnswer:
    value, reason = value_of(scale.metric, leg.metrics, leg.reasons)
    evidence = (AnswerEvidence(kind="metric", name=scale.metric, value=value),)
    if value is None:
        return QuestionAnswer(question_id=question.id, state="undetermined", reason=reason, evidence=evidence)
    points = next((points for bound, points in scale.steps if bound >= value), scale.otherwise)
    share = Fraction(points, question.max_points)
    return QuestionAnswer(question_id=question.id, state=_state_of(share), units=units(share), evidence=evidence)


def _of_clauses(question: Question, parts: Sequence[ClauseAnswer]) -> QuestionAnswer:
    known = [each for each in parts if each.answer.state != RuleState.NOT_APPLICABLE]
    if not known:
        return _told(question, "not_applicable", Fraction(0), parts[0].answer.reason, parts)
    pick = max if question.any else min
    state = pick(each.answer.state for each in known)
    deciding = [each for each in known if each.answer.state == state]
    match state:
        case RuleState.MATCHED:
            return _told(question, "met", Fraction(1), None, deciding)
        case RuleState.MISSED:
            return _told(question, "missed", Fraction(0), None, deciding)
        case _:
            return _told(question, "undetermined", Fraction(0), deciding[0].answer.reason, deciding)


def _told(
    question: Question, state: AnswerState, share: Fraction, reason: str | None, parts: Sequence[ClauseAnswer]
) -> QuestionAnswer:
    evidence = tuple(dict.fromkeys(each for part in parts for each in part.evidence))
    confidences = [each.conf for each in evidence if each.conf is not None]
    return QuestionAnswer(
        question_id=question.id,
        state=state,
        units=units(share),
        reason=reason,
        confidence=min(confidences, default=None),
        evidence=evidence,
    )


def _state_of(share: Fraction) -> AnswerState:
    return "met" if share == 1 else "partial" if share else "missed"


# -- what answers come to --------------------------------------------------------------------------------------------


def scored(question: Question, answer: QuestionAnswer) -> ScoredAnswer:
    """Return an answer as arithmetic sees it."""
    return ScoredAnswer(weight=question.weight, state=answer.state, units=answer.units, cap=question.cap)


def assembled(form: EvaluationForm, leg_id: str, answers: Sequence[QuestionAnswer], steps: Collection[str]) -> FormAnswers:
    """Return answers, one of each question in any order, with their sums."""
    by_id = {answer.question_id: answer for answer in answers}
    of_form = {question.id: scored(question, by_id[question.id]) for question in form.questions}
    return FormAnswers(
        form=form,
        leg_id=leg_id,
        answers=tuple(by_id[question.id] for question in form.questions),
        score=form_score(list(of_form.values())),
        sections=tuple(sums(of_form[question.id] for question in section.questions) for section in form.sections),
        adherence=sums(of_form[name] for name in of_form if name in steps),
    )
