"""Align: which phones belong to which word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mini.align import split_by_word

pytestmark = pytest.mark.build

PHONES = st.lists(st.sampled_from(["AH", "B", "S", "T"]), max_size=8)
WORDS = st.lists(st.lists(st.sampled_from(["AH", "B", "S", "T"]), min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("phones", "alone", "expected"),
    [
        ("DH AH K AE T", ["DH IY", "K AE T"], [[0, 1], [2, 3, 4]]),
        ("K AE T S", ["K AE T"], [[0, 1, 2, 3]]),
        ("AE T", ["K AE", "T"], [[0], [1]]),
        ("S T", ["S", "AH", "T"], [[0], [], [1]]),
        ("S S T", ["S", "T"], [[0, 1], [2]]),
        ("", ["AH"], [[]]),
    ],
)
def test_words_get_the_phones_they_sound_like(phones: str, alone: list[str], expected: list[list[int]]) -> None:
    assert split_by_word(phones.split(), [word.split() for word in alone]) == expected


@given(PHONES, WORDS)
def test_every_phone_goes_to_one_word_in_order(phones: list[str], alone: list[list[str]]) -> None:
    groups = split_by_word(phones, alone)
    assert len(groups) == len(alone)
    assert [position for group in groups for position in group] == list(range(len(phones)))


@given(WORDS)
def test_words_said_as_when_alone_are_found_exactly(alone: list[list[str]]) -> None:
    groups = split_by_word([phone for word in alone for phone in word], alone)
    assert [len(group) for group in groups] == [len(word) for word in alone]
