"""Rule files: the TOML text of a rule, read and checked. Every complaint names the file, and the line and expression where it can.

Reading the files themselves is its caller's business.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.quality.rules.errors import ExpressionError, RuleError
from cc_voice.quality.rules.expressions import compile_expression
from cc_voice.quality.rules.logic import read_when
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

MOST_RULES = 500
MOST_CONDITIONS = 20
MOST_EXPRESSIONS = 40
"""Of one language and condition."""
MOST_BYTES = 200_000

INTERVALS = frozenset(metric.evidence.kind for metric in METRICS.values() if metric.evidence is not None)

_ID = re.compile(r"[a-z0-9-]{1,60}")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,59}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_RULE_KEYS = {
    *("id", "version", "title", "folder", "notes", "kind", "state", "alert", "queues", "when", "condition"),
    *("examples", "counterexamples"),
}
_KINDS: dict[str, tuple[type[Any], frozenset[str]]] = {
    "metric": (MetricCondition, frozenset(MetricCondition.__struct_fields__)),
    "interval": (IntervalCondition, frozenset(IntervalCondition.__struct_fields__)),
    "event": (EventCondition, frozenset(EventCondition.__struct_fields__)),
    "rule": (RuleCondition, frozenset(RuleCondition.__struct_fields__)),
    "phrases": (WordCondition, frozenset(WordCondition.__struct_fields__)),
}
"""The key that tells which kind a condition is → what it is made to, and the keys that it may have."""


def read_rule(text: str, file: str) -> Rule:
    """Read a rule. Raises RuleError; `file` is how it is called in messages."""
    if len(text.encode()) > MOST_BYTES:
        raise RuleError(f"{file}: a rule file has at most {MOST_BYTES} bytes")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RuleError(f"{file}: {error}") from error
    try:
        rule = _rule(table)
        _check_rule(rule)
    except RuleError as error:
        raise RuleError(f"{file}: {error}") from error
    except msgspec.ValidationError as error:
        raise RuleError(f"{file}: {error}") from error
    for number, condition in enumerate(rule.conditions):
        if isinstance(condition, WordCondition):
            _check_expressions(condition, text, file, number)
    return rule


def check_set(rules: Iterable[Rule]) -> None:
    """Check that rules fit together: their number, the rules they name, no circles. Raises RuleError."""
    by_id = {rule.id: rule for rule in rules}
    if len(by_id) > MOST_RULES:
        raise RuleError(f"{len(by_id)} rules; a site has at most {MOST_RULES}")
    in_order(by_id.values())
    for rule in by_id.values():
        if missing := sorted(referred_rules(rule) - by_id.keys()):
            raise RuleError(f"{rule.id}: there is no rule `{missing[0]}`")


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules with those they name before them, else in order of their ids. Raises RuleError when they name each other."""
    by_id = {rule.id: rule for rule in rules}
    done: dict[str, Rule] = {}

    def add(rule: Rule, path: tuple[str, ...]) -> None:
        if rule.id in path:
            raise RuleError(f"rules name each other in a circle: {' → '.join((*path[path.index(rule.id) :], rule.id))}")
        if rule.id not in done:
            for named in sorted(referred_rules(rule) & by_id.keys()):
                add(by_id[named], (*path, rule.id))
            done[rule.id] = rule

    for rule_id in sorted(by_id):
        add(by_id[rule_id], ())
    return list(done.values())


# -- one rule --------------------------------------------------------------------------------------------------------


def _rule(table: dict[str, Any]) -> Rule:
    _only(table, _RULE_KEYS, "the file")
    for key in ("id", "version", "title"):
        if key not in table:
            raise RuleError(f"`{key}` is missing")
    given = table.pop("condition", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise RuleError("conditions are tables: [[condition]]")
    conditions = tuple(_condition(each, number) for number, each in enumerate(given, 1))
    return msgspec.structs.replace(msgspec.convert(table, Rule), conditions=conditions)


def _condition(table: dict[str, Any], number: int) -> Condition:
    name = table.get("name", f"condition {number}")
    kinds = [key for key in _KINDS if key in table]
    if len(kinds) != 1:
        raise RuleError(f"condition {number}: one of {', '.join(_KINDS)} tells what it asks, not {' and '.join(kinds) or 'none'}")
    kind, keys = _KINDS[kinds[0]]
    _only(table, keys, f"condition `{name}`")
    try:
        found: Condition = msgspec.convert({"name": f"c{number}", **table, "type": kind.__struct_config__.tag}, kind)
    except msgspec.ValidationError as error:
        raise RuleError(f"condition `{name}`: {error}") from error
    return found


def _only(table: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    if unknown := sorted(table.keys() - set(keys)):
        raise RuleError(f"{where} has no key `{unknown[0]}`; it may have {', '.join(sorted(keys))}")


def _check_rule(rule: Rule) -> None:
    if not _ID.fullmatch(rule.id):
        raise RuleError(f"id {rule.id!r}: small letters, digits and hyphens, at most 60")
    if not 1 <= rule.version < 1_000_000:
        raise RuleError(f"version {rule.version}: a number from 1 on")
    if not rule.title.strip():
        raise RuleError("the title is empty")
    if not 1 <= len(rule.conditions) <= MOST_CONDITIONS:
        raise RuleError(f"{len(rule.conditions)} conditions; a rule has 1 to {MOST_CONDITIONS}")
    names = [condition.name for condition in rule.conditions]
    for name in names:
        if not _NAME.fullmatch(name) or name in ("and", "or", "not"):
            raise RuleError(f"condition {name!r}: a name has letters, digits and `_`, and is not `and`, `or`, `not`")
        if names.count(name) > 1:
            raise RuleError(f"two conditions are called `{name}`")
    read_when(rule.when, names)
    for condition in rule.conditions:
        _check_condition(condition, rule, names)
    _check_anchors(rule)


def _check_condition(condition: Condition, rule: Rule, names: Collection[str]) -> None:
    where = f"condition `{condition.name}`"
    match condition:
        case WordCondition():
            if not any(condition.phrases.values()):
                raise RuleError(f"{where} has no phrases")
            for language in (*condition.phrases, *condition.unless):
                if not _LANGUAGE.fullmatch(language):
                    raise RuleError(f"{where}: language {language!r} is a primary subtag such as `en`")
        case MetricCondition():
            if condition.metric not in METRICS:
                raise RuleError(
                    f"{where}: there is no metric `{condition.metric}`; `cc-voice report` and analytics/README.md list them"
                )
            if condition.at_least is None and condition.at_most is None:
                raise RuleError(f"{where} needs `at_least`, `at_most` or both")
            if None not in (condition.at_least, condition.at_most) and condition.at_least > condition.at_most:  # type: ignore[operator]
                raise RuleError(f"{where}: `at_least` is above `at_most`")
        case IntervalCondition():
            if condition.interval not in INTERVALS:
                raise RuleError(f"{where}: there is no interval `{condition.interval}`; there are {', '.join(sorted(INTERVALS))}")
        case RuleCondition():
            if condition.rule == rule.id:
                raise RuleError(f"{where} names its own rule")
        case EventCondition():
            pass
    if not isinstance(condition, MetricCondition | RuleCondition) and not 1 <= condition.times <= 1_000:
        raise RuleError(f"{where}: `times` is from 1 to 1000")
    if not isinstance(condition, MetricCondition) and condition.window is not None:
        _check_window(condition.window, condition.name, names)


def _check_window(window: Window, own: str, names: Collection[str]) -> None:
    where = f"window of condition `{own}`"
    given = [key for key in ("first_s", "last_s", "after", "before") if getattr(window, key) is not None]
    if len(given) != 1:
        raise RuleError(f"{where}: one of first_s, last_s, after, before, not {' and '.join(given) or 'none'}")
    for seconds in (window.first_s, window.last_s, window.anchor.within_s if window.anchor else None):
        if seconds is not None and not 0 < seconds <= 86_400:
            raise RuleError(f"{where}: seconds are above 0, and at most a day")
    anchor = window.anchor
    if anchor is None:
        return
    named = [key for key in ("event", "condition", "rule") if getattr(anchor, key) is not None]
    if len(named) != 1:
        raise RuleError(f"{where}: one of event, condition, rule, not {' and '.join(named) or 'none'}")
    if anchor.condition is not None and (anchor.condition not in names or anchor.condition == own):
        raise RuleError(f"{where}: there is no other condition `{anchor.condition}`")


def _check_anchors(rule: Rule) -> None:
    """Conditions whose windows name each other have no order in which they could be asked."""
    after = {
        condition.name: condition.window.anchor.condition
        for condition in rule.conditions
        if not isinstance(condition, MetricCondition) and condition.window is not None and condition.window.anchor is not None
    }
    for name in after:
        seen, at = [name], after[name]
        while at is not None:
            if at in seen:
                raise RuleError(f"windows of conditions name each other in a circle: {' → '.join((*seen, at))}")
            seen.append(at)
            at = after.get(at)


def _check_expressions(condition: WordCondition, text: str, file: str, number: int) -> None:
    for key, by_language in (("phrases", condition.phrases), ("unless", condition.unless)):
        for language, expressions in by_language.items():
            where = f"{file}:{_line_of_condition(text, number)}: condition `{condition.name}`, {key}.{language}"
            if len(expressions) > MOST_EXPRESSIONS:
                raise RuleError(f"{where}: {len(expressions)} expressions; there may be {MOST_EXPRESSIONS}")
            for expression in expressions:
                try:
                    compile_expression(expression)
                except ExpressionError as error:
                    line = _line_of(expression, text, number)
                    raise RuleError(
                        f"{file}:{line}: condition `{condition.name}`, {key}.{language}: `{expression}`: {error}"
                    ) from error


def _line_of_condition(text: str, number: int) -> int:
    heads = [at for at, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*condition\s*\]\]", line)]
    return heads[number] if number < len(heads) else 1


def _line_of(expression: str, text: str, number: int) -> int:
    """Return the line on which an expression of a condition begins, the condition's where it is written otherwise than it reads."""
    first = _line_of_condition(text, number)
    lines = text.splitlines()
    for at in range(first, len(lines) + 1):
        if f'"{expression}"' in lines[at - 1] or f"'{expression}'" in lines[at - 1]:
            return at
    return first
