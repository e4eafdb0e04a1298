"""E-mail addresses, written and spoken: up to six words, `at`, up to four words, `dot`, `com`."""

import re
from collections.abc import Sequence

from cc_voice.quality.redaction.terms import Term, listed

WRITTEN = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]{2,}")
AT = frozenset({"at", "arroba", "klammeraffe", "arobase"})
DOT = frozenset({"dot", "punto", "punkt", "point"})
TOP = listed("""
    com net org de es fr mx ar co uk us edu gov io info eu at ch it biz me
""")
BEFORE, BEHIND = 6, 4
_STOPS = listed("""
    is it email mail address my your the its correo es mi su electronico direccion ist meine adresse ihre c est mon
    mel to send write an die auf votre and
""")
"""Words that introduce an address and are none of it."""


def spoken_emails(terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where addresses are spoken: first term, and the one after the last."""
    found: list[tuple[int, int]] = []
    for place, term in enumerate(terms):
        if term.text in AT:
            end = _end(terms, place + 1)
            if end is not None:
                found.append((_start(terms, place, found[-1][1] if found else 0), end))
    return found


def _end(terms: Sequence[Term], behind: int) -> int | None:
    for place in range(behind + 1, min(len(terms) - 1, behind + BEHIND + 1)):
        if terms[place].text in DOT and terms[place + 1].text in TOP:
            after = place + 2
            if after + 1 < len(terms) and terms[after].text in DOT and terms[after + 1].text in TOP:
                after += 2
            return after
    return None


def _start(terms: Sequence[Term], at: int, least: int) -> int:
    """Return the first word of an address; of the line before only where its own has none before `at`."""
    start = at
    while start > max(least, at - BEFORE) and terms[start - 1].text not in _STOPS:
        if terms[start - 1].line != terms[start].line and start < at:
            break
        start -= 1
    return start
