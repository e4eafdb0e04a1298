"""Alert handling: which alerts are on the board, in which order, for how long somebody is not told of them.

acknowledged    quiet until it gets worse by a level
snoozed         quiet until a moment; there is no snooze without an end
beyond limits   counted and not shown: a new one a call in 30 s, six in ten minutes, level 2 always
folded          many calls raise the same at once: one line of the site in their place
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.config.alert_thresholds import AlertReason

SNOOZE_MINUTES = (5, 15, 60)
EACH_MS = 30_000
MANY_MS = 600_000
MANY = 6
STORM_MS = 60_000
STORM_SHARE = 0.2
STORM_CALLS = 3
"""Fewer are no storm whatever their share: at a site with four calls each is a quarter."""


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is not over."""

    alert_id: str
    call_id: str
    stream_id: str
    reason: AlertReason
    rule_id: str
    level: int
    weight: int
    alert_text: str | None
    """None where it holds words that the reader may not see."""
    raised_unix_ms: int
    acknowledged_level: int | None
    snoozed_until_unix_ms: int | None
    """The latest end of what silences it for who looks."""


class CallAlerts(msgspec.Struct, frozen=True):
    """What the board shows of a call: its worst alert, and how many more there are."""

    worst: OpenAlert
    more: int


def is_quiet(alert: OpenAlert, now_unix_ms: int) -> bool:
    """Whether somebody said that they know, or not now."""
    if alert.acknowledged_level is not None and alert.level <= alert.acknowledged_level:
        return True
    return alert.snoozed_until_unix_ms is not None and now_unix_ms < alert.snoozed_until_unix_ms


def rank(alert: OpenAlert) -> tuple[int, int, int, str]:
    """Return the place of an alert, the worst first: level, weight of its rule, the oldest."""
    return -alert.level, -alert.weight, alert.raised_unix_ms, alert.alert_id


def board(alerts: Iterable[OpenAlert], now_unix_ms: int) -> dict[str, CallAlerts]:
    """Return what is shown of each call, the worst call first."""
    of_call: dict[str, list[OpenAlert]] = {}
    for alert in sorted((each for each in alerts if not is_quiet(each, now_unix_ms)), key=rank):
        of_call.setdefault(alert.call_id, []).append(alert)
    return {call_id: CallAlerts(found[0], len(found) - 1) for call_id, found in of_call.items()}


def is_within_limits(shown_ms: Sequence[int], at_ms: int, level: int) -> bool:
    """Whether one more alert of a call is shown; `shown_ms` is when earlier ones were, on the stream's clock."""
    if level >= 2:
        return True
    lately = [ms for ms in shown_ms if at_ms - ms < MANY_MS]
    return len(lately) < MANY and all(at_ms - ms >= EACH_MS for ms in lately)


def is_storm(calls: int, running: int) -> bool:
    """Whether so many calls that raised the same within a minute are a trouble of the platform."""
    return calls >= STORM_CALLS and calls > STORM_SHARE * max(running, 1)
