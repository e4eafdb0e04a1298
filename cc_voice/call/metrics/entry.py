"""Metric: the one entry of a number that is measured on a leg, written beside the function that computes it.

Columns of fact_leg, what a metric needs, the check of NULLs, the lists in views, pages, the API and the dictionary of
`analytics/README.md` are all made of these entries or looked up in them; `dictionary.py` gathers them. A new metric is an
entry, a line in the function of its section, a test, and the migration that `make generate` writes.
"""

from typing import Literal

import msgspec

from cc_voice.call.reasons import REASONS

Need = Literal[
    "handled",
    "events",
    "agent",
    "customer",
    "parties",
    "anybody",
    "length",
    "setting",
    "raised_voice",
    "sentiment",
    "import",
    "answer",
]
"""A condition that is looked at before the value: `preconditions.py` says how, and with which reason it fails."""

SqlType = Literal["boolean", "integer", "bigint", "double", "text"]

AGENT: tuple[Need, ...] = ("agent", "length")
CUSTOMER: tuple[Need, ...] = ("customer", "length")
BOTH: tuple[Need, ...] = ("parties", "length")
ANYBODY: tuple[Need, ...] = ("anybody", "length")

NO_WORDS = ("no_word_source", "language_without_model")
"""The reasons of a party that has no words at all."""

FIRST_VERSION = "0.1.0"

PythonType = type[bool | int | float | str]

_PYTHON: dict[SqlType, PythonType] = {
    "boolean": bool,
    "integer": int,
    "bigint": int,
    "double": float,
    "text": str,
}


class Evidence(msgspec.Struct, frozen=True):
    """Which stored intervals stand behind a metric, see `evidence.py`. None does not restrict; `without` are subkinds not counted.

    `longest` takes only those of the greatest length; `otherwise` is what stands behind the metric where there is none of these.
    """

    kind: str
    party: str | None = None
    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    longest: bool = False
    otherwise: "Evidence | None" = None


ON_HOLD = ("on_hold",)
SPEECH = Evidence("speech", without=ON_HOLD)
AGENT_SPEECH = Evidence("speech", "agent", without=ON_HOLD)
CUSTOMER_SPEECH = Evidence("speech", "customer", without=ON_HOLD)


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a metric before any call. Raises ValueError when it contradicts itself."""

    name: str
    """The column of fact_leg; its unit is in it."""
    type: SqlType
    """How it is stored."""
    unit: str | None = None
    """What it counts: ms, %, 0–1, count, per min …; None for words."""
    needs: tuple[Need, ...] = ()
    """In the order in which they are looked at: the first that fails is the reason why there is no value."""
    reasons: tuple[str, ...] = ()
    """Why else there may be none: what its function says, codes of `call/reasons.py`."""
    evidence: Evidence | None = None
    no_evidence: str | None = None
    """Why a number that a page shows opens no intervals: a sentence for whoever would open it."""
    label: str | None = None
    """What the page of a call calls it; None for what is in rows, API and exports only."""
    meaning: str | None = None
    """A sentence for whoever sees the number for the first time; with every label."""
    lasts_minutes: bool = False
    """A time that pages write as m:ss and not in seconds."""
    formula: str
    """How it is computed, in one sentence; A is analysed time: the leg without hold and without media gaps."""
    since: str = FIRST_VERSION
    """The first version that measured it."""

    def __post_init__(self) -> None:
        if (self.label is None) != (self.meaning is None):
            raise ValueError(f"{self.name} has a label or a meaning; a page shows both")
        if self.label is not None and (self.evidence is None) == (self.no_evidence is None):
            raise ValueError(f"{self.name} is on a page: it has evidence, or says why not")
        if unknown := set(self.reasons) - set(REASONS):
            raise ValueError(f"{self.name} names reasons that call/reasons.py does not know: {', '.join(sorted(unknown))}")

    @property
    def python_type(self) -> PythonType:
        """What a value of it is in Python."""
        return _PYTHON[self.type]
