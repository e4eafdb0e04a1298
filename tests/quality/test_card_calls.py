"""Generated card calls: how many cards are wholly hidden, and what is hidden beside; a thousand calls of each kind every night."""

import pytest

from cc_voice.bench.redaction import share, wilson
from cc_voice.bench.spoken_numbers.card_calls import LANGUAGES, generated_call

SEED = 31_000_000
"""Calls that nobody looked at while the finder was written."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_card_is_hidden_where_every_digit_is_heard(language: str) -> None:
    found = share(language, 0.0, SEED, 200)
    assert (found.whole_cards, found.whole_codes) == (found.cards, found.codes) == (200, found.codes)
    assert found.false_words / found.words <= 0.02
    assert found.everyday_false_words / found.everyday_words <= 0.001


@pytest.mark.parametrize("language", LANGUAGES)
def test_hardly_a_card_is_left_where_digits_are_misheard(language: str) -> None:
    found = share(language, 0.1, SEED, 80)
    assert found.whole_cards / found.cards >= 0.95


@pytest.mark.nightly
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("error_rate", "least"), [(0.0, 1.0), (0.05, 0.99), (0.1, 0.97)])
def test_of_a_thousand_cards(language: str, error_rate: float, least: float) -> None:
    found = share(language, error_rate, SEED, 1000)
    assert found.whole_cards / found.cards >= least
    assert found.false_words / found.words <= 0.02


def test_a_seed_makes_one_call() -> None:
    assert generated_call(3, "de", 0.1) == generated_call(3, "de", 0.1)
    assert generated_call(3, "de") != generated_call(4, "de")


def test_the_interval_is_wilsons() -> None:
    assert [round(edge, 1) for edge in wilson(18, 20)] == [69.9, 97.2]
    assert [round(edge, 1) for edge in wilson(1000, 1000)] == [99.6, 100.0]
    assert wilson(0, 0) == (0.0, 100.0)
