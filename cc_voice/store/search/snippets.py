"""Snippets: the places where something was said, the text as it was recognised, in pieces that were looked for and pieces that were
not.

What is marked is found with the same words that the index has, so "Café" is marked for `cafe`. A text is cut around the first mark;
one whose words stand in no order that is written anywhere is shown without marks.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from cc_voice.call import tokeniser
from cc_voice.store.database import Connection, dicts
from cc_voice.store.search.query import Query

SHOWN = 3
"""Of a call; the call itself shows all."""
LONGEST = 240
"""Characters of a text that are shown; transcripts of Zoom's have utterances of a minute."""
BEFORE = 80
"""Characters before the first mark of a text that is cut."""


class SnippetPiece(msgspec.Struct, frozen=True):
    """A piece of a text; `is_match` where it is what was looked for."""

    text: str
    is_match: bool


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """An utterance in which it was said. Times are the call's."""

    start_ms: int
    end_ms: int
    party: str | None
    language_code: str
    source: str
    pieces: tuple[SnippetPiece, ...]


def load(
    con: Connection, where: str, params: Sequence[Any], call_numbers: Sequence[int], wanted: Query
) -> dict[int, tuple[Snippet, ...]]:
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
    found: dict[int, list[Snippet]] = {}
    for row in rows:
        places = [place for atom in wanted.atoms for place in atom.places(row["words"])]
        if places:
            found.setdefault(row["call_no"], []).append(_passage(row, places))
    return {number: tuple(said) for number, said in found.items()}


def _passage(row: dict[str, Any], places: Sequence[tuple[int, int]]) -> Snippet:
    spans = tokeniser.spans(row["text"])
    marks = sorted({n for first, last in places for n in range(first, last + 1)}) if spans else []
    return Snippet(
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        party=row["party"],
        language_code=row["language_code"],
        source=row["source"],
        pieces=pieces(row["text"], [spans[n] for n in marks]),
    )


def pieces(text: str, marks: Sequence[tuple[int, int]]) -> tuple[SnippetPiece, ...]:
    """Part a text at its marks (start, end; in order), joining neighbours, and cut it where it is long."""
    joined: list[tuple[int, int]] = []
    for start, end in marks:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    begin = max(0, joined[0][0] - BEFORE) if joined and len(text) > LONGEST else 0
    stop = min(len(text), begin + LONGEST)
    found = [SnippetPiece("…", False)] if begin else []
    at = begin
    for start, end in joined:
        if end > stop:
            break
        found += [SnippetPiece(text[at:start], False), SnippetPiece(text[start:end], True)]
        at = end
    found += [SnippetPiece(text[at:stop], False)] + ([SnippetPiece("…", False)] if stop < len(text) else [])
    return tuple(piece for piece in found if piece.text)
