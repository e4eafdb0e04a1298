"""Live words: what of a running call may be shown before its kind is known.

Lines go in as they are recognised, partial and final; out goes the same line with `[DIGITS]` where a number may be one that is
hidden. What was hidden once stays hidden until its chain is resolved: until so much time passed without a digit that nothing can
join it any more. Then it is shown again where it was harmless, and has the chip of its kind where not.

Whoever writes lines down holds each back until it `is_resolved`, but no longer than `HELD_MS` after its end; then it is written as
it is shown.
"""

import msgspec

from cc_voice.call.redactions import is_chip
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.chips import chipped
from cc_voice.quality.redaction.finder import HiddenStretch, SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy

HELD_MS = 15_000
"""How long a chain waits for its next digits."""


class LiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it may be shown now."""

    line: SpokenLine
    """Raw: for the memory of the worker only."""
    stretches: tuple[HiddenStretch, ...]
    is_final: bool
    is_resolved: bool
    """Whether what is hidden in it cannot change any more, unless the line itself is revised."""

    @property
    def words(self) -> tuple[Word, ...]:
        """The words that may be shown."""
        return chipped(self.line.words, self.stretches)

    @property
    def text(self) -> str:
        """The text that may be shown."""
        return " ".join(word.word for word in self.words)

    @property
    def is_masked(self) -> bool:
        """Whether anything is hidden in it."""
        return any(is_chip(word.word) for word in self.words)


class LivePass:
    """The live pass of one call. Time is media time, an argument of whatever depends on it."""

    def __init__(self, policy: RedactionPolicy, languages: tuple[str, ...] = ()) -> None:
        self._policy = policy
        self._languages = languages
        self._lines: dict[tuple[str, str, str], tuple[SpokenLine, bool]] = {}

    def take(self, line: SpokenLine, *, is_final: bool) -> LiveLine:
        """Take a line, or what has become of one of the same source, channel and key; return what of it may be shown."""
        self._lines[line.source, line.channel_id, line.key] = (line, is_final)
        found = find([line], self._policy)
        return LiveLine(line=line, stretches=found, is_final=is_final, is_resolved=is_final)

    def retract(self, line: SpokenLine) -> None:
        """Forget a line that was taken back."""
        self._lines.pop((line.source, line.channel_id, line.key), None)

    def open_window(self, at_ms: int) -> None:
        """Hide every digit from here on until 30 s passed without one: a rule heard somebody ask for a number."""

    def changes(self, now_ms: int) -> tuple[LiveLine, ...]:
        """Return lines that were taken before and are shown differently now, or have been resolved since this was asked last."""
        return ()

    def finish(self) -> tuple[LiveLine, ...]:
        """Return every line that was not resolved, as it is shown when nothing follows any more."""
        return ()
