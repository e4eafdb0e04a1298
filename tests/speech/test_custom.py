"""A segment heard a second time: where phrases stand, when they replace what was heard, and the real engine."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.transcript import Word
from cc_voice.speech.codecs import Samples
from cc_voice.speech.custom import OnlyPhrases, found, replaced
from cc_voice.speech.errors import GrammarError
from cc_voice.speech.vosk import VoskFactory

TEXTS = st.lists(st.sampled_from("abc"), max_size=8)


def said(text: str, conf: float = 1.0, start_ms: int = 0) -> tuple[Word, ...]:
    """Words of 100 ms, one after the other."""
    return tuple(Word(word, start_ms + 100 * at, start_ms + 100 * (at + 1), conf) for at, word in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "phrases", "spans"),
    [
        ("a b c", ["b"], [(1, 2)]),
        ("a b c", ["a b", "b c"], [(0, 2)]),
        ("a b c", ["a", "a b"], [(0, 2)]),
        ("a a a", ["a a"], [(0, 2)]),
        ("a b", ["a c", "b a"], []),
        ("", ["a"], []),
    ],
)
def test_where_phrases_stand(text: str, phrases: list[str], spans: list[tuple[int, int]]) -> None:
    assert found(said(text), phrases) == spans


@given(TEXTS, st.lists(TEXTS.filter(bool), max_size=4))
def test_spans_are_phrases_in_order_and_never_overlap(text: list[str], phrases: list[list[str]]) -> None:
    spans = found(said(" ".join(text)), [" ".join(phrase) for phrase in phrases])
    assert all(text[low:high] in phrases for low, high in spans)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (said("a b c", 0.5), said("x y", 0.9), "x y c"),
        (said("a b c", 0.5), said("x", 0.9, 200), "a b x"),
        (said("a b c", 0.85), said("x y", 0.9), "a b c"),
        (said("a b c", 0.5), (Word("x", 0, 100, 0.95), Word("y", 100, 200, 0.7)), "a b c"),
        (said("a b c", 0.5), said("x", 0.9, 400), "a b c"),
        ((), said("x", 0.9), ""),
    ],
    ids=["replaced", "at its place", "by too little", "one word unsure", "where no word was heard", "nothing heard"],
)
def test_a_phrase_replaces_what_is_clearly_less_sure(old: tuple[Word, ...], new: tuple[Word, ...], text: str) -> None:
    assert " ".join(word.word for word in replaced(old, [new])) == text


def test_what_was_heard_the_same_way_stays_with_its_confidence() -> None:
    words = said("a b c", 0.5)
    assert replaced(words, [said("a b", 1.0)]) == words


def test_nothing_but_phrases_is_heard(
    scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]], vosk_factory: VoskFactory
) -> None:
    call, channels = scenario("good-call")
    (line,) = [one for one in call["lines"] if "ninety nine dollars" in one["text"]]
    pcm = channels[1][(line["start_ms"] - 200) * 16 : (line["end_ms"] + 200) * 16].tobytes()
    factory = OnlyPhrases(vosk_factory, ["Ninety-nine dollars", "my invoice", "account number", "widgetron"])
    assert (factory.model_name, factory.language) == (vosk_factory.model_name, "en")
    assert [one.phrase for one in factory.left_out] == ["widgetron"]
    recogniser = factory.create(16000)
    recogniser.accept(pcm[:70_001])
    assert recogniser.partial() == ""
    recogniser.accept(pcm[70_001:])
    result = recogniser.finish()
    assert result.text == "ninety nine dollars my invoice"
    assert result.conf is not None
    assert result.conf > 0.9


def test_silence_holds_no_phrase(vosk_factory: VoskFactory) -> None:
    recogniser = OnlyPhrases(vosk_factory, ["zero"]).create(8000)
    recogniser.accept(bytes(16000))
    assert recogniser.finish().text == ""


@pytest.mark.parametrize(("phrases", "says"), [(["widgetron"], "knows none of the phrases: 'widgetron'"), ([], "there are none")])
def test_a_model_that_knows_none_of_the_phrases_says_so(vosk_factory: VoskFactory, phrases: list[str], says: str) -> None:
    with pytest.raises(GrammarError, match=says):
        OnlyPhrases(vosk_factory, phrases)
