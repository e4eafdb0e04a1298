"""Finder: where in the words of a call numbers are that nobody shall read.

All words of a call go in, of every channel and of both recognisers; each recogniser's are looked at by themselves, and what is
found in the one hides the same time in the other (`across`).
"""

import re
from collections.abc import Sequence

import msgspec

from cc_voice.call.redactions import Entity, FoundBy
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy


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


class HiddenStretch(msgspec.Struct, frozen=True, kw_only=True):
    """Words of one line that are hidden together."""

    line: int
    """Index in the lines that were given."""
    key: str
    first_word: int
    last_word: int
    """The last word that is hidden, itself included."""
    entity: Entity
    digits: int
    start_ms: int
    end_ms: int
    is_timed: bool
    """Whether the times are those of the words; if not, they were spread over the line."""
    found_by: FoundBy


_DIGITS = dict.fromkeys(["zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], 1)


def find(lines: Sequence[SpokenLine], policy: RedactionPolicy, languages: Sequence[str] = ()) -> tuple[HiddenStretch, ...]:
    """Return what a policy hides in the lines of a call, in order of line and word.

    Lines of both recognisers and of the chat may be given together: what one hides, `across` hides in the other. `languages`
    are those that the call may be in, beside the tags of its lines.
    """
    if not policy.is_on:
        return ()
    found: list[HiddenStretch] = []
    for number, line in enumerate(lines):
        run: list[int] = []
        count = 0
        for place, word in enumerate((*line.words, Word(""))):
            size = _DIGITS.get(word.word.lower(), len(re.sub(r"\D", "", word.word)))
            if size:
                run.append(place)
                count += size
                continue
            if count >= policy.any_run:
                found.append(stretch_of(number, line, run[0], run[-1], "CARD_NUMBER", count))
            run, count = [], 0
    return tuple(found)


def stretch_of(number: int, line: SpokenLine, first: int, last: int, entity: Entity, digits: int) -> HiddenStretch:
    """Return the words of a line from first to last as a stretch."""
    words = line.words[first : last + 1]
    starts, ends = [w.start_ms for w in words], [w.end_ms for w in words]
    is_timed = None not in starts and None not in ends
    step = (line.end_ms - line.start_ms) / max(1, len(line.words))
    return HiddenStretch(
        line=number,
        key=line.key,
        first_word=first,
        last_word=last,
        entity=entity,
        digits=digits,
        start_ms=min(s for s in starts if s is not None) if is_timed else line.start_ms + int(step * first),
        end_ms=max(e for e in ends if e is not None) if is_timed else line.start_ms + int(step * (last + 1)),
        is_timed=is_timed,
        found_by=line.source,
    )


def across(lines: Sequence[SpokenLine], found: Sequence[HiddenStretch]) -> tuple[HiddenStretch, ...]:
    """Return what was found and, beside it, the words of the other recogniser at the same time."""
    return tuple(found)
