"""Words in time: exact and estimated times, where a word counts, and which words do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.metrics.spoken_words import SpokenWord, counted, meets, read_out, spoken, within
from cc_voice.call.utterances import Utterance, Word
from tests.call.calls import local, zoom
from tests.call.strategies import utterances
from tests.conftest import examples


def word(text: str, start: int = 0, end: int = 100, *, timed: bool = True, language: str = "en") -> SpokenWord:
    return SpokenWord(text, start, end, timed, None, language)


def test_local_words_keep_their_times_and_confidence() -> None:
    (one, two) = spoken([local("a", (0, 1_000), "Hello, there", "en-US", conf=0.7)])
    assert one == SpokenWord("hello", 0, 500, True, 0.7, "en")
    assert (two.start_ms, two.end_ms, two.at_ms) == (500, 1_000, 750)


def test_zooms_words_are_spread_evenly_and_say_so() -> None:
    words = spoken([zoom("a", (1_000, 2_000), "uno dos tres", "es-MX")])
    assert [(one.start_ms, one.end_ms, one.timed, one.language) for one in words] == [
        (1_000, 1_333, False, "es"),
        (1_333, 1_666, False, "es"),
        (1_666, 2_000, False, "es"),
    ]


def test_words_of_overlapping_utterances_are_in_order_of_time() -> None:
    words = spoken([local("a", (500, 1_500), "c d"), local("a", (0, 1_200), "a b")])
    assert [one.text for one in words] == ["a", "c", "b", "d"]


def test_a_word_that_ends_before_it_begins_lasts_no_time() -> None:
    odd = Utterance(
        channel_id="a", start_ms=0, end_ms=100, text="x", words=(Word("x", 80, 20, 1.0),), language="en", source="local"
    )
    assert [(one.start_ms, one.end_ms) for one in spoken([odd])] == [(80, 80)]


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [(0, 1_999, False), (1_000, 3_000, True), (1_001, 2_999, True), (2_900, 3_100, False), (2_900, 3_099, True)],
)
def test_a_word_counts_where_its_middle_is(start: int, end: int, inside: bool) -> None:
    kept = within([word("x", start, end)], ((1_000, 3_000),), ((0, 5_000),))
    assert bool(kept) is inside


def test_a_timed_word_must_touch_speech_and_an_estimated_one_need_not() -> None:
    analysed, speech = ((0, 10_000),), ((0, 1_000),)
    assert within([word("x", 1_000, 1_200)], analysed, speech) == ()
    assert len(within([word("x", 999, 1_200)], analysed, speech)) == 1
    assert len(within([word("x", 5_000, 5_200, timed=False)], analysed, speech)) == 1


def test_a_word_without_duration_lasts_a_millisecond() -> None:
    assert list(meets(((0, 10), (20, 30)), word("x", 25, 25))) == [1]
    assert list(meets(((0, 10), (20, 30)), word("x", 20, 20))) == [1]
    assert list(meets(((0, 10), (20, 30)), word("x", 10, 10))) == []


def test_a_word_may_touch_two_pieces_of_speech() -> None:
    assert list(meets(((0, 10), (20, 30), (40, 50)), word("x", 5, 25))) == [0, 1]


def test_a_word_with_half_a_time_has_none() -> None:
    half = Utterance(
        channel_id="a", start_ms=0, end_ms=200, text="x y", words=(Word("x", 80), Word("y")), language="en", source="local"
    )
    assert [(one.start_ms, one.end_ms, one.timed) for one in spoken([half])] == [(80, 100, False), (100, 200, False)]


def test_fillers_and_punctuation_do_not_count() -> None:
    said = [word("um"), word("hello"), word(""), word("um", language="de"), word("ehm", language="es")]
    assert [(one.text, one.language) for one in counted(said)] == [("hello", "en"), ("um", "de")]


def read(text: str, minimum: int = 6) -> list[str]:
    tokens = [word(token) for token in text.split()]
    return [tokens[index].text for index in sorted(read_out(tokens, minimum))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("my number is four one one one two three thanks", "four one one one two three"),
        ("four one one one two", ""),
        ("4111 11 please", "4111 11"),
        ("4111 1 please", ""),
        ("one two three then four five six", ""),
        ("411111", "411111"),
        ("", ""),
        ("one two three four five six and 123456", "one two three four five six 123456"),
    ],
)
def test_a_number_of_six_digits_is_read_out(text: str, found: str) -> None:
    assert read(text) == found.split()


def test_characters_count_in_scripts_without_spaces() -> None:
    """By the text: a tag that is late or wrong makes no sentence of Japanese one word of English."""
    for language in ("ja", "en"):
        (sentence,) = spoken([zoom("a", (1_000, 2_000), "もしもし、iPhoneの", language)])
        units = counted([sentence, word("hello", 3_000, 3_500)])
        assert [one.text for one in units] == ["も", "し", "も", "し", "iphone", "の", "hello"]
        assert [one.start_ms for one in units] == [1_000, 1_166, 1_333, 1_500, 1_666, 1_833, 3_000]
    assert len(counted([word("เก่ง", language="th")])) == 3


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(utterances(), max_size=4))
def test_every_word_is_kept_in_order_and_inside_its_utterance(said: list[Utterance]) -> None:
    words = spoken(said)
    assert len(words) == sum(len(one.words) for one in said)
    assert [one.start_ms for one in words] == sorted(one.start_ms for one in words)
    for one in said:
        assert all(one.start_ms <= mine.start_ms <= mine.end_ms <= one.end_ms for mine in spoken([one]))
