"""Which recogniser's words count: ours where it has a model for the language spoken, Zoom's elsewhere.

A local recogniser writes something for any sound, so a Spanish sentence heard by an English model becomes confident nonsense.
Zoom's transcript tags languages. The language in force for a local utterance is the tag of the Zoom utterance on the same channel
that overlaps it most, else of the most recent one before it, else the configured language. Local words in another language than
the one in force are discarded and Zoom's are used; Zoom's words are not used where local ones of the right language exist.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from cc_voice.call.lexicon import primary
from cc_voice.call.transcript import Utterance, Word

LOCAL, ZOOM = "local", "zoom"
_SAME_SPEECH_MS = 300
"""Zoom's times are rough: less overlap than this (and than half of Zoom's utterance) is a neighbour, not the same speech."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The transcript of a call, one source for each piece of speech."""

    utterances: tuple[Utterance, ...]
    """Sorted by time; every one has words; (channel_id, start_ms) is unique."""
    discarded_channels: frozenset[str]
    """Channels on which local words were discarded for being in the wrong language."""


class _Track:
    """One channel's utterances of one source in order, for quick "what overlaps this": nothing is longer than the longest."""

    def __init__(self, utterances: Iterable[Utterance]) -> None:
        self.utterances = sorted(utterances, key=_start)
        self._longest = max((utterance.end_ms - utterance.start_ms for utterance in self.utterances), default=0)

    def near(self, start_ms: int, end_ms: int) -> list[Utterance]:
        """Every utterance that may overlap the span, and few others, in order."""
        low = bisect_left(self.utterances, start_ms - self._longest, key=_start)
        return self.utterances[low : bisect_left(self.utterances, end_ms, key=_start)]

    def before(self, at_ms: int) -> Utterance | None:
        """The most recent utterance that had begun."""
        index = bisect_right(self.utterances, at_ms, key=_start)
        return self.utterances[index - 1] if index else None


def select(utterances: Iterable[Utterance], configured: str) -> Selection:
    """Choose between local and Zoom's words, per channel and utterance; `configured` is the call's language."""
    channels: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        channels[utterance.channel_id].append(utterance)
    chosen: list[Utterance] = []
    discarded: set[str] = set()
    for channel_id, said in channels.items():
        local = [utterance for utterance in said if utterance.source == LOCAL]
        tagged = _Track(utterance for utterance in said if utterance.source != LOCAL)
        kept = [utterance for utterance in local if _is_served(utterance, tagged, configured)]
        if len(kept) < len(local):
            discarded.add(channel_id)
        track = _Track(kept)
        chosen += [*kept, *(utterance for utterance in tagged.utterances if not _is_repeated(utterance, track))]
    return Selection(utterances=_distinct(chosen), discarded_channels=frozenset(discarded))


def _is_served(utterance: Utterance, tagged: _Track, configured: str) -> bool:
    """The utterance is in the language in force where it was said."""
    most = max(tagged.near(utterance.start_ms, utterance.end_ms), key=lambda other: shared_ms(utterance, other), default=None)
    if most is None or shared_ms(utterance, most) <= 0:
        most = tagged.before(utterance.start_ms)
    return primary(most.language if most else configured) == primary(utterance.language)


def _is_repeated(other: Utterance, kept: _Track) -> bool:
    """Zoom's utterance says again what local words of its language already say."""
    needed = min(_SAME_SPEECH_MS, max(1, (other.end_ms - other.start_ms) // 2))
    return any(
        shared_ms(local, other) >= needed and primary(local.language) == primary(other.language)
        for local in kept.near(other.start_ms, other.end_ms)
    )


def shared_ms(first: Utterance, second: Utterance) -> int:
    """Return how long two utterances overlap; negative is the time between them."""
    return min(first.end_ms, second.end_ms) - max(first.start_ms, second.start_ms)


def _distinct(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """Sort, spell out words, drop the wordless, and move a start by a millisecond where two of a channel would share a key."""
    found: list[Utterance] = []
    taken: set[tuple[str, int]] = set()
    for utterance in sorted(utterances, key=lambda u: (u.start_ms, u.channel_id, u.source)):
        words = utterance.words or tuple(Word(token) for token in utterance.text.split())
        if not words:
            continue
        start = utterance.start_ms
        while (utterance.channel_id, start) in taken:
            start += 1
        taken.add((utterance.channel_id, start))
        found.append(msgspec.structs.replace(utterance, start_ms=start, end_ms=max(utterance.end_ms, start), words=words))
    return tuple(sorted(found, key=lambda u: (u.start_ms, u.channel_id, u.source)))


def _start(utterance: Utterance) -> int:
    return utterance.start_ms
