"""The grammars: closed over their vocabulary, repeatable, and enough for every line of the calls in their language."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cc_voice.simulator
from models.mini import phrases
from models.mini.build import LANGUAGES
from models.mini.phrases import Grammar

pytestmark = pytest.mark.build

GRAMMARS = [language.grammar for language in LANGUAGES.values()]
every_grammar = pytest.mark.parametrize("grammar", GRAMMARS, ids=list(LANGUAGES))
ENGLISH = LANGUAGES["en"].grammar
SCENARIOS = sorted((Path(cc_voice.simulator.__file__).parent / "scenarios").glob("*.json"))


@every_grammar
def test_every_slot_is_filled_by_something(grammar: Grammar) -> None:
    texts = [*grammar.templates, *(value for values in grammar.slots.values() for value in values)]
    assert {slot for text in texts for slot in re.findall(r"\{(\w+)\}", text)} == set(grammar.slots)


@every_grammar
def test_templates_are_written_as_they_are_recognised(grammar: Grammar) -> None:
    texts = [*grammar.templates, *(value for values in grammar.slots.values() for value in values)]
    plain = [re.sub(r"\{\w+\}", "", text).split() for text in texts]
    assert [words for words in plain if words != phrases.spoken_words(" ".join(words))] == []
    assert len(set(grammar.templates)) == len(grammar.templates)


@given(seed=st.integers(0, 2**32), grammar=st.sampled_from(GRAMMARS))
def test_sentences_and_salad_keep_to_the_vocabulary(seed: int, grammar: Grammar) -> None:
    known = set(grammar.vocabulary())
    texts = grammar.sentences(20, seed) + grammar.word_salad(20, seed)
    assert len(texts) == 40
    assert {word for text in texts for word in text.split()} <= known


@every_grammar
def test_the_vocabulary_has_no_word_that_no_phrase_uses(grammar: Grammar) -> None:
    heard = {word for text in grammar.sentences(20_000, seed=1) for word in text.split()}
    # Round tens are there for numbers in the salad, though no template counts to them.
    assert set(grammar.vocabulary()) - heard <= set(grammar.words)


def one_template(grammar: Grammar) -> re.Pattern[str]:
    """Matches what a single template can say."""

    def spelled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda slot: f"(?:{'|'.join(map(spelled, grammar.slots[slot[1]]))})", text)

    return re.compile("|".join(map(spelled, grammar.templates)))


def test_a_quarter_of_the_sentences_are_two() -> None:
    pattern = one_template(ENGLISH)
    texts = ENGLISH.sentences(2000, seed=6)
    assert sum(not pattern.fullmatch(text) for text in texts) / len(texts) == pytest.approx(0.25, abs=0.03)


@every_grammar
def test_every_template_is_visited(grammar: Grammar) -> None:
    texts = grammar.sentences(10 * len(grammar.templates), seed=6)
    plain = [template for template in grammar.templates if "{" not in template]
    assert [template for template in plain if template not in texts] == []


def test_a_seed_decides() -> None:
    assert ENGLISH.sentences(50, seed=3) == ENGLISH.sentences(50, seed=3) != ENGLISH.sentences(50, seed=4)
    assert ENGLISH.word_salad(50, seed=3) == ENGLISH.word_salad(50, seed=3) != ENGLISH.word_salad(50, seed=4)


def test_a_salad_has_three_to_six_words() -> None:
    assert {len(text.split()) for text in ENGLISH.word_salad(200, seed=5)} == {3, 4, 5, 6}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, thank you!", ["hello", "thank", "you"]),
        ("I can't – sorry.", ["i", "can't", "sorry"]),
        ("¿Dónde está?", ["dónde", "está"]),
        ("well_known 'quoted'", ["well", "known", "quoted"]),
        ("... !", []),
    ],
)
def test_spoken_words_of_written_text(text: str, words: list[str]) -> None:
    assert phrases.spoken_words(text) == words


def test_unknown_words_are_named() -> None:
    assert phrases.unknown_words("Hello, Mrs. Zyx!", ENGLISH.vocabulary()) == ["mrs", "zyx"]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_calls_say_nothing_that_the_models_cannot_know(path: Path) -> None:
    known = {tag: language.grammar.vocabulary() for tag, language in LANGUAGES.items()}
    lines = [line for line in json.loads(path.read_text())["lines"] if line["language"] in known]
    assert lines
    unknown = {line["text"]: phrases.unknown_words(line["text"], known[line["language"]]) for line in lines}
    assert {text: words for text, words in unknown.items() if words} == {}
