"""Engines of the real recogniser, lent again and again: nothing of one channel may reach another.

The tiny model is put together while decoding, as the makers' small ones are; its graph is only too small to be kept by default.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.models.inventory import ModelInfo, composed_mb
from cc_voice.speech.phrase_boosting import WithPhrases
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecognisedSegment, Recogniser, RecogniserFactory
from cc_voice.speech.recogniser_pool import RecogniserPool
from cc_voice.speech.vosk import VoskFactory
from tests.speech.test_vosk import copy_of

RATE = 16_000


class Kept:
    """A factory whose recogniser keeps the audio of segments: what the pipeline cuts a channel into."""

    model_name, language = "kept", "en"

    def __init__(self) -> None:
        self.segments: list[bytes] = []

    def create(self, sample_rate_hz: int) -> Recogniser:
        self.segments.append(b"")
        return self

    def accept(self, pcm: bytes) -> None:
        self.segments[-1] += pcm

    def partial(self) -> str:
        return ""

    def finish(self) -> RecognisedSegment:
        return RecognisedSegment(text="")


def segments_of(samples: Samples) -> list[bytes]:
    kept = Kept()
    pipeline = ChannelPipeline("channel", RATE, kept, "en")
    pipeline.feed(samples.tobytes())
    pipeline.finish()
    return kept.segments


@pytest.fixture(scope="module")
def parties(scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]]) -> list[list[bytes]]:
    """The segments of two speakers."""
    return [segments_of(channel) for channel in scenario("good-call")[1]]


@pytest.fixture
def pool() -> RecogniserPool[Any]:
    """Room for a few engines of any size."""
    return RecogniserPool(2.0, smallest_graph_mb=0.0)


@pytest.fixture
def pooled(test_model: ModelInfo, pool: RecogniserPool[Any]) -> VoskFactory:
    return VoskFactory(test_model, pool)


def heard(factory: RecogniserFactory, pcm: bytes) -> RecognisedSegment:
    return _finished(factory.create(RATE), pcm)


def same(one: RecognisedSegment, other: RecognisedSegment) -> bool:
    """Whether words and their times are equal; confidence may differ a little with the order in which a graph was put together."""
    plain = [[(word.word, word.start_ms, word.end_ms) for word in each.words] for each in (one, other)]
    sure = [abs((a.conf or 0) - (b.conf or 0)) for a, b in zip(one.words, other.words, strict=False)]
    return plain[0] == plain[1] and one.text == other.text and max(sure, default=0.0) < 0.02


def test_a_segment_is_heard_alike_whoever_used_the_engine_before(
    vosk_factory: VoskFactory, pooled: VoskFactory, pool: RecogniserPool[Any], parties: list[list[bytes]]
) -> None:
    agent, customer = parties
    expected = {pcm: heard(vosk_factory, pcm) for pcm in (*agent, *customer)}
    mixed = [pcm for pair in zip(agent, customer, strict=False) for pcm in pair]
    for order in (agent, customer, mixed, mixed[::-1]):
        assert all(same(heard(pooled, pcm), expected[pcm]) for pcm in order)
    counts = pool.counts()
    assert (counts.fresh, counts.kept, counts.spoilt) == (1, 1, 0)
    assert counts.lent == len(agent) + len(customer) + 2 * len(mixed)


def test_both_speak_at_once(
    vosk_factory: VoskFactory, pooled: VoskFactory, pool: RecogniserPool[Any], parties: list[list[bytes]]
) -> None:
    agent, customer = parties
    for mine, theirs in zip(agent, customer, strict=False):
        both = [pooled.create(RATE) for _ in range(2)]
        for at in range(0, max(len(mine), len(theirs)), 3200):
            for recogniser, pcm in zip(both, (mine, theirs), strict=True):
                recogniser.accept(pcm[at : at + 3200])
                assert recogniser.partial() is not None
        assert same(both[0].finish(), heard(vosk_factory, mine))
        assert same(both[1].finish(), heard(vosk_factory, theirs))
    assert pool.counts().fresh == 2


def test_threads_get_the_words_of_their_own_channel(
    vosk_factory: VoskFactory, pooled: VoskFactory, pool: RecogniserPool[Any], parties: list[list[bytes]]
) -> None:
    all_of_them = [pcm for party in parties for pcm in party] * 3
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda pcm: heard(pooled, pcm), all_of_them))
    assert all(same(result, heard(vosk_factory, pcm)) for result, pcm in zip(results, all_of_them, strict=True))
    assert pool.counts().fresh <= 4


def test_words_of_the_one_before_are_in_no_partial(pooled: VoskFactory, parties: list[list[bytes]]) -> None:
    assert heard(pooled, parties[0][0]).text
    recogniser = pooled.create(RATE)
    assert recogniser.partial() == ""
    recogniser.accept(bytes(RATE))
    assert recogniser.partial() == ""
    assert recogniser.finish() == RecognisedSegment(text="")
    assert heard(pooled, b"") == RecognisedSegment(text="")


def test_an_engine_that_stopped_at_an_end_point_begins_afresh_too(
    vosk_factory: VoskFactory, pooled: VoskFactory, pool: RecogniserPool[Any], parties: list[list[bytes]]
) -> None:
    first, other = parties[0][0], parties[1][0]
    text, expected = heard(vosk_factory, first).text, heard(vosk_factory, other)
    more = 0
    for silence_ms in range(0, 1600, 100):
        recogniser = pooled.create(RATE)
        [engine] = pool._out
        before, pcm = engine.samples, first + bytes(silence_ms * RATE * 2 // 1000)
        assert _finished(recogniser, pcm).text == text
        more += engine.samples - before - len(pcm) // 4
        assert same(heard(pooled, other), expected)
    assert more >= 800  # a block of silence that was not in a segment: so at least one of them ended at an end point
    assert pool.counts().fresh == 1


def test_times_stay_exact_however_much_was_heard(
    vosk_factory: VoskFactory, pooled: VoskFactory, parties: list[list[bytes]]
) -> None:
    odd = parties[0][0] + b"\0\0" * 7
    expected = heard(vosk_factory, parties[1][0])
    for _ in range(60):
        heard(pooled, odd)
    assert same(heard(pooled, parties[1][0]), expected)


def test_an_engine_left_in_the_middle_of_a_segment_is_not_lent_again(
    vosk_factory: VoskFactory, pooled: VoskFactory, pool: RecogniserPool[Any], parties: list[list[bytes]]
) -> None:
    for _ in range(3):
        abandoned = pooled.create(RATE)
        abandoned.accept(parties[0][0])
        del abandoned
        assert same(heard(pooled, parties[1][0]), heard(vosk_factory, parties[1][0]))
    assert pool.counts().spoilt == 3
    assert pool.counts().out == 0


def test_an_engine_that_failed_is_not_lent_again(tmp_path: Path, test_model: ModelInfo, parties: list[list[bytes]]) -> None:
    pool: RecogniserPool[Any] = RecogniserPool(100.0, smallest_graph_mb=0.0)
    info = copy_of(test_model, tmp_path / "copy")
    words = info.path / "graph" / "words.txt"
    words.write_text("".join(words.read_text().splitlines(keepends=True)[:60]))
    factory, failures = VoskFactory(info, pool), []
    for pcm in parties[0][:3]:
        recogniser = factory.create(RATE)
        with pytest.raises(RecogniserError, match="its list of words lacks") as raised:
            _finished(recogniser, pcm)
        failures.append(raised.value)
    counts = pool.counts()
    assert (counts.fresh, counts.spoilt, counts.kept, counts.out) == (3, 3, 0, 0)


def _finished(recogniser: Recogniser, pcm: bytes) -> RecognisedSegment:
    recogniser.accept(pcm)
    return recogniser.finish()


def test_a_finished_recogniser_cannot_reach_its_engine(pooled: VoskFactory, parties: list[list[bytes]]) -> None:
    recogniser = pooled.create(RATE)
    recogniser.accept(parties[0][0])
    recogniser.finish()
    for use in (recogniser.partial, recogniser.finish, lambda: recogniser.accept(bytes(RATE))):
        with pytest.raises(AssertionError, match="hears one segment"):
            use()


def test_phrases_stay_with_those_who_asked_for_them(
    test_model: ModelInfo, vosk_factory: VoskFactory, parties: list[list[bytes]]
) -> None:
    """Confined engines and free ones of one model, in turn; each grammar has its own, and one made for a segment is not kept."""
    pool: RecogniserPool[Any] = RecogniserPool(100.0, smallest_graph_mb=0.0)
    factory = VoskFactory(test_model, pool)
    words = heard(vosk_factory, parties[0][0]).text.split()
    grammars = [found for found in (factory.fit([word]).grammar for word in words[:2]) if found is not None]
    expected = [
        confined.finish().text for grammar in grammars for confined in [listening(vosk_factory.confined(grammar, RATE), parties)]
    ]
    for _ in range(3):
        for grammar, text in zip(grammars, expected, strict=True):
            assert listening(factory.confined(grammar, RATE), parties).finish().text == text
            assert same(heard(factory, parties[0][0]), heard(vosk_factory, parties[0][0]))
    assert (pool.counts().fresh, pool.counts().kept) == (3, 3)
    listening(factory.confined(grammars[0], RATE, once=True), parties).finish()
    assert pool.counts().kept == 3
    preferring = WithPhrases(factory, words[:2])
    assert [heard(preferring, pcm).text for pcm in parties[1]] == [
        heard(WithPhrases(vosk_factory, words[:2]), pcm).text for pcm in parties[1]
    ]


def listening(recogniser: Recogniser, parties: list[list[bytes]]) -> Recogniser:
    recogniser.accept(parties[0][0])
    return recogniser


def test_a_small_graph_is_not_worth_keeping(test_model: ModelInfo, parties: list[list[bytes]]) -> None:
    """So that what the tiny models hear is the same to the last digit, whatever was heard before."""
    pool: RecogniserPool[Any] = RecogniserPool(10_000.0)
    factory = VoskFactory(test_model, pool)
    assert 0.1 < composed_mb(test_model) < 1
    assert heard(factory, parties[0][0]) == heard(factory, parties[0][0])
    assert (pool.counts().fresh, pool.counts().kept, pool.counts().let_go) == (2, 0, 0)
