"""Conditions of rules: what a live call's rules have found, and steps that were missed, as alerts take them.

Only rules that say `alert = true` and are live tell anybody: a shipped rule that nobody has marked yet stays in shadow.
"""

from collections.abc import Iterable, Mapping

from cc_voice.call.rows import RuleHitRow
from cc_voice.quality.alerts.reasons import AlertCondition
from cc_voice.quality.rules.rule import MetricCondition, Rule

DISCLOSURE = "recording-disclosure"
"""The step that has a reason of its own."""


def rule_conditions(rules: Iterable[Rule], hits: Iterable[RuleHitRow], missed: Mapping[str, int]) -> tuple[AlertCondition, ...]:
    """Return what is to be told; `missed` are steps that were not met, with when their leg began (ms of the stream's clock)."""
    telling = {rule.id: rule for rule in rules if rule.alert and rule.state == "live"}
    said = [
        AlertCondition(
            reason="rule",
            rule=hit.rule_id,
            true_ms=hit.start_ms,
            text=f"{telling[hit.rule_id].title}: “{hit.matched_text}”" if hit.matched_text else telling[hit.rule_id].title,
        )
        for hit in hits
        if hit.rule_id in telling and not telling[hit.rule_id].is_step and hit.start_ms is not None
    ]
    unsaid = [
        AlertCondition(
            reason="no_disclosure" if rule_id == DISCLOSURE else "rule",
            rule=rule_id,
            true_ms=since_ms + _window_ms(telling[rule_id]),
            text=_missing(telling[rule_id]),
        )
        for rule_id, since_ms in missed.items()
        if rule_id in telling
    ]
    return (*said, *unsaid)


def _window_ms(rule: Rule) -> int:
    """How long after the leg's start a step may be met; 0 where its window does not begin there."""
    windows = (each.window for each in rule.conditions if not isinstance(each, MetricCondition))
    return round(1000 * max((window.first_s or 0.0 for window in windows if window is not None), default=0.0))


def _missing(rule: Rule) -> str:
    within_s = _window_ms(rule) // 1000
    what = "Recording not announced" if rule.id == DISCLOSURE else f"Not met: {rule.title}"
    return f"{what} in the first {within_s} s" if within_s else what
