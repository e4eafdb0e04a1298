"""The real engine with the real tiny model."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import ModelError, RecogniserError
from cc_voice.speech.models.inventory import ModelInfo
from cc_voice.speech.recogniser import RecognisedSegment
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.vosk import VoskFactory
from tests.conftest import examples


class Sentence(NamedTuple):
    """What was said, 16 kHz, with 200 ms of silence around it."""

    text: str
    audio: Samples


@pytest.fixture(scope="module")
def sentence(scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]]) -> Sentence:
    """The first sentence of the good call's agent."""
    call, channels = scenario("good-call")
    line = call["lines"][0]
    start_ms, end_ms = line["speech"][0]
    text = " ".join(word for word, _, word_end in line["words"] if word_end <= end_ms)
    return Sentence(text, channels[0][(start_ms - 200) * 16 : (end_ms + 200) * 16])


def heard(factory: VoskFactory, pcm: bytes, cuts: list[int] | None = None, rate_hz: int = 16000) -> RecognisedSegment:
    recogniser = factory.create(rate_hz)
    for start, end in pairwise([0, *sorted(cuts or []), len(pcm)]):
        recogniser.accept(pcm[start:end])
    return recogniser.finish()


def test_words_come_with_times_and_confidence(vosk_factory: VoskFactory, sentence: Sentence) -> None:
    result = heard(vosk_factory, sentence.audio.tobytes())
    assert result.text == sentence.text
    assert [word.word for word in result.words] == sentence.text.split()
    times = [time for word in result.words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(time for time in times if time is not None)
    assert all(word.conf is not None and 0 < word.conf <= 1 for word in result.words)
    assert result.conf is not None
    assert 0.5 < result.conf <= 1


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 70_000), max_size=20))
def test_blocks_of_any_size_even_odd_ones_change_nothing(vosk_factory: VoskFactory, sentence: Sentence, cuts: list[int]) -> None:
    pcm = sentence.audio.tobytes()
    assert heard(vosk_factory, pcm, [min(cut, len(pcm)) for cut in cuts]) == heard(vosk_factory, pcm)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 32000, 48000])
def test_every_rate_is_resampled_to_the_models(vosk_factory: VoskFactory, sentence: Sentence, rate_hz: int) -> None:
    assert heard(vosk_factory, resample(sentence.audio, 16000, rate_hz).tobytes(), rate_hz=rate_hz).text == sentence.text


def test_silence_and_nothing_have_no_words(vosk_factory: VoskFactory) -> None:
    assert heard(vosk_factory, bytes(16000 * 2 * 7)) == RecognisedSegment(text="")
    assert heard(vosk_factory, b"") == RecognisedSegment(text="")


def test_words_appear_while_they_are_spoken(vosk_factory: VoskFactory, spoken: Samples, sentence: Sentence) -> None:
    recogniser = vosk_factory.create(16000)
    seen = []
    for at in range(0, len(spoken), 1600):
        recogniser.accept(spoken[at : at + 1600].tobytes())
        seen.append(recogniser.partial())
    assert seen[0] == ""
    final = recogniser.finish().text
    assert any(words and final.startswith(words) and words != final for words in seen)
    assert sentence.text in seen[-1]


def test_a_pause_that_ends_vosks_utterance_loses_no_words(vosk_factory: VoskFactory, sentence: Sentence) -> None:
    twice = sentence.audio.tobytes() + bytes(16000 * 2 * 2) + sentence.audio.tobytes()
    result = heard(vosk_factory, twice)
    assert result.text == f"{sentence.text} {sentence.text}"
    first, second = result.words[0], result.words[len(result.words) // 2]
    assert first.start_ms is not None
    assert second.start_ms is not None
    assert abs(second.start_ms - first.start_ms - (len(sentence.audio) * 1000 // 16000 + 2000)) <= 60


def test_threads_share_one_model(vosk_factory: VoskFactory, sentence: Sentence) -> None:
    pcm = sentence.audio.tobytes()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: heard(vosk_factory, pcm), range(12)))
    assert {result.text for result in results} == {sentence.text}
    assert all(result == results[0] for result in results)


def test_a_factory_names_its_model(vosk_factory: VoskFactory, test_model: ModelInfo) -> None:
    assert (vosk_factory.model_name, vosk_factory.language) == (test_model.name, "en")


def copy_of(model: ModelInfo, folder: Path) -> ModelInfo:
    shutil.copytree(model.path, folder)
    return ModelInfo(name="copy", language="en", path=folder, sample_rate_hz=model.sample_rate_hz)


@pytest.mark.parametrize("name", ["graph/Gr.fst", "graph/HCLr.fst", "am/final.mdl"])
def test_a_model_that_vosk_refuses_is_named(tmp_path: Path, test_model: ModelInfo, name: str) -> None:
    info = copy_of(test_model, tmp_path / "copy")
    whole = (info.path / name).read_bytes()
    (info.path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"Vosk cannot load the model copy|the model copy has a damaged \w+\.fst"):
        VoskFactory(info)


def test_a_damaged_model_never_reaches_vosk(tmp_path: Path, test_model: ModelInfo) -> None:
    """A wrong word_boundary.int would end the process: libvosk throws through C."""
    info = copy_of(test_model, tmp_path / "copy")
    boundaries = info.path / "graph" / "phones" / "word_boundary.int"
    boundaries.write_text("".join(boundaries.read_text().splitlines(keepends=True)[:60]))
    with pytest.raises(ModelError, match=r"word_boundary\.int of another model"):
        VoskFactory(info)


def test_a_word_list_that_is_too_short_is_noticed_at_the_first_such_word(
    tmp_path: Path, test_model: ModelInfo, sentence: Sentence
) -> None:
    info = copy_of(test_model, tmp_path / "copy")
    words = info.path / "graph" / "words.txt"
    words.write_text("".join(words.read_text().splitlines(keepends=True)[:60]))
    factory = VoskFactory(info)
    with pytest.raises(RecogniserError, match=r"its list of words lacks"):
        heard(factory, sentence.audio.tobytes())
