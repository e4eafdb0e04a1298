"""Questions, and requests to repeat."""

import pytest

from cc_voice.call.measure import measure
from cc_voice.call.metrics.questions import is_question
from cc_voice.call.rows import MeasuredCall
from cc_voice.call.utterances import Utterance, Word
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import channel, local, of_kind, reasons_of, stream


def said(text: str, language: str = "en", source: str = "local") -> Utterance:
    words = tuple(map(Word, text.split()))
    return Utterance(channel_id="a", start_ms=0, end_ms=1_000, text=text, words=words, language=language, source=source)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Could you spell that?", "en", True),
        ("I could spell that.", "en", False),
        ("Is it broken? No.", "en", False),
        ("He asked, “why?”", "en", True),
        ("お名前は？", "ja", True),
        ("お名前は", "ja", None),
        ("how may i help you today", "en", True),
        ("okay so what is your account number", "en", True),
        ("at what time", "en", True),
        ("can you help me", "en-GB", True),
        ("do you have any offers", "en", True),
        ("you can help me", "en", False),
        ("will call you back", "en", False),
        ("i know what you mean", "en", False),
        ("this is the right address isn't it", "en", True),
        ("that is right", "en", True),
        ("right", "en", False),
        ("that's right", "en", False),
        ("en qué puedo ayudarle", "es", True),
        ("¿En qué puedo ayudarle?", "es-MX", True),
        ("puede decirme su nombre", "es", True),
        ("usted puede decirme", "es", False),
        ("el número es ese verdad", "es", True),
        ("verdad", "es", False),
        ("", "en", False),
    ],
)
def test_what_is_a_question(text: str, language: str, expected: bool | None) -> None:
    assert is_question(said(text, language)) is expected


def call(*lines: Utterance, language: str = "en") -> MeasuredCall:
    agent, customer = channel("a", (0, 9_000), party="agent"), channel("c", (10_000, 19_000), party="customer")
    return measure([stream(agent, customer, utterances=lines, product="import", events=(), language=language)], ThresholdSet())


def test_only_the_agents_questions_count_and_each_has_its_seconds() -> None:
    asked, waiting = local("a", (0, 4_000), "how may i help you"), local("a", (5_000, 9_000), "one moment please")
    found = call(asked, waiting, local("c", (10_000, 19_000), "where is my bill"))
    (row,) = found.legs
    assert (row.question_count_agent, row.question_method) == (1, "pattern")
    assert row.questions_per_10min_agent == pytest.approx(600_000 / (row.analysed_ms or 0))
    assert [(one.start_ms, one.end_ms) for one in of_kind(found, "question")] == [(0, 4_000)]
    assert [line.is_question for line in found.utterances] == [True, False, True]


def test_requests_to_repeat_are_counted_of_both() -> None:
    found = call(local("a", (0, 9_000), "sorry could you repeat that"), local("c", (10_000, 19_000), "i can't hear you"))
    assert found.legs[0].repeat_request_count == 2
    assert [one.party for one in of_kind(found, "repeat_request")] == ["agent", "customer"]


def test_a_language_without_patterns_is_no_zero() -> None:
    lines = [local("a", (0, 9_000), "ja bitte", language="de"), local("c", (10_000, 19_000), "hallo", language="de")]
    found = call(*lines, language="de")
    assert (found.legs[0].question_count_agent, found.legs[0].repeat_request_count) == (None, None)
    assert reasons_of(found)["question_count_agent"] == "no_question_patterns"
    assert reasons_of(found)["repeat_request_count"] == "no_phrase_list"
    assert reasons_of(found)["filler_per_min_agent"] == "filler_recall_untested"
