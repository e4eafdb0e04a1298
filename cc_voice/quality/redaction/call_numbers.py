"""Numbers of a call: all that its parties say in digits, as chains, in the words of one recogniser."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cc_voice.call.number_words import TABLES, spoken
from cc_voice.config.languages import primary
from cc_voice.quality.redaction.chains import CUE_WORDS, Chain, PlacedCue, WordOrder, chains_of
from cc_voice.quality.redaction.cues import CueKind, compiled, cues_in
from cc_voice.quality.redaction.groups import ChannelNumbers, Vocabulary, numbers_of, vocabulary
from cc_voice.quality.redaction.terms import SpokenLine, Term, streams

FOREIGN_ROW = 3
"""So many number words of a language in a row say that it is spoken, whatever the lines are said to be in; two above nine do."""


class CallNumbers(NamedTuple):
    """The numbers of a call, and the words around them."""

    streams: Mapping[str, Sequence[Term]]
    words: Vocabulary
    numbers: Mapping[str, ChannelNumbers]
    timeline: WordOrder
    chains: Sequence[Chain]
    kinds: Mapping[str, Sequence[CueKind | None]]


def call_numbers(lines: Sequence[SpokenLine], languages: Sequence[str], keep_after: tuple[str, ...]) -> CallNumbers:
    """Return the numbers in the lines of a call. `languages` are those that it may be in, beside the tags of its lines."""
    spoken_terms = streams(lines)
    known = languages_of(lines, languages, spoken_terms)
    words = vocabulary(known)
    cues = compiled(known, keep_after)
    orders = _orders(spoken_terms)
    placed = sorted(
        PlacedCue(orders[name][cue.last], terms[cue.first].start_ms, terms[cue.last].end_ms, cue.kind, name, cue.first, cue.last)
        for name, terms in spoken_terms.items()
        for cue in cues_in(terms, cues)
    )
    kinds = {name: _kinds(orders[name], placed) for name in spoken_terms}
    numbers = {name: numbers_of(name, terms, words, kinds[name]) for name, terms in spoken_terms.items()}
    plain = {name: sorted(orders[name][place] for place in found.plain) for name, found in numbers.items()}
    timeline = WordOrder(orders, plain, placed, [cue.order for cue in placed])
    groups = sorted((group for found in numbers.values() for group in found.groups), key=timeline.order)
    return CallNumbers(spoken_terms, words, numbers, timeline, chains_of(groups, timeline), kinds)


def languages_of(lines: Sequence[SpokenLine], given: Sequence[str], spoken_terms: Mapping[str, Sequence[Term]]) -> tuple[str, ...]:
    """Return the languages that numbers of a call are read in: those of its tags, those given, those that digits are heard in."""
    tags = dict.fromkeys(primary(tag) for tag in (*(line.language for line in lines), *given) if tag)
    known = [tag for tag in tags if tag in TABLES]
    for language in TABLES.keys() - set(known):
        if any(_is_heard(terms, language, known) for terms in spoken_terms.values()):
            known.append(language)
    return tuple(known)


def _is_heard(terms: Sequence[Term], language: str, known: Sequence[str]) -> bool:
    """Tell whether number words of a language stand in a row that are none in the languages that are known."""
    table = TABLES[language]
    row = new = large = 0
    for term in terms:
        text = term.text
        found = spoken(text, language)
        if found is not None:
            row += 1
            if not any(spoken(text, other) for other in known):
                new += 1
                large += found.value > 9
            if (row >= FOREIGN_ROW and new > 1) or large > 1:
                return True
        elif text not in table.joins and text not in table.fillers and text not in table.times and not text.isdigit():
            row = new = large = 0
    return False


def _orders(spoken_terms: Mapping[str, Sequence[Term]]) -> dict[str, list[int]]:
    """Return for each term its place among all terms of the call, in order of start; a channel's own order is kept."""
    placed: list[tuple[int, int, str]] = []
    for name, terms in spoken_terms.items():
        latest = -(2**60)
        for place, term in enumerate(terms):
            latest = max(latest, term.start_ms)
            placed.append((latest, place, name))
    orders: dict[str, list[int]] = {name: [0] * len(terms) for name, terms in spoken_terms.items()}
    for order, (_, place, name) in enumerate(sorted(placed)):
        orders[name][place] = order
    return orders


def _kinds(orders: Sequence[int], cues: Sequence[PlacedCue]) -> list[CueKind | None]:
    """Return which kind of number was named last before each term."""
    found: list[CueKind | None] = []
    at = 0
    for order in orders:
        while at < len(cues) and cues[at].order < order:
            at += 1
        near = at > 0 and order - cues[at - 1].order <= CUE_WORDS
        found.append(cues[at - 1].kind if near else None)
    return found
