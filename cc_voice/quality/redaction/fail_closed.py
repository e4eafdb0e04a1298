"""Failing closed: every number word of a call hidden, whatever it is, for when the finder or a writer failed.

It shares with the finder only what a word is (`terms`), and asks no cue, no length, and no language.
"""

from collections.abc import Sequence

from cc_voice.call.redactions import Entity
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, runs_of, stretch_of
from cc_voice.quality.redaction.terms import number_words

ENTITY: Entity = "NUMBER"


def every_number(lines: Sequence[SpokenLine]) -> tuple[HiddenStretch, ...]:
    """Return every number word of every line as `[NUMBER]`."""
    return tuple(
        stretch_of(number, line, first, last, ENTITY, 0)
        for number, line in enumerate(lines)
        for first, last in runs_of(number_words(line))
    )
