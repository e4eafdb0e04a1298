"""Logic of `when`: and, or, not and brackets over the names of conditions, in three values (Kleene).

`and` is the minimum, `or` the maximum, `not` swaps, what is undetermined stands between. Not applicable is no value: it leaves the
combination, and a combination of nothing else is itself not applicable.
"""

import re
from collections.abc import Collection, Mapping
from enum import IntEnum

import msgspec

from cc_voice.quality.rules.errors import RuleError


class RuleState(IntEnum):
    """What a condition or a rule is of a leg; numbers as stored."""

    MISSED = 0
    UNDETERMINED = 1
    MATCHED = 2
    NOT_APPLICABLE = 3


class RuleAnswer(msgspec.Struct, frozen=True):
    """A state, why it is undetermined or not applicable, and a share or number where there is one."""

    state: RuleState
    reason: str | None = None
    value: float | None = None


NOT_APPLICABLE = RuleAnswer(RuleState.NOT_APPLICABLE, "no_instance")


class Name(msgspec.Struct, frozen=True, tag=True):
    """The state of a condition."""

    name: str


class Not(msgspec.Struct, frozen=True, tag=True):
    """Matched and missed swapped."""

    part: "Term"


class All(msgspec.Struct, frozen=True, tag=True):
    """The least of its parts."""

    parts: tuple["Term", ...]


class Either(msgspec.Struct, frozen=True, tag=True):
    """The greatest of its parts."""

    parts: tuple["Term", ...]


Term = Name | Not | All | Either

_TOKEN = re.compile(r"[()]|[^\s()]+")
_MOST_DEPTH = 20


def read_when(text: str | None, names: Collection[str]) -> Term:
    """Read `when`; None is all of the conditions. Raises RuleError."""
    if text is None:
        return All(tuple(Name(name) for name in names))
    reader = _WhenReader(_TOKEN.findall(text), names)
    term = reader.either(0)
    if reader.rest:
        raise RuleError(f"when: `{reader.rest[0]}` is not expected there")
    return term


class _WhenReader:
    def __init__(self, tokens: list[str], names: Collection[str]) -> None:
        self.rest = tokens
        self._names = names

    def either(self, depth: int) -> Term:
        parts = [self._all(depth)]
        while self._took("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self, depth: int) -> Term:
        parts = [self._one(depth)]
        while self._took("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Term:
        if depth > _MOST_DEPTH:
            raise RuleError(f"when: more than {_MOST_DEPTH} brackets within each other")
        if self._took("not"):
            return Not(self._one(depth + 1))
        if self._took("("):
            inner = self.either(depth + 1)
            if not self._took(")"):
                raise RuleError("when: `)` is missing")
            return inner
        if not self.rest:
            raise RuleError("when: a name is missing at its end")
        name = self.rest.pop(0)
        if name not in self._names:
            raise RuleError(f"when: there is no condition `{name}`; there are {', '.join(sorted(self._names))}")
        return Name(name)

    def _took(self, token: str) -> bool:
        if self.rest and self.rest[0] == token:
            self.rest.pop(0)
            return True
        return False


def combined(term: Term, answers: Mapping[str, RuleAnswer]) -> RuleAnswer:
    """Return what a combination comes to. The reason is that of the first undetermined condition that decides."""
    match term:
        case Name(name=name):
            return answers[name]
        case Not(part=part):
            return swapped(combined(part, answers))
        case All(parts=parts):
            return _of(parts, answers, least=True)
        case Either(parts=parts):
            return _of(parts, answers, least=False)


def _of(parts: tuple[Term, ...], answers: Mapping[str, RuleAnswer], *, least: bool) -> RuleAnswer:
    found = [combined(part, answers) for part in parts]
    known = [answer for answer in found if answer.state != RuleState.NOT_APPLICABLE]
    if not known:
        return found[0]
    pick = min if least else max
    return pick(known, key=lambda answer: answer.state)


def swapped(answer: RuleAnswer) -> RuleAnswer:
    """Return the opposite of an answer; what is not known stays so."""
    if answer.state in (RuleState.MATCHED, RuleState.MISSED):
        return msgspec.structs.replace(answer, state=RuleState.MISSED if answer.state == RuleState.MATCHED else RuleState.MATCHED)
    return answer


def asserted(term: Term, positive: bool = True) -> frozenset[str]:
    """Return the conditions that speak for the rule, not against it: their hits are the rule's."""
    match term:
        case Name(name=name):
            return frozenset({name}) if positive else frozenset()
        case Not(part=part):
            return asserted(part, not positive)
        case All(parts=parts) | Either(parts=parts):
            return frozenset().union(*(asserted(part, positive) for part in parts))
