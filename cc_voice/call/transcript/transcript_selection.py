"""One transcript from two recognisers: which words count, so that nothing that was said is counted twice and nothing is lost.

Our recogniser and Zoom's transcript hear the same call and cut it in different places, so that one line of Zoom's may lie on three
utterances of ours and the other way round. Lines of the two that overlap on a channel are the same speech, and so is whatever is
connected by such overlaps: a group. Of every group one recogniser's lines are taken whole; to cut a line would need word times,
which Zoom does not give. What was not taken is kept beside the transcript with the reason:

    other_language     ours: a local recogniser writes something for any sound, so a Spanish sentence heard by an English model
                       becomes confident nonsense. Words in another language than the one in force never count, nor do
                       they in the place of a line that is surely in another one by itself
    other_preferred    the site prefers the other recogniser (`transcript_prefer`)
    low_confidence     ours, where the site prefers the best: its mean confidence is below `min_transcript_conf`
    fewer_words        most of what the other recogniser understood is missing

The language in force is the caller's to know (`InForce`).
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from cc_voice.call.tokeniser import units, without_chips
from cc_voice.call.transcript.disagreement import Compared, edits, tokens
from cc_voice.call.utterances import Utterance, Word, mean_confidence
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet

LOCAL, ZOOM = "local", "zoom"
Source = Literal["local", "zoom"]
OTHER_LANGUAGE, OTHER_PREFERRED, LOW_CONFIDENCE, FEWER_WORDS = "other_language", "other_preferred", "low_confidence", "fewer_words"
_SAME_SPEECH_MS = 300
"""Zoom's times are rough: less overlap than this (and than half of the shorter line) is a neighbour, not the same speech."""
_MISSED_WORDS = 5
"""A version that lacks so many words, and more than half of the other's, has missed speech rather than heard it differently."""

_SURE, _SURE_WORDS = 0.95, 3
"""What identification says of a line's text by itself counts from so much on, and with so many words (1.6)."""

InForce = Callable[[Utterance], str]
"""Utterance → the language (BCP-47) that is spoken on its channel while it is said, of either source."""


class UnusedUtterance(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is not in the transcript."""

    utterance: Utterance
    reason: str
    used: Utterance | None
    """The first line of the transcript that says the same speech; None where the transcript is silent there."""


class TranscriptSelection(msgspec.Struct, frozen=True, kw_only=True):
    """The transcript of a call, one source for each piece of speech."""

    utterances: tuple[Utterance, ...]
    """Sorted by time; every one has words; (channel_id, start_ms) is unique."""
    unused: tuple[UnusedUtterance, ...] = ()
    """Everything else that has words, sorted; (channel_id, source, start_ms) of its utterances is unique."""
    compared: tuple[Compared, ...] = ()
    """Every group that both heard in one language, sorted by time."""

    @property
    def discarded_channels(self) -> frozenset[str]:
        """Channels on which local words were discarded for being in the wrong language."""
        return frozenset(line.utterance.channel_id for line in self.unused if line.reason == OTHER_LANGUAGE)


class _SourceLines:
    """One channel's lines of one source in order, for quick "what overlaps this": nothing is longer than the longest."""

    def __init__(self, utterances: Iterable[Utterance]) -> None:
        self.utterances = sorted(utterances, key=_start)
        self._longest = max((_end(utterance) - utterance.start_ms for utterance in self.utterances), default=0)

    def near(self, utterance: Utterance) -> range:
        """Return the indexes of every line that may overlap the utterance, and of few others."""
        low = bisect_left(self.utterances, utterance.start_ms - self._longest, key=_start)
        return range(low, bisect_left(self.utterances, _end(utterance), key=_start))


def select(utterances: Iterable[Utterance], in_force: InForce, thresholds: ThresholdSet) -> TranscriptSelection:
    """Choose between local and Zoom's words, group by group on each channel."""
    said = [line for line in map(_spelt_out, utterances) if line.words]
    chosen: list[Utterance] = []
    passed_over: list[tuple[Utterance, str, int | None]] = []
    compared: list[Compared] = []
    for lines in _by_channel(said).values():
        sides: tuple[list[Utterance], list[Utterance], list[Utterance]] = ([], [], [])
        for line in lines:
            sides[_side(line, in_force)].append(line)
        for group in _groups(sides[_OURS], sides[_ZOOMS]):
            taken, left, reason = _choose(group, in_force, thresholds)
            passed_over += ((line, reason, len(chosen)) for line in left)
            chosen += taken
            compared += _compare(group, in_force)
        passed_over += ((line, OTHER_LANGUAGE, None) for line in sides[_NONSENSE])
    keyed = _distinct(chosen)
    instead = {name: _SourceLines(lines) for name, lines in _by_channel(keyed).items()}
    lines_left = _distinct([line for line, _, _ in passed_over], lambda line: (line.channel_id, line.source))
    unused = (
        UnusedUtterance(utterance=line, reason=reason, used=_instead(line, instead) if place is None else keyed[place])
        for line, (_, reason, place) in zip(lines_left, passed_over, strict=True)
    )
    return TranscriptSelection(
        utterances=tuple(sorted(keyed, key=_order)),
        unused=tuple(sorted(unused, key=lambda line: _order(line.utterance))),
        compared=tuple(sorted(compared, key=lambda piece: (piece.start_ms, piece.end_ms, piece.channel_id))),
    )


_OURS, _ZOOMS, _NONSENSE = range(3)


def _side(line: Utterance, in_force: InForce) -> int:
    if line.source != LOCAL:
        return _ZOOMS
    return _OURS if primary(in_force(line)) == primary(line.language) else _NONSENSE


class _Group(msgspec.Struct, frozen=True):
    """One piece of speech: each recogniser's lines in order, of which one side may be empty."""

    local: tuple[Utterance, ...]
    zoom: tuple[Utterance, ...]


def _groups(local: Sequence[Utterance], zoom: Sequence[Utterance]) -> list[_Group]:
    """Return the lines of one channel in groups that are connected by saying the same."""
    track = _SourceLines(local)
    lines = [*track.utterances, *sorted(zoom, key=_start)]
    leader = list(range(len(lines)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    for index in range(len(local), len(lines)):
        for other in track.near(lines[index]):
            if same_speech(lines[other], lines[index]):
                leader[lead(index)] = lead(other)
    found: dict[int, tuple[list[Utterance], list[Utterance]]] = {}
    for index, line in enumerate(lines):
        found.setdefault(lead(index), ([], []))[index >= len(local)].append(line)
    return [_Group(tuple(ours), tuple(theirs)) for ours, theirs in found.values()]


def _choose(group: _Group, in_force: InForce, thresholds: ThresholdSet) -> tuple[tuple[Utterance, ...], tuple[Utterance, ...], str]:
    """Return the lines taken, the lines left, and why those were left."""
    if not (group.local and group.zoom):
        return group.local or group.zoom, (), ""
    ours = _languages(group.local)
    if _languages(group.zoom, in_force) - ours or _by_themselves(group.zoom) - ours:
        return group.zoom, group.local, OTHER_LANGUAGE
    prefer, reason = _preferred(group.local, thresholds)
    taken, left = (group.local, group.zoom) if prefer == LOCAL else (group.zoom, group.local)
    few, many = _understood(taken), _understood(left)
    if many - few >= _MISSED_WORDS and 2 * few < many:
        return left, taken, FEWER_WORDS
    return taken, left, reason


def _understood(lines: Sequence[Utterance]) -> int:
    """Return how many words a recogniser understood, hidden ones included."""
    return len(tokens(lines)) + sum(word.hidden.units for line in lines for word in line.words if word.hidden is not None)


def _preferred(local: Sequence[Utterance], thresholds: ThresholdSet) -> tuple[Source, str]:
    """Return whose words the site prefers where both heard the same speech, and why it does not take the others."""
    if thresholds.transcript_prefer != "best":
        return thresholds.transcript_prefer, OTHER_PREFERRED
    sure = mean_confidence(word for line in local for word in line.words)
    unsure = sure is not None and sure < thresholds.min_transcript_conf
    return ("zoom", LOW_CONFIDENCE) if unsure else ("local", OTHER_PREFERRED)


def _compare(group: _Group, in_force: InForce) -> list[Compared]:
    """Return how far the two versions of a group differ; nothing where one is missing or in another language."""
    if not (group.local and group.zoom) or _languages(group.zoom, in_force) != _languages(group.local):
        return []
    ours, theirs = tokens(group.local), tokens(group.zoom)
    if not (ours or theirs):
        return []
    lines = (*group.local, *group.zoom)
    return [
        Compared(
            channel_id=lines[0].channel_id,
            start_ms=min(line.start_ms for line in lines),
            end_ms=max(_end(line) for line in lines),
            differing=edits(ours, theirs),
            words=max(len(ours), len(theirs)),
        )
    ]


def _languages(lines: Iterable[Utterance], in_force: InForce = lambda line: line.language) -> set[str]:
    return {primary(in_force(line)) for line in lines}


def _by_themselves(lines: Iterable[Utterance]) -> set[str]:
    """Return the languages that lines are surely in, whatever is around them: a borrowed "no thank you" is no Spanish."""
    best = ((line, max(line.lid, key=lambda one: one[1], default=None)) for line in lines)
    sure = ((line, found[0]) for line, found in best if found is not None and found[1] >= _SURE)
    return {language for line, language in sure if units(without_chips(line.text)) >= _SURE_WORDS}


def same_speech(first: Utterance, second: Utterance) -> bool:
    """Tell whether two lines of one channel overlap by so much that both heard the same."""
    shorter = min(_end(first) - first.start_ms, _end(second) - second.start_ms)
    return shared_ms(first, second) >= min(_SAME_SPEECH_MS, max(1, shorter // 2))


def shared_ms(first: Utterance, second: Utterance) -> int:
    """Return how long two lines overlap; negative is the time between them. A line without length lasts a millisecond."""
    return min(_end(first), _end(second)) - max(first.start_ms, second.start_ms)


def _instead(line: Utterance, tracks: dict[str, _SourceLines]) -> Utterance | None:
    """Return the first line of the transcript that says what a line in the wrong language was made of."""
    if line.channel_id not in tracks:
        return None
    track = tracks[line.channel_id]
    return next((track.utterances[index] for index in track.near(line) if same_speech(line, track.utterances[index])), None)


def _distinct(lines: Sequence[Utterance], key: Callable[[Utterance], object] = lambda line: line.channel_id) -> list[Utterance]:
    """Return the lines with starts moved by a millisecond where two of a key would begin together."""
    found = list(lines)
    taken: set[tuple[object, int]] = set()
    for place in sorted(range(len(lines)), key=lambda place: _order(lines[place])):
        line = lines[place]
        start = line.start_ms
        while (key(line), start) in taken:
            start += 1
        taken.add((key(line), start))
        if start != line.start_ms or line.end_ms < start:
            found[place] = _begun_at(line, start)
    return found


def _begun_at(line: Utterance, start_ms: int) -> Utterance:
    """Return a line that begins no earlier, its words inside it."""

    def inside(at_ms: int | None) -> int | None:
        return None if at_ms is None else max(at_ms, start_ms)

    words = tuple(Word(word.word, inside(word.start_ms), inside(word.end_ms), word.conf, word.hidden) for word in line.words)
    return msgspec.structs.replace(line, start_ms=start_ms, end_ms=max(line.end_ms, start_ms), words=words)


def _spelt_out(line: Utterance) -> Utterance:
    return line if line.words else msgspec.structs.replace(line, words=tuple(Word(token) for token in line.text.split()))


def _by_channel(lines: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    channels: dict[str, list[Utterance]] = defaultdict(list)
    for line in lines:
        channels[line.channel_id].append(line)
    return channels


def _order(line: Utterance) -> tuple[int, str, str]:
    return (line.start_ms, line.channel_id, line.source)


def _start(line: Utterance) -> int:
    return line.start_ms


def _end(line: Utterance) -> int:
    return max(line.end_ms, line.start_ms + 1)
