"""Recogniser quality: how sure it is of its words, and on how many it and Zoom's transcript disagree (metric dictionary 1.6)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from cc_voice.call.metrics.entry import AGENT, CUSTOMER, NO_WORDS, Evidence, Metric
from cc_voice.call.metrics.languages import Who
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.percentiles import interpolated
from cc_voice.call.metrics.spoken_words import SpokenWord
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.call.reasons import Metrics, Unmeasured
from cc_voice.call.transcript.disagreement import Compared
from cc_voice.config.thresholds import ThresholdSet

_DIFFERENCES = Evidence("disagreement")
_OF_AGENT, _OF_CUSTOMER = (Evidence("disagreement", party) for party in PARTIES)

METRICS = (
    Metric(
        name="asr_conf_mean",
        type="double",
        unit="0–1",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        no_evidence="It is of every word; the doubtful ones are marked in the transcript.",
        label="Word confidence",
        meaning="Mean confidence of the recognised words, weighted by their length; 1 is certain.",
        formula="recogniser's confidence in the leg's words in A, weighted by duration; Zoom gives none",
    ),
    Metric(
        name="asr_conf_p10",
        type="double",
        unit="0–1",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        formula="what the recogniser's confidence in a tenth of the leg's words does not reach",
        since="0.2.0",
    ),
    Metric(
        name="low_conf_word_pct",
        type="double",
        unit="%",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        evidence=Evidence("doubtful_words"),
        label="Doubtful words",
        meaning="Share of words with a confidence below {low_conf}.",
        formula="100 · words in A with a confidence below {low_conf} ÷ words in A that have one",
    ),
    Metric(
        name="asr_conf_mean_agent",
        type="double",
        unit="0–1",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        formula="recogniser's confidence in the agent's words in A, weighted by duration; Zoom gives none",
        since="0.2.0",
    ),
    Metric(
        name="low_conf_word_pct_agent",
        type="double",
        unit="%",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        evidence=Evidence("doubtful_words", "agent"),
        label="Doubtful words of agent",
        meaning="Share of the agent’s words with a confidence below {low_conf}.",
        formula="100 · the agent's words with a confidence below {low_conf} ÷ conf_word_count_agent",
        since="0.2.0",
    ),
    Metric(
        name="conf_word_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        formula="the agent's words in A that have a confidence",
        since="0.2.0",
    ),
    Metric(
        name="asr_conf_mean_customer",
        type="double",
        unit="0–1",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        formula="recogniser's confidence in the customer's words in A, weighted by duration; Zoom gives none",
        since="0.2.0",
    ),
    Metric(
        name="low_conf_word_pct_customer",
        type="double",
        unit="%",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        evidence=Evidence("doubtful_words", "customer"),
        label="Doubtful words of customer",
        meaning="Share of the customer’s words with a confidence below {low_conf}.",
        formula="100 · the customer's words with a confidence below {low_conf} ÷ conf_word_count_customer",
        since="0.2.0",
    ),
    Metric(
        name="conf_word_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "zoom_words_only"),
        formula="the customer's words in A that have a confidence",
        since="0.2.0",
    ),
    Metric(
        name="compared_word_count",
        type="integer",
        unit="count",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        formula=(
            "words that our recogniser and Zoom's transcript both heard in one language: of each piece of speech, those of "
            "the longer version"
        ),
        since="0.2.0",
    ),
    Metric(
        name="compared_word_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        formula="of these the agent's",
        since="0.2.0",
    ),
    Metric(
        name="compared_word_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        formula="of these the customer's",
        since="0.2.0",
    ),
    Metric(
        name="differing_word_count",
        type="integer",
        unit="count",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_DIFFERENCES,
        formula=(
            "words to replace, insert and delete to turn one version into the other; case, punctuation and figures do not count"
        ),
        since="0.2.0",
    ),
    Metric(
        name="differing_word_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_OF_AGENT,
        formula="of these the agent's",
        since="0.2.0",
    ),
    Metric(
        name="differing_word_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_OF_CUSTOMER,
        formula="of these the customer's",
        since="0.2.0",
    ),
    Metric(
        name="word_disagreement_pct",
        type="double",
        unit="%",
        needs=("length",),
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_DIFFERENCES,
        label="Words heard differently",
        meaning="Share of words on which our recogniser and Zoom’s transcript disagree; one of them is wrong there.",
        formula=(
            "`differing_word_count` ÷ `compared_word_count`: a word error rate with the longer version as reference, as "
            "neither is the truth"
        ),
        since="0.2.0",
    ),
    Metric(
        name="word_disagreement_pct_agent",
        type="double",
        unit="%",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_OF_AGENT,
        label="Heard differently, agent",
        meaning="Share of the agent’s words on which our recogniser and Zoom’s transcript disagree.",
        formula="the same of what the agent said",
        since="0.2.0",
    ),
    Metric(
        name="word_disagreement_pct_customer",
        type="double",
        unit="%",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "no_words", "one_recogniser", "nothing_compared"),
        evidence=_OF_CUSTOMER,
        label="Heard differently, customer",
        meaning="Share of the customer’s words on which our recogniser and Zoom’s transcript disagree.",
        formula="the same of what the customer said",
        since="0.2.0",
    ),
)


Heard = Mapping[Who, Sequence[SpokenWord]]
"""Words in A of each party, in order; of nobody in particular on a mixed channel."""


def confidence_metrics(heard: Heard, scope: LegInput, thresholds: ThresholdSet) -> Metrics:
    """`asr_conf_mean`: mean confidence weighted by duration; `asr_conf_p10`: what a tenth of the words does not reach;
    `low_conf_word_pct`: share of words below 0.6 (1.6). The same of each party, `conf_word_count_p` words.

    Only local words have confidences; a word without duration counts as a millisecond.
    """
    everybody = [word for said in heard.values() for word in said]
    metrics = _confidence("", everybody, _no_confidence(everybody, scope, PARTIES), thresholds)
    del metrics["conf_word_count"]
    for party in PARTIES:
        said = heard.get(party, ())
        metrics |= _confidence(f"_{party}", said, _no_confidence(said, scope, (party,)), thresholds)
        del metrics[f"asr_conf_p10_{party}"]
    return metrics


def _confidence(suffix: str, words: Sequence[SpokenWord], reason: Unmeasured, thresholds: ThresholdSet) -> Metrics:
    heard = [(word.conf, max(1, word.end_ms - word.start_ms)) for word in words if word.conf is not None]
    names = [f"{name}{suffix}" for name in ("asr_conf_mean", "asr_conf_p10", "low_conf_word_pct", "conf_word_count")]
    if not heard:
        return dict.fromkeys(names, reason)
    low = sum(conf < thresholds.low_conf for conf, _ in heard)
    weight = sum(ms for _, ms in heard)
    mean = sum(conf * ms for conf, ms in heard) / weight
    p10 = interpolated([conf for conf, _ in heard], 0.1)
    return dict(zip(names, (mean, p10, 100 * low / len(heard), len(heard)), strict=True))


class DoubtfulWords(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive words of a party, none of which the recogniser is sure of."""

    party: Who
    start_ms: int
    end_ms: int
    words: int


def doubtful_words(heard: Heard, thresholds: ThresholdSet) -> Iterator[DoubtfulWords]:
    """Yield what `low_conf_word_pct` counts."""
    for who, said in heard.items():
        sure = [word for word in said if word.conf is not None]
        for is_low, group in groupby(sure, key=lambda word: (word.conf or 0.0) < thresholds.low_conf):
            words = tuple(group)
            if is_low:
                end_ms = max(word.end_ms for word in words)
                yield DoubtfulWords(party=who, start_ms=words[0].start_ms, end_ms=end_ms, words=len(words))


def disagreement_metrics(scope: LegInput) -> Metrics:
    """`compared_word_count`, `differing_word_count`, `word_disagreement_pct`, of the leg and of each party."""
    reasons = set(scope.uncompared.values())
    whole = next((reason for reason in ("nothing_compared", "one_recogniser") if reason in reasons), scope.uncompared["agent"])
    metrics = disagreement_of("", scope.everything_compared, whole)
    for party in PARTIES:
        metrics |= disagreement_of(f"_{party}", scope.compared[party], scope.uncompared[party])
    return metrics


def _no_confidence(words: Sequence[SpokenWord], scope: LegInput, parties: Sequence[Party]) -> Unmeasured:
    if words:
        return Unmeasured("zoom_words_only")
    return Unmeasured(next((reason for party in parties if (reason := scope.no_words[party])), "no_words"))


def disagreement_of(suffix: str, compared: Sequence[Compared], reason: str) -> Metrics:
    """`compared_word_count`, `differing_word_count`, `word_disagreement_pct` of a party (`_agent`) or of all; else the reason."""
    words, differing = sum(piece.words for piece in compared), sum(piece.differing for piece in compared)
    names = (f"compared_word_count{suffix}", f"differing_word_count{suffix}", f"word_disagreement_pct{suffix}")
    if not words:
        return dict.fromkeys(names, Unmeasured(reason))
    return dict(zip(names, (words, differing, 100 * differing / words), strict=True))
