"""All metrics of one leg, and the findings they are read from: the findings become evidence, the metrics a row."""

from collections.abc import Sequence

import msgspec

from cc_voice.call.asking import AskingFindings, asking_metrics, find_asking
from cc_voice.call.disagreement import disagreement_metrics
from cc_voice.call.intervals import Intervals, clip, length
from cc_voice.call.legs import Handling
from cc_voice.call.loudness import Echoed, Raised, echoed, loudness_metrics, raised_voices
from cc_voice.call.multilingual import LanguageFindings, by_language, find_languages, language_metrics
from cc_voice.call.needs import gate
from cc_voice.call.overlap import Overtalk, events_of, interruptions, overtalk
from cc_voice.call.pace import (
    Latency,
    greeting,
    interpolated,
    latencies,
    main_language,
    percentile,
    speed_drift,
    speed_unit,
    talk_speed,
)
from cc_voice.call.reasons import Metrics, Unmeasured, Value, percent
from cc_voice.call.scope import LegScope
from cc_voice.call.silence import LongSilence, dead_air_metrics, long_silence_metrics, long_silences, silence_metrics
from cc_voice.call.talk import (
    answer_metrics,
    balance_metrics,
    conversation_metrics,
    handling_metrics,
    quality_metrics,
    talk_metrics,
)
from cc_voice.call.turns import PARTIES, Party, TurnTaking, floor_changes, longest_turn_ms, overlapping_turns, take_turns
from cc_voice.call.words import SpokenWord, counted, spoken, within
from cc_voice.languages import primary
from cc_voice.thresholds import ThresholdSet


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a leg before it was counted."""

    words: dict[Party, tuple[SpokenWord, ...]]
    """Counted words in S_p: no fillers."""
    taking: TurnTaking
    overtalk: tuple[Overtalk, ...]
    silences: tuple[LongSilence, ...]
    latencies: dict[Party, tuple[Latency, ...]]
    greeting: tuple[int, int] | None
    languages: LanguageFindings
    raised: tuple[Raised, ...]
    echoes: tuple[Echoed, ...]
    asking: AskingFindings


def find(scope: LegScope, thresholds: ThresholdSet) -> Findings:
    """Find turns, overtalk, silences and pauses in a leg."""
    said = {party: spoken(scope.utterances[party]) for party in PARTIES}
    taking = take_turns(scope.speech, scope.analysed, said, thresholds)
    words = {party: counted(within(said[party], scope.analysed, scope.speech[party])) for party in PARTIES}
    agent_words = None if scope.no_words["agent"] else scope.utterances["agent"]
    echoes = echoed(scope, thresholds)
    return Findings(
        words=words,
        taking=taking,
        overtalk=overtalk(scope.speech, taking, thresholds),
        silences=long_silences(scope.waiting, scope.speech, agent_words, thresholds),
        latencies={party: latencies(taking.turns, party, thresholds) for party in PARTIES},
        greeting=greeting(taking.ipus, scope.leg.start_ms, scope.hold),
        languages=find_languages(scope, words, taking.turns, thresholds),
        raised=raised_voices(scope, echoes, thresholds),
        echoes=echoes,
        asking=find_asking(scope),
    )


def measure_leg(scope: LegScope, found: Findings, handling: Handling, thresholds: ThresholdSet) -> Metrics:
    """Return every metric of `needs.NEEDS`, each with a value or the reason why it has none."""
    monitored = clip(handling.monitored, scope.leg.span)
    theirs = scope.everything_said if scope.mixed else (words for party in PARTIES for words in scope.utterances[party])
    in_analysed = within(spoken(theirs), scope.analysed, scope.anybody)
    metrics: Metrics = {
        **handling_metrics(scope, monitored),
        **answer_metrics(scope, handling),
        **conversation_metrics(scope, in_analysed),
        **talk_metrics(scope),
        **balance_metrics(scope),
        **silence_metrics(scope.silence, scope.waiting, scope.analysed_ms),
        **long_silence_metrics(found.silences, length(scope.hold)),
        **dead_air_metrics(found.silences, scope.no_words["agent"] or "no_phrase_list"),
        **overtalk_metrics(found.overtalk),
        **turn_metrics(scope, found.taking, thresholds),
        **pace_metrics(scope, found, thresholds),
        **latency_metrics(found),
        **asking_metrics(scope, found.asking, found.words),
        **word_metrics(in_analysed, scope, thresholds),
        **language_metrics(scope, found.words, found.languages, thresholds),
        **_disagreement(scope),
        **loudness_metrics(scope, found.raised, found.echoes, thresholds),
        **quality_metrics(scope, thresholds.min_analysed_ms),
    }
    return gate(metrics, scope, thresholds)


def overtalk_metrics(found: Sequence[Overtalk]) -> Metrics:
    """`overtalk_count` (1.1), `interruptions_p` and `interruption_ms_p` (1.2)."""
    metrics: Metrics = {"overtalk_count": len(events_of(found))}
    for party in PARTIES:
        mine = interruptions(found, party)
        metrics[f"interruptions_{party}"] = len(mine)
        metrics[f"interruption_ms_{party}"] = sum(event.duration_ms for event in mine)
    return metrics


def turn_metrics(scope: LegScope, taking: TurnTaking, thresholds: ThresholdSet) -> Metrics:
    """Monologues, interactivity (1.3) and Voci's overlap share (1.1).

    `longest_monologue_ms_p`; `monologue_count_agent`: turns of at least 90 s; `turn_switch_per_min` = `turn_switch_count` /
    (len(A)/60000); `agent_overlap_turn_pct` = agent turns that begin while the customer speaks ÷ agent turns.
    """
    agent = taking.of("agent")
    changes = floor_changes(taking.turns)
    return {
        "backchannel_method": taking.method,
        "longest_monologue_ms_agent": longest_turn_ms(agent),
        "longest_monologue_ms_customer": longest_turn_ms(taking.of("customer")),
        "monologue_count_agent": sum(turn.duration_ms >= thresholds.monologue_ms for turn in agent),
        "turn_switch_count": changes,
        "turn_switch_per_min": changes * 60_000 / scope.analysed_ms if scope.analysed_ms else Unmeasured("too_short"),
        "agent_overlap_turn_pct": percent(overlapping_turns(agent, scope.speech["customer"]), len(agent), "no_turns"),
    }


def pace_metrics(scope: LegScope, found: Findings, thresholds: ThresholdSet) -> Metrics:
    """Talk speed per party in the language it spoke most, its drift, and the words counted (1.3)."""
    main = {party: main_language(found.words[party]) or primary(scope.language) for party in PARTIES}
    unit = speed_unit(main["agent"] if found.words["agent"] else main["customer"])
    metrics: Metrics = {"talk_speed_unit": unit}
    for party in PARTIES:
        metrics[f"wpm_{party}"] = _speed(scope, found, party, main[party], unit, thresholds)
        absent = scope.no_words[party]
        metrics[f"word_count_{party}"] = Unmeasured(absent) if absent else len(found.words[party])
    absent = scope.no_words["agent"]
    words, speech = words_in(scope, found, "agent", main["agent"])
    metrics["wpm_agent_delta"] = Unmeasured(absent) if absent else speed_drift(words, speech, scope.analysed, thresholds)
    return metrics


def _speed(scope: LegScope, found: Findings, party: Party, language: str, unit: str, thresholds: ThresholdSet) -> Value:
    absent = scope.no_words[party]
    if absent:
        return Unmeasured(absent)
    if speed_unit(language) != unit:
        return Unmeasured("mixed_talk_speed_units")
    return talk_speed(*words_in(scope, found, party, language), thresholds)


def words_in(scope: LegScope, found: Findings, party: Party, language: str) -> tuple[tuple[SpokenWord, ...], Intervals]:
    """Return a party's counted words in a language and the speech they were said in: all of S_p unless it spoke several."""
    words = found.words[party]
    if all(word.language == language for word in words):
        return words, scope.speech[party]
    mine = tuple(word for word in words if word.language == language)
    return mine, by_language(scope.spoken[party]).get(language, ())


def latency_metrics(found: Findings) -> Metrics:
    """`response_latency_ms_p_p50`, `_p90` (median and 90th percentile, interpolated) and `greeting_latency_ms` (1.3)."""
    metrics: Metrics = {}
    for party in PARTIES:
        values = [pair.latency_ms for pair in found.latencies[party]]
        metrics[f"response_latency_ms_{party}_p50"] = percentile(values, 0.5)
        metrics[f"response_latency_ms_{party}_p90"] = percentile(values, 0.9)
    heard = found.greeting
    metrics["greeting_latency_ms"] = Unmeasured("agent_did_not_speak") if heard is None else heard[1] - heard[0]
    return metrics


def word_metrics(words: Sequence[SpokenWord], scope: LegScope, thresholds: ThresholdSet) -> Metrics:
    """`asr_conf_mean`: mean confidence weighted by duration; `asr_conf_p10`: what a tenth of the words does not reach;
    `low_conf_word_pct`: share of words below 0.6 (1.6).

    Only local words have confidences; a word without duration counts as a millisecond.
    """
    heard = [(word.conf, max(1, word.end_ms - word.start_ms)) for word in words if word.conf is not None]
    if not heard:
        reason = _no_confidence(words, scope)
        return dict.fromkeys(("asr_conf_mean", "asr_conf_p10", "low_conf_word_pct"), reason)
    low = sum(conf < thresholds.low_conf for conf, _ in heard)
    weight = sum(ms for _, ms in heard)
    return {
        "asr_conf_mean": sum(conf * ms for conf, ms in heard) / weight,
        "asr_conf_p10": interpolated([conf for conf, _ in heard], 0.1),
        "low_conf_word_pct": 100 * low / len(heard),
    }


def _disagreement(scope: LegScope) -> Metrics:
    """`compared_word_count`, `differing_word_count`, `word_disagreement_pct`, of the leg and of each party."""
    reasons = set(scope.uncompared.values())
    whole = next((reason for reason in ("nothing_compared", "one_recogniser") if reason in reasons), scope.uncompared["agent"])
    metrics = disagreement_metrics("", scope.everything_compared, whole)
    for party in PARTIES:
        metrics |= disagreement_metrics(f"_{party}", scope.compared[party], scope.uncompared[party])
    return metrics


def _no_confidence(words: Sequence[SpokenWord], scope: LegScope) -> Unmeasured:
    if words:
        return Unmeasured("zoom_words_only")
    return Unmeasured(next((reason for reason in scope.no_words.values() if reason), "no_words"))
