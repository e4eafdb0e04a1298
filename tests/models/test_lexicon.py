"""Pronunciations, as both engines really say the words."""

import pytest

from models.mini import lexicon, tts
from models.mini.english import ACCENTS, ENGLISH

pytestmark = pytest.mark.build

VOCABULARY = ["card", "my", "the"]


def test_words_alone_are_said_in_every_accent(engines: None) -> None:
    found = lexicon.harvest(ENGLISH, [], VOCABULARY)
    assert set(found) == set(VOCABULARY)
    assert {tuple(phones) for _, phones in found["card"]} == {("K", "AA", "R", "D"), ("K", "AA", "D")}
    assert [tuple(phones) for _, phones in found["my"]] == [("M", "AY")]


def test_what_sentences_say_counts(engines: None) -> None:
    spoken = [("the card", ACCENTS["us"], ["SIL", "DH", "AH", "K", "AA", "D", "SIL"])] * 10
    found = lexicon.harvest(ENGLISH, spoken, VOCABULARY)
    probabilities = {tuple(phones): probability for probability, phones in found["card"]}
    # Two accents say it with an R when alone, twice each; one without, like the ten sentences.
    assert probabilities == {("K", "AA", "D"): 1.0, ("K", "AA", "R", "D"): pytest.approx(4 / 12)}
    assert next(iter(found["the"]))[1] == ("DH", "AH")


def test_rare_slips_are_not_learnt(engines: None) -> None:
    usual = [("my card", ACCENTS["us"], ["M", "AY", "K", "AA", "R", "D"])] * 30
    slip = [("my card", ACCENTS["us"], ["M", "AY", "K", "AA", "R", "T"])]
    said = {tuple(phones) for _, phones in lexicon.harvest(ENGLISH, usual + slip, VOCABULARY)["card"]}
    assert ("K", "AA", "R", "D") in said
    assert ("K", "AA", "R", "T") not in said


def test_probabilities_are_relative_to_the_most_frequent(engines: None) -> None:
    for pronunciations in lexicon.harvest(ENGLISH, [], VOCABULARY).values():
        probabilities = [probability for probability, _ in pronunciations]
        assert probabilities[0] == 1
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(tts.SILENCE not in phones and phones for _, phones in pronunciations)
