"""Text identification: restricted to what is asked for, from several threads."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from cc_voice.speech.text_language import TextIdentifier
from tests.speech.conftest import SCENARIOS


@pytest.fixture(scope="module")
def engine() -> TextIdentifier:
    return TextIdentifier()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Perdone, no hablo mucho inglés.", "es"),
        ("I have a problem with my phone.", "en"),
        ("Guten Tag, mein Name ist Anna.", "de"),
        ("Bonjour, je vous appelle pour une facture.", "fr"),
    ],
)
def test_the_language_asked_for_is_found(engine: TextIdentifier, text: str, language: str) -> None:
    chances = engine.identify(text, ["en", "es", "de", "fr"])
    assert chances[0][0] == language
    assert chances[0][1] > 0.9
    assert sum(chance for _, chance in chances) == pytest.approx(1)
    assert {name for name, _ in chances} == {"en", "es", "de", "fr"}


def test_nothing_is_asked_where_there_is_no_choice(engine: TextIdentifier) -> None:
    assert engine.identify("Buenos días", ["es"]) == ()
    assert engine.identify("Buenos días", ["es", "tlh"]) == ()
    assert engine.identify(" … ", []) == ()
    assert engine.identify("  ", ["en", "es"]) == ()
    assert {name for name, _ in engine.identify("Buenos días", ["es", "en", "tlh"])} == {"es", "en"}


def test_the_surest_of_many_is_the_first_of_them(engine: TextIdentifier) -> None:
    every = ["en", "es", "de", "fr", "pt", "it"]
    assert engine.surest("Buenos días, gracias por llamar", every) == engine.identify("Buenos días, gracias por llamar", every)[0]
    assert engine.surest("Buenos días", ["es"]) is None
    assert engine.surest("  ", every) is None


def test_threads_that_ask_for_different_sets_get_their_own(engine: TextIdentifier) -> None:
    sets = [("en", "es"), ("de", "fr"), ("en", "de", "pt")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: engine.identify("Gracias por llamar", sets[number % 3]), range(300)))
    assert all({name for name, _ in answer} == set(sets[number % 3]) for number, answer in enumerate(answers))


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.json")))
def test_the_lines_of_the_scripted_calls(engine: TextIdentifier, name: str) -> None:
    """Lines of three words and more; shorter ones are not believed anyway."""
    for line in json.loads((SCENARIOS / f"{name}.json").read_text())["lines"]:
        chances = engine.identify(line["text"], sorted({"en", "es", "de", "fr", line["language"][:2]}))
        clear = len(line["text"].split()) >= 3 and chances[0][1] - chances[1][1] >= 0.15
        assert not clear or chances[0][0] == line["language"][:2], line["text"]
