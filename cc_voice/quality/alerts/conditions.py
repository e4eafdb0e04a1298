"""Alert conditions: which reasons are true of a call at a moment, in words with numbers.

Clock and voice only. What needs rules, redaction or a word list (`rule`, `no_disclosure`, `card_unpaused`, `sentiment_drop`) is
found by those and given to the states beside these.
"""

from bisect import bisect_right
from collections.abc import Sequence

from cc_voice.call.intervals import Intervals, clip, index_at, intersect, length, subtract
from cc_voice.call.metrics.overtalk import interruptions, overtalk
from cc_voice.call.metrics.turns import PARTIES, Party, Turn, other, take_turns
from cc_voice.config.alert_thresholds import AlertThresholds
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.quality.alerts.live_facts import FactsAt
from cc_voice.quality.alerts.reasons import AlertCondition, Level

OVERTALK_MS = 60_000
INTERRUPTED_MS = 120_000
LATER = 3
"""A line on which somebody was heard before is suspected after so many times the silence, and so many turns of the other side."""
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def conditions(facts: FactsAt, thresholds: ThresholdSet, alerts: AlertThresholds) -> list[AlertCondition]:
    """Return the reasons that are true at a moment, without those that are switched off."""
    found = [*_dead_air(facts, thresholds, alerts), *_holds(facts, alerts), *_line(facts, alerts)]
    if facts.has_both and facts.talk:
        found += _turns(facts, thresholds, alerts)
    return [each for each in found if each.reason not in alerts.off]


def clock(ms: int) -> str:
    """Return a time in minutes and seconds, hours where there are some: `2:10`, `1:02:10`."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _dead_air(facts: FactsAt, thresholds: ThresholdSet, alerts: AlertThresholds) -> list[AlertCondition]:
    """Nobody speaks, and the agent did not say that it would be so. A piece of hold or of lost media begins it anew."""
    talk = facts.talk
    if not talk or talk[-1][1] < facts.now_ms:
        return []
    since = max(talk[-1][0], facts.everybody[-1][1] if facts.everybody else 0)
    silent_ms = facts.now_ms - since
    if silent_ms < thresholds.dead_air_ms:
        return []
    if any(since - thresholds.wait_phrase_lookback_ms <= end <= facts.now_ms for end in facts.waits_announced_ms):
        return []
    text = f"Silence for {silent_ms // 1000} s"
    if facts.has_both:
        text += f", {_owed(facts, since)}'s turn"
    level: Level = 2 if silent_ms >= alerts.dead_air_worse_ms else 1
    return [AlertCondition(reason="dead_air", level=level, true_ms=since + thresholds.dead_air_ms, text=text)]


def _owed(facts: FactsAt, since_ms: int) -> Party:
    """Who did not speak last owes the next turn; the agent where nobody has spoken."""
    last = {party: _last_end(facts.speech[party], since_ms) for party in PARTIES}
    return "agent" if last["customer"] >= last["agent"] else "customer"


def _last_end(speech: Intervals, at_ms: int) -> int:
    at = bisect_right(speech, at_ms, key=lambda piece: piece[1]) - 1
    return speech[at][1] if at >= 0 else -1


def _holds(facts: FactsAt, alerts: AlertThresholds) -> list[AlertCondition]:
    found: list[AlertCondition] = []
    holds, count = facts.holds, len(facts.holds)
    if holds and holds[-1][1] >= facts.now_ms > holds[-1][0]:
        held_ms = facts.now_ms - holds[-1][0]
        if held_ms >= alerts.hold_long_ms:
            text = f"On hold {clock(held_ms)}" + (f", {_ordinal(count)} hold" if count > 1 else "")
            level: Level = 2 if held_ms >= alerts.hold_worse_ms else 1
            found.append(AlertCondition(reason="hold_long", level=level, true_ms=holds[-1][0] + alerts.hold_long_ms, text=text))
    if count >= alerts.hold_many:
        text = f"{count} holds, {clock(length(holds))} in all"
        found.append(AlertCondition(reason="hold_many", true_ms=holds[alerts.hold_many - 1][0], text=text))
    return found


def _ordinal(number: int) -> str:
    return _ORDINALS[number] if number < len(_ORDINALS) else f"{number}th"


def _turns(facts: FactsAt, thresholds: ThresholdSet, alerts: AlertThresholds) -> list[AlertCondition]:
    speech = {party: intersect(facts.speech[party], facts.talk) for party in PARTIES}
    taking = take_turns(speech, facts.talk, dict.fromkeys(PARTIES, ()), thresholds)
    found = _monologue(taking.of("agent"), speech, facts.now_ms, thresholds, alerts)
    minute = (max(0, facts.now_ms - OVERTALK_MS), facts.now_ms)
    analysed_ms = length(clip(facts.talk, minute))
    both_ms = length(clip(intersect(speech["agent"], speech["customer"]), minute))
    told = ""
    if analysed_ms >= OVERTALK_MS // 2 and 100 * both_ms >= alerts.overtalk_pct * analysed_ms:
        told = f"Both spoke for {100 * both_ms // analysed_ms} % of the last minute"
    events = [each for each in overtalk(speech, taking, thresholds) if each.start_ms >= facts.now_ms - INTERRUPTED_MS]
    for party in PARTIES:
        if (often := len(interruptions(events, party))) >= alerts.interruptions:
            told = f"{party.capitalize()} interrupted {often} times in {INTERRUPTED_MS // 60_000} min"
            break
    return [*found, AlertCondition(reason="overtalk", true_ms=facts.now_ms, text=told)] if told else found


def _monologue(
    turns: Sequence[Turn], speech: dict[Party, Intervals], now_ms: int, thresholds: ThresholdSet, alerts: AlertThresholds
) -> list[AlertCondition]:
    last = turns[-1] if turns else None
    # A turn goes on until the agent has been silent too long, or the other has taken the floor
    if last is None or now_ms - last.end_ms >= thresholds.turn_gap_ms or last.duration_ms < alerts.monologue_ms:
        return []
    if any(start >= last.end_ms for start, _ in speech["customer"]):
        return []
    text = f"Agent has spoken {clock(last.duration_ms)} without a break"
    return [AlertCondition(reason="monologue", true_ms=last.start_ms + alerts.monologue_ms, text=text)]


def _line(facts: FactsAt, alerts: AlertThresholds) -> list[AlertCondition]:
    """What is wrong with the line or with us, never with a person. One condition: what is worst is told."""
    now_ms, talk = facts.now_ms, facts.talk
    if facts.has_both and talk and talk[-1][1] >= now_ms:
        for party in PARTIES:
            if _is_mute(facts, party, alerts.line_silent_ms):
                return [AlertCondition(reason="line", true_ms=now_ms, text=f"No sound from {party}")]
    if facts.behind_ms >= alerts.line_behind_ms:
        return [AlertCondition(reason="line", true_ms=now_ms, text=f"Words are {facts.behind_ms // 1000} s behind")]
    return []


def _is_mute(facts: FactsAt, party: Party, silent_ms: int) -> bool:
    """Whether a side's packets come with nobody in them while the other side speaks."""
    before = facts.speech[party]
    since = max(facts.talk[-1][0], before[-1][1] if before else 0)
    needed_ms = silent_ms * (LATER if before else 1)
    if facts.now_ms - since < needed_ms:
        return False
    span = (since, facts.now_ms)
    if length(clip(facts.received[party], span)) < (facts.now_ms - since) // 2:
        return False
    theirs = clip(facts.speech[other(party)], span)
    # Somebody who listens to one long turn is silent, too: the other side asked and waited, more than once
    pauses = subtract((span,), theirs)
    waited = sum(end - start >= 1_000 for start, end in pauses if index_at(theirs, start - 1) is not None)
    return bool(theirs) and waited >= (LATER if before else 1)
