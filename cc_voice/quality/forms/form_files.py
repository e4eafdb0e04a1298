"""Form files: the TOML text of a form, read and checked. Every complaint names the file, the question, and what to do.

Reading the files themselves is its caller's business. `check_against` looks at the rules that a form names: they must be there, and
no question may read how an agent sounds or feels, by whatever rule (EU AI Act, article 5(1)(f)).
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.quality.forms.errors import FormError
from cc_voice.quality.forms.form import Clause, EachInstance, EvaluationForm, FormSection, MetricScale, Question
from cc_voice.quality.forms.rates import rated_metric
from cc_voice.quality.rules.errors import ExpressionError
from cc_voice.quality.rules.expressions import compile_expression
from cc_voice.quality.rules.rule import (
    Anchor,
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
from cc_voice.quality.rules.rule_files import INTERVALS

WEIGHTS = 100
MOST_QUESTIONS = 100
MOST_BYTES = 200_000

_ID = re.compile(r"[a-z0-9-]{1,60}")
_QUESTION_ID = re.compile(r"[a-zA-Z0-9_-]{1,60}")
_FORM_KEYS = {"id", "version", "title", "notes", "queues", "state", "section"}
_SECTION_KEYS = {"title", "question"}
_QUESTION_KEYS = {
    *(
        "id",
        "title",
        "weight",
        "guidance",
        "met",
        "any",
        "each",
        "scale",
        "max_points",
        "na",
        "critical",
        "review",
        "human",
        "choices",
    ),
}
_CLAUSE_KINDS: dict[str, type[Any]] = {
    "metric": MetricCondition,
    "interval": IntervalCondition,
    "event": EventCondition,
    "rule": RuleCondition,
    "phrases": WordCondition,
}
_FELT = ("sentiment", "loudness", "raised_voice", "level_dbfs", "emotion")
"""What tells how somebody sounds or feels: names of metrics and intervals begin or go on with it."""


def read_form(text: str, file: str) -> EvaluationForm:
    """Read a form. Raises FormError; `file` is how it is called in messages."""
    if len(text.encode()) > MOST_BYTES:
        raise FormError(f"{file}: a form file has at most {MOST_BYTES} bytes")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormError(f"{file}: {error}") from error
    try:
        form = _form(table)
        _check_form(form)
    except (FormError, msgspec.ValidationError) as error:
        raise FormError(f"{file}: {error}") from error
    return form


def _form(table: dict[str, Any]) -> EvaluationForm:
    _only(table, _FORM_KEYS, "the file")
    for key in ("id", "version", "title", "section"):
        if key not in table:
            raise FormError(f"`{key}` is missing; write it")
    sections = tuple(_section(each, number) for number, each in enumerate(_tables(table.pop("section"), "section"), 1))
    plain = msgspec.convert({**table, "sections": []}, EvaluationForm)
    return msgspec.structs.replace(plain, sections=sections)


def _section(table: dict[str, Any], number: int) -> FormSection:
    where = f"section {number}"
    _only(table, _SECTION_KEYS, where)
    title = table.get("title")
    if not isinstance(title, str) or not title.strip():
        raise FormError(f"{where} has no title; write one")
    return FormSection(
        title=title, questions=tuple(_question(each) for each in _tables(table.get("question"), f"{where}: question"))
    )


def _question(table: dict[str, Any]) -> Question:
    where = f"question `{table.get('id', table.get('title', '?'))}`"
    try:
        _only(table, _QUESTION_KEYS, "it")
        for key in ("id", "title", "weight"):
            if key not in table:
                raise FormError(f"`{key}` is missing; write it")
        clauses = {
            key: tuple(_clause(each, f"{key} {number}") for number, each in enumerate(_tables(table[key], key), 1))
            for key in ("met", "na")
            if key in table
        }
        parts: dict[str, Any] = {}
        if "each" in table:
            _only(_table(table["each"], "each"), EachInstance.__struct_fields__, "each")
            parts["each"] = msgspec.convert(table["each"], EachInstance)
        if "scale" in table:
            _only(_table(table["scale"], "scale"), {"metric", "steps", "else"}, "scale")
            parts["scale"] = msgspec.convert(table["scale"], MetricScale)
        plain = {key: value for key, value in table.items() if key not in ("met", "na", "each", "scale")}
        question = msgspec.structs.replace(msgspec.convert(plain, Question), **clauses, **parts)
        _check_question(question)
    except (FormError, msgspec.ValidationError) as error:
        raise FormError(f"{where}: {error}") from error
    return question


def _clause(table: dict[str, Any], where: str) -> Clause:
    kinds = [key for key in _CLAUSE_KINDS if key in table]
    if len(kinds) != 1:
        raise FormError(f"{where}: one of {', '.join(_CLAUSE_KINDS)} tells what it asks, not {' and '.join(kinds) or 'none'}")
    kind = _CLAUSE_KINDS[kinds[0]]
    own = set(kind.__struct_fields__) - {"name"}
    _only(table, own | {"absent"} | ({"party"} if kind is RuleCondition else set()), where)
    given = dict(table)
    absent = given.pop("absent", False) if kind is not WordCondition else False
    party = given.pop("party", None) if kind is RuleCondition else None
    try:
        condition: Condition = msgspec.convert({"name": "asked", **given, "type": kind.__struct_config__.tag}, kind)
        clause = Clause(condition=condition, absent=msgspec.convert(absent, bool), party=msgspec.convert(party, RuleParty | None))
    except msgspec.ValidationError as error:
        raise FormError(f"{where}: {error}") from error
    _check_clause(clause, where)
    return clause


def _table(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise FormError(f"{where} is a table: {{ … }}")
    return given


def _tables(given: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise FormError(f"{where} is a list of tables, with one at least")
    return given


def _only(table: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    if unknown := sorted(table.keys() - set(keys)):
        raise FormError(f"{where} has no key `{unknown[0]}`; it may have {', '.join(sorted(keys))}")


# -- checks ----------------------------------------------------------------------------------------------------------


def _check_form(form: EvaluationForm) -> None:
    if not _ID.fullmatch(form.id):
        raise FormError(f"id {form.id!r}: small letters, digits and hyphens, at most 60")
    if not 1 <= form.version < 1_000_000:
        raise FormError(f"version {form.version}: a number from 1 on")
    if not form.title.strip():
        raise FormError("the title is empty; write one")
    ids = [question.id for question in form.questions]
    if len(ids) > MOST_QUESTIONS:
        raise FormError(f"{len(ids)} questions; a form has at most {MOST_QUESTIONS}")
    if twice := [each for each in dict.fromkeys(ids) if ids.count(each) > 1]:
        raise FormError(f"two questions are called `{twice[0]}`; call one otherwise")
    total = sum(question.weight for question in form.questions)
    if total != WEIGHTS:
        weights = " + ".join(f"{question.id} {question.weight}" for question in form.questions)
        raise FormError(f"the weights sum to {total}, not {WEIGHTS}: {weights}; change them by {WEIGHTS - total:+d} in all")


def _check_question(question: Question) -> None:
    if not _QUESTION_ID.fullmatch(question.id):
        raise FormError(f"id {question.id!r}: letters, digits, `-` and `_`, at most 60")
    if not question.title.strip():
        raise FormError("the title is empty; write one")
    if not 0 <= question.weight <= WEIGHTS:
        raise FormError(f"weight {question.weight}: from 0, asked and not scored, to {WEIGHTS}")
    ways = [key for key in ("met", "each", "scale", "human") if getattr(question, key)]
    if len(ways) != 1:
        raise FormError(f"one of met, each, scale, human answers it, not {' and '.join(ways) or 'none'}")
    if isinstance(question.critical, int) and not 0 <= question.critical < 100:
        raise FormError(f'critical = {question.critical}: "zero", or the highest score with it missed, 0 to 99')
    if question.any and not question.met:
        raise FormError("`any` belongs to `met`; leave it out")
    if not 1 <= question.max_points <= 16:
        raise FormError(f"max_points = {question.max_points}: from 1 to 16")
    if question.max_points > 1 and not (question.scale or question.human == "choice"):
        raise FormError("`max_points` belongs to `scale`, or to a choice; leave it out")
    if (question.human == "choice") != bool(question.choices):
        raise FormError('`choices` = { "answer" = points } belong to human = "choice", and to nothing else')
    for answer, points in question.choices.items():
        _check_points(points, question, f"choice `{answer}`")
    if question.scale:
        _check_scale(question.scale, question)
    if question.each:
        _check_each(question.each)


def _check_points(points: int, question: Question, where: str) -> None:
    if not 0 <= points <= question.max_points:
        raise FormError(f"{where}: {points} points; from 0 to max_points = {question.max_points}")


def _check_scale(scale: MetricScale, question: Question) -> None:
    _check_metric(scale.metric, "scale")
    if not scale.steps:
        raise FormError("scale: `steps` = [[bound, points], …] is empty; write one at least")
    bounds = [bound for bound, _ in scale.steps]
    if any(bound != bound for bound in bounds) or sorted(set(bounds)) != bounds:
        raise FormError("scale: the bounds of `steps` go up; the first that is not below the value gives the points")
    for bound, points in scale.steps:
        _check_points(points, question, f"scale, step {bound:g}")
    _check_points(scale.otherwise, question, "scale, else")


def _check_each(each: EachInstance) -> None:
    if (each.interval is None) == (each.event is None):
        raise FormError("each: one of interval and event tells what there are instances of")
    if each.interval is not None:
        _check_interval(each.interval, each.party, "each")
    elif each.subkind or each.party or each.min_ms:
        raise FormError("each: subkind, party and min_ms belong to an interval; leave them out")
    if each.before is None and each.after is None:
        raise FormError("each needs `before`, `after` or both")
    for side in ("before", "after"):
        anchor: Anchor | None = getattr(each, side)
        if anchor is None:
            continue
        if anchor.rule is None or anchor.condition is not None or anchor.event is not None or anchor.each:
            raise FormError(f"each.{side} is {{ rule = …, within_s = … }}: what must be said beside every instance")
        _check_seconds(anchor.within_s, f"each.{side}")


def _check_clause(clause: Clause, where: str) -> None:
    condition = clause.condition
    match condition:
        case WordCondition():
            _check_phrases(condition, where)
        case MetricCondition():
            _check_metric(condition.metric, where)
            low, high = condition.at_least, condition.at_most
            if low is None and high is None:
                raise FormError(f"{where} needs `at_least`, `at_most` or both")
            if low is not None and high is not None and low > high:
                raise FormError(f"{where}: `at_least` is above `at_most`")
        case IntervalCondition():
            _check_interval(condition.interval, condition.party, where)
        case RuleCondition() | EventCondition():
            pass
    if not isinstance(condition, MetricCondition | RuleCondition) and not 1 <= condition.times <= 1_000:
        raise FormError(f"{where}: `times` is from 1 to 1000")
    if not isinstance(condition, MetricCondition) and condition.window is not None:
        _check_window(condition.window, where)


def _check_phrases(condition: WordCondition, where: str) -> None:
    if not any(condition.phrases.values()):
        raise FormError(f"{where} has no phrases")
    for language, expressions in (*condition.phrases.items(), *condition.unless.items()):
        for expression in expressions:
            try:
                compile_expression(expression)
            except ExpressionError as error:
                raise FormError(f"{where}, {language}: `{expression}`: {error}") from error


def _check_metric(name: str, where: str) -> None:
    if name not in METRICS and rated_metric(name) is None:
        raise FormError(f"{where}: there is no metric `{name}`; analytics/README.md lists them")
    _refuse_feelings(name, None, where)
    if name in METRICS and METRICS[name].type not in ("bigint", "integer", "double", "boolean"):
        raise FormError(f"{where}: metric `{name}` is no number")


def _check_interval(kind: str, party: str | None, where: str) -> None:
    if kind not in INTERVALS:
        raise FormError(f"{where}: there is no interval `{kind}`; there are {', '.join(sorted(INTERVALS))}")
    if party not in (None, "agent", "customer"):
        raise FormError(f"{where}: party is agent or customer, not {party!r}")
    _refuse_feelings(kind, party or "agent", where)


def _refuse_feelings(name: str, party: str | None, where: str) -> None:
    """Refuse what tells how an agent sounds or feels; without a party it is told by the name."""
    if any(felt in name for felt in _FELT) and (party == "agent" or (party is None and "customer" not in name)):
        raise FormError(
            f"{where} reads `{name}`, which tells how an agent sounds or feels; no score may depend on it (EU AI Act, article 5). "
            "Ask what was said or done instead"
        )


def _check_window(window: Window, where: str) -> None:
    given = [key for key in ("first_s", "last_s", "after", "before") if getattr(window, key) is not None]
    if len(given) != 1:
        raise FormError(f"{where}: a window has one of first_s, last_s, after, before, not {' and '.join(given) or 'none'}")
    for seconds in (window.first_s, window.last_s):
        _check_seconds(seconds, where)
    anchor = window.anchor
    if anchor is None:
        return
    if anchor.condition is not None or (anchor.event is None) == (anchor.rule is None):
        raise FormError(f"{where}: a window is before or after one of event and rule; clauses have no names")
    _check_seconds(anchor.within_s, where)


def _check_seconds(seconds: float | None, where: str) -> None:
    if seconds is not None and not 0 < seconds <= 86_400:
        raise FormError(f"{where}: seconds are above 0, and at most a day")


# -- the rules that a form names -------------------------------------------------------------------------------------


def named_rules(question: Question) -> frozenset[str]:
    """Return the ids of the rules that a question names, also as the anchor of a window."""
    found: set[str] = set()
    for clause in (*question.met, *question.na):
        condition = clause.condition
        if isinstance(condition, RuleCondition):
            found.add(condition.rule)
        if not isinstance(condition, MetricCondition) and condition.window is not None and condition.window.anchor is not None:
            found.update({condition.window.anchor.rule} - {None})  # type: ignore[arg-type]
    if question.each:
        found.update(anchor.rule for anchor in (question.each.before, question.each.after) if anchor and anchor.rule)
    return frozenset(found)


def check_against(form: EvaluationForm, rules: Iterable[Rule], file: str) -> None:
    """Check that the rules a form names are there, and that none reads what a form may not. Raises FormError."""
    by_id = {rule.id: rule for rule in rules}
    for question in form.questions:
        where = f"{file}: question `{question.id}`"
        for name in sorted(named_rules(question)):
            if name not in by_id:
                raise FormError(
                    f"{where}: there is no rule `{name}` in force; publish it first, or name another (cc-voice rules list)"
                )
            _check_rule(by_id[name], by_id, where, ())


def _check_rule(rule: Rule, by_id: Mapping[str, Rule], where: str, path: tuple[str, ...]) -> None:
    for condition in rule.conditions:
        told = f"{where}: rule `{rule.id}`"
        if isinstance(condition, MetricCondition):
            _refuse_feelings(condition.metric, None, told)
        elif isinstance(condition, IntervalCondition):
            _refuse_feelings(condition.interval, condition.party or "agent", told)
    for name in sorted(referred_rules(rule) - {*path, rule.id}):
        if name in by_id:
            _check_rule(by_id[name], by_id, where, (*path, rule.id))
