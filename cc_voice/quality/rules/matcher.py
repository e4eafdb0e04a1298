"""Matcher: which conditions of which rules an utterance meets, and with which of its words. The same for live words and history.

Every expression is filed under words it cannot do without; an utterance looks its words up, and only what is filed under them is
tried. So the cost is that of the utterance's words, hardly that of the rules.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.tokeniser import words
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.quality.rules.expressions import folded
from cc_voice.quality.rules.rule import WORD_GAP, WordCondition

_MOST_REMEMBERED = 200_000
"""Words whose expressions are remembered, of one language."""

ConditionKey = tuple[int, int]
"""Which rule of the set, which of its conditions."""


class Match(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A condition's expression was found in a text."""

    rule: int
    condition: int
    expression: int
    first: int
    """Which folded word of the text is the first, from 0."""
    last: int


class _Tried(msgspec.Struct, frozen=True):
    """An expression as it is tried."""

    key: ConditionKey
    number: int
    takes_back: bool
    pattern: re.Pattern[str]
    most_words: int
    is_exact: bool
    """All its matches have one length."""


class Matcher:
    """The rules of a set, ready for texts. One for texts as they are, one for the conditions that join them."""

    def __init__(self, rules: RuleSet, *, joined: bool = False) -> None:
        by_language: dict[str, list[_Tried]] = defaultdict(list)
        needed: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for at, compiled in enumerate(rules.rules):
            for phrase in compiled.phrases:
                condition = compiled.rule.conditions[phrase.condition]
                if not isinstance(condition, WordCondition) or condition.join != joined:
                    continue
                expression = phrase.expression
                by_language[phrase.language].append(
                    _Tried(
                        key=(at, phrase.condition),
                        number=phrase.number,
                        takes_back=phrase.takes_back,
                        pattern=re.compile(expression.regex),
                        most_words=expression.most_words,
                        is_exact=not any(sign in expression.regex[7:] for sign in "|{?*"),
                    )
                )
                needed[phrase.language].append(expression.needed)
        self._by_language = {language: _Index(tried, needed[language]) for language, tried in by_language.items()}

    @property
    def is_empty(self) -> bool:
        return not self._by_language

    def matches(self, text: str, language: str) -> tuple[Match, ...]:
        """Return what is found in an utterance of a language (primary subtag), in order of rules and places."""
        index = self._by_language.get(language)
        if index is None:
            return ()
        terms = words(text)
        tried = index.tried(terms)
        return _found(tried, folded(terms), len(terms)) if tried else ()

    def candidates(self, text: str, language: str) -> set[ConditionKey]:
        """Return the conditions of which a needed word is in an utterance."""
        index = self._by_language.get(language)
        return {one.key for one in index.tried(words(text)) if not one.takes_back} if index else set()


class _Index:
    """Term → expressions of one language."""

    def __init__(self, tried: Sequence[_Tried], needed: Sequence[tuple[str, ...]]) -> None:
        self._tried = tried
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._prefixes: dict[str, list[int]] = defaultdict(list)
        for number, terms in enumerate(needed):
            for term in terms:
                (self._prefixes[term[:-1]] if term.endswith("*") else self._exact[term]).append(number)
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._remembered: dict[str, tuple[int, ...]] = {}

    def tried(self, terms: Sequence[str]) -> list[_Tried]:
        remembered = self._remembered
        numbers: set[int] = set()
        for term in terms:
            of_term = remembered.get(term)
            if of_term is None:
                of_term = self._look_up(term)
            if of_term:
                numbers.update(of_term)
        return [self._tried[number] for number in sorted(numbers)]

    def _look_up(self, term: str) -> tuple[int, ...]:
        found = list(self._exact.get(term, ()))
        for length in self._lengths:
            if length > len(term):
                break
            found += self._prefixes.get(term[:length], ())
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[term] = tuple(found)
        return self._remembered[term]


_Place = tuple[int, int, int]
"""First word, last word, which expression."""


def _found(tried: Iterable[_Tried], text: str, length: int) -> tuple[Match, ...]:
    """Return the hits of every condition: of matches that overlap one, the longest from the leftmost."""
    places: dict[ConditionKey, list[_Place]] = {}
    taking_back: dict[ConditionKey, list[_Tried]] = {}
    for one in tried:
        if one.takes_back:
            taking_back.setdefault(one.key, []).append(one)
        elif of_one := _places(one, text):
            places.setdefault(one.key, []).extend(of_one)
    found: list[Match] = []
    for key in sorted(places):
        kept = _apart(places[key])
        if key in taking_back:
            against = [place for one in taking_back[key] for place in _places(one, text)]
            kept = [place for place in kept if not any(_is_beside(place, other) for other in against)]
        found += [Match(*key, number, first, last) for first, last, number in kept]
    return tuple(found)


def _places(one: _Tried, text: str) -> list[_Place]:
    """Return where an expression is matched, each place the longest from its start, none overlapping the one before."""
    found: list[_Place] = []
    at = 0
    while (match := one.pattern.search(text, at)) is not None:
        start, end = match.span(1)
        if not one.is_exact:
            end = _longest(one, text, match.start(), end)
        first = text.count(" ", 0, start)
        last = first + text.count(" ", start, end) - 1
        found.append((first, last, one.number))
        at = end - 1  # the space behind the last word may stand before the next
    return found


def _longest(one: _Tried, text: str, start: int, end: int) -> int:
    """Return where the longest match from a place ends: an engine takes the first alternative that fits, not the longest."""
    ends = [end]
    at = end
    for _ in range(one.most_words):
        at = text.find(" ", at) + 1
        if at == 0:
            break
        ends.append(at)
    return next((each for each in reversed(ends[1:]) if one.pattern.fullmatch(text, start, each)), end)


def _apart(places: list[_Place]) -> list[_Place]:
    kept: list[_Place] = []
    for first, last, number in sorted(places, key=lambda place: (place[0], -place[1], place[2])):
        if not kept or first > kept[-1][1]:
            kept.append((first, last, number))
    return kept


def _is_beside(place: _Place, other: _Place) -> bool:
    """Whether two places touch, or have at most five words between them."""
    return other[0] - place[1] - 1 <= WORD_GAP and place[0] - other[1] - 1 <= WORD_GAP
