"""Grammars: what of a list a model can hear, and that nothing which ends libvosk's process can reach it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.errors import GrammarError
from cc_voice.speech.grammar import DIGITS, YES_NO, Fitted, Grammar, LeftOut, as_said, fit, of_language, plain_words
from cc_voice.speech.models.inventory import ModelInfo, installed, vocabulary
from cc_voice.speech.phrase_boosting import OnlyPhrases, WithPhrases
from cc_voice.speech.vosk import VoskFactory

MARKS = frozenset({"<eps>", "#0", "<s>", "</s>", "[unk]", "!SIL"})
WORDS = MARKS | {"it's", "my", "account", "number", "is", "seven", "Anna", "naïve", "well-known"}

_CONFINED = """
import sys, vosk
vosk.SetLogLevel(-1)
model = vosk.Model(model_path=sys.argv[1])
for grammar in sys.argv[2:]:
    engine = vosk.KaldiRecognizer(model, 8000, grammar)
    engine.AcceptWaveform(bytes(16000))
    print(engine.FinalResult().replace("\\n", ""))
"""


def in_a_child(model: ModelInfo, *grammars: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _CONFINED, str(model.path), *grammars]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("grammar", ["[]", "{}", "not json", '"zero"', '["<eps>"]', '["zero <eps>"]'])
def test_what_ends_the_process_still_does(test_model: ModelInfo, grammar: str) -> None:
    """If not, a newer libvosk is here, and grammar.py may be simpler."""
    assert in_a_child(test_model, grammar).returncode < 0


@pytest.mark.parametrize(
    "phrase", ["", " ", "…", "<eps>", "my <eps>", "#0", "<s>", "[unk]", "!SIL", 'my"number', "my\\number", "xyzzy", "my xyzzy"]
)
def test_marks_and_unknown_words_become_no_grammar(phrase: str) -> None:
    assert fit([phrase], "model", WORDS).grammar is None


def test_phrases_are_spelt_as_the_model_does() -> None:
    said = ["My account-number, please", "It’s ANNA!", "Anna", "Well-known", "naïve", "anna  is\tSEVEN"]
    fitted = fit(said, "model", WORDS | {"please"})
    assert fitted.left_out == (LeftOut("It’s ANNA!", ("anna",)), LeftOut("anna  is\tSEVEN", ("anna",)))
    assert fitted.grammar is not None
    assert fitted.grammar.phrases == ("my account number please", "Anna", "well-known", "naïve")
    assert json.loads(fitted.grammar.json) == [*fitted.grammar.phrases, "[unk]"]
    assert "naïve" in fitted.grammar.json, "Vosk does not undo escapes"
    assert str(fitted.left_out[0]) == "'It’s ANNA!' (anna)"


@given(st.lists(st.text(st.sampled_from('my sevn[]<>#0\\"{},:é\u0000\n'), max_size=12)))
def test_a_grammar_is_never_empty_and_holds_only_words_of_the_model(phrases: list[str]) -> None:
    fitted = fit(phrases, "model", WORDS)
    assert len(fitted.left_out) <= len(phrases)
    if fitted.grammar is None:
        return
    listed = json.loads(fitted.grammar.json)
    assert listed[-1] == "[unk]"
    assert len(listed) >= 2
    assert all(word in WORDS and word[0] not in "<[#!" for phrase in listed[:-1] for word in phrase.split(" "))


def test_every_grammar_of_ours_is_survived(test_model: ModelInfo) -> None:
    """In a child, so that a mistake is a failure and not the end of the tests."""
    words = vocabulary(test_model)
    grammars = [fit([word], test_model.name, words).grammar for word in sorted(words)[::8]]
    hostile = ["]", "[]", "{", "<eps>", "zero\u0000", "zero]", '","', "[unk]", "ｚero"]
    grammars += [fit([one, f"zero {one}", "zero"], test_model.name, words).grammar for one in hostile]
    grammars.append(fit(words, test_model.name, words).grammar)
    made = [one.json for one in grammars if one is not None]
    assert len(made) > 40
    done = in_a_child(test_model, *made)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(made)


def test_which_models_take_grammars(test_model: ModelInfo, vosk_factory: VoskFactory) -> None:
    assert test_model.takes_grammars
    assert vosk_factory.takes_grammars
    fitted = vosk_factory.fit(["seven", "seven sisters"])
    assert fitted.grammar == Grammar(test_model.name, ("seven",), rest=True)
    assert fitted.left_out == (LeftOut("seven sisters", ("sisters",)),)


def test_a_model_with_a_fixed_graph_takes_none(tmp_path: Path, test_model: ModelInfo) -> None:
    """Vosk would warn on file descriptor 2 and hear everything."""
    shutil.copytree(test_model.path, tmp_path / "fixed")
    (tmp_path / "fixed" / "graph" / "HCLr.fst").rename(tmp_path / "fixed" / "graph" / "HCLG.fst")
    (fixed,) = [one for one in installed(tmp_path) if one.name == "fixed"]
    assert not fixed.takes_grammars
    factory = VoskFactory(fixed)
    assert factory.fit(["seven"]) == Fitted(None)
    with pytest.raises(AssertionError, match="for the model that it was made for"):
        factory.confined(Grammar("fixed", ("seven",), rest=True), 16000)
    for kind in (OnlyPhrases, WithPhrases):
        with pytest.raises(GrammarError, match="the model fixed cannot be confined to phrases"):
            kind(factory, ["seven"])


def test_a_grammar_of_another_model_is_our_mistake(vosk_factory: VoskFactory) -> None:
    with pytest.raises(AssertionError, match="for the model that it was made for"):
        vosk_factory.confined(Grammar("other", ("seven",), rest=True), 16000)


@pytest.mark.parametrize(
    ("language", "digits", "yes"), [("en-GB", "seven", "yes"), ("ES", "siete", "sí"), ("ko-KR", "칠", "네"), ("fi", None, None)]
)
def test_words_of_a_language(language: str, digits: str | None, yes: str | None) -> None:
    assert (digits in of_language(DIGITS, language)) == bool(digits)
    assert (yes in of_language(YES_NO, language)) == bool(yes)
    assert bool(of_language(DIGITS, language)) == bool(digits)


def test_plain_words_without_a_vocabulary() -> None:
    assert plain_words("“Super-Saver”, please!") == ["super", "saver", "please"]


KOREAN = frozenset({"<eps>", "<UNK>", "[4]", "[공]", "공", "명"})


def test_numbers_in_brackets_are_said_without_and_given_to_vosk_with_them() -> None:
    """As the small Korean model has them. Without, a sentence with a number could compete with no phrase."""
    fitted = fit(["4 명", "공", "명 [4]", "5"], "korean", KOREAN)
    assert fitted.left_out == (LeftOut("명 [4]", ("[4]",)), LeftOut("5", ("5",)))
    assert fitted.grammar == Grammar("korean", ("4 명", "공"), rest=False, bracketed=frozenset({"4"}))
    assert json.loads(fitted.grammar.json) == ["[4] 명", "공"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("[4]", "4"),
        ("[공]", "공"),
        ("공", "공"),
        ("it's", "it's"),
        *((mark, None) for mark in ("[unk]", "[noise]", "<UNK>", "<SPOKEN_NOISE>", "<eps>", "!SIL", "#0")),
    ],
)
def test_what_a_word_of_a_model_is_in_a_transcript(word: str, said: str | None) -> None:
    assert as_said(word) == said
