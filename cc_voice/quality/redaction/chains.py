"""Chains: groups of digits that belong to one number, over pauses, over turns, and over what the other party says between them.

A chain is counted by the channel that said most digits in it: a read-back does not double it. A new cue inside it begins a piece
with a label of its own (the security code after the card).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cc_voice.quality.redaction.cues import PCI, CueKind
from cc_voice.quality.redaction.groups import Group

WITHIN_MS = 15_000
"""How long a chain waits for its next group."""
READER_WORDS = 3
OTHERS_WORDS = 12
"""How many words that belong to no number may stand between two groups of a chain."""
LAST4_WORDS = 8
CUE_WORDS = 40
"""How far before a number the words that say its kind may be."""


class PlacedCue(NamedTuple):
    """A cue in the order of all words of a call."""

    order: int
    start_ms: int
    end_ms: int
    kind: CueKind
    channel_id: str
    first: int
    last: int


class WordOrder(NamedTuple):
    """What chains are made of, of all channels."""

    orders: Mapping[str, Sequence[int]]
    """By channel: for each of its terms its place among all words of the call."""
    plain: Mapping[str, Sequence[int]]
    """By channel: the places of words that break a row, among all words of the call."""
    cues: Sequence[PlacedCue]
    """In order …"""
    cue_orders: Sequence[int]
    """… and the place of each among all words of the call."""

    def order(self, group: Group) -> int:
        return self.orders[group.channel_id][group.first]

    def last_order(self, group: Group) -> int:
        return self.orders[group.channel_id][group.after - 1]

    def words_between(self, channel_id: str, after: int, before: int) -> int:
        plain = self.plain.get(channel_id, ())
        return bisect_left(plain, before) - bisect_right(plain, after)

    def cues_between(self, after: int, before: int) -> Sequence[PlacedCue]:
        return self.cues[bisect_right(self.cue_orders, after) : bisect_left(self.cue_orders, before)]


class Piece(NamedTuple):
    """A part of a chain under one cue."""

    kind: CueKind | None
    groups: tuple[Group, ...]
    is_last4: bool = False
    """Whether `last four` stands before it."""

    def length(self) -> int:
        return _longest(self.groups)

    def once(self) -> int:
        """Return how many digits there are where a number that is said again from its start counts once.

        For what has another name than a card's: postal codes, telephone numbers. A card that repeats itself is not told from one
        whose halves are alike.
        """
        return max(_once(groups) for groups in _by_channel(self.groups))


class Chain(NamedTuple):
    """Groups that are one number, or one after the other as a card and its code."""

    pieces: tuple[Piece, ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(group for piece in self.pieces for group in piece.groups)

    @property
    def start_ms(self) -> int:
        return min(group.start_ms for group in self.groups)

    @property
    def end_ms(self) -> int:
        return max(group.end_ms for group in self.groups)

    def length(self) -> int:
        return _longest(self.groups)

    def most(self) -> int:
        """The largest number of digits that one channel may have said."""
        return max(sum(group.most for group in groups) for groups in _by_channel(self.groups))

    @property
    def is_named_otherwise(self) -> bool:
        """Whether something else than a card was asked for."""
        return all(piece.kind is not None and piece.kind not in PCI for piece in self.pieces)

    def digits(self) -> list[str]:
        """The digits of each channel."""
        return ["".join(group.digits for group in groups) for groups in _by_channel(self.groups)]


def _longest(groups: Sequence[Group]) -> int:
    return max((sum(len(group.digits) for group in said) for said in _by_channel(groups)), default=0)


def _by_channel(groups: Sequence[Group]) -> list[list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.channel_id, []).append(group)
    return list(found.values())


def _once(groups: Sequence[Group]) -> int:
    """Return how many digits groups have, those counted once that only repeat what was said from the start."""
    digits = "".join(group.digits for group in groups)
    edge = 0
    for group in groups[:-1]:
        edge += len(group.digits)
        if digits == digits[:edge] * (len(digits) // edge):
            return edge
    return len(digits)


class _OpenChain:
    """A chain while it is made."""

    def __init__(self, group: Group, kind: CueKind | None, is_last4: bool) -> None:
        self.pieces: list[tuple[CueKind | None, list[Group], bool]] = [(kind, [group], is_last4)]
        self.said: dict[str, int] = {group.channel_id: len(group.digits)}
        self.end_ms = group.end_ms

    @property
    def kind(self) -> CueKind | None:
        return self.pieces[-1][0]

    @property
    def reader(self) -> str:
        return max(self.said, key=lambda channel_id: self.said[channel_id])

    def add(self, group: Group, kind: CueKind | None, is_new: bool, is_last4: bool) -> None:
        if is_new:
            self.pieces.append((kind, [], is_last4))
        self.pieces[-1][1].append(group)
        self.said[group.channel_id] = self.said.get(group.channel_id, 0) + len(group.digits)
        self.end_ms = max(self.end_ms, group.end_ms)

    def closed(self) -> Chain:
        return Chain(tuple(Piece(kind, tuple(groups), is_last4) for kind, groups, is_last4 in self.pieces))


def chains_of(groups: Sequence[Group], timeline: WordOrder) -> list[Chain]:
    """Return the chains of a call's groups, which are in order of their starts."""
    found: list[Chain] = []
    chain: _OpenChain | None = None
    latest = -1
    for group in groups:
        order = timeline.order(group)
        since = timeline.cues_between(latest, order) if chain is not None else ()
        if chain is not None and _joins(chain, group, timeline, latest, order, since):
            kinds = [cue.kind for cue in since if cue.kind != "LAST4"]
            is_last4 = any(cue.kind == "LAST4" for cue in since)
            chain.add(group, kinds[-1] if kinds else chain.kind, bool(since), is_last4)
        else:
            if chain is not None:
                found.append(chain.closed())
            kind, is_last4 = latest_cue(timeline, order)
            chain = _OpenChain(group, kind, is_last4)
        latest = max(latest, timeline.last_order(group))
    if chain is not None:
        found.append(chain.closed())
    return found


def _joins(chain: _OpenChain, group: Group, timeline: WordOrder, latest: int, order: int, since: Sequence[PlacedCue]) -> bool:
    if group.start_ms - chain.end_ms > WITHIN_MS:
        return False
    kinds = {cue.kind for cue in since} - {"LAST4"}
    if chain.kind is not None and chain.kind not in PCI and (group.is_aside or "OTHER" in kinds):
        return False
    card = chain.kind is None or chain.kind in PCI
    if any(kind != chain.kind and not (card and kind in PCI) for kind in kinds):
        return False
    return all(
        timeline.words_between(channel_id, latest, order) <= (READER_WORDS if channel_id == chain.reader else OTHERS_WORDS)
        for channel_id in timeline.plain
    )


def latest_cue(timeline: WordOrder, order: int) -> tuple[CueKind | None, bool]:
    """Return the kind that was named last in the words before a place, and whether `last four` was said after it."""
    near = timeline.cues_between(order - CUE_WORDS - 1, order)
    kinds = [cue.kind for cue in near if cue.kind != "LAST4"]
    ends = [cue.order for cue in near if cue.kind == "LAST4"]
    is_last4 = bool(ends) and near[-1].order - ends[-1] <= LAST4_WORDS  # the last four digits of your card number
    return (kinds[-1] if kinds else None), is_last4
