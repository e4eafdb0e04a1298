"""The grammar: closed over its vocabulary, repeatable, and enough for every English line of the demo."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cc_voice.simulator
from models.mini import phrases

SCENARIOS = sorted((Path(cc_voice.simulator.__file__).parent / "scenarios").glob("*.json"))


def test_every_slot_is_filled_by_something() -> None:
    texts = [*phrases.TEMPLATES, *(value for values in phrases.SLOTS.values() for value in values)]
    assert {slot for text in texts for slot in re.findall(r"\{(\w+)\}", text)} == set(phrases.SLOTS)


@given(seed=st.integers(0, 2**32))
def test_sentences_and_salad_keep_to_the_vocabulary(seed: int) -> None:
    known = set(phrases.vocabulary())
    texts = phrases.sentences(20, seed) + phrases.word_salad(20, seed)
    assert len(texts) == 40
    assert {word for text in texts for word in text.split()} <= known


def test_the_vocabulary_has_no_word_that_no_phrase_uses() -> None:
    heard = {word for text in phrases.sentences(20_000, seed=1) for word in text.split()}
    # Round tens are there for numbers in the salad, though no template counts to them.
    assert set(phrases.vocabulary()) - heard <= set(phrases.TENS)


def one_template() -> re.Pattern[str]:
    """Matches what a single template can say."""

    def spelled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda slot: f"(?:{'|'.join(map(spelled, phrases.SLOTS[slot[1]]))})", text)

    return re.compile("|".join(map(spelled, phrases.TEMPLATES)))


def test_a_quarter_of_the_sentences_are_two() -> None:
    pattern = one_template()
    texts = phrases.sentences(2000, seed=6)
    assert sum(not pattern.fullmatch(text) for text in texts) / len(texts) == pytest.approx(0.25, abs=0.03)


def test_every_template_is_visited() -> None:
    texts = phrases.sentences(10 * len(phrases.TEMPLATES), seed=6)
    plain = [template for template in phrases.TEMPLATES if "{" not in template]
    assert [template for template in plain if template not in texts] == []


def test_a_seed_decides() -> None:
    assert phrases.sentences(50, seed=3) == phrases.sentences(50, seed=3) != phrases.sentences(50, seed=4)
    assert phrases.word_salad(50, seed=3) == phrases.word_salad(50, seed=3) != phrases.word_salad(50, seed=4)


def test_a_salad_has_three_to_six_words() -> None:
    assert {len(text.split()) for text in phrases.word_salad(200, seed=5)} == {3, 4, 5, 6}


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
    assert phrases.unknown_words("Hello, Mrs. Zyx!", phrases.vocabulary()) == ["mrs", "zyx"]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_demo_says_nothing_the_model_cannot_know(path: Path) -> None:
    english = [line["text"] for line in json.loads(path.read_text())["lines"] if line["language"] == "en"]
    assert english
    assert [phrases.unknown_words(text, phrases.vocabulary()) for text in english] == [[]] * len(english)
