"""Terms: the folded words of each channel in order of start, with their places in the lines that they came from.

A word can be several terms (`twenty-one`, `4111-1111`, `card4111`). Digits of every script are 0–9 here. Of a line whose words have
no times, or times that cannot be (outside the line, backwards), the words are spread evenly over it.
"""

import functools
import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec

from cc_voice.call import tokeniser
from cc_voice.call.number_words import TABLES, spoken
from cc_voice.call.redactions import FoundBy, is_chip
from cc_voice.call.utterances import Word

SLACK_MS = 50
"""How far outside its line a word may be and still be believed."""


def listed(words: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(words.split())


class SpokenLine(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance, or a chat message, as the finder reads it."""

    key: str
    channel_id: str
    source: FoundBy
    start_ms: int
    end_ms: int
    language: str
    words: tuple[Word, ...]
    """With or without times."""


class Term(msgspec.Struct, frozen=True, gc=False):
    """A folded word, or a part of one."""

    text: str
    line: int
    word: int
    start_ms: int
    end_ms: int
    is_price: bool
    """Written with a sign of a currency or of per cent."""
    is_inside: bool
    """A part of a word that has others beside numbers: `o'clock`, `one-time`. A number word is none there."""


_PIECES = re.compile(r"\d+|[^\d]+")
_ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th|er|ere|eme|ers|res|a|o)")
_GLUED = re.compile("doppel|null|eins(?!ieben|echs)|ein|zwei|zwo|drei|vier|funf|fuenf|sechs|sieben|acht|neun")
_ALL_GLUED = re.compile(f"(?:{_GLUED.pattern}){{2,}}")
_PRICE = re.compile(r"[$€£¥₹%]")
_LETTERS_WITH_DIGITS = re.compile(r"\d")


def terms_of(word: str) -> tuple[tuple[str, bool, bool], ...]:
    """Return the terms of a word: text, whether it is a price, whether it is only a part of a word that is no number."""
    return _analysed(word) if _LETTERS_WITH_DIGITS.search(word) else _analysed_once(word)


def _analysed(word: str) -> tuple[tuple[str, bool, bool], ...]:
    if is_chip(word):
        return ((tokeniser.CHIP_TERM, False, False),)
    is_price = _PRICE.search(word) is not None
    pieces = [piece for term in tokeniser.words(word) for piece in _pieces(term)]
    numbers = sum(_is_number_word(piece) for piece in pieces)
    plain = sum(not _belongs(piece) for piece in pieces)
    is_inside = len(pieces) > 1 and plain > 0 and numbers < 3
    return tuple((piece, is_price and piece.isdigit(), is_inside and not piece.isdigit()) for piece in pieces)


def _pieces(term: str) -> list[str]:
    """Return a term, or its letters and figures apart; German digits that are written as one word, one by one."""
    if term.isalpha():
        return _GLUED.findall(term) if len(term) > 7 and _ALL_GLUED.fullmatch(term) else [term]
    return [term] if _ORDINAL.fullmatch(term) else _PIECES.findall(term)


_analysed_once = functools.lru_cache(maxsize=20_000)(_analysed)
"""Of words without figures alone: no number that was written stays in memory."""


def _is_number_word(term: str) -> bool:
    return any(spoken(term, language) for language in TABLES)


def _belongs(term: str) -> bool:
    """Tell whether a term can be a part of a number: a number word, figures, or what joins them."""
    return term.isdigit() or _is_number_word(term) or any(term in table.joins or term in table.times for table in TABLES.values())


def number_words(line: SpokenLine) -> list[int]:
    """Return which words of a line are numbers, or parts of numbers, in any language there is a table for."""
    return [place for place, word in enumerate(line.words) if is_number(word.word)]


def is_number(word: str) -> bool:
    """Tell whether a word has figures, or is a number word of any language."""
    return any(map(str.isdecimal, word)) or any(
        text.isdigit() or (not inside and _is_number_word(text)) for text, _, inside in terms_of(word)
    )


def places(line: SpokenLine) -> tuple[list[tuple[int, int]], bool]:
    """Return start and end of each word of a line, never backwards, and whether they are the words' own."""
    count = len(line.words)
    starts = [word.start_ms for word in line.words]
    ends = [word.end_ms for word in line.words]
    own = [(start, end) for start, end in zip(starts, ends, strict=True) if start is not None and end is not None]
    if len(own) == count and are_possible(line, own):
        return own, True
    span = max(0, line.end_ms - line.start_ms)
    edges = [line.start_ms + span * place // max(1, count) for place in range(count + 1)]
    return list(pairwise(edges)), False


def are_possible(line: SpokenLine, times: Sequence[tuple[int, int]]) -> bool:
    """Tell whether words can have been said at these times: inside their line, one after the other."""
    latest = list(accumulate((start for start, _ in times), max))
    return all(
        line.start_ms - SLACK_MS <= start <= end <= line.end_ms + SLACK_MS and start >= before
        for (start, end), before in zip(times, [line.start_ms - SLACK_MS, *latest], strict=False)
    )


def streams(lines: Sequence[SpokenLine]) -> dict[str, list[Term]]:
    """Return the terms of each channel, in order of its lines' starts."""
    found: dict[str, list[Term]] = {}
    order = sorted(range(len(lines)), key=lambda number: (lines[number].start_ms, number))
    for number in order:
        line = lines[number]
        stream = found.setdefault(line.channel_id, [])
        for place, (word, (start, end)) in enumerate(zip(line.words, places(line)[0], strict=True)):
            stream.extend(Term(text, number, place, start, end, price, inside) for text, price, inside in terms_of(word.word))
    return found
