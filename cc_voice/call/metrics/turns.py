"""Inter-pausal units, backchannels and turns (metric dictionary 1.0): who has the floor, and who only shows that they listen."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from cc_voice.call.intervals import Intervals, index_at
from cc_voice.call.lexicon import is_backchannel
from cc_voice.call.metrics.spoken_words import SpokenWord, meets
from cc_voice.config.thresholds import ThresholdSet

Party = Literal["agent", "customer"]
PARTIES: tuple[Party, Party] = ("agent", "customer")


def other(party: Party) -> Party:
    """Return the other of the two parties."""
    return "customer" if party == "agent" else "agent"


class Ipu(msgspec.Struct, frozen=True, order=True):
    """Inter-pausal unit: a maximal piece of a party's speech in analysed time. Sorts by start."""

    start_ms: int
    end_ms: int
    party: Party
    backchannel: bool = False


class Turn(msgspec.Struct, frozen=True, order=True):
    """A party's hold of the floor, from its first to its last unit. Sorts by start."""

    start_ms: int
    end_ms: int
    party: Party
    piece: int
    """Which interval of analysed time it lies in: a turn crosses neither hold nor exclusion."""

    @property
    def duration_ms(self) -> int:
        """From first to last unit, own pauses included."""
        return self.end_ms - self.start_ms


class TurnTaking(msgspec.Struct, frozen=True, kw_only=True):
    """All units and turns of a leg, in order of start."""

    ipus: tuple[Ipu, ...]
    turns: tuple[Turn, ...]
    method: str
    """`words` when both parties' words had times, else `duration`."""

    def of(self, party: Party) -> tuple[Turn, ...]:
        """The turns of one party."""
        return tuple(turn for turn in self.turns if turn.party == party)


def take_turns(
    speech: Mapping[Party, Intervals], analysed: Intervals, words: Mapping[Party, Sequence[SpokenWord]], thresholds: ThresholdSet
) -> TurnTaking:
    """Find backchannels and turns, built together in the four steps of 1.0. `speech` is S_p: already within `analysed`."""
    timed = {party: [word for word in words[party] if word.timed and word.text] for party in PARTIES}
    ipus = sorted(Ipu(start, end, party) for party in PARTIES for start, end in speech[party])
    candidates = {ipu for party in PARTIES for ipu in _candidates(speech[party], party, timed[party], thresholds)}
    turns = _runs([ipu for ipu in ipus if ipu not in candidates], analysed, thresholds)
    backchannels = {ipu for ipu in candidates if _is_inside(ipu, turns, thresholds)}
    turns = _runs([ipu for ipu in ipus if ipu not in backchannels], analysed, thresholds)
    return TurnTaking(
        ipus=tuple(msgspec.structs.replace(ipu, backchannel=ipu in backchannels) for ipu in ipus),
        turns=tuple(turns),
        method="words" if all(timed[party] or not speech[party] for party in PARTIES) else "duration",
    )


def _candidates(speech: Intervals, party: Party, words: Sequence[SpokenWord], thresholds: ThresholdSet) -> list[Ipu]:
    """Step 1: short units of listed words only or of few words; without words, short units."""
    spoken: dict[int, list[SpokenWord]] = {}
    for word in words:
        for index in meets(speech, word):
            spoken.setdefault(index, []).append(word)
    return [
        Ipu(start, end, party)
        for index, (start, end) in enumerate(speech)
        if end - start <= thresholds.backchannel_max_ms and _may_be_backchannel(spoken.get(index, []), thresholds)
    ]


def _may_be_backchannel(words: Sequence[SpokenWord], thresholds: ThresholdSet) -> bool:
    few = len(words) <= thresholds.backchannel_max_words
    return few or all(is_backchannel(word.text, word.language) for word in words)


def _runs(ipus: Sequence[Ipu], analysed: Intervals, thresholds: ThresholdSet) -> list[Turn]:
    """Steps 2 and 4: maximal runs of one party's units, broken by the other party, by an own long gap, by hold or exclusion."""
    turns: list[Turn] = []
    for ipu in ipus:
        piece = index_at(analysed, ipu.start_ms)
        if piece is None:
            raise AssertionError("speech is measured in analysed time only")
        last = turns[-1] if turns else None
        joins = last is not None and (last.party, last.piece) == (ipu.party, piece)
        if joins and last is not None and ipu.start_ms - last.end_ms < thresholds.turn_gap_ms:
            turns[-1] = msgspec.structs.replace(last, end_ms=ipu.end_ms)
        else:
            turns.append(Turn(ipu.start_ms, ipu.end_ms, ipu.party, piece))
    return turns


def _is_inside(ipu: Ipu, turns: Sequence[Turn], thresholds: ThresholdSet) -> bool:
    """Step 3: the unit lies in a turn of the other party that goes on long enough after it."""
    theirs = [turn for turn in turns if turn.party != ipu.party]
    before = bisect_right(theirs, ipu.start_ms, key=_start)
    return before > 0 and theirs[before - 1].end_ms >= ipu.end_ms + thresholds.backchannel_continue_ms


def longest_turn_ms(turns: Sequence[Turn]) -> int:
    """`longest_monologue_ms_p` (1.3): the longest turn from first to last unit; backchannels of the other party do not break it."""
    return max((turn.duration_ms for turn in turns), default=0)


def floor_changes(turns: Sequence[Turn]) -> int:
    """`turn_switch_count` (1.3): successive turns of different parties. `turn_switch_per_min` divides it by `len(A)`/60000."""
    return sum(first.party != second.party for first, second in pairwise(turns))


def begins_in(turn: Turn, theirs: Intervals) -> bool:
    """Tell whether a turn begins while the other party speaks."""
    return index_at(theirs, turn.start_ms) is not None


def overlapping_turns(turns: Sequence[Turn], theirs: Intervals) -> int:
    """Turns that begin while the other party speaks: the numerator of `agent_overlap_turn_pct`, Voci's "overtalk %" (1.1)."""
    return sum(begins_in(turn, theirs) for turn in turns)


def _start(turn: Turn) -> int:
    return turn.start_ms
