"""Word disagreement: distance between two versions, and spellings that are no disagreement."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.transcript.disagreement import edits, tokens
from tests.call.calls import chosen_from, local, zoom
from tests.conftest import examples

WORDS = st.lists(st.sampled_from("abcd"), max_size=80)


def textbook(first: list[str], second: list[str]) -> int:
    """Wagner and Fischer's table (1974), row by row."""
    row = list(range(len(second) + 1))
    for place, word in enumerate(first, start=1):
        above, row = row, [place]
        for column, other in enumerate(second, start=1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (word != other)))
    return row[-1]


@given(WORDS, WORDS)
@settings(max_examples=examples(300), deadline=None)
def test_edits_are_the_textbooks(first: list[str], second: list[str]) -> None:
    assert edits(first, second) == textbook(first, second) == edits(second, first)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("", "", 0), ("a b", "", 2), ("", "a b c", 3), ("a b c", "a x c", 1), ("a b c", "a c", 1), ("a b", "b a", 2)],
)
def test_edits_of_small_pieces(first: str, second: str, expected: int) -> None:
    assert edits(first.split(), second.split()) == expected


@pytest.mark.parametrize(
    ("ours", "zooms", "language"),
    [
        ("good morning i am mary", "Good morning, I’m … Mary!", "xx"),
        ("twenty five dollars", "25 dollars", "en-US"),
        ("twenty five dollars", "$25 dollars.", "en"),
        ("five five five one two three", "555-123", "en"),
        ("four one one one", "4111", "en"),
        ("one thousand five hundred", "1,500", "en"),
        ("ten thirty", "10:30", "en"),
        ("check in", "Check-in", "en"),
        ("mil quinientos", "1.500", "es"),
        ("treinta y dos y ciento uno", "32 y 101", "es-MX"),
        ("你 好", "你好。", "zh"),
        ("你 好", "你好。", "en"),
        ("ガソリン", "ｶﾞｿﾘﾝ", "ja"),
        ("cancelacion por favor", "Cancelación, por favor", "es"),
        ("ma soeur", "Ma sœur", "fr"),
        ("dont worry", "Don’t worry", "en"),
    ],
)
def test_spellings_of_one_word_are_no_disagreement(ours: str, zooms: str, language: str) -> None:
    mine, theirs = local("a", (0, 1_000), ours, language), zoom("a", (0, 1_000), zooms, language)
    allowed = 2 if "’m" in zooms else 0  # an elision is: "I'm" is one word and "i am" two
    assert edits(tokens([mine]), tokens([theirs])) == allowed


def test_what_differs_is_counted_by_piece_of_speech() -> None:
    said = [
        local("a", (0, 2_000), "the cat sat on a mat"),
        zoom("a", (0, 2_000), "The cat sat on the mat."),
        local("a", (5_000, 6_000), "yes"),
        zoom("a", (5_000, 6_000), "No, thanks."),
    ]
    assert [(piece.start_ms, piece.differing, piece.words) for piece in chosen_from(said).compared] == [(0, 1, 6), (5_000, 2, 2)]


def test_punctuation_alone_is_not_compared() -> None:
    assert chosen_from([local("a", (0, 2_000), "…"), zoom("a", (0, 2_000), "--")]).compared == ()


@given(WORDS, WORDS)
def test_a_rate_is_at_most_one_and_nought_only_for_equals(first: list[str], second: list[str]) -> None:
    if first or second:
        assert 0 <= edits(first, second) <= max(len(first), len(second))
        assert (edits(first, second) == 0) == (first == second)
