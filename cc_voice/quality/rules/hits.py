"""Hits: what a condition found, where in time, how sure, and under which key.

The key is a hash of rule, condition, call, channel and the time of the matched words, so that it is the same hit in another version
of the rule, and in another run.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from cc_voice.call.tokeniser import words as folded_words
from cc_voice.call.utterances import Word
from cc_voice.quality.rules.leg_record import LegLine
from cc_voice.quality.rules.matcher import ConditionKey, Match, Matcher

JOINED_MS = 2_000
"""Utterances of a party so close are one for a condition that joins them."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Matched words of an utterance."""

    party: str | None
    channel_id: str
    start_ms: int
    end_ms: int
    utterance_id: str
    first_word_seq: int | None
    """None where the words of the utterance are not known one by one."""
    last_word_seq: int | None
    expression: int
    text: str
    source: str
    conf: float | None
    timed: bool
    """The words have times of their own; else they were spread evenly over the utterance."""


Found = Mapping[ConditionKey, Sequence[Hit]]
"""Hits of every condition of a leg, in order of time."""


def hit_key(rule_id: str, condition: str, call_id: str, channel_id: str | None, first_ms: int | None, last_ms: int | None) -> str:
    """Return the key of a hit; of a rule that is matched without words, times and channel are None."""
    text = "\x1f".join(map(str, (rule_id, condition, call_id, channel_id, first_ms, last_ms)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def hits_of(lines: Sequence[LegLine], matched: Mapping[str, Sequence[Match]], joined: Matcher) -> dict[ConditionKey, list[Hit]]:
    """Return the hits of a leg's lines; `matched` has the matches of each line, by utterance_id."""
    found: dict[ConditionKey, list[Hit]] = {}
    for line in lines:
        if of_line := matched.get(line.utterance_id):
            _add(found, (line,), of_line)
    if not joined.is_empty:
        for passage in _passages(lines):
            _add(found, passage, joined.matches(" ".join(line.text for line in passage), passage[0].language))
    for hits in found.values():
        hits.sort(key=lambda hit: (hit.start_ms, hit.end_ms, hit.channel_id))
    return found


def _add(found: dict[ConditionKey, list[Hit]], passage: Sequence[LegLine], matches: Iterable[Match]) -> None:
    places = _places(passage) if matches else []
    for match in matches:
        if match.last < len(places):
            found.setdefault((match.rule, match.condition), []).append(_hit(match, places[match.first : match.last + 1]))


def _passages(lines: Sequence[LegLine]) -> Iterable[tuple[LegLine, ...]]:
    """Yield what a party says in one go, in one language."""
    for channel in dict.fromkeys(line.channel_id for line in lines):
        said = sorted((line for line in lines if line.channel_id == channel), key=lambda line: line.start_ms)
        passage = said[:1]
        for before, line in pairwise(said):
            is_near = line.start_ms - before.end_ms <= JOINED_MS
            if is_near and (line.language, line.party, line.on_hold) == (before.language, before.party, before.on_hold):
                passage.append(line)
            else:
                yield tuple(passage)
                passage = [line]
        yield tuple(passage)


class _Place(msgspec.Struct, frozen=True, gc=False):
    """A folded word of a passage: its line, its word there, when."""

    line: LegLine
    seq: int | None
    """Of the recogniser's words, from 1; one of these may be several folded ones."""
    word: str
    start_ms: int
    end_ms: int
    conf: float | None
    timed: bool


def _places(passage: Sequence[LegLine]) -> list[_Place]:
    return [place for line in passage for place in _of_line(line)]


def _of_line(line: LegLine) -> list[_Place]:
    folded = folded_words(line.text)
    known = [(seq, word) for seq, word in enumerate(line.words, 1) for _ in folded_words(word.word)]
    if len(known) != len(folded):  # the words are not those of the text, or not known at all
        return [_spread(line, at, len(folded), None, text, None) for at, text in enumerate(folded)]
    return [
        _spread(line, at, len(folded), seq, word.word, word.conf) if _untimed(word) else _timed(line, seq, word)
        for at, (seq, word) in enumerate(known)
    ]


def _untimed(word: Word) -> bool:
    return word.start_ms is None or word.end_ms is None


def _timed(line: LegLine, seq: int, word: Word) -> _Place:
    if word.start_ms is None or word.end_ms is None:
        raise AssertionError("its caller looked")
    return _Place(line, seq, word.word, word.start_ms, max(word.start_ms, word.end_ms), word.conf, True)


def _spread(line: LegLine, at: int, of: int, seq: int | None, word: str, conf: float | None) -> _Place:
    length = line.end_ms - line.start_ms
    start, end = line.start_ms + length * at // of, line.start_ms + length * (at + 1) // of
    return _Place(line, seq, word, start, end, conf, False)


def _hit(match: Match, places: Sequence[_Place]) -> Hit:
    first, last = places[0], places[-1]
    distinct = {(place.line.utterance_id, place.seq, place.start_ms if place.seq is None else 0): place for place in places}
    heard = [(place.conf, max(1, place.end_ms - place.start_ms)) for place in distinct.values() if place.conf is not None]
    return Hit(
        party=first.line.party,
        channel_id=first.line.channel_id,
        start_ms=first.start_ms,
        end_ms=max(place.end_ms for place in places),
        utterance_id=first.line.utterance_id,
        first_word_seq=first.seq,
        last_word_seq=last.seq if last.line is first.line else None,
        expression=match.expression,
        text=" ".join(place.word for place in distinct.values()),
        source=first.line.source,
        conf=sum(conf * ms for conf, ms in heard) / sum(ms for _, ms in heard) if heard else None,
        timed=all(place.timed for place in places),
    )
