"""Clauses: conditions of a form's questions, asked of a leg by the evaluation that rules have.

A clause that names a rule is a copy of that rule, with the clause's window and party in place of its own; any other is a rule of
one condition. So a clause and a rule never differ in what counts as said, heard or undetermined. Ruled out: a rule's stored state,
which knows its own window only.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from cc_voice.quality.forms.form import Clause
from cc_voice.quality.rules.compilation import CompiledRule, RuleSet, compiled_set
from cc_voice.quality.rules.evaluation import Finding
from cc_voice.quality.rules.hits import Hit
from cc_voice.quality.rules.leg_record import LegRecord
from cc_voice.quality.rules.logic import RuleAnswer, RuleState, asserted, read_when, swapped
from cc_voice.quality.rules.rule import (
    Condition,
    EventCondition,
    IntervalCondition,
    MetricCondition,
    Rule,
    RuleCondition,
    RuleParty,
    Window,
    WordCondition,
    referred_rules,
)
from cc_voice.quality.rules.window_spans import Span, said_in, spans_of

Rules = Mapping[str, CompiledRule]
"""The rules in force, by id."""


class AnswerEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind an answer: words found, an interval, a number, or for what was not said the window that was heard."""

    kind: str
    """hit, interval, metric, event, or window."""
    start_ms: int | None = None
    end_ms: int | None = None
    party: str | None = None
    rule_id: str | None = None
    utterance_id: str | None = None
    name: str | None = None
    """Of the metric, interval or event."""
    value: float | None = None
    conf: float | None = None
    """Of the words found, or mean of those heard in the window."""


class ClauseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a clause is of a leg, with its evidence."""

    answer: RuleAnswer
    evidence: tuple[AnswerEvidence, ...] = ()


class ClauseRule(msgspec.Struct, frozen=True, kw_only=True):
    """A clause as a rule; `whole` is the one without a window, for a `before` whose anchor never occurs."""

    clause: Clause
    rule: CompiledRule
    whole: CompiledRule | None = None

    @property
    def all(self) -> tuple[CompiledRule, ...]:
        return (self.rule,) if self.whole is None else (self.rule, self.whole)


def clause_rule(clause: Clause, key: str, rules: Rules) -> ClauseRule | None:
    """Return a clause as a rule of its own, None where the rule that it names is not in force."""
    condition = clause.condition
    if isinstance(condition, RuleCondition):
        if condition.rule not in rules:
            return None
        made = moved(rules[condition.rule], key, condition.window, clause.party)
    else:
        plain = Rule(id=key, version=1, title=key, kind="step", state="live", conditions=(condition,))
        made = compiled_set([plain]).rules[0]
    window = None if isinstance(condition, MetricCondition) else condition.window
    whole = None
    if window is not None and window.before is not None:
        whole = _without_window(made, f"{key}/whole")
    return ClauseRule(clause=clause, rule=made, whole=whole)


def moved(compiled: CompiledRule, key: str, window: Window | None, party: RuleParty | None) -> CompiledRule:
    """Return a rule under another name, asked in another window and of another party where these are given."""
    rule = compiled.rule
    speaking = asserted(read_when(rule.when, [each.name for each in rule.conditions]))

    def asked(condition: Condition) -> Condition:
        changes: dict[str, object] = {}
        if window is not None and not isinstance(condition, MetricCondition | RuleCondition) and condition.name in speaking:
            # Where a condition looks beside another of its own rule is what the rule means
            inner = condition.window is not None and condition.window.anchor is not None and condition.window.anchor.condition
            changes |= {} if inner else {"window": window}
        if window is not None and isinstance(condition, RuleCondition) and condition.name in speaking:
            changes["window"] = window
        if party is not None and isinstance(condition, WordCondition):
            changes["party"] = party
        return msgspec.structs.replace(condition, **changes) if changes else condition

    plain = msgspec.structs.replace(rule, id=key, kind="step", conditions=tuple(map(asked, rule.conditions)))
    return msgspec.structs.replace(compiled, rule=plain)


def _without_window(compiled: CompiledRule, key: str) -> CompiledRule:
    def open_(condition: Condition) -> Condition:
        has_window = not isinstance(condition, MetricCondition) and condition.window is not None
        is_own = has_window and condition.window.anchor is not None and condition.window.anchor.condition is not None  # type: ignore[union-attr]
        return msgspec.structs.replace(condition, window=None) if has_window and not is_own else condition

    plain = msgspec.structs.replace(compiled.rule, id=key, conditions=tuple(map(open_, compiled.rule.conditions)))
    return msgspec.structs.replace(compiled, rule=plain)


def asked_set(made: Iterable[CompiledRule], rules: Rules, order: Sequence[str]) -> RuleSet:
    """Return the set that answers clauses: the rules that they refer to, in the order of those in force, then the clauses."""
    made = tuple(made)
    needed: set[str] = set()
    waiting = [name for each in made for name in referred_rules(each.rule)]
    while waiting:
        name = waiting.pop()
        if name in rules and name not in needed:
            needed.add(name)
            waiting += referred_rules(rules[name].rule)
    return RuleSet(rules=(*(rules[name] for name in order if name in needed), *made))


def clause_answer(asked: ClauseRule | None, found: Mapping[str, Finding], leg: LegRecord) -> ClauseAnswer:
    """Return what a clause is of a leg, from the findings of its set."""
    if asked is None:
        return ClauseAnswer(answer=RuleAnswer(RuleState.UNDETERMINED, "no_rule"))
    used = asked.rule.rule
    finding = found.get(used.id)
    if finding is None:  # the rule is for other queues
        return ClauseAnswer(answer=RuleAnswer(RuleState.NOT_APPLICABLE, "other_queue"))
    if asked.whole is not None and finding.answer == RuleAnswer(RuleState.NOT_APPLICABLE, "no_instance"):
        used, finding = asked.whole.rule, found[asked.whole.rule.id]
    answer = swapped(finding.answer) if asked.clause.absent else finding.answer
    return ClauseAnswer(answer=answer, evidence=_evidence(used, finding, found, leg, _named(asked.clause)))


def _named(clause: Clause) -> str | None:
    return clause.condition.rule if isinstance(clause.condition, RuleCondition) else None


def _evidence(
    rule: Rule, finding: Finding, found: Mapping[str, Finding], leg: LegRecord, rule_id: str | None
) -> tuple[AnswerEvidence, ...]:
    hits = tuple(hit_evidence(one.hit, rule_id) for one in finding.hits)
    if hits:
        return hits
    evidence: list[AnswerEvidence] = []
    for condition in rule.conditions:
        match condition:
            case WordCondition():
                spans = condition_spans(condition.window, leg, found)
                evidence += [heard(leg, span, condition, rule_id) for span in spans]
            case MetricCondition():
                answer = finding.conditions.get(condition.name)
                evidence.append(AnswerEvidence(kind="metric", name=condition.metric, value=answer.value if answer else None))
            case IntervalCondition():
                evidence += intervals(condition, leg, condition_spans(condition.window, leg, found))
            case RuleCondition() | EventCondition():
                pass
    return tuple(evidence[:_MOST_EVIDENCE])


_MOST_EVIDENCE = 20


def hit_evidence(hit: Hit, rule_id: str | None) -> AnswerEvidence:
    """Return found words as evidence. Their text stays where it is, in the transcript."""
    return AnswerEvidence(
        kind="hit",
        start_ms=hit.start_ms,
        end_ms=hit.end_ms,
        party=hit.party,
        rule_id=rule_id,
        utterance_id=hit.utterance_id,
        conf=hit.conf,
    )


def heard(leg: LegRecord, span: Span, condition: WordCondition, rule_id: str | None) -> AnswerEvidence:
    """Return the window in which nothing was found, with how sure its words are."""
    said = said_in(leg.lines, span, condition.party, condition.on_hold)
    known = [(line.asr_conf, line.word_count) for line in said if line.asr_conf is not None and line.word_count]
    return AnswerEvidence(
        kind="window",
        start_ms=max(span.start_ms, leg.start_ms),
        end_ms=max(leg.start_ms, min(span.end_ms, leg.end_ms)),
        party=condition.party,
        rule_id=rule_id,
        value=float(sum(line.word_count for line in said)),
        conf=sum(conf * count for conf, count in known) / sum(count for _, count in known) if known else None,
    )


def intervals(condition: IntervalCondition, leg: LegRecord, spans: Sequence[Span]) -> list[AnswerEvidence]:
    """Return the intervals that a condition counts; where there is none, the leg in which they were looked for."""
    counted = [
        row
        for row in leg.intervals
        if row.kind == condition.interval
        and condition.subkind in (None, row.subkind)
        and condition.party in (None, row.party)
        and row.end_ms - row.start_ms >= condition.min_ms
        and any(span.has(row.start_ms) for span in spans)
    ]
    named = [
        AnswerEvidence(kind="interval", name=row.kind, start_ms=row.start_ms, end_ms=row.end_ms, party=row.party) for row in counted
    ]
    return named or [AnswerEvidence(kind="window", name=condition.interval, start_ms=leg.start_ms, end_ms=leg.end_ms, value=0.0)]


def condition_spans(window: Window | None, leg: LegRecord, found: Mapping[str, Finding]) -> tuple[Span, ...]:
    """Return where a condition looked."""
    anchor = window.anchor if window else None
    anchors: list[tuple[int, int]] = []
    if anchor is not None and anchor.event is not None:
        anchors = [(at, at) for at in leg.moments.get(anchor.event, ())]
    elif anchor is not None and anchor.rule is not None and anchor.rule in found:
        anchors = [
            (one.hit.start_ms, one.hit.end_ms)
            for one in found[anchor.rule].hits
            if one.hit.conf is None or one.hit.conf >= leg.low_conf
        ]
    return spans_of(window, leg, anchors)
