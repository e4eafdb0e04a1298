"""Backtest: what a rule finds in stored calls, told with samples to be marked; it writes nothing into the store."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from cc_voice.call.rows import RuleHitRow
from cc_voice.quality.rules.compilation import RuleSet, compiled_set
from cc_voice.quality.rules.errors import RuleError
from cc_voice.quality.rules.hits import hit_key
from cc_voice.quality.rules.logic import RuleState
from cc_voice.quality.rules.rule import Rule, referred_rules
from cc_voice.quality.rules.samples import Precision, estimated_misses, precision, sampled
from cc_voice.quality.rules.stems import forms_of
from cc_voice.query.rules.history import Asked, LegOutcome, outcomes
from cc_voice.store.rule_history import HistoryChoice

SampleKind = Literal["hit", "missed", "undetermined", "without"]
"""`without`: a leg of a category that has no hit, and a word of its expressions."""
SAMPLE = 20
SEED = 7
CONTEXT_WORDS = 10


class RuleSample(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be marked."""

    kind: SampleKind
    key: str
    call_id: str
    leg_id: str
    leg_no: int
    at_ts: datetime
    """When its call began."""
    start_ms: int
    end_ms: int
    condition: str | None = None
    party: str | None = None
    agent: str | None = None
    queue: str | None = None
    reason: str | None = None
    conf: float | None = None
    utterance_id: str | None = None
    matched_text: str | None = None
    before: str = ""
    """Up to ten words before the matched ones, in their utterance."""
    after: str = ""
    mark: str | None = None

    @property
    def link(self) -> str:
        """Where the second can be heard."""
        return f"/calls/{self.call_id}/{self.leg_no}?t={max(0, self.start_ms)}"


class GroupCount(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a month, a queue or a language."""

    name: str
    legs: int
    matched: int
    missed: int
    undetermined: int
    hits: int


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule finds in stored calls."""

    rule_id: str
    version: int
    kind: str
    legs: int
    matched: int
    missed: int
    not_applicable: int
    undetermined: dict[str, int]
    """Reason → legs."""
    hits: int
    hits_per_1000_legs: float | None
    by_month: tuple[GroupCount, ...]
    by_queue: tuple[GroupCount, ...]
    by_language: tuple[GroupCount, ...]
    samples: tuple[RuleSample, ...]
    precision: Precision
    """Of the marks on hits, whichever version they were made on."""
    missed_precision: Precision
    """Of the marks on legs that are said to be missed."""
    legs_without: int
    """Legs of a category without a hit in which a word of its expressions was said."""
    estimated_misses: float | None


class MarkPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A mark as it is stored: by whom on what, and where in the call that is, so that a later version's hit finds it."""

    hit_key: str
    mark: str
    sample: str
    call_id: str
    leg_id: str | None = None
    condition: str | None = None
    party: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None


def set_for(rule: Rule, others: Iterable[Rule], asked: Asked | None) -> RuleSet:
    """Compile a rule with those that it names; stems by the site's vocabulary. Raises RuleError."""
    known = {each.id: each for each in others} | {rule.id: rule}
    wanted: dict[str, Rule] = {}
    waiting = [rule.id]
    while waiting:
        rule_id = waiting.pop()
        if rule_id not in known:
            raise RuleError(f"{rule.id}: there is no rule `{rule_id}`")
        if rule_id not in wanted:
            wanted[rule_id] = known[rule_id]
            waiting += referred_rules(known[rule_id])
    has_stems = any("~" in str(msgspec.to_builtins(each.conditions)) for each in wanted.values())
    stems = forms_of(asked("rules.vocabulary", {})) if asked is not None and has_stems else None
    return compiled_set(wanted.values(), stems)


def backtest(
    asked: Asked, rule: Rule, rules: RuleSet, choice: HistoryChoice, *, size: int = SAMPLE, seed: int = SEED, processes: int = 1
) -> Backtest:
    """Evaluate a rule over stored calls. Raises what `asked` raises."""
    marks = [msgspec.convert(each, MarkPlace) for each in asked("rules.marks", {"rule_id": rule.id})]
    found: list[tuple[LegOutcome, int, str | None, bool, tuple[RuleHitRow, ...]]] = []
    for _, legs in outcomes(asked, rules, choice, is_full=True, processes=processes):
        for leg in legs:
            own = next((each for each in leg.outcomes if each.rule_id == rule.id), None)
            if own is not None:
                hits = tuple(hit for hit in leg.hits if hit.rule_id == rule.id)
                found.append((leg, own.state, own.reason, own.is_near, hits))
    return _told(asked, rule, found, marks, size, seed)


_Found = Sequence[tuple[LegOutcome, int, str | None, bool, tuple[RuleHitRow, ...]]]


def _told(asked: Asked, rule: Rule, found: _Found, marks: Sequence[MarkPlace], size: int, seed: int) -> Backtest:
    states = Counter(state for _, state, _, _, _ in found)
    hits = sum(len(own) for *_, own in found)
    pools: dict[SampleKind, list[RuleSample]] = defaultdict(list)
    for leg, state, reason, is_near, own in found:
        for sample in samples_of(rule, leg, state, reason, is_near, own):
            pools[sample.kind].append(msgspec.structs.replace(sample, mark=_mark_of(sample, marks)))
    chosen = [one for kind in pools for one in sampled(pools[kind], lambda sample: sample.key, seed, size)]
    without = pools.get("without", [])
    wrong_without = sum(mark.sample == "without" and mark.mark == "wrong" for mark in marks)
    right_without = sum(mark.sample == "without" and mark.mark == "right" for mark in marks)
    return Backtest(
        rule_id=rule.id,
        version=rule.version,
        kind=rule.kind,
        legs=len(found),
        matched=states[RuleState.MATCHED],
        missed=states[RuleState.MISSED],
        not_applicable=states[RuleState.NOT_APPLICABLE],
        undetermined=dict(
            Counter(reason or "?" for _, state, reason, _, _ in found if state == RuleState.UNDETERMINED).most_common()
        ),
        hits=hits,
        hits_per_1000_legs=1000 * hits / len(found) if found else None,
        by_month=_groups(found, lambda leg: f"{leg.date_key // 10000}-{leg.date_key // 100 % 100:02}"),
        by_queue=_groups(found, lambda leg: leg.queue or "–"),
        by_language=_groups(found, lambda leg: leg.language or "–"),
        samples=with_context(asked, chosen),
        precision=_precision(pools.get("hit", []), marks, "hit"),
        missed_precision=_precision(pools.get("missed", []), marks, "missed"),
        legs_without=len(without),
        estimated_misses=estimated_misses(wrong_without, right_without, len(without)),
    )


def _groups(found: _Found, name: Any) -> tuple[GroupCount, ...]:
    groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for leg, state, _, _, own in found:
        groups[name(leg)].append((state, len(own)))
    return tuple(
        GroupCount(
            name=key,
            legs=len(rows),
            matched=sum(state == RuleState.MATCHED for state, _ in rows),
            missed=sum(state == RuleState.MISSED for state, _ in rows),
            undetermined=sum(state == RuleState.UNDETERMINED for state, _ in rows),
            hits=sum(count for _, count in rows),
        )
        for key, rows in sorted(groups.items())
    )


def samples_of(
    rule: Rule, leg: LegOutcome, state: int, reason: str | None, is_near: bool, hits: Sequence[RuleHitRow]
) -> Iterable[RuleSample]:
    """Yield what could be marked of a leg: its hits, that it is missed or undetermined, that it has none."""
    common = {"call_id": leg.call_id, "leg_id": leg.leg_id, "leg_no": leg.leg_no, "at_ts": leg.start_ts, "agent": leg.agent}
    for hit in hits:
        yield RuleSample(
            kind="hit",
            key=hit.hit_key,
            start_ms=leg.start_ms if hit.start_ms is None else hit.start_ms,
            end_ms=leg.end_ms if hit.end_ms is None else hit.end_ms,
            condition=hit.condition,
            party=hit.party,
            queue=leg.queue,
            conf=hit.conf,
            utterance_id=hit.utterance_id,
            matched_text=hit.matched_text,
            **common,  # type: ignore[arg-type]
        )
    kind: SampleKind | None = None
    if state == RuleState.UNDETERMINED and reason != "low_confidence":
        kind = "undetermined"
    elif state == RuleState.MISSED:
        kind = "missed" if rule.is_step else "without" if is_near and not hits else None
    if kind is not None:
        key = hit_key(rule.id, kind, leg.call_id, leg.leg_id, None, None)
        yield RuleSample(
            kind=kind,
            key=key,
            start_ms=leg.start_ms,
            end_ms=leg.end_ms,
            queue=leg.queue,
            reason=reason,
            **common,  # type: ignore[arg-type]
        )


def _mark_of(sample: RuleSample, marks: Iterable[MarkPlace]) -> str | None:
    """Return the mark on something: on itself, else on what overlaps it by half in the same call and condition."""
    ours = [mark for mark in marks if mark.call_id == sample.call_id and mark.sample == sample.kind]
    return next((mark.mark for mark in ours if mark.hit_key == sample.key or _overlaps(sample, mark)), None)


def _overlaps(sample: RuleSample, mark: MarkPlace) -> bool:
    if mark.start_ms is None or mark.end_ms is None or sample.kind != "hit" or mark.condition != sample.condition:
        return False
    return overlap(sample.start_ms, sample.end_ms, mark.start_ms, mark.end_ms)


def overlap(start_ms: int, end_ms: int, other_start_ms: int, other_end_ms: int) -> bool:
    """Whether two spans share half of the longer one at least."""
    common = min(end_ms, other_end_ms) - max(start_ms, other_start_ms)
    return 2 * common >= max(end_ms - start_ms, other_end_ms - other_start_ms, 1)


def _precision(pool: Iterable[RuleSample], marks: Sequence[MarkPlace], kind: SampleKind) -> Precision:
    if not any(mark.sample == kind for mark in marks):
        return precision(0, 0)
    given = Counter(sample.mark for sample in pool)
    return precision(given["right"], given["wrong"])


def with_context(asked: Asked, samples: Sequence[RuleSample]) -> tuple[RuleSample, ...]:
    """Return samples with the words around theirs; only those that are shown are read."""
    ids = [one.utterance_id for one in samples if one.utterance_id is not None]
    texts: dict[str, str] = asked("rules.texts", {"utterance_ids": ids}) if ids else {}
    return tuple(_in_context(one, texts.get(one.utterance_id or "", "")) for one in samples)


def _in_context(sample: RuleSample, text: str) -> RuleSample:
    said, matched = text.split(), (sample.matched_text or "").split()
    if not matched or not said:
        return sample
    folded = [word.casefold() for word in said]
    wanted = [word.casefold() for word in matched]
    at = next((at for at in range(len(said)) if folded[at : at + len(wanted)] == wanted), None)
    if at is None:  # spelled otherwise in the text than word by word
        return msgspec.structs.replace(sample, before=" ".join(said[: 2 * CONTEXT_WORDS]))
    end = at + len(wanted)
    return msgspec.structs.replace(
        sample,
        matched_text=" ".join(said[at:end]),
        before=" ".join(said[max(0, at - CONTEXT_WORDS) : at]),
        after=" ".join(said[end : end + CONTEXT_WORDS]),
    )
