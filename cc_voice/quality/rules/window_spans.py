"""Windows: the part of a leg in which a condition looks, as spans of time; and whether a party was heard in one.

A span is closed when nothing more can be said in it: the leg is over, or live words are known beyond its end.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cc_voice.call.intervals import canonical, clip, length
from cc_voice.quality.rules.leg_record import LegLine, LegRecord
from cc_voice.quality.rules.rule import HoldUse, RuleParty, Window

LEAST_WORDS = 5
MOST_LOST_PCT = 20
LEAST_SPOKEN_PCT = 80
MOST_DISAGREEMENT_PCT = 50
_EVER = 1 << 53
"""Beyond every call, in ms."""


class Span(msgspec.Struct, frozen=True):
    """[start, end) of the call's clock."""

    start_ms: int
    end_ms: int
    is_closed: bool

    def has(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.end_ms


def spans_of(window: Window | None, leg: LegRecord, anchors: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """Return the spans of a window; `anchors` are the instances of its anchor, [start, end) each. Empty: it is not known yet, or
    there is no instance."""
    start, end = leg.span
    if window is None:
        return (Span(-_EVER, _EVER, leg.is_over),)
    if window.first_s is not None:
        return (_closing(leg, start, start + _ms(window.first_s)),)
    if window.last_s is not None:
        return (Span(max(start, end - _ms(window.last_s)), end + 1, True),) if leg.is_over else ()
    if window.after is not None:
        far = _ms(window.after.within_s) if window.after.within_s is not None else None
        return tuple(_closing(leg, at, end + 1 if far is None else at + far) for _, at in anchors)
    if window.before is None:
        raise AssertionError("a window has one of its fields")
    far = _ms(window.before.within_s) if window.before.within_s is not None else None
    return tuple(_closing(leg, start if far is None else max(start, at - far), at) for at, _ in anchors)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


def _closing(leg: LegRecord, start_ms: int, end_ms: int) -> Span:
    last = min(end_ms, leg.end_ms + 1) if leg.is_over else end_ms
    return Span(start_ms, last, leg.is_over or leg.heard_ms >= end_ms)


def said_in(lines: Iterable[LegLine], span: Span, party: RuleParty, on_hold: HoldUse) -> list[LegLine]:
    """Return the lines of a party that begin in a span."""
    return [line for line in lines if counts(line, party, on_hold) and span.has(line.start_ms)]


def counts(line: LegLine, party: RuleParty, on_hold: HoldUse) -> bool:
    """Whether a line is one that a condition looks at."""
    return (party == "any" or line.party == party) and (on_hold == "also" or line.on_hold == (on_hold == "only"))


def why_unheard(leg: LegRecord, span: Span, party: RuleParty, on_hold: HoldUse, languages: Iterable[str]) -> str | None:
    """Return why "not said" cannot be told of a party in a span, None where it was heard (1.4)."""
    if party != "any" and leg.metrics.get("mixed_audio"):
        return leg.reasons.get(f"talk_ms_{party}", "mixed_audio")
    if reason := _no_source(leg, party):
        return reason
    lost = canonical((row.start_ms, row.end_ms) for row in leg.intervals if row.kind == "excluded" and row.subkind == "media_gap")
    inside = (max(span.start_ms, leg.start_ms), min(span.end_ms, max(leg.end_ms, leg.start_ms)))
    if inside[1] > inside[0] and 100 * length(clip(lost, inside)) > MOST_LOST_PCT * (inside[1] - inside[0]):
        return "media_gap"
    said = said_in(leg.lines, span, party, on_hold)
    words = sum(line.word_count for line in said)
    if not said or (words < LEAST_WORDS and party != "customer"):
        return "not_heard"
    known = [(line.asr_conf, line.word_count) for line in said if line.asr_conf is not None and line.word_count]
    if known and sum(conf * count for conf, count in known) / sum(count for _, count in known) < leg.low_conf:
        return "low_confidence"
    served = set(languages)
    understood = sum(line.word_count for line in said if line.language in served)
    if words and 100 * understood < LEAST_SPOKEN_PCT * words:
        return "language"
    whose = "" if party == "any" else f"_{party}"
    disagreement = leg.metrics.get(f"word_disagreement_pct{whose}")
    return "recognisers_disagree" if disagreement is not None and disagreement > MOST_DISAGREEMENT_PCT else None


def _no_source(leg: LegRecord, party: RuleParty) -> str | None:
    """Return why a party's words are not known at all; a leg that is only short has them."""
    asked = ("agent", "customer") if party == "any" else (party,)
    reasons = [reason for each in asked if (reason := leg.reasons.get(f"word_count_{each}", "too_short")) != "too_short"]
    return reasons[0] if len(reasons) == len(asked) else None
