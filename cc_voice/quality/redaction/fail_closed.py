"""Failing closed: every number word of a call hidden, whatever it is, for when the finder or a writer failed."""

import re
from collections.abc import Sequence

from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, stretch_of

_WORDS = frozenset(["zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def every_number(lines: Sequence[SpokenLine]) -> tuple[HiddenStretch, ...]:
    """Return every number word of every line as `[NUMBER]`; does not raise whatever the words say."""
    found: list[HiddenStretch] = []
    for number, line in enumerate(lines):
        for place, word in enumerate(line.words):
            if word.word.lower() in _WORDS or re.search(r"\d", word.word):
                found.append(stretch_of(number, line, place, place, "NUMBER", 1))
    return tuple(found)
