"""Measuring: sentences that are new, scores that count, and every voice in one group."""

import numpy as np
import pytest
from click.testing import CliRunner

from cc_voice.call.utterances import Word
from cc_voice.speech.recogniser import RecognisedSegment
from models.mini import measure, tts
from models.mini.build import LANGUAGES, Plan
from models.mini.language import Language

pytestmark = pytest.mark.build

every_language = pytest.mark.parametrize("language", LANGUAGES.values(), ids=list(LANGUAGES))


@every_language
def test_no_sentence_was_spoken_in_training_or_counted_in_the_bigrams(language: Language) -> None:
    texts = measure.unseen(language, 60)
    assert len(set(texts)) == 60
    known = {*language.grammar.sentences(Plan().bigram_sentences, seed=21), *language.grammar.sentences(Plan().utterances, seed=11)}
    assert not known & set(texts)


@every_language
def test_every_voice_of_the_training_is_in_one_group_and_some_are_in_none(language: Language) -> None:
    groups = measure.groups(language)
    strangers = groups.pop("espeak, voices never heard")
    voices = [voice for group in groups.values() for voice in group]
    assert sorted(voices, key=repr) == sorted(set(language.voices), key=repr)
    assert not set(strangers) & set(language.voices)


@every_language
def test_voices_that_were_never_heard_exist(engines: None, language: Language) -> None:
    for name in measure.STRANGERS[language.tag]:
        assert len(tts.speak("no", tts.Voice(engine="espeak", name=name)).samples)


@pytest.mark.parametrize(
    ("said", "heard", "errors", "right", "wrong"),
    [
        ("", "", 0, (), ()),
        ("a b c", "a b c", 0, (1, 2, 3), ()),
        ("a b c", "", 3, (), ()),
        ("a b c", "a x c", 1, (1, 3), (2,)),
        ("a b c", "a b x c", 1, (1, 2, 4), (3,)),
        ("a b c", "b c", 1, (1, 2), ()),
        ("a", "x y", 2, (), (1, 2)),
    ],
)
def test_a_score_tells_right_words_from_wrong(
    said: str, heard: str, errors: int, right: tuple[int, ...], wrong: tuple[int, ...]
) -> None:
    words = tuple(Word(word, 0, 0, number / 10) for number, word in enumerate(heard.split(), 1))
    found = measure.score(said.split(), RecognisedSegment(text=heard, words=words, conf=0.5))
    assert (found.words, found.errors, found.conf) == (len(said.split()), errors, 0.5)
    assert found.right == tuple(number / 10 for number in right)
    assert found.wrong == tuple(number / 10 for number in wrong)


def heard(*words: tuple[str, float]) -> RecognisedSegment:
    return RecognisedSegment(text="", words=tuple(Word(word, 0, 0, conf) for word, conf in words))


def test_evidence_needs_both_words_and_confidence() -> None:
    spanish = heard(("no", 1.0), ("hablo", 1.0), ("mucho", 0.9), ("inglés", 1.0))
    assert measure.evidence(spanish) > measure.evidence(heard(("television", 1.0)))
    assert measure.evidence(spanish) > measure.evidence(heard(*[("television", 0.6)] * 4))
    assert measure.evidence(heard(("a", 1.0), ("b", 1.0))) == 2
    assert measure.evidence(heard()) == 0


def test_a_telephone_keeps_its_band_and_adds_noise_15_db_below() -> None:
    seconds = np.arange(16_000) / 8000
    inside, outside = (6000 * np.sin(2 * np.pi * hz * seconds) for hz in (1000, 150))
    noise = measure.telephone(inside + outside, np.random.default_rng(1)) - inside
    assert 10 * np.log10(np.mean(inside**2) / np.mean(noise**2)) == pytest.approx(measure.SNR_DB, abs=1)


def test_the_command_explains_itself() -> None:
    shown = CliRunner().invoke(measure.main, ["--help"])
    assert shown.exit_code == 0
    assert all(option in shown.output for option in ("MODEL", "--language", "--sentences"))
