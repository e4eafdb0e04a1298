"""Questions: those of the agent, and requests to repeat (metric dictionary 1.3).

Where a recogniser punctuates, a question is what ends in a question mark; elsewhere it is told by the order of its words. A tone of
voice that makes a statement a question is heard by neither.
"""

from collections.abc import Iterable, Mapping

import msgspec

from cc_voice.call.intervals import contains
from cc_voice.call.lexicon import REPEAT_PHRASES, asks, asks_to_repeat, normalise
from cc_voice.call.metrics.entry import AGENT, BOTH, NO_WORDS, Evidence, Metric
from cc_voice.call.metrics.leg_input import LegInput, middle
from cc_voice.call.metrics.spoken_words import SpokenWord
from cc_voice.call.metrics.talk_speed import main_language
from cc_voice.call.metrics.turns import PARTIES, Party
from cc_voice.call.reasons import Metrics, Unmeasured, Value
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary

PUNCT, PATTERN, MIXED = "punct", "pattern", "mixed"
_MARKS = frozenset(".?!…。？！؟")
_QUESTION_MARKS = ("?", "？", "؟")
_CLOSING = " \"'”’»)"

_QUESTIONS = Evidence("question", "agent")

METRICS = (
    Metric(
        name="question_count_agent",
        type="integer",
        unit="count",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "no_question_patterns"),
        evidence=_QUESTIONS,
        label="Questions by agent",
        meaning="Utterances of the agent that ask something.",
        formula=(
            "the agent's utterances that are questions: by question mark where the source punctuates, else by the order of words"
        ),
        since="0.2.0",
    ),
    Metric(
        name="questions_per_10min_agent",
        type="double",
        unit="per 10 min",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "no_question_patterns"),
        evidence=_QUESTIONS,
        formula="question_count_agent ÷ (A / 10 min)",
        since="0.2.0",
    ),
    Metric(
        name="question_method",
        type="text",
        needs=AGENT,
        reasons=(*NO_WORDS, "no_words", "no_question_patterns"),
        formula="how questions were told: `punct`, `pattern` or `mixed`",
        since="0.2.0",
    ),
    Metric(
        name="filler_per_min_agent",
        type="double",
        unit="per min",
        needs=AGENT,
        reasons=("filler_recall_untested",),
        formula="the agent's hesitations ÷ talk minutes; NULL, as no model's recall of them was tested",
        since="0.2.0",
    ),
    Metric(
        name="repeat_request_count",
        type="integer",
        unit="count",
        needs=BOTH,
        reasons=(*NO_WORDS, "no_phrase_list"),
        evidence=Evidence("repeat_request"),
        label="Requests to repeat",
        meaning="How often somebody said that something was not heard.",
        formula="utterances of either party that say that something was not heard",
        since="0.2.0",
    ),
)


class QuestionFindings(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked in a leg, in analysed time."""

    questions: tuple[Utterance, ...]
    """The agent's."""
    methods: frozenset[str]
    """How the agent's utterances were judged."""
    undecided: bool
    """The agent said something in a language of which we have no patterns, and it is not punctuated."""
    repeats: dict[Party, tuple[Utterance, ...]]
    """Requests to repeat, by who made them."""


def is_question(utterance: Utterance) -> bool | None:
    """Tell whether an utterance is a question; None where nothing tells: no punctuation, and no patterns of its language."""
    if _punctuated(utterance):
        return utterance.text.rstrip(_CLOSING).endswith(_QUESTION_MARKS)
    return asks(_words(utterance), utterance.language)


def find_questions(scope: LegInput) -> QuestionFindings:
    """Find questions and requests to repeat."""
    heard = {party: [words for words in scope.utterances[party] if contains(scope.analysed, middle(words))] for party in PARTIES}
    verdicts = [(words, is_question(words)) for words in heard["agent"]]
    return QuestionFindings(
        questions=tuple(words for words, asked in verdicts if asked),
        methods=frozenset(PUNCT if _punctuated(words) else PATTERN for words in heard["agent"]),
        undecided=any(asked is None for _, asked in verdicts),
        repeats={party: tuple(_repeats(heard[party])) for party in PARTIES},
    )


def question_metrics(scope: LegInput, found: QuestionFindings, words: Mapping[Party, tuple[SpokenWord, ...]]) -> Metrics:
    """Questions and repetition (1.3).

    `question_count_agent`: one per utterance at most; `questions_per_10min_agent` = count / (len(A)/600000); `question_method`:
    punct, pattern, or mixed; `repeat_request_count`: utterances of either party that say that something was not heard;
    `filler_per_min_agent`: not measured, as no model's recall of fillers has been tested.
    """
    return {
        **_question_metrics(scope, found),
        "filler_per_min_agent": Unmeasured("filler_recall_untested"),
        "repeat_request_count": _repeat_requests(scope, found, words),
    }


def _question_metrics(scope: LegInput, found: QuestionFindings) -> Metrics:
    reason = scope.no_words["agent"] or ("no_question_patterns" if found.undecided else None if found.methods else "no_words")
    if reason:
        return dict.fromkeys(("question_count_agent", "questions_per_10min_agent", "question_method"), Unmeasured(reason))
    count = len(found.questions)
    return {
        "question_count_agent": count,
        "questions_per_10min_agent": count * 600_000 / scope.analysed_ms if scope.analysed_ms else Unmeasured("too_short"),
        "question_method": next(iter(found.methods)) if len(found.methods) == 1 else MIXED,
    }


def _repeat_requests(scope: LegInput, found: QuestionFindings, words: Mapping[Party, tuple[SpokenWord, ...]]) -> Value:
    if without := next((scope.no_words[party] for party in PARTIES if scope.no_words[party]), None):
        return Unmeasured(without)
    if any((main_language(words[party]) or primary(scope.language)) not in REPEAT_PHRASES for party in PARTIES):
        return Unmeasured("no_phrase_list")
    return sum(len(found.repeats[party]) for party in PARTIES)


def _repeats(heard: Iterable[Utterance]) -> Iterable[Utterance]:
    return (words for words in heard if asks_to_repeat(_words(words), words.language))


def _punctuated(utterance: Utterance) -> bool:
    return not _MARKS.isdisjoint(utterance.text)


def _words(utterance: Utterance) -> list[str]:
    return [word for word in (normalise(one.word) for one in utterance.words) if word]
