"""A segment heard a second time: where phrases stand, when they replace what was heard, and the real engine."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.bench.degrade import telephone
from cc_voice.call.utterances import Word
from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import GrammarError
from cc_voice.speech.grammar import Fitted, Grammar, fit
from cc_voice.speech.phrase_boosting import MARK, OnlyPhrases, WithPhrases, found, replaced
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecognisedSegment, Recogniser
from cc_voice.speech.voice_activity.detector import DetectorFactory
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
        (said("a b c", 0.5), said("x y", 0.95), "x y c"),
        (said("a b c", 0.5), said("x", 0.95, 200), "a b x"),
        (said("a b c", 0.97), said("x y", 0.95), "a b c"),
        (said("a b c", 0.5), (Word("x", 0, 100, 1.0), Word("y", 100, 200, 0.85)), "a b c"),
        (said("a b c", 0.5), said("x", 0.95, 400), "a b c"),
        (said("a b c", 0.5), (Word("b", 60, 270, 0.95),), "a b c"),
        ((), said("x", 0.95), ""),
    ],
    ids=["replaced", "at its place", "less sure", "one word unsure", "where no word was heard", "there already", "nothing heard"],
)
def test_a_phrase_replaces_what_is_less_sure(old: tuple[Word, ...], new: tuple[Word, ...], text: str) -> None:
    assert " ".join(word.word for word in replaced(old, [new])) == text


def test_several_phrases_replace_each_their_own() -> None:
    assert [word.word for word in replaced(said("a b c d", 0.5), [said("x y", 1.0), said("z", 1.0, 300)])] == ["x", "y", "c", "z"]


@given(TEXTS, st.lists(st.integers(0, 7), max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_words_that_no_phrase_covers_stay(text: list[str], places: list[int], before: float, after: float) -> None:
    words = said(" ".join(text), before)
    kept = replaced(words, [said("x", after, 100 * place) for place in places])
    assert len(kept) == len(words)
    changed = [number for number, (old, new) in enumerate(zip(words, kept, strict=True)) if old != new]
    assert all(number in places and kept[number].word == "x" for number in changed)


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


class Scripted:
    """A factory whose recognisers hear what they are told: one thing freely, another where they are confined."""

    takes_grammars = True
    model_name = "scripted"
    language = "en"

    def __init__(self, freely: tuple[Word, ...], confined: tuple[Word, ...], *marks: str) -> None:
        self.freely, self.otherwise = freely, confined
        self.words = frozenset("abcxyz").union(marks or ("[unk]",))
        self.grammars: list[Grammar] = []

    def fit(self, phrases: Iterable[str]) -> Fitted:
        return fit(phrases, self.model_name, self.words)

    def create(self, sample_rate_hz: int) -> Recogniser:
        return Hearing(self.freely)

    def confined(self, grammar: Grammar, sample_rate_hz: int, *, once: bool = False) -> Recogniser:
        self.grammars.append(grammar)
        return Hearing(self.otherwise)


class Hearing:
    def __init__(self, words: tuple[Word, ...]) -> None:
        self.words = words

    def accept(self, pcm: bytes) -> None: ...

    def partial(self) -> str:
        return self.words[0].word

    def finish(self) -> RecognisedSegment:
        return RecognisedSegment(text=" ".join(word.word for word in self.words), words=self.words, conf=0.5)


def test_replaced_words_are_marked_and_others_are_as_they_were() -> None:
    scripted = Scripted(said("a b c", 0.5), said("x y", 1.0))
    factory = WithPhrases(scripted, ["x y"])
    assert factory.create(8000).partial() == "a"
    result = factory.create(8000).finish()
    assert (result.text, result.asr_model) == ("x y c", "scripted" + MARK)
    assert result.conf == pytest.approx(2.5 / 3)
    unchanged = WithPhrases(scripted, ["y z"]).create(8000).finish()
    assert (unchanged.text, unchanged.asr_model) == ("a b c", None)


def test_the_mark_reaches_the_utterance(spoken: Samples) -> None:
    scripted = Scripted(said("a b c", 0.5), said("x y", 1.0))
    pipeline = ChannelPipeline("ch", 16000, WithPhrases(scripted, ["x y"]), "en")
    utterances = pipeline.feed(spoken.tobytes()) + pipeline.finish()
    assert {one.asr_model for one in utterances} == {"scripted+phrases"}
    assert {one.text for one in utterances} == {"x y c"}


def test_a_segment_without_doubt_is_not_heard_again() -> None:
    scripted = Scripted(said("a b c", 0.96), said("x y", 1.0))
    assert WithPhrases(scripted, ["x y"]).create(8000).finish().text == "a b c"
    assert scripted.grammars == []


def test_only_windows_set_what_was_heard_against_the_phrases() -> None:
    scripted = Scripted(said("a b c", 0.5), said("x y", 1.0))
    OnlyPhrases(scripted, ["x y"]).create(8000).finish()
    WithPhrases(scripted, ["x y"]).create(8000).finish()
    assert [grammar.phrases for grammar in scripted.grammars] == [("x y", "a b c"), ("x y",)]


def test_without_a_word_for_anything_else_what_was_heard_stands_against_lists_too() -> None:
    """Else whatever is said becomes one of the phrases, and surely so."""
    scripted = Scripted(said("a b c", 0.5), said("a b c", 1.0), "<UNK>")
    assert WithPhrases(scripted, ["x y"]).create(8000).finish().text == "a b c"
    assert [(grammar.phrases, grammar.rest) for grammar in scripted.grammars] == [(("x y", "a b c"), False)]


@pytest.mark.parametrize("snr_db", [None, 15.0])
def test_speech_without_the_phrases_stays_as_it_is(
    scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]],
    vosk_factory: VoskFactory,
    two_stages: DetectorFactory,
    snr_db: float | None,
) -> None:
    call, channels = scenario("good-call")
    lines = [(one["start_ms"], one["end_ms"]) for one in call["lines"] if one["channel_id"] == "ch-c1"]
    samples = channels[1] if snr_db is None else telephone(channels[1], 16000, lines, snr_db)
    phrases = ["wonderful wilson", "another tablet", "emma security", "perfect night", "friday warranty"]
    texts = []
    for factory in (vosk_factory, WithPhrases(vosk_factory, phrases)):
        pipeline = ChannelPipeline("ch", 16000, factory, "en", detectors=two_stages)
        texts.append(pipeline.feed(samples.tobytes()) + pipeline.finish())
    assert texts[0] == texts[1]
    assert len(texts[0]) >= 6
