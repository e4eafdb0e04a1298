"""Compiled rules: published rules ready to be matched, as one value that is written to a file and read by workers.

`sha` names a set: of its content, and not of when it was made. Rows made with it name version and set.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import msgspec

from cc_voice.quality.rules.errors import ExpressionError
from cc_voice.quality.rules.expressions import Compiled, Stems, compile_expression
from cc_voice.quality.rules.rule import Rule, WordCondition
from cc_voice.quality.rules.rule_files import in_order

FORMAT = 1
UNSEEN = frozenset(
    {
        *("recording-disclosure", "consent", "hold-thanks", "escalation", "cancellation", "complaint", "legal-threat"),
        *("repeat-contact", "card-data", "refund", "profanity", "unhelpful"),
    }
)
"""Rules that ship and found nothing in any recorded call, as nothing was there to find: how often they are right is not known."""


class CompiledPhrase(msgspec.Struct, frozen=True, kw_only=True):
    """One expression of one condition."""

    condition: int
    """Which condition of its rule, from 0."""
    language: str
    number: int
    """Which expression of its language, from 0."""
    takes_back: bool = False
    """Stands under `unless`."""
    expression: Compiled


class CompiledRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its expressions."""

    rule: Rule
    phrases: tuple[CompiledPhrase, ...]


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are evaluated together, those that others name first."""

    format: int = FORMAT
    rules: tuple[CompiledRule, ...] = ()
    unproven: tuple[str, ...] = ()
    """Ids of rules that ship, found nothing in any recorded call, and of which the site has not marked enough hits: critical
    questions on them are for people to decide."""

    @property
    def sha(self) -> str:
        return hashlib.sha256(encoded(self)).hexdigest()


def encoded(rules: RuleSet) -> bytes:
    """Return a set as the bytes of its file."""
    return msgspec.json.encode(rules, order="deterministic")


_DECODER = msgspec.json.Decoder(RuleSet)


def decoded(data: bytes) -> RuleSet:
    """Read the bytes of a set's file. Raises msgspec.DecodeError."""
    found = _DECODER.decode(data)
    if found.format != FORMAT:
        raise msgspec.DecodeError(f"the compiled rules have format {found.format}, this program reads {FORMAT}")
    return found


def compiled_set(rules: Iterable[Rule], stems: Mapping[str, Stems] | None = None, marked: Collection[str] = ()) -> RuleSet:
    """Compile rules; `stems` by language; `marked` are rules of which a site marked enough. Raises RuleError."""
    found = tuple(_compiled(rule, stems or {}) for rule in in_order(rules))
    unproven = tuple(sorted({each.rule.id for each in found} & UNSEEN - set(marked)))
    return RuleSet(rules=found, unproven=unproven)


def _compiled(rule: Rule, stems: Mapping[str, Stems]) -> CompiledRule:
    plain = msgspec.structs.replace(rule, examples={}, counterexamples={}, notes="")
    found: list[CompiledPhrase] = []
    for at, condition in enumerate(rule.conditions):
        if not isinstance(condition, WordCondition):
            continue
        for takes_back, by_language in ((False, condition.phrases), (True, condition.unless)):
            for language, expressions in by_language.items():
                for number, text in enumerate(expressions):
                    try:
                        expression = compile_expression(text, stems.get(language))
                    except ExpressionError as error:
                        raise ExpressionError(f"{rule.id}, condition `{condition.name}`: `{text}`: {error}") from error
                    found.append(
                        CompiledPhrase(condition=at, language=language, number=number, takes_back=takes_back, expression=expression)
                    )
    return CompiledRule(rule=plain, phrases=tuple(found))
