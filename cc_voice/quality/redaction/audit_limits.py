"""Audit limits: the finder with lower limits, for looking at what was written. It counts and names kinds, never digits.

Three readers: lines of a call, a text, the bytes of a file of which nothing is known. In the last two, numbers in figures are found
by Luhn's sum and the beginning of a card (13 to 19 figures in groups as cards have; everything else there is ids and times), number
words by nine digits in a row with nothing but marks, figures and names of JSON fields between them.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from cc_voice.call import tokeniser
from cc_voice.call.number_words import TABLES, spoken
from cc_voice.call.redactions import Entity
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.finder import SpokenLine, find_within
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.quality.redaction.terms import listed
from cc_voice.quality.redaction.verdicts import Limits, has_card

RUN, CUE = 9, 3
"""So many digits are suspicious by themselves, and after a cue."""
LEAST_REPEATED = 5
"""Words of a number that is one: cards repeat shorter groups, as 4242 does."""
APART = 120
"""Number words further apart in a text, in characters, are not in a row."""
BEFORE = 40
"""Words before a row that may say what it is."""
_FIGURES = re.compile(r"(?<![\w.,])\d(?:[ -]?\d){12,18}(?![\w]|[.,]\d)")
_WORDS = re.compile(r"[^\W\d_]+")
_FIELDS = listed("word words start end ms conf text key language en es de fr us gb null true false")


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that looks like a number that should be hidden."""

    kind: Entity
    digits: int
    offset: int
    """Where: of lines the start in ms of the call, of text its character, of bytes its byte."""
    key: str = ""
    """Of lines: the line."""


def audit_lines(lines: Sequence[SpokenLine], policy: RedactionPolicy, languages: Sequence[str] = ()) -> tuple[AuditFinding, ...]:
    """Return what is left in the lines of a call that were redacted. A telephone number under `pci` is no finding."""
    found = find_within(lines, policy, languages, Limits(min(RUN, policy.any_run), CUE, policy.any_run))
    return tuple(AuditFinding(kind=each.entity, digits=each.digits, offset=each.start_ms, key=each.key) for each in found)


def audit_text(text: str, languages: Sequence[str] = ()) -> tuple[AuditFinding, ...]:
    """Return what is in a text of unknown form, in figures and number words."""
    figures = [
        AuditFinding(kind="CARD_NUMBER", digits=sum(map(str.isdigit, match.group())), offset=match.start())
        for match in _FIGURES.finditer(text)
        if _is_card(match.group())
    ]
    return tuple(sorted([*figures, *_spoken(text, languages)], key=lambda each: each.offset))


def audit_bytes(data: bytes, languages: Sequence[str] = ()) -> tuple[AuditFinding, ...]:
    """Return what is in the bytes of a file of unknown kind, as text in UTF-8 and, where it looks like that, in UTF-16."""
    text = data.decode("utf-8", "surrogateescape")
    found = audit_text(text, languages)
    if not text.isascii():
        found = tuple(
            msgspec.structs.replace(each, offset=len(text[: each.offset].encode("utf-8", "surrogateescape"))) for each in found
        )
    wide = re.search(rb"(?:[\t\n\r -~\xa0-\xff]\x00){12}", data)
    if wide is not None:
        start = wide.start() % 2
        text = data[start:].decode("utf-16-le", "replace")
        found += tuple(msgspec.structs.replace(each, offset=start + 2 * each.offset) for each in audit_text(text, languages))
    return found


def counts(findings: Sequence[AuditFinding]) -> dict[Entity, int]:
    """Return how many there are of each kind."""
    return dict(Counter(each.kind for each in findings))


# -- figures ---------------------------------------------------------------------------------------------------------


def _is_card(run: str) -> bool:
    """Tell whether figures are a card's: in groups of three to six, or in one, beginning as cards do, with their check digit."""
    groups = [len(group) for group in re.split("[ -]", run)]
    digits = "".join(map(str, (int(one) for one in run if one.isdigit())))
    if len(groups) > 1 and not all(3 <= size <= 6 for size in groups):
        return False
    is_issued = digits[0] in "3456" or "2221" <= digits[:4] <= "2720"
    return is_issued and has_card(digits)


# -- number words ----------------------------------------------------------------------------------------------------


class _Token(NamedTuple):
    text: str
    start: int
    end: int
    digits: int
    """How many it says; 0 of a word that may stand between two numbers."""


def _spoken(text: str, languages: Sequence[str]) -> Iterator[AuditFinding]:
    """Yield rows of number words that the finder, with lower limits, would hide."""
    row: list[_Token] = []
    before: list[_Token] = []
    for token in _tokens(text):
        if token.digits < 0 or (row and token.start - row[-1].end > APART):
            yield from _judged(row, before, languages)
            before = [*before, *row][-BEFORE:]
            row = []
        (before if token.digits < 0 else row).append(token)
    yield from _judged(row, before, languages)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _WORDS.finditer(text):
        word = match.group()
        size = _digits_of(word.lower()) if len(word) < 60 else -1
        if size is not None:
            yield _Token(word, match.start(), match.end(), size)


@functools.lru_cache(maxsize=50_000)
def _digits_of(word: str) -> int | None:
    """Return how many digits a word says, 0 if it breaks no row, -1 if it does, None if it is a field's name and no word."""
    if word in _FIELDS:
        return None
    size = 0
    for term in tokeniser.words(word):
        found = next((number for language in TABLES if (number := spoken(term, language)) is not None), None)
        if found is not None:
            size += len(str(found.value))
        elif not any(term in each for table in TABLES.values() for each in (table.fillers, table.joins, table.times)):
            return -1
    return size


def _period(said: Sequence[str]) -> int:
    """Return after how many words a row begins again, the least; its length if it does not."""
    return next((size for size in range(1, len(said)) if all(one == said[at % size] for at, one in enumerate(said))), len(said))


def _judged(row: Sequence[_Token], before: Sequence[_Token], languages: Sequence[str]) -> Iterator[AuditFinding]:
    said = [token.text.lower() for token in row if token.digits]
    if sum(token.digits for token in row) < RUN or (len(said) > 5 and len(set(said)) == len(said)):
        return  # a list of the words themselves, each once, as a vocabulary has them
    period = _period(said)
    if LEAST_REPEATED <= period < RUN and 2 * len(said) >= 3 * period:
        return  # a short number, as two recognisers wrote it, side by side in the store's file
    words = [token.text for token in (*before[-BEFORE:], *row)]
    line = SpokenLine(
        key="",
        channel_id="",
        source="zoom",
        start_ms=0,
        end_ms=len(words) * 300,
        language="en",
        words=tuple(map(Word, words)),
    )
    for found in audit_lines([line], RedactionPolicy(), languages or tuple(TABLES)):
        if found.digits >= RUN:
            yield msgspec.structs.replace(found, offset=row[0].start)
