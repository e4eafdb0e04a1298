"""Pace: how fast each party talks (metric dictionary 1.3)."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from cc_voice.call.intervals import Intervals, canonical, length, split, subtract
from cc_voice.call.lexicon import UNSPACED
from cc_voice.call.metrics.entry import AGENT, CUSTOMER, NO_WORDS, Evidence, Metric
from cc_voice.call.metrics.languages import by_language
from cc_voice.call.metrics.leg_input import LegInput
from cc_voice.call.metrics.spoken_words import SpokenWord, read_out, within
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.call.reasons import Metrics, Unmeasured, Value
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet

Words = Mapping[Party, tuple[SpokenWord, ...]]
"""Counted words of each party in S_p: no fillers."""

METRICS = (
    Metric(
        name="wpm_agent",
        type="double",
        unit="talk_speed_unit",
        needs=AGENT,
        reasons=(*NO_WORDS, "mixed_talk_speed_units", "too_few_words", "too_little_speech"),
        evidence=Evidence("talk_speed", "agent"),
        label="Talk speed of agent",
        meaning="Recognised words without fillers and numbers read out per minute of the agent’s speech.",
        formula=(
            "the agent's words (`wpm`) or characters (`cpm`) in the language of most of them per minute of the agent's speech in "
            "it: without fillers, and without numbers read out ({digit_run_words} digits and more) and their time"
        ),
    ),
    Metric(
        name="wpm_customer",
        type="double",
        unit="talk_speed_unit",
        needs=CUSTOMER,
        reasons=(*NO_WORDS, "mixed_talk_speed_units", "too_few_words", "too_little_speech"),
        evidence=Evidence("talk_speed", "customer"),
        label="Talk speed of customer",
        meaning="Recognised words without fillers and numbers read out per minute of the customer’s speech.",
        formula=(
            "the customer's words (`wpm`) or characters (`cpm`) in the language of most of them per minute of the customer's "
            "speech in it: without fillers, and without numbers read out ({digit_run_words} digits and more) and their time"
        ),
    ),
    Metric(
        name="wpm_agent_delta",
        type="double",
        unit="talk_speed_unit",
        needs=AGENT,
        reasons=(*NO_WORDS, "too_few_words", "too_little_speech"),
        formula="the agent's talk speed, computed as wpm_agent, in the last quarter of A − in the first",
    ),
    Metric(
        name="talk_speed_unit",
        type="text",
        formula="`wpm`, or `cpm` where the agent's language (the customer's, if the agent has no words) is written without spaces",
    ),
    Metric(
        name="word_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=(*NO_WORDS,),
        formula="the agent's recognised words in A, characters of scripts without spaces; no fillers, but numbers read out",
    ),
    Metric(
        name="word_count_customer",
        type="integer",
        unit="count",
        needs=CUSTOMER,
        reasons=(*NO_WORDS,),
        formula="the customer's recognised words in A, characters of scripts without spaces; no fillers, but numbers read out",
    ),
)


def talk_speed(words: Sequence[SpokenWord], speech: Intervals, thresholds: ThresholdSet) -> Value:
    """`wpm_p`: words in S_p, without fillers, ÷ (talk_ms_p / 60000); characters in scripts without spaces.

    Numbers read out (six digits and more) are left out of both words and time: counting their words would inflate the speed, as
    1.3 says; keeping their time would understate it by as much. `words` are counted units of one language, sorted.
    """
    kept, without_numbers = paced(words, speech, thresholds)
    if len(kept) < thresholds.min_wpm_words:
        return Unmeasured("too_few_words")
    talk_ms = length(without_numbers)
    if talk_ms < thresholds.min_wpm_talk_ms:
        return Unmeasured("too_little_speech")
    return len(kept) / (talk_ms / 60_000)


def paced(words: Sequence[SpokenWord], speech: Intervals, thresholds: ThresholdSet) -> tuple[tuple[SpokenWord, ...], Intervals]:
    """Return words and speech without the numbers that are read out."""
    numbers = read_out(words, thresholds.digit_run_words)
    kept = tuple(word for index, word in enumerate(words) if index not in numbers)
    return kept, subtract(speech, canonical((words[index].start_ms, words[index].end_ms) for index in numbers))


class PacePiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the speech that a talk speed was read from, and how many of its words are in it."""

    party: Party
    language: str
    start_ms: int
    end_ms: int
    words: int


def pace_pieces(scope: LegInput, words: Words, party: Party, thresholds: ThresholdSet) -> Iterator[PacePiece]:
    """Yield what `wpm_p` is made of: Σ words ÷ Σ minutes of these. A word between two pieces is of the one before."""
    language = main_language(words[party]) or primary(scope.language)
    kept, speech = paced(*words_in(scope, words, party, language), thresholds)
    starts = [start for start, _ in speech]
    counts = Counter(max(0, bisect_right(starts, word.at_ms) - 1) for word in kept)
    for place, (start, end) in enumerate(speech):
        yield PacePiece(party=party, language=language, start_ms=start, end_ms=end, words=counts[place])


def main_language(words: Sequence[SpokenWord]) -> str | None:
    """Return the language of most words, the earliest on a tie: speeds of different languages are never mixed."""
    return max(counts, key=counts.__getitem__) if (counts := Counter(word.language for word in words)) else None


def speed_unit(language: str) -> str:
    """`talk_speed_unit`: words or characters per minute."""
    return "cpm" if language in UNSPACED else "wpm"


def speed_drift(words: Sequence[SpokenWord], speech: Intervals, analysed: Intervals, thresholds: ThresholdSet) -> Value:
    """`wpm_agent_delta`: talk speed in the last quarter of A − in the first; NULL if either quarter alone is too thin."""
    quarters = split(analysed, 4)
    first, last = (
        talk_speed(within(words, quarter, speech), subtract(speech, subtract(speech, quarter)), thresholds)
        for quarter in (quarters[0], quarters[-1])
    )
    if isinstance(first, Unmeasured):
        return first
    if isinstance(last, Unmeasured):
        return last
    return float(last) - float(first)


def pace_metrics(scope: LegInput, words: Words, thresholds: ThresholdSet) -> Metrics:
    """Talk speed per party in the language it spoke most, its drift, and the words counted (1.3)."""
    main = {party: main_language(words[party]) or primary(scope.language) for party in PARTIES}
    unit = speed_unit(main["agent"] if words["agent"] else main["customer"])
    metrics: Metrics = {"talk_speed_unit": unit}
    for party in PARTIES:
        metrics[f"wpm_{party}"] = _speed(scope, words, party, main[party], unit, thresholds)
        absent = scope.no_words[party]
        metrics[f"word_count_{party}"] = Unmeasured(absent) if absent else len(words[party])
    absent = scope.no_words["agent"]
    said, speech = words_in(scope, words, "agent", main["agent"])
    metrics["wpm_agent_delta"] = Unmeasured(absent) if absent else speed_drift(said, speech, scope.analysed, thresholds)
    return metrics


def _speed(scope: LegInput, words: Words, party: Party, language: str, unit: str, thresholds: ThresholdSet) -> Value:
    absent = scope.no_words[party]
    if absent:
        return Unmeasured(absent)
    if speed_unit(language) != unit:
        return Unmeasured("mixed_talk_speed_units")
    return talk_speed(*words_in(scope, words, party, language), thresholds)


def words_in(scope: LegInput, words: Words, party: Party, language: str) -> tuple[tuple[SpokenWord, ...], Intervals]:
    """Return a party's counted words in a language and the speech they were said in: all of S_p unless it spoke several."""
    said = words[party]
    if all(word.language == language for word in said):
        return said, scope.speech[party]
    mine = tuple(word for word in said if word.language == language)
    return mine, by_language(scope.spoken[party]).get(language, ())
