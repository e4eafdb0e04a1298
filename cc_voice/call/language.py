"""Which recogniser's words count: ours where it has a model for the language spoken, Zoom's elsewhere.

A local recogniser writes something for any sound, so a Spanish sentence heard by an English model becomes confident nonsense.
Zoom's transcript tags languages. The language in force for a local utterance is the tag of the Zoom utterance on the same channel
that overlaps it most, else of the most recent one before it, else the configured language. Local words in another language than
the one in force are discarded and Zoom's are used; Zoom's words are not used where local ones of the right language exist.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

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


def select(utterances: Iterable[Utterance], configured: str) -> Selection:
    """Choose between local and Zoom's words, per channel and utterance; `configured` is the call's language."""
    channels: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        channels[utterance.channel_id].append(utterance)
    chosen: list[Utterance] = []
    discarded: set[str] = set()
    for channel_id, spoken in channels.items():
        local = [utterance for utterance in spoken if utterance.source == LOCAL]
        others = sorted((utterance for utterance in spoken if utterance.source != LOCAL), key=_start)
        kept = [utterance for utterance in local if _is_served(utterance, others, configured)]
        if len(kept) < len(local):
            discarded.add(channel_id)
        chosen += [*kept, *(utterance for utterance in others if not _is_repeated(utterance, kept))]
    return Selection(utterances=_distinct(chosen), discarded_channels=frozenset(discarded))


def tag_in_force(start_ms: int, end_ms: int, tagged: Sequence[Utterance], configured: str) -> str:
    """Return the language tag in force in a piece of time; `tagged` are Zoom's utterances of the channel sorted by start."""
    overlaps = [(min(end_ms, other.end_ms) - max(start_ms, other.start_ms), other) for other in tagged]
    most = max(overlaps, key=lambda pair: pair[0], default=None)
    if most is not None and most[0] > 0:
        return most[1].language
    before = bisect_right(tagged, start_ms, key=_start)
    return tagged[before - 1].language if before else configured


def _is_served(utterance: Utterance, tagged: Sequence[Utterance], configured: str) -> bool:
    in_force = tag_in_force(utterance.start_ms, utterance.end_ms, tagged, configured)
    return primary(in_force) == primary(utterance.language)


def _is_repeated(other: Utterance, kept: Sequence[Utterance]) -> bool:
    """Zoom's utterance says again what local words of its language already say."""
    needed = min(_SAME_SPEECH_MS, max(1, (other.end_ms - other.start_ms) // 2))
    return any(
        min(local.end_ms, other.end_ms) - max(local.start_ms, other.start_ms) >= needed
        and primary(local.language) == primary(other.language)
        for local in kept
    )


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
