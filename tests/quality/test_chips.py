"""Chips: one word for each hidden stretch, what a call keeps of it, and every number hidden where the finder failed."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.redactions import chip_text, count_chips, is_chip
from cc_voice.call.utterances import Word
from cc_voice.quality.redaction.chips import chipped, redactions
from cc_voice.quality.redaction.fail_closed import every_number
from cc_voice.quality.redaction.finder import SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from tests.quality.spoken import said, shown

CARD = "four one one one one one one one one one one one one one one one"


def test_a_chip_has_the_first_start_and_the_last_end_of_its_words() -> None:
    (line,) = said(f"customer: it is {CARD} thanks", is_timed=True)
    found = find([line], RedactionPolicy())
    words = chipped(line.words, found)
    assert [word.word for word in words] == ["it", "is", "[CARD_NUMBER]", "thanks"]
    assert (words[2].start_ms, words[2].end_ms, words[2].conf) == (line.words[2].start_ms, line.words[17].end_ms, None)
    assert chipped(words, ()) == words


def test_a_call_keeps_one_redaction_for_what_both_recognisers_heard() -> None:
    (local,) = said(f"customer: it is {CARD} thanks", is_timed=True)
    zoom = msgspec.structs.replace(
        local, source="zoom", key="z", words=tuple(map(Word, ["it", "is", "4111", "1111", "1111", "1111"]))
    )
    found = find([local, zoom], RedactionPolicy())
    (kept,) = redactions([local, zoom], found)
    assert (kept.entity, kept.digits, kept.found_by, kept.words_local, kept.is_timed) == ("CARD_NUMBER", 16, "local", 16, True)
    assert kept.words_zoom == 4
    assert (kept.start_ms, kept.end_ms, kept.language) == (local.words[2].start_ms, local.words[17].end_ms, "en")


def test_words_whose_times_cannot_be_are_told() -> None:
    (line,) = said(f"customer: {CARD}", is_timed=True)
    assert find([line], RedactionPolicy())[0].is_timed
    strays = {
        "outside": [*line.words[:-1], Word("one", 99_000, 99_300)],
        "backwards": [line.words[5], *line.words[1:]],
        "too short": [msgspec.structs.replace(line.words[0], end_ms=(line.words[0].start_ms or 0) + 10), *line.words[1:]],
        "none": [Word(word.word) for word in line.words],
    }
    for name, words in strays.items():
        (found,) = find([msgspec.structs.replace(line, words=tuple(words))], RedactionPolicy())
        assert not found.is_timed, name
        assert found.last_word == 15


@given(st.lists(st.text(max_size=12), max_size=30))
def test_nothing_that_words_say_makes_it_raise_and_no_figure_is_left_when_it_fails(texts: list[str]) -> None:
    line = SpokenLine(key="", channel_id="c", source="local", start_ms=0, end_ms=900, language="xx", words=tuple(map(Word, texts)))
    for policy in ("pci", "pii", "aggressive"):
        find([line, line], RedactionPolicy(classes=(policy,)))  # type: ignore[arg-type]
    left = shown([line], every_number([line]))[0]
    assert not any(character.isdecimal() for character in left)


def test_every_number_word_of_every_language_is_hidden_where_the_finder_failed() -> None:
    lines = said("a: pay 42 dollars or twenty one", "b: cuarenta y uno, einundvierzig, quatre-vingt-dix", language="xx")
    assert shown(lines, every_number(lines)) == ["pay [NUMBER] dollars or [NUMBER]", "[NUMBER] y [NUMBER]"]


def test_a_chip_is_told_from_words() -> None:
    assert is_chip("[CARD_NUMBER]")
    assert is_chip(chip_text("CVV"))
    assert not any(map(is_chip, ["[noise]", "[", "card", "[CARD NUMBER]", "x[CVV]", ""]))
    assert count_chips(["[CVV]", "is", "[CODE]"]) == 2
