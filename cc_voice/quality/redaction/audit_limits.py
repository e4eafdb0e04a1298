"""Audit limits: the finder with lower limits, for looking at what was written. It counts and names kinds, never digits."""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from cc_voice.call.redactions import Entity
from cc_voice.quality.redaction.finder import SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that looks like a number that should be hidden."""

    kind: Entity
    digits: int
    offset: int
    """Where: of lines the start in ms of the call, of text its character, of bytes its byte."""
    key: str = ""
    """Of lines: the line."""


def audit_lines(lines: Sequence[SpokenLine], policy: RedactionPolicy) -> tuple[AuditFinding, ...]:
    """Return what is left in the lines of a call that were redacted."""
    found = find(lines, policy)
    return tuple(AuditFinding(kind=each.entity, digits=each.digits, offset=each.start_ms, key=each.key) for each in found)


def audit_text(text: str, languages: Sequence[str] = ()) -> tuple[AuditFinding, ...]:
    """Return what is in a text of unknown form, in figures and number words."""
    runs = re.finditer(r"\d(?:[ .-]?\d){12,18}", text)
    return tuple(AuditFinding(kind="NUMBER", digits=len(re.sub(r"\D", "", run.group())), offset=run.start()) for run in runs)


def audit_bytes(data: bytes, languages: Sequence[str] = ()) -> tuple[AuditFinding, ...]:
    """Return what is in the bytes of a file of unknown kind."""
    return audit_text(data.decode("latin-1"), languages)


def counts(findings: Sequence[AuditFinding]) -> dict[Entity, int]:
    """Return how many there are of each kind."""
    return dict(Counter(each.kind for each in findings))
