"""Rules as data: what a rule file says, checked. `rule_files.py` reads one, `compilation.py` makes it ready to be matched."""

from typing import Literal

import msgspec

RuleParty = Literal["agent", "customer", "any"]
HoldUse = Literal["no", "also", "only"]
"""Whether words count that are said while the customer is on hold: those are not said to the customer."""
RuleKind = Literal["category", "step", "cue"]
"""category finds; step must be said (three states); cue opens a redaction window."""
RuleStatus = Literal["draft", "shadow", "live", "retired"]
Moment = Literal[
    "answered", "hold_start", "hold_end", "transferred_in", "transferred_out", "conference_start", "customer_hung_up", "leg_end"
]

WORD_GAP = 5
"""A phrase of `unless` takes back a hit that it touches, or from which it is this many words away at most."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a window begins or ends with: one of event, condition and rule."""

    event: Moment | None = None
    condition: str | None = None
    rule: str | None = None
    within_s: float | None = None
    """How long the window is; None: to the end, or from the start, of the leg."""
    each: bool = False
    """Asked of every instance, instead of the nearest one."""


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a leg in which something is looked for: a hit is in it when its start lies in [from, to). One field is set."""

    first_s: float | None = None
    last_s: float | None = None
    after: Anchor | None = None
    before: Anchor | None = None

    @property
    def anchor(self) -> Anchor | None:
        return self.after or self.before


class WordCondition(msgspec.Struct, frozen=True, kw_only=True, tag="words"):
    """Something is said, or with `absent` is not."""

    name: str
    party: RuleParty = "any"
    on_hold: HoldUse = "no"
    window: Window | None = None
    times: int = 1
    phrases: dict[str, tuple[str, ...]] = {}
    """Language (primary subtag) → expressions."""
    unless: dict[str, tuple[str, ...]] = {}
    absent: bool = False
    join: bool = False
    """Utterances of a party that follow each other within two seconds are matched as one."""


class MetricCondition(msgspec.Struct, frozen=True, kw_only=True, tag="metric"):
    """A metric of the leg is within bounds, both inclusive."""

    name: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None


class IntervalCondition(msgspec.Struct, frozen=True, kw_only=True, tag="interval"):
    """There are so many intervals of a kind (`fact_interval`)."""

    name: str
    interval: str
    subkind: str | None = None
    party: str | None = None
    min_ms: int = 0
    times: int = 1
    window: Window | None = None


class EventCondition(msgspec.Struct, frozen=True, kw_only=True, tag="event"):
    """Something happened so often."""

    name: str
    event: Moment
    times: int = 1
    window: Window | None = None


class RuleCondition(msgspec.Struct, frozen=True, kw_only=True, tag="rule"):
    """Another rule holds of the leg; with a window, it has a hit in it."""

    name: str
    rule: str
    window: Window | None = None


Condition = WordCondition | MetricCondition | IntervalCondition | EventCondition | RuleCondition


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, as it was written."""

    id: str
    version: int
    title: str
    folder: str = ""
    notes: str = ""
    kind: RuleKind = "category"
    state: RuleStatus = "draft"
    alert: bool = False
    queues: tuple[str, ...] = ()
    when: str | None = None
    """None: all conditions."""
    conditions: tuple[Condition, ...] = ()
    examples: dict[str, tuple[str, ...]] = {}
    counterexamples: dict[str, tuple[str, ...]] = {}

    @property
    def meaning(self) -> bytes:
        """What makes a new version when it changes: everything but title, folder, notes, state and examples."""
        plain = msgspec.structs.replace(
            self, version=0, title="", folder="", notes="", state="live", examples={}, counterexamples={}
        )
        return msgspec.json.encode(plain, order="deterministic")

    @property
    def is_step(self) -> bool:
        return self.kind == "step"


def referred_rules(rule: Rule) -> frozenset[str]:
    """Return the ids of the rules that a rule names."""
    named = {each.rule for each in rule.conditions if isinstance(each, RuleCondition)}
    windows = (each.window for each in rule.conditions if not isinstance(each, MetricCondition) and each.window is not None)
    return frozenset(named | {window.anchor.rule for window in windows if window.anchor is not None and window.anchor.rule})
