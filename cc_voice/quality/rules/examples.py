"""Examples: what a rule must find and must not find, written beside it; `agent:` or `customer:` in front tells the party."""

import msgspec

from cc_voice.quality.rules.compilation import compiled_set
from cc_voice.quality.rules.evaluation import Evaluator
from cc_voice.quality.rules.leg_record import LegLine, LegRecord
from cc_voice.quality.rules.rule import Rule, WordCondition

LEAST = 5
"""Of each kind and language, of a rule that ships."""


class ExampleProblem(msgspec.Struct, frozen=True):
    """An example that is not found, or a counterexample that is."""

    language: str
    text: str
    is_counterexample: bool
    found: str | None
    """What was found in it."""

    @property
    def told(self) -> str:
        if self.is_counterexample:
            return f"counterexample {self.language}: `{self.text}`: found `{self.found}`"
        return f"example {self.language}: `{self.text}`: not found"


def wrong_examples(rule: Rule) -> list[ExampleProblem]:
    """Return the examples of a rule that are not as they should be."""
    alone = msgspec.structs.replace(
        rule, when=None, conditions=tuple(each for each in rule.conditions if isinstance(each, WordCondition))
    )
    # Each condition for itself: an example is one utterance, which may meet one of several conditions, and has no time
    plain = tuple(msgspec.structs.replace(each, window=None, absent=False, times=1) for each in alone.conditions)
    alone = msgspec.structs.replace(alone, conditions=plain, when=" or ".join(each.name for each in plain) or None, queues=())
    evaluator = Evaluator(compiled_set([alone]))
    problems: list[ExampleProblem] = []
    for is_counterexample, by_language in ((False, rule.examples), (True, rule.counterexamples)):
        for language, texts in by_language.items():
            for text in texts:
                found = _found(evaluator, alone, language, text)
                if (found is not None) == is_counterexample:
                    problems.append(ExampleProblem(language, text, is_counterexample, found))
    return problems


def _found(evaluator: Evaluator, rule: Rule, language: str, text: str) -> str | None:
    party, mark, said = text.partition(":")
    named = party.strip().lower() if mark and party.strip().lower() in ("agent", "customer") else None
    for condition in rule.conditions:
        if not isinstance(condition, WordCondition):
            continue
        asked = "agent" if condition.party == "any" else condition.party
        line = LegLine(
            utterance_id="example",
            channel_id="1",
            party=named or asked,
            source="local",
            start_ms=0,
            end_ms=1_000,
            language=language,
            text=said.strip() if named else text,
            on_hold=condition.on_hold == "only",
        )
        leg = LegRecord(leg_id=None, call_id="example", start_ms=0, end_ms=1_000, heard_ms=1_000, lines=(line,))
        finding = evaluator.findings(leg)[0]
        if own := [one.hit.text for one in finding.hits if one.condition == condition.name]:
            return own[0]
    return None


def missing_examples(rule: Rule) -> list[str]:
    """Return the languages of which a rule has fewer than five examples or counterexamples."""
    languages = {
        language
        for each in rule.conditions
        if isinstance(each, WordCondition)
        for language, expressions in each.phrases.items()
        if expressions
    }
    return sorted(
        language
        for language in languages
        if len(rule.examples.get(language, ())) < LEAST or len(rule.counterexamples.get(language, ())) < LEAST
    )
