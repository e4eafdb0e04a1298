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
    """Numbers of so many digits are hidden whatever they are, under `pci`."""
    audio: HiddenSound = "silence"
    """What stands in the sound where words are hidden: `silence`, a `tone`, or `keep` for the sound itself."""
    both_channels: bool = True
    """Hide the other party's sound of the same time as well: echo and cross-talk carry digits."""
    queues: tuple[QueueRedaction, ...] = ()
    """What some queues hide beside."""
