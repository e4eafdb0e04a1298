"""Evaluation: what every rule of a set is of one leg, with its hits; the same for a leg that is live, measured just now, or stored.

Rules that others name come first (the order of a set). Word conditions are asked of words, numeric ones of metrics that were
measured before.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.hits import Found, Hit, hits_of
from cc_voice.quality.rules.leg_record import LegLine, LegRecord
from cc_voice.quality.rules.logic import (
    NOT_APPLICABLE,
    RuleAnswer,
    RuleState,
    Term,
    asserted,
    combined,
    read_when,
    swapped,
)
from cc_voice.quality.rules.matcher import Match, Matcher
from cc_voice.quality.rules.rule import (
    Condition,
    EventCondition,
    IntervalCondition,
    MetricCondition,
    Rule,
    RuleCondition,
    Window,
    WordCondition,
    referred_rules,
)
from cc_voice.quality.rules.window_spans import Span, counts, spans_of, why_unheard

_MISSED, _MATCHED = RuleAnswer(RuleState.MISSED), RuleAnswer(RuleState.MATCHED)


class ConditionHit(msgspec.Struct, frozen=True):
    """A hit and the condition that it is of."""

    condition: str
    hit: Hit


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule is of a leg."""

    rule: Rule
    answer: RuleAnswer
    hits: tuple[ConditionHit, ...]
    """Those that speak for it, where it is matched, or doubtful; none where it is matched by something else than words."""
    conditions: Mapping[str, RuleAnswer]


class Evaluator:
    """A set of rules, ready for legs."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.sha = rules.sha
        self.matcher = Matcher(rules)
        self.joined = Matcher(rules, joined=True)
        self._whens = [read_when(each.rule.when, [condition.name for condition in each.rule.conditions]) for each in rules.rules]
        self._asserted = [asserted(when) for when in self._whens]
        named = frozenset().union(*(referred_rules(each.rule) for each in rules.rules))
        self._is_found_only = [
            not each.rule.is_step and each.rule.id not in named and _needs_hit(when, each.rule)
            for each, when in zip(rules.rules, self._whens, strict=True)
        ]

    def matched(self, lines: Sequence[LegLine]) -> dict[str, tuple[Match, ...]]:
        """Return what is found in the words of lines; those without a match are left out."""
        return {line.utterance_id: found for line in lines if (found := self.matcher.matches(line.text, line.language))}

    def findings(
        self, leg: LegRecord, matched: Mapping[str, Sequence[Match]] | None = None, *, only_stored: bool = False
    ) -> tuple[Finding, ...]:
        """Return what each rule is of a leg; rules of other queues are left out. `matched` as `matched` of its lines returned.

        `only_stored` leaves out categories of which nothing was found: no row would be written of them.
        """
        if matched is None:
            matched = self.matched((*leg.lines, *leg.unused))
        found = hits_of(leg.lines, matched, self.joined)
        unused = hits_of(leg.unused, matched, self.joined) if leg.unused else {}
        lines = {line.utterance_id: line for line in (*leg.lines, *leg.unused)}
        done: dict[str, Finding] = {}
        with_hits = {rule for rule, _ in found} if only_stored else None
        for at, compiled in enumerate(self.rules.rules):
            rule = compiled.rule
            if with_hits is not None and self._is_found_only[at] and at not in with_hits:
                continue
            if not rule.queues or set(rule.queues) & set(leg.queues):
                asking = _RuleQuestion(leg, at, rule, lines, found, unused, done)
                done[rule.id] = asking.finding(self._whens[at], self._asserted[at])
        return tuple(done.values())

    def is_near(self, rule_id: str, leg: LegRecord) -> bool:
        """Whether a word was said that an expression of a rule cannot do without, by a party that it asks about."""
        rule = next(each.rule for each in self.rules.rules if each.rule.id == rule_id)
        parties = {each.party for each in rule.conditions if isinstance(each, WordCondition)}
        said = (line for line in leg.lines if "any" in parties or line.party in parties)
        return any(rule_id in self._near(line.text, line.language) for line in said)

    def _near(self, text: str, language: str) -> set[str]:
        numbers = {key[0] for matcher in (self.matcher, self.joined) for key in matcher.candidates(text, language)}
        return {self.rules.rules[number].rule.id for number in numbers}


def _needs_hit(when: Term, rule: Rule) -> bool:
    """Whether a rule can only be matched where something was found for it."""
    said = {each.name for each in rule.conditions if isinstance(each, WordCondition) and not each.absent}
    return asserted(when) <= said and not asserted(when, False)


class _RuleQuestion:
    """One rule, asked of one leg."""

    def __init__(
        self,
        leg: LegRecord,
        at: int,
        rule: Rule,
        lines: Mapping[str, LegLine],
        found: Found,
        unused: Found,
        done: Mapping[str, Finding],
    ) -> None:
        self._leg, self._at, self._rule, self._lines = leg, at, rule, lines
        self._found, self._unused, self._done = found, unused, done
        self._conditions = {condition.name: (number, condition) for number, condition in enumerate(rule.conditions)}
        self._answers: dict[str, RuleAnswer] = {}
        self._inside: dict[str, tuple[Hit, ...]] = {}
        """Condition → its hits in its window."""

    def finding(self, when: Term, supporting: frozenset[str]) -> Finding:
        for name in self._conditions:
            self._answer(name)
        answer = combined(when, self._answers)
        hits: list[ConditionHit] = []
        if answer.state == RuleState.MATCHED or (answer.state == RuleState.UNDETERMINED and answer.reason == "low_confidence"):
            hits = [
                ConditionHit(name, hit) for name in self._conditions if name in supporting for hit in self._inside.get(name, ())
            ]
        return Finding(
            rule=self._rule,
            answer=answer,
            hits=tuple(sorted(hits, key=lambda one: (one.hit.start_ms, one.hit.end_ms))),
            conditions=dict(self._answers),
        )

    def _answer(self, name: str) -> RuleAnswer:
        """RuleAnswer a condition, those first that its window names. Windows name each other in no circle (`rule_files.py`)."""
        if name not in self._answers:
            number, condition = self._conditions[name]
            self._answers[name] = self._asked(number, condition)
        return self._answers[name]

    def _asked(self, number: int, condition: Condition) -> RuleAnswer:
        match condition:
            case WordCondition():
                return self._words(number, condition)
            case MetricCondition():
                return _metric(condition, self._leg)
            case IntervalCondition():
                return self._intervals(condition)
            case EventCondition():
                return self._events(condition)
            case RuleCondition():
                return self._named_rule(condition)
            case _ as never:
                assert_never(never)

    # -- words

    def _words(self, number: int, condition: WordCondition) -> RuleAnswer:
        hits = [
            hit
            for hit in self._found.get((self._at, number), ())
            if counts(self._lines[hit.utterance_id], condition.party, condition.on_hold)
        ]
        spans, missing = self._spans(condition.window)
        inside = [hit for hit in hits if any(span.has(self._start(hit)) for span in spans)] if condition.window else hits
        self._inside[condition.name] = tuple(inside)
        if missing is not None:
            return missing
        answers = [self._in_span(number, condition, hits if condition.window is None else inside, span) for span in spans]
        answer = _over_spans(answers, condition.window)
        return swapped(answer) if condition.absent else answer

    def _start(self, hit: Hit) -> int:
        """When a hit starts: what an agent was saying as they answered counts as the first thing in the leg."""
        return max(hit.start_ms, self._leg.start_ms)

    def _in_span(self, number: int, condition: WordCondition, hits: Sequence[Hit], span: Span) -> RuleAnswer:
        leg = self._leg
        inside = hits if condition.window is None else [hit for hit in hits if span.has(self._start(hit))]
        if sum(hit.conf is None or hit.conf >= leg.low_conf for hit in inside) >= condition.times:
            return _MATCHED
        if len(inside) >= condition.times:
            return RuleAnswer(RuleState.UNDETERMINED, "low_confidence")
        if not span.is_closed:
            return RuleAnswer(RuleState.UNDETERMINED, "open")
        languages = [language for language, expressions in condition.phrases.items() if expressions]
        if reason := why_unheard(leg, span, condition.party, condition.on_hold, languages):
            return RuleAnswer(RuleState.UNDETERMINED, reason)
        heard_otherwise = [hit for hit in self._unused.get((self._at, number), ()) if span.has(self._start(hit))]
        if any(counts(self._lines[hit.utterance_id], condition.party, condition.on_hold) for hit in heard_otherwise):
            return RuleAnswer(RuleState.UNDETERMINED, "other_recogniser_heard_it")
        return _MISSED

    # -- numbers, intervals, events, rules

    def _intervals(self, condition: IntervalCondition) -> RuleAnswer:
        leg = self._leg
        if reason := _no_intervals(condition.interval, condition.party, leg):
            return RuleAnswer(RuleState.UNDETERMINED, reason)
        starts = [
            row.start_ms
            for row in leg.intervals
            if row.kind == condition.interval
            and condition.subkind in (None, row.subkind)
            and condition.party in (None, row.party)
            and row.end_ms - row.start_ms >= condition.min_ms
        ]
        return self._counted(starts, condition.times, condition.window)

    def _events(self, condition: EventCondition) -> RuleAnswer:
        if condition.event not in ("answered", "leg_end") and (reason := _no_events(self._leg)):
            return RuleAnswer(RuleState.UNDETERMINED, reason)
        return self._counted(self._leg.moments.get(condition.event, ()), condition.times, condition.window)

    def _counted(self, starts: Sequence[int], times: int, window: Window | None) -> RuleAnswer:
        spans, missing = self._spans(window)
        if missing is not None:
            return missing
        answers = []
        for span in spans:
            count = sum(span.has(at) for at in starts) if window else len(starts)
            missed = _MISSED if span.is_closed else RuleAnswer(RuleState.UNDETERMINED, "open")
            answers.append(_MATCHED if count >= times else missed)
        return _over_spans(answers, window)

    def _named_rule(self, condition: RuleCondition) -> RuleAnswer:
        named = self._done.get(condition.rule)
        if named is None:
            return RuleAnswer(RuleState.UNDETERMINED, "no_rule")
        if condition.window is None or named.answer.state != RuleState.MATCHED:
            return RuleAnswer(named.answer.state, named.answer.reason, named.answer.value)
        return self._counted([self._start(one.hit) for one in named.hits], 1, condition.window)

    # -- windows

    def _spans(self, window: Window | None) -> tuple[tuple[Span, ...], RuleAnswer | None]:
        """Return the spans of a window, or the answer where there is none."""
        anchor = window.anchor if window else None
        instances: Sequence[tuple[int, int]] = ()
        unknown: RuleAnswer | None = None
        if anchor is not None and anchor.event is not None:
            instances = [(at, at) for at in self._leg.moments.get(anchor.event, ())]
            reason = _no_events(self._leg) if anchor.event not in ("answered", "leg_end") else None
            unknown = RuleAnswer(RuleState.UNDETERMINED, reason) if reason else None
        elif anchor is not None and anchor.condition is not None:
            answer = self._answer(anchor.condition)
            instances = self._instances(self._inside.get(anchor.condition, ()))
            unknown = answer if answer.state == RuleState.UNDETERMINED else None
        elif anchor is not None and anchor.rule is not None:
            named = self._done.get(anchor.rule)
            instances = self._instances([one.hit for one in named.hits]) if named else ()
            unknown = RuleAnswer(RuleState.UNDETERMINED, "no_rule") if named is None else named.answer
            unknown = unknown if unknown.state == RuleState.UNDETERMINED else None
        spans = spans_of(window, self._leg, instances)
        if spans:
            return spans, None
        if not self._leg.is_over:
            return (), RuleAnswer(RuleState.UNDETERMINED, "open")
        return (), unknown or NOT_APPLICABLE

    def _instances(self, hits: Sequence[Hit]) -> list[tuple[int, int]]:
        return [(hit.start_ms, hit.end_ms) for hit in hits if hit.conf is None or hit.conf >= self._leg.low_conf]


def _over_spans(answers: Sequence[RuleAnswer], window: Window | None) -> RuleAnswer:
    """Return what a condition is over the spans of its window: in any of them, or with `each` in all, with the share."""
    if window is None or window.anchor is None or not window.anchor.each:
        return max(answers, key=lambda answer: answer.state)
    known = [answer for answer in answers if answer.state != RuleState.UNDETERMINED]
    share = sum(answer.state == RuleState.MATCHED for answer in known) / len(known) if known else None
    worst = min(answers, key=lambda answer: answer.state)
    return RuleAnswer(worst.state, worst.reason, share)


def _metric(condition: MetricCondition, leg: LegRecord) -> RuleAnswer:
    value = leg.metrics.get(condition.metric)
    if value is None or isinstance(value, str):
        default = "open" if not leg.is_over else "earlier_version"
        return RuleAnswer(RuleState.UNDETERMINED, leg.reasons.get(condition.metric, default))
    is_inside = (condition.at_least is None or value >= condition.at_least) and (
        condition.at_most is None or value <= condition.at_most
    )
    return RuleAnswer(RuleState.MATCHED if is_inside else RuleState.MISSED, None, float(value))


def _no_events(leg: LegRecord) -> str | None:
    """Return why it is not known what happened in a leg."""
    return leg.reasons.get("hold_count") or leg.reasons.get("transferred_out") if leg.is_over else None


def _no_intervals(kind: str, party: str | None, leg: LegRecord) -> str | None:
    """Return why a leg has no intervals of a kind: none of the metrics behind which they stand could be measured."""
    if not leg.is_over:
        return "open"
    names = [
        name
        for name, metric in METRICS.items()
        if metric.evidence is not None
        and metric.evidence.kind == kind
        and (party is None or metric.evidence.party in (None, party))
    ]
    reasons = [leg.reasons[name] for name in names if name in leg.reasons]
    return reasons[0] if names and len(reasons) == len(names) else None
