"""Delays: when words left their worker, against when they were spoken. The script says when, the words themselves say which.

What left is laid beside the script's words of that time, so that a word the recogniser misheard is counted as such and has no
delay. A word is first shown when words that contain it leave, final or not.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from cc_voice.call.batch import LiveWords

_AROUND_MS = 500
"""Further than a recogniser's times are off."""


class ScriptedWord(msgspec.Struct, frozen=True):
    """A word of a script and when it has been spoken, in ms of the call."""

    text: str
    end_ms: int


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Many values in three; None where there are none."""

    n: int
    p50: float | None
    p95: float | None
    most: float | None


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """Of one or many calls, in ms of this machine's clock."""

    partial_ms: Spread
    """From the end of a word to its leaving the worker for the first time."""
    final_ms: Spread
    """From the end of an utterance's last word to its final words' leaving the worker."""
    scripted_words: int
    shown_words: int
    """Of the scripted ones; the recogniser misheard the others."""


class PlayedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it was played: its words by channel, in order, and how its clock ran."""

    words: Mapping[str, Sequence[ScriptedWord]]
    start_unix_ms: int
    speed: float

    def spoken_unix_ms(self, word: ScriptedWord) -> float:
        """Return when a word had been spoken."""
        return self.start_unix_ms + word.end_ms / self.speed


def delays(calls: Mapping[str, PlayedCall], left: Iterable[LiveWords]) -> Delays:
    """Measure the words that left for the calls, which are by stream id."""
    first: dict[tuple[str, str, int], float] = {}
    final: list[float] = []
    for words in left:
        call = calls.get(words.stream_id)
        script = call.words.get(words.channel_id) if call else None
        if call is None or script is None or not words.text:
            continue
        found = spoken(script, words)
        for number in found:
            first.setdefault((words.stream_id, words.channel_id, number), words.left_unix_ms - call.spoken_unix_ms(script[number]))
        if words.is_final and found:
            final.append(words.left_unix_ms - call.spoken_unix_ms(script[found[-1]]))
    return Delays(
        partial_ms=spread(first.values()),
        final_ms=spread(final),
        scripted_words=sum(len(words) for call in calls.values() for words in call.words.values()),
        shown_words=len(first),
    )


def spoken(script: Sequence[ScriptedWord], words: LiveWords) -> list[int]:
    """Return the numbers of the scripted words that are among the words which left."""
    low = bisect.bisect_left(script, words.start_ms - _AROUND_MS, key=_end)
    high = bisect.bisect_right(script, words.end_ms + _AROUND_MS, key=_end)
    matcher = SequenceMatcher(None, [word.text for word in script[low:high]], words.text.split(), autojunk=False)
    return [low + at for block in matcher.get_matching_blocks() for at in range(block.a, block.a + block.size)]


def spread(values: Iterable[float]) -> Spread:
    """Return median, 95th percentile and maximum; percentiles are values that occurred."""
    found = sorted(values)
    if not found:
        return Spread(n=0, p50=None, p95=None, most=None)
    p50, p95 = (found[min(len(found) - 1, int(share * len(found)))] for share in (0.5, 0.95))
    return Spread(n=len(found), p50=round(p50, 1), p95=round(p95, 1), most=round(found[-1], 1))


def _end(word: ScriptedWord) -> int:
    return word.end_ms
