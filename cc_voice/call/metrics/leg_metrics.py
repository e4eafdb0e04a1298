"""All metrics of one leg, and the findings they are read from: the findings become evidence, the metrics a row."""

import msgspec

from cc_voice.call.ids import leg_id
from cc_voice.call.intervals import clip, length
from cc_voice.call.legs.assignment import Handling
from cc_voice.call.metrics.call_quality import quality_metrics
from cc_voice.call.metrics.handling import answer_metrics, conversation_metrics, handling_metrics
from cc_voice.call.metrics.languages import LanguageFindings, Who, find_languages, language_metrics
from cc_voice.call.metrics.latency import Latency, greeting, latencies, latency_metrics
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.loudness import Echoed, Raised, doubtful_echo, echoed, loudness_metrics, raised_voices
from cc_voice.call.metrics.monologues import turn_metrics
from cc_voice.call.metrics.overtalk import Overtalk, overtalk, overtalk_metrics
from cc_voice.call.metrics.preconditions import check_preconditions
from cc_voice.call.metrics.questions import QuestionFindings, find_questions, question_metrics
from cc_voice.call.metrics.recogniser_quality import Heard, confidence_metrics, disagreement_metrics
from cc_voice.call.metrics.sentiment import sentiment_metrics_unscored
from cc_voice.call.metrics.silence import LongSilence, dead_air_metrics, long_silence_metrics, long_silences, silence_metrics
from cc_voice.call.metrics.spoken_words import SpokenWord, counted, spoken, within
from cc_voice.call.metrics.talk import balance_metrics, talk_metrics
from cc_voice.call.metrics.talk_speed import pace_metrics
from cc_voice.call.metrics.turns import PARTIES, Party, TurnTaking, take_turns
from cc_voice.call.reasons import Metrics
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet


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
    asking: QuestionFindings
    heard: Heard


def find(scope: LegInput, thresholds: ThresholdSet) -> Findings:
    """Find turns, overtalk, silences and pauses in a leg."""
    said = {party: spoken(scope.utterances[party]) for party in PARTIES}
    taking = take_turns(scope.speech, scope.analysed, said, thresholds)
    words = {party: counted(within(said[party], scope.analysed, scope.speech[party])) for party in PARTIES}
    agent_words = None if scope.no_words["agent"] else scope.utterances["agent"]
    echoes = echoed(scope, thresholds)
    everybody: dict[Who, tuple[Utterance, ...]] = {party: scope.utterances[party] for party in PARTIES}
    if scope.mixed:
        everybody = {None: scope.everything_said}
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
        asking=find_questions(scope),
        heard={who: within(spoken(words), scope.analysed, scope.anybody) for who, words in everybody.items()},
    )


class MeasuredLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A finished analysis of one leg: all that its rows are made of."""

    leg_id: str
    scope: LegInput
    thresholds: ThresholdSet
    """Those of its queue."""
    found: Findings
    metrics: Metrics


def measure_leg(call_id: str, scope: LegInput, handling: Handling, thresholds: ThresholdSet) -> MeasuredLeg:
    """Find and count everything in a leg: every metric of the dictionary gets a value, or the reason why it has none."""
    found = find(scope, thresholds)
    return MeasuredLeg(
        leg_id=leg_id(call_id, scope.leg.number),
        scope=scope,
        thresholds=thresholds,
        found=found,
        metrics=check_preconditions(leg_metrics(scope, found, handling, thresholds), scope, thresholds),
    )


def leg_metrics(scope: LegInput, found: Findings, handling: Handling, thresholds: ThresholdSet) -> Metrics:
    """Return what every section measures, whatever stands in the way: `check_preconditions` looks at that."""
    monitored = clip(handling.monitored, scope.leg.span)
    loudness = loudness_metrics(scope, found.raised, found.echoes, thresholds)
    return {
        **handling_metrics(scope, monitored),
        **answer_metrics(scope, handling),
        **conversation_metrics(scope, tuple(word for said in found.heard.values() for word in said)),
        **talk_metrics(scope),
        **balance_metrics(scope),
        **silence_metrics(scope.silence, scope.waiting, scope.analysed_ms),
        **long_silence_metrics(found.silences, length(scope.hold)),
        **dead_air_metrics(found.silences, scope.no_words["agent"] or "no_phrase_list"),
        **overtalk_metrics(scope, found.overtalk, found.taking.of("agent")),
        **latency_metrics(found.latencies, found.greeting),
        **pace_metrics(scope, found.words, thresholds),
        **turn_metrics(scope, found.taking, thresholds),
        **question_metrics(scope, found.asking, found.words),
        **sentiment_metrics_unscored(scope),
        **confidence_metrics(found.heard, scope, thresholds),
        **disagreement_metrics(scope),
        **language_metrics(scope, found.languages, thresholds),
        **loudness,
        **quality_metrics(scope, loudness, doubtful_echo(scope, found.echoes, thresholds), thresholds),
    }
