"""Redaction settings: what is hidden in calls, of the site and of queues.

`pci` unless a site writes something else; `off` has to be written, an empty list is refused.
"""

from typing import Literal

import msgspec

PolicyClass = Literal["off", "pci", "ssn", "pii", "numbers", "aggressive"]
HiddenSound = Literal["silence", "tone", "keep"]


class QueueRedaction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is hidden in the calls of some queues, beside what is hidden everywhere."""

    queues: tuple[str, ...]
    """Zoom's ids or names."""
    policy: tuple[PolicyClass, ...] = ()
    """Added to the site's; `["off"]` hides nothing in calls of these queues alone."""
    keep_after: tuple[str, ...] = ()
    """Numbers right after one of these words stay, for example `imei`."""


class RedactionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which numbers nobody shall read or hear."""

    policy: tuple[PolicyClass, ...] = ("pci",)
    """Any of `pci`, `ssn`, `pii`, `numbers`, `aggressive`; they add up. `["off"]` alone hides nothing."""
    keep_last4: bool = False
    """Leave up to four digits after "last four", but for national ids."""
    keep_after: tuple[str, ...] = ()
    """Numbers right after one of these words stay, for example `imei`."""
    any_run: int = 13
    """Numbers of so many digits are hidden whatever they are, under `pci`; 9 to 13."""
    audio: HiddenSound = "silence"
    """What stands in the sound where words are hidden: `silence`, a `tone`, or `keep` for the sound itself."""
    both_channels: bool = True
    """Hide the other party's sound of the same time as well: echo and cross-talk carry digits."""
    queues: tuple[QueueRedaction, ...] = ()
    """What some queues hide beside."""


def problem(given: RedactionSettings) -> str | None:
    """Return why settings cannot be used, None where they can."""
    if not given.policy:
        return 'policy of [redaction] is empty; write ["off"] where nothing shall be hidden'
    if not 9 <= given.any_run <= 13:
        return f"any_run of [redaction] is {given.any_run}; write 9 to 13: card numbers have 13 to 19 digits"
    if _is_torn(given.policy):
        return "policy of [redaction] names `off` beside others; write it alone"
    for at, rule in enumerate(given.queues, 1):
        if not any(name.strip() for name in rule.queues):
            return f"entry {at} of [[redaction.queues]] names no queue"
        if not rule.policy and not rule.keep_after:
            return f"entry {at} of [[redaction.queues]] says nothing: it has neither policy nor keep_after"
        if _is_torn(rule.policy):
            return f"entry {at} of [[redaction.queues]] names `off` beside others; write it alone"
    if any(not words.strip() for words in (*given.keep_after, *(word for rule in given.queues for word in rule.keep_after))):
        return "keep_after of [redaction] has an empty word, after which every number would stay"
    return None


def _is_torn(policy: tuple[PolicyClass, ...]) -> bool:
    """Tell whether `off` stands beside other classes, which says two things at once."""
    return "off" in policy and set(policy) != {"off"}
