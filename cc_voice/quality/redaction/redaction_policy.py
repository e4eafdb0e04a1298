"""Redaction policy: which kinds of numbers are hidden, as one value for a call.

A queue's policy adds to the site's, and the queues of a call add up; only a queue that writes `off` takes away, from itself.
"""

from collections.abc import Collection

import msgspec

from cc_voice.config.redaction_settings import HiddenSound, PolicyClass, QueueRedaction, RedactionSettings

_INCLUDED: dict[str, frozenset[str]] = {
    "pii": frozenset({"pci", "ssn"}),
    "numbers": frozenset({"pci", "ssn"}),
    "aggressive": frozenset({"pci", "ssn", "numbers"}),
}


class RedactionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is hidden in a call. With no class, nothing is."""

    classes: tuple[PolicyClass, ...] = ("pci",)
    keep_last4: bool = False
    """Up to four digits after "last four" stay, but for national ids."""
    keep_after: tuple[str, ...] = ()
    """Runs after one of these words stay (`imei`)."""
    any_run: int = 13
    """Runs of so many digits are hidden whatever they are."""
    audio: HiddenSound = "silence"
    both_channels: bool = True

    @property
    def is_on(self) -> bool:
        """Whether anything is hidden at all."""
        return bool(set(self.classes) - {"off"})

    def hides(self, kind: PolicyClass) -> bool:
        """Tell whether a class is in force, by itself or as part of another."""
        return any(kind == each or kind in _INCLUDED.get(each, ()) for each in self.classes)


OFF = RedactionPolicy(classes=())


Queue = str | tuple[str | None, str | None]
"""A queue by its id or name, or by both: only then a queue that no rule names is told from a second spelling of one."""


def policy_of(settings: RedactionSettings, queues: Collection[Queue]) -> RedactionPolicy:
    """Return the policy of a call from all its queues; none known: the site's."""
    own: list[QueueRedaction] = []
    is_off = bool(queues)
    for queue in queues:
        names = {queue} if isinstance(queue, str) else {name for name in queue if name}
        rules = [rule for rule in settings.queues if names & set(rule.queues)]
        is_off = is_off and all(rule.policy == ("off",) for rule in rules) and bool(rules or isinstance(queue, str))
        own += [rule for rule in rules if rule not in own]
    if is_off and own:
        return _policy(settings, (), own)
    return _policy(settings, (*settings.policy, *(kind for rule in own for kind in rule.policy)), own)


def strictest(settings: RedactionSettings) -> RedactionPolicy:
    """Return the policy of a call whose queue is not known yet: everything that the site or any queue hides."""
    return _policy(settings, (*settings.policy, *(kind for rule in settings.queues for kind in rule.policy)), [])


def _policy(settings: RedactionSettings, kinds: Collection[PolicyClass], rules: Collection[QueueRedaction]) -> RedactionPolicy:
    classes: tuple[PolicyClass, ...] = tuple(sorted({kind for kind in kinds if kind != "off"}))
    keep = {word for rule in rules for word in rule.keep_after} | set(settings.keep_after)
    return RedactionPolicy(
        classes=classes,
        keep_last4=settings.keep_last4,
        keep_after=tuple(sorted(keep)),
        any_run=settings.any_run,
        audio=settings.audio,
        both_channels=settings.both_channels,
    )
