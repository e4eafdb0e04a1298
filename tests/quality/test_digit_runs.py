"""Runs of 13 to 19 digits: hidden in any grouping, rendering and language, by whomever split, valid or not."""

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.bench.spoken_numbers.spellings import by_hundreds, spelled
from cc_voice.quality.redaction.finder import SpokenLine, find
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from tests.quality.spoken import left_of, said

LANGUAGES = ("en", "es", "de", "fr")
SCRIPTS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
STYLES = (
    ("single",),
    ("pairs", "single"),
    ("big", "single"),
    ("figures", "dashes"),
    ("figures", "single", "other figures", "dashes"),
)
PCI = RedactionPolicy()


def rendered(group: str, style: str, language: str, chance: random.Random) -> list[str]:
    match style:
        case "figures":
            return [group]
        case "other figures":
            digits = chance.choice(SCRIPTS)
            return ["".join(digits[int(digit)] for digit in group)]
        case "dashes":
            return ["-".join(group)]
        case "pairs" if len(group) == 2 and group[0] != "0":
            return spelled(int(group), language).split()
        case "big" if len(group) in (3, 4) and group[0] != "0":
            return chance.choice([spelled, by_hundreds])(int(group), language).split()
        case _:
            return [spelled(int(digit), language) for digit in group]


@st.composite
def readings(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """A language, digits, and the words of one reading of them."""
    language = draw(st.sampled_from(LANGUAGES))
    digits = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=13, max_size=19)))
    chance = random.Random(draw(st.integers(0, 2**32)))
    styles = draw(st.sampled_from(STYLES))
    words: list[str] = []
    at = 0
    while at < len(digits):
        size = chance.randrange(1, 5)
        words += rendered(digits[at : at + size], chance.choice(styles), language, chance)
        at += size
    return language, digits, words


@given(readings())
@settings(max_examples=300, deadline=None)
def test_any_run_is_hidden_whatever_it_is_and_however_it_is_said(reading: tuple[str, str, list[str]]) -> None:
    language, _, words = reading
    lines = said(f"customer: {' '.join(words)}", language=language)
    assert left_of(lines, find(lines, PCI)) == []


@given(readings(), st.data())
@settings(max_examples=150, deadline=None)
def test_where_an_utterance_is_split_changes_nothing(reading: tuple[str, str, list[str]], data: st.DataObject) -> None:
    language, _, words = reading
    (line,) = said(f"customer: {' '.join(words)}", language=language, is_timed=True)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(words) - 1)), max_size=4)) & set(range(1, len(words))))
    parts = [part_of(line, first, last) for first, last in pairwise([0, *cuts, len(words)])]
    assert (left_of([line], find([line], PCI)) == []) == (left_of(parts, find(parts, PCI)) == [])


def part_of(line: SpokenLine, first: int, last: int) -> SpokenLine:
    words = line.words[first:last]
    start, end = words[0].start_ms, words[-1].end_ms
    assert start is not None
    assert end is not None
    return msgspec.structs.replace(line, key=f"{first}", words=words, start_ms=start, end_ms=end)


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_and_words_are_the_same(language: str) -> None:
    for seed in range(30):
        chance = random.Random(seed)
        digits = "".join(chance.choices("0123456789", k=chance.randrange(13, 20)))
        words = [chance.choice([digit, spelled(int(digit), language)]) for digit in digits]
        lines = said(f"customer: {' '.join(words)}", language=language)
        (found,) = find(lines, PCI)
        assert (found.first_word, found.last_word, found.digits) == (0, len(digits) - 1, len(digits))
