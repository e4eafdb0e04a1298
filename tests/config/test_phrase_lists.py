"""Lists of phrases, by language."""

import pytest

from cc_voice.config.phrase_lists import PhraseList, of_language, problem

LISTS = (
    PhraseList(say=("gold plan",)),
    PhraseList(say=("plan oro",), language="es-MX"),
    PhraseList(say=("gold card",), language="EN"),
)
GOLD = ("gold plan", "gold card")


@pytest.mark.parametrize(("language", "phrases"), [("en-GB", GOLD), ("en", GOLD), ("es", ("plan oro",)), ("fi", ())])
def test_a_list_is_for_every_region_of_its_language(language: str, phrases: tuple[str, ...]) -> None:
    assert of_language(LISTS, language, "en-US") == phrases


def test_a_list_without_language_is_the_sites() -> None:
    assert of_language(LISTS, "fi", "fi") == ("gold plan",)


def test_what_can_be_used_has_no_problem() -> None:
    assert problem(LISTS) is None
    assert problem(()) is None
