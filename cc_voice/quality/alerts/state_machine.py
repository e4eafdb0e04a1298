"""Alert states: for each reason of a call, and for each rule, a small machine on media time.

    state     what happens                                     next       told
    quiet     true                                             pending
    pending   false                                            quiet
    pending   true for `for`                                   raised     raised
    raised    level rises                                      raised     worse
    raised    false for `clear`                                cooling    closed
    raised    its hit is withdrawn                             quiet      withdrawn
    cooling   `again` is over                                  quiet
    cooling   true at level 2                                  pending

A reason that becomes untrue for less than `clear` was never untrue, so a value that wavers about its threshold makes one alert and
not many; nor is the same told again within `again`. Hits (a rule's, a card number) are never untrue: the next one of the rule is
told when it begins `again` after the last that was told, and what is taken back is as if it had not been said.

Acknowledging and snoozing are not here: who looks at an alert changes nothing about what is true (`handling.py`).
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.config.alert_thresholds import AlertReason
from cc_voice.quality.alerts.reasons import TIMES, AlertChange, AlertCondition, ReasonTimes, alert_id

_Key = tuple[AlertReason, str]


class _Lasting(msgspec.Struct):
    """The machine of one reason that is true for some time."""

    pending: AlertCondition | None = None
    """True since, and not long enough yet."""
    raised: AlertCondition | None = None
    false_ms: int | None = None
    """Since when a raised one is untrue."""
    quiet_until_ms: int | None = None


class _Said(msgspec.Struct):
    """The machine of one rule: what of its hits was told."""

    told: list[AlertCondition]
    open: bool = False


class AlertMachine:
    """All alerts of one stream of a call. `step` once for each second of its media, in order."""

    def __init__(self, call_id: str, stream_id: str, epoch: int) -> None:
        self._of = {"call_id": call_id, "stream_id": stream_id, "epoch": epoch}
        self._lasting: dict[_Key, _Lasting] = {}
        self._said: dict[_Key, _Said] = {}

    def step(self, now_ms: int, true: Iterable[AlertCondition]) -> list[AlertChange]:
        """Take what is true at a moment, with all hits that stand; return what is to be told."""
        found = sorted(true, key=lambda each: (each.reason, each.rule, each.true_ms))
        changes: list[AlertChange] = []
        now_true = {(each.reason, each.rule): each for each in found if not TIMES[each.reason].is_hit}
        for key in sorted({*now_true, *self._lasting}):
            state = self._lasting.setdefault(key, _Lasting())
            changes += self._lasts(now_ms, state, now_true.get(key), TIMES[key[0]])
        hits: dict[_Key, list[AlertCondition]] = {}
        for each in found:
            if TIMES[each.reason].is_hit:
                hits.setdefault((each.reason, each.rule), []).append(each)
        for key in sorted({*hits, *self._said}):
            changes += self._hits(now_ms, self._said.setdefault(key, _Said([])), hits.get(key, ()), TIMES[key[0]].again_ms)
        return changes

    def _lasts(self, now_ms: int, state: _Lasting, true: AlertCondition | None, times: ReasonTimes) -> list[AlertChange]:
        if state.raised is not None:
            return self._while_raised(now_ms, state, state.raised, true, times)
        if true is None:
            state.pending = None
            return []
        if state.quiet_until_ms is not None and now_ms < state.quiet_until_ms and true.level < 2:
            return []
        began = state.pending or true
        state.pending = msgspec.structs.replace(true, true_ms=began.true_ms)
        if now_ms - began.true_ms < times.for_ms:
            return []
        state.raised, state.pending, state.quiet_until_ms = state.pending, None, None
        return [self._change("raised", state.raised, now_ms)]

    def _while_raised(
        self, now_ms: int, state: _Lasting, raised: AlertCondition, true: AlertCondition | None, times: ReasonTimes
    ) -> list[AlertChange]:
        if true is not None:
            state.false_ms = None
            if true.level <= raised.level:
                return []
            state.raised = msgspec.structs.replace(true, true_ms=raised.true_ms)
            return [self._change("worse", state.raised, now_ms)]
        if state.false_ms is None:
            state.false_ms = now_ms
        if now_ms - state.false_ms < times.clear_ms:
            return []
        state.raised, state.false_ms, state.quiet_until_ms = None, None, now_ms + times.again_ms
        return [self._change("closed", raised, now_ms)]

    def _hits(self, now_ms: int, state: _Said, hits: Sequence[AlertCondition], again_ms: int) -> list[AlertChange]:
        changes: list[AlertChange] = []
        standing = {each.true_ms for each in hits}
        while state.told and state.told[-1].true_ms not in standing:
            gone = state.told.pop()
            if state.open:
                changes.append(self._change("withdrawn", gone, now_ms))
            state.open = False
        for each in hits:
            if state.told and each.true_ms < state.told[-1].true_ms + max(again_ms, 1):
                continue
            if state.open:
                changes.append(self._change("closed", state.told[-1], now_ms))
            state.told.append(each)
            state.open = True
            changes.append(self._change("raised", each, now_ms))
        return changes

    def _change(self, kind: str, about: AlertCondition, now_ms: int) -> AlertChange:
        said = {
            "kind": kind,
            "alert_id": alert_id(str(self._of["call_id"]), about.reason, about.rule, about.true_ms),
            "reason": about.reason,
            "rule": about.rule,
            "level": about.level,
            "weight": about.weight,
            "true_ms": about.true_ms,
            "at_ms": now_ms,
            "text": about.text,
        }
        return msgspec.convert(self._of | said, AlertChange)
