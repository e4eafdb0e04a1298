"""Differences between two versions of a rule: expressions added and removed, and hits new, gone and kept in stored calls."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.rule import Rule, WordCondition
from cc_voice.quality.rules.samples import sampled
from cc_voice.query.rules.backtest import RuleSample, overlap, samples_of, with_context
from cc_voice.query.rules.history import Asked, outcomes
from cc_voice.store.rule_history import HistoryChoice


class RuleDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What a version changes."""

    added: tuple[str, ...]
    """Expressions, as `condition phrases.en: expression`."""
    removed: tuple[str, ...]
    legs: int
    new: int
    gone: int
    kept: int
    states_changed: dict[str, int]
    """`missed → matched` → legs."""
    new_samples: tuple[RuleSample, ...]
    gone_samples: tuple[RuleSample, ...]


_STATES = ("missed", "undetermined", "matched", "not applicable")


def difference(
    asked: Asked, before: Rule, after: Rule, sets: tuple[RuleSet, RuleSet], choice: HistoryChoice, *, size: int, seed: int
) -> RuleDifference:
    """Compare two versions on stored calls; a hit is kept where the other has one of the same leg and condition that overlaps it by
    half. Raises what `asked` raises."""
    old, new = _found(asked, before, sets[0], choice), _found(asked, after, sets[1], choice)
    gone, fresh, kept = list[RuleSample](), list[RuleSample](), 0
    changed: dict[str, int] = defaultdict(int)
    for leg_id in old.keys() | new.keys():
        old_state, old_hits = old.get(leg_id, (None, []))
        new_state, new_hits = new.get(leg_id, (None, []))
        if old_state != new_state and old_state is not None and new_state is not None:
            changed[f"{_STATES[old_state]} → {_STATES[new_state]}"] += 1
        gone += [hit for hit in old_hits if not _has(new_hits, hit)]
        added = [hit for hit in new_hits if not _has(old_hits, hit)]
        fresh += added
        kept += len(new_hits) - len(added)
    expressions = set(_expressions(before)), set(_expressions(after))
    return RuleDifference(
        added=tuple(sorted(expressions[1] - expressions[0])),
        removed=tuple(sorted(expressions[0] - expressions[1])),
        legs=len(new),
        new=len(fresh),
        gone=len(gone),
        kept=kept,
        states_changed=dict(changed),
        new_samples=with_context(asked, sampled(fresh, lambda one: one.key, seed, size)),
        gone_samples=with_context(asked, sampled(gone, lambda one: one.key, seed, size)),
    )


def _found(asked: Asked, rule: Rule, rules: RuleSet, choice: HistoryChoice) -> dict[str, tuple[int, list[RuleSample]]]:
    found: dict[str, tuple[int, list[RuleSample]]] = {}
    for _, legs in outcomes(asked, rules, choice, is_full=True):
        for leg in legs:
            own = next((each for each in leg.outcomes if each.rule_id == rule.id), None)
            if own is not None:
                hits = [hit for hit in leg.hits if hit.rule_id == rule.id]
                samples = [one for one in samples_of(rule, leg, own.state, own.reason, False, hits) if one.kind == "hit"]
                found[leg.leg_id] = own.state, samples
    return found


def _has(hits: Sequence[RuleSample], one: RuleSample) -> bool:
    return any(
        hit.condition == one.condition and hit.party == one.party and overlap(hit.start_ms, hit.end_ms, one.start_ms, one.end_ms)
        for hit in hits
    )


def _expressions(rule: Rule) -> Iterable[str]:
    for condition in rule.conditions:
        if isinstance(condition, WordCondition):
            for key, by_language in (("phrases", condition.phrases), ("unless", condition.unless)):
                for language, expressions in by_language.items():
                    for expression in expressions:
                        yield f"{condition.name} {key}.{language}: {expression}"
