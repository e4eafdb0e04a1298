"""The places where something was said: the text as it was recognised, in pieces that were looked for and pieces that were not.

What is marked is found with the same words that the index has, so "Café" is marked for `cafe`. A text is cut around the first mark.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.store.database import Connection, dicts
from cc_voice.store.wanted import Wanted

SHOWN = 3
"""Of a call; the call itself shows all."""
LONGEST = 240
"""Characters of a text that are shown; transcripts of Zoom's have utterances of a minute."""
BEFORE = 80
"""Characters before the first mark of a text that is cut."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"  # Han, Hiragana, Katakana
)
"""Scripts that the index takes apart into characters (migration `dates_and_search`)."""


class Piece(msgspec.Struct, frozen=True):
    """A piece of a text; `is_match` where it is what was looked for."""

    text: str
    is_match: bool


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance in which it was said. Times are the call's."""

    start_ms: int
    end_ms: int
    party: str | None
    language_code: str
    source: str
    pieces: tuple[Piece, ...]


def load(
    con: Connection, where: str, params: Sequence[Any], call_numbers: Sequence[int], wanted: Wanted
) -> dict[int, tuple[Passage, ...]]:
    """Return call_no → passages in order, of the utterances `u` that a condition lets through."""
    rows = dicts(
        con,
        f"""
        select
            u.call_no,
            u.start_ms,
            u.end_ms,
            u.party,
            u.language_code,
            u.source,
            u.text,
            search_words(u.text) as words
        from fact_utterance as u
        where u.call_no in ({", ".join("?" for _ in call_numbers)}) and {where}
        order by u.call_no, u.start_ms, u.utterance_id
        """,
        [*call_numbers, *params],
    )
    found: dict[int, list[Passage]] = {}
    for row in rows:
        places = [place for atom in wanted.atoms for place in atom.places(row["words"])]
        if places:
            found.setdefault(row["call_no"], []).append(_passage(row, places))
    return {number: tuple(said) for number, said in found.items()}


def _passage(row: dict[str, Any], places: Sequence[tuple[int, int]]) -> Passage:
    spans = spans_of(row["text"], len(row["words"]))
    marks = sorted({n for first, last in places for n in range(first, last + 1)}) if spans else []
    return Passage(
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        party=row["party"],
        language_code=row["language_code"],
        source=row["source"],
        pieces=pieces(row["text"], [spans[n] for n in marks]),
    )


def spans_of(text: str, words: int) -> list[tuple[int, int]]:
    """Return where the words of a text stand in it, as the index parts them; nothing where the count differs.

    It would where a text writes a letter in two characters; then the passage is shown without marks.
    """
    spans: list[tuple[int, int]] = []
    previous = None
    for at, letter in enumerate(text):
        alone = bool(_UNSPACED.match(letter))
        if unicodedata.category(letter)[0] not in "LNM":
            previous = None
        elif spans and previous is False and not alone:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
            previous = alone
    return spans if len(spans) == words else []


def pieces(text: str, marks: Sequence[tuple[int, int]]) -> tuple[Piece, ...]:
    """Part a text at its marks (start, end; in order), joining neighbours, and cut it where it is long."""
    joined: list[tuple[int, int]] = []
    for start, end in marks:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    begin = max(0, joined[0][0] - BEFORE) if joined and len(text) > LONGEST else 0
    stop = min(len(text), begin + LONGEST)
    found = [Piece("…", False)] if begin else []
    at = begin
    for start, end in joined:
        if end > stop:
            break
        found += [Piece(text[at:start], False), Piece(text[start:end], True)]
        at = end
    found += [Piece(text[at:stop], False)] + ([Piece("…", False)] if stop < len(text) else [])
    return tuple(piece for piece in found if piece.text)
