"""Verdicts: which groups of a chain a policy hides, and as what.

Length decides, Luhn names: a run of 13 digits is hidden whatever it is, else any slip of a recogniser would show a card.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cc_voice.call.redactions import Entity
from cc_voice.config.redaction_settings import PolicyClass
from cc_voice.quality.redaction.call_numbers import CallNumbers
from cc_voice.quality.redaction.chains import WITHIN_MS, Chain, Piece, PlacedCue
from cc_voice.quality.redaction.cues import PCI, CueKind
from cc_voice.quality.redaction.groups import Group
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.quality.redaction.terms import listed

ENTITIES: Mapping[CueKind, Entity] = {
    "CARD": "CARD_NUMBER",
    "CVV": "CVV",
    "EXPIRY": "EXPIRY",
    "CODE": "CODE",
    "NATIONAL_ID": "NATIONAL_ID",
    "PHONE": "PHONE",
    "DATE_OF_BIRTH": "DATE_OF_BIRTH",
    "ACCOUNT": "ACCOUNT",
    "ADDRESS": "ADDRESS",
}
LEAST: Mapping[CueKind, int] = {
    "CARD": 4,
    "CVV": 2,
    "EXPIRY": 2,
    "CODE": 3,
    "NATIONAL_ID": 4,
    "PHONE": 5,
    "DATE_OF_BIRTH": 4,
    "ACCOUNT": 5,
    "ADDRESS": 1,
}
"""How many digits after a cue are hidden."""
MOST: Mapping[CueKind, int] = {"CODE": 8, "PHONE": 15}
NAMED_AFTER: frozenset[CueKind] = frozenset({"CARD", "CVV", "EXPIRY", "CODE", "NATIONAL_ID"})
NAMED_WITHIN = 4
"""A kind may be named so few words after the number: `one two three is the security code`."""
ASKED_AFTER, ASKED_WITHIN = 8, 20
"""So many digits, and a card's code or date is asked for so many words later: it was a card."""
LAST4_DIGITS = 4
HALF_DIGITS = 6
ECHO_DIGITS, ECHO_OF = 4, 12
"""So many digits that are a part of a hidden card of so many are hidden wherever they are said again."""
CARD_LENGTHS = range(13, 20)
MONTHS = listed("""
    january february march april may june july august september october november december jan feb mar apr jun jul
    aug sep sept oct nov dec enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre
    noviembre diciembre januar janner februar marz mai juni juli oktober dezember janvier fevrier mars avril juin
    juillet aout septembre octobre novembre decembre
""")


class Limits(NamedTuple):
    """How much is enough to be hidden; the audit looks with lower ones."""

    any_run: int
    cue: int = 99
    """Digits after any cue that are enough, where its kind asks for more."""
    named_run: int = 0
    """As `any_run`, of numbers that a cue says to be something else than a card; 0: the same."""


class HiddenGroup(NamedTuple):
    """A group that is hidden, as what."""

    group: Group
    entity: Entity
    is_card: bool
    """A part of a whole number of a card's length: what is beside it is hidden as well."""


def hidden_groups(call: CallNumbers, policy: RedactionPolicy, limits: Limits) -> list[HiddenGroup]:
    """Return the groups that are hidden in a call, in no order."""
    found: list[HiddenGroup] = []
    shown: list[Group] = []
    cards: list[str] = []
    for chain in call.chains:
        entities = [_entity(call, chain, piece, policy, limits) for piece in chain.pieces]
        named = Chain(tuple(piece for piece, entity in zip(chain.pieces, entities, strict=True) if entity == "CARD_NUMBER"))
        cards += (digits for digits in named.digits() if len(digits) >= ECHO_OF)
        for piece, entity in zip(chain.pieces, entities, strict=True):
            if entity is None:
                shown += () if piece.kind == "KEEP" or _is_kept(chain, piece, policy, limits) else piece.groups
            else:
                is_card = policy.hides("pci") and _is_long(chain, piece, limits)
                found += (HiddenGroup(group, entity, is_card) for group in piece.groups)
    if policy.hides("pci"):
        interrupted = _interrupted(call.chains)
        found += (HiddenGroup(group, "CARD_NUMBER", True) for group in interrupted)
        shown = [group for group in shown if group not in interrupted]
        found += (HiddenGroup(group, "CARD_NUMBER", False) for group in shown if _is_echo(group, cards))
    return [*found, *_amounts(call, policy)]


def _is_long(chain: Chain, piece: Piece, limits: Limits) -> bool:
    """Tell whether a piece is a part of a number of a card's length; what has another name is judged by itself."""
    if chain.is_named_otherwise:
        before = chain.pieces[: chain.pieces.index(piece)]
        if piece.is_last4 and before:  # what was said again of the number before it
            return _is_long(chain, before[-1], limits)
        return piece.kind != "KEEP" and piece.once() >= (limits.named_run or limits.any_run)
    return chain.most() >= limits.any_run


def _entity(call: CallNumbers, chain: Chain, piece: Piece, policy: RedactionPolicy, limits: Limits) -> Entity | None:
    """Return what a piece of a chain is hidden as, None where it is shown."""
    if piece.kind == "KEEP":
        return None
    if policy.hides("pci") and _is_long(chain, piece, limits):
        return _name_of_long(chain, piece)
    kind = _named_after(call, chain, piece) or _kind(piece)
    count = sum(each.length() for each in chain.pieces if each.kind == piece.kind) if kind == piece.kind else piece.length()
    if kind is not None and policy.hides(class_of(kind)) and not _is_kept(chain, piece, policy, limits):
        if kind in ("CVV", "EXPIRY") and count > 8:
            return "NUMBER"
        enough = count >= min(LEAST[kind], limits.cue) and count <= MOST.get(kind, count)
        if enough or (kind == "DATE_OF_BIRTH" and any(_has_month(call, group) for group in piece.groups)):
            return ENTITIES[kind]
    if policy.hides("ssn") and chain.length() == 9 and _is_grouped(call, chain):
        return "NATIONAL_ID"
    if policy.hides("aggressive") and chain.length() >= 3:
        return "NUMBER"
    return "NUMBER" if policy.hides("numbers") and chain.length() >= 5 else None


def _kind(piece: Piece) -> CueKind | None:
    """A piece behind `last four` and nothing else that says what it is may be the end of a card."""
    return piece.kind if piece.kind in ENTITIES else "CARD" if piece.kind is None and piece.is_last4 else None


def _named_after(call: CallNumbers, chain: Chain, piece: Piece) -> CueKind | None:
    """Return the kind of a number that nothing before it names, by what follows: who is asked for a card's code has read a card."""
    if piece.kind not in (None, "OTHER", "ADDRESS"):
        return None
    last = max(piece.groups, key=call.timeline.last_order)
    order = call.timeline.last_order(last)
    following = call.timeline.cues_between(order, order + ASKED_WITHIN)
    if chain.length() >= ASKED_AFTER and any(cue.kind in ("CVV", "EXPIRY") for cue in following):
        return "CARD"
    for cue in following if piece.kind is None else ():
        is_beside = cue.channel_id == last.channel_id and cue.first - last.after < NAMED_WITHIN
        if is_beside and cue.kind in NAMED_AFTER and not _has_number_behind(call, cue):
            return cue.kind
    return None


def _has_number_behind(call: CallNumbers, cue: PlacedCue) -> bool:
    """Tell whether a cue has a number of its own: `one two three and the security code is four five six`."""
    return any(
        0 < call.timeline.order(group) - cue.order <= NAMED_WITHIN + 1
        for numbers in call.numbers.values()
        for group in numbers.groups
    )


def _is_kept(chain: Chain, piece: Piece, policy: RedactionPolicy, limits: Limits) -> bool:
    is_end = piece.is_last4 and piece.length() <= LAST4_DIGITS and not _is_long(chain, piece, limits)
    return is_end and policy.keep_last4 and piece.kind != "NATIONAL_ID"


def class_of(kind: CueKind) -> PolicyClass:
    return "pci" if kind in PCI else "ssn" if kind == "NATIONAL_ID" else "pii"


def _name_of_long(chain: Chain, piece: Piece) -> Entity:
    if piece.kind in ("CVV", "EXPIRY", "CODE"):
        return ENTITIES[piece.kind]
    is_card = any(each.kind == "CARD" for each in chain.pieces) or any(map(has_card, chain.digits()))
    return "CARD_NUMBER" if is_card else "NUMBER"


def has_card(digits: str) -> bool:
    """Tell whether digits hold a number of a card's length that passes Luhn."""
    return any(
        passes_luhn(digits[start : start + length])
        for length in CARD_LENGTHS
        for start in range(len(digits) - length + 1)
        if digits[start] in "23456"
    )


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit that Luhn's sum asks for."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _interrupted(chains: Sequence[Chain]) -> list[Group]:
    """Return the groups of cards that another matter broke in two: `my phone is breaking up`.

    The first half has more digits than the end of a card that people are asked for, and fewer than a card. Where nobody asked for a
    card either, only Luhn's sum says that both are one.
    """
    found: list[Group] = []
    for first, second in pairwise(chains):
        reader = max(first.groups, key=lambda group: len(group.digits)).channel_id
        digits = "".join(group.digits for group in (*first.groups, *second.groups) if group.channel_id == reader)
        is_half = HALF_DIGITS <= first.length() < min(CARD_LENGTHS) and second.start_ms - first.end_ms <= WITHIN_MS
        if not is_half or len(digits) not in CARD_LENGTHS or second.pieces[0].kind == "KEEP":
            continue
        if first.pieces[-1].kind == "CARD" or (first.pieces[-1].kind is None and passes_luhn(digits) and digits[0] in "3456"):
            found += (*first.groups, *second.groups)
    return found


def _is_echo(group: Group, cards: Sequence[str]) -> bool:
    return len(group.digits) >= ECHO_DIGITS and any(group.digits in digits for digits in cards if len(digits) > len(group.digits))


def _has_month(call: CallNumbers, group: Group) -> bool:
    terms = call.streams[group.channel_id]
    return any(term.text in MONTHS for term in terms[max(0, group.first - 3) : group.after + 3])


def _is_grouped(call: CallNumbers, chain: Chain) -> bool:
    """Tell whether the nine digits of a chain are said as three, two and four."""
    lengths: list[int] = []
    for group in chain.groups:
        terms = call.streams[group.channel_id]
        behind = -1
        for numeral in group.numerals:
            is_apart = numeral.first != behind or terms[numeral.first].start_ms - terms[behind - 1].end_ms > 250
            is_figures = terms[numeral.first].text.isdigit() and len(numeral.digits) > 1
            if is_apart or is_figures or not lengths:
                lengths.append(0)
            lengths[-1] += len(numeral.digits)
            behind = numeral.after
    return lengths == [3, 2, 4]


def _amounts(call: CallNumbers, policy: RedactionPolicy) -> list[HiddenGroup]:
    """Amounts and counts are numbers where any number is hidden; house numbers have a street behind them."""
    least = 3 if policy.hides("aggressive") else 5 if policy.hides("numbers") else 99
    found: list[HiddenGroup] = []
    for name, numbers in call.numbers.items():
        terms = call.streams[name]
        for group in numbers.amounts:
            behind = terms[group.after].text if group.after < len(terms) else ""
            if policy.hides("pii") and behind in _STREETS:
                found.append(HiddenGroup(group, "ADDRESS", False))
            elif len(group.digits) >= least:
                found.append(HiddenGroup(group, "NUMBER", False))
    return found


_STREETS = listed("""
    street avenue ave road lane boulevard
""")
