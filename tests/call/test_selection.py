"""Which recogniser's words count, by language in force and overlap."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.lexicon import primary
from cc_voice.call.selection import Selection, select, shared_ms
from cc_voice.call.transcript import Utterance
from tests.call.calls import local, zoom
from tests.call.strategies import utterances


def chosen(selection: Selection) -> list[tuple[str, str, int]]:
    return [(said.source, said.text, said.start_ms) for said in selection.utterances]


def test_local_words_stay_when_nobody_says_otherwise() -> None:
    selection = select([local("a", (0, 1_000), "hello")], "en-US")
    assert chosen(selection) == [("local", "hello", 0)]
    assert selection.discarded_channels == frozenset()


def test_local_words_in_another_language_than_configured_are_discarded() -> None:
    selection = select([local("a", (0, 1_000), "hello")], "es")
    assert chosen(selection) == []
    assert selection.discarded_channels == {"a"}


def test_zooms_words_replace_nonsense_and_not_good_words() -> None:
    selection = select(
        [
            local("a", (0, 1_000), "hello there"),
            zoom("a", (50, 1_100), "Hello there."),
            local("a", (5_000, 6_000), "hole a case"),
            zoom("a", (5_000, 6_000), "Hola, ¿qué tal?", "es-ES"),
        ],
        "en",
    )
    assert chosen(selection) == [("local", "hello there", 0), ("zoom", "Hola, ¿qué tal?", 5_000)]
    assert selection.discarded_channels == {"a"}


def test_the_tag_that_overlaps_most_is_in_force() -> None:
    tags = [zoom("a", (0, 1_000), "uno", "es"), zoom("a", (1_000, 3_000), "two", "en")]
    assert "local" in {said.source for said in select([*tags, local("a", (500, 2_500), "so on")], "en").utterances}
    assert "local" not in {said.source for said in select([*tags, local("a", (0, 1_200), "so on")], "en").utterances}


def test_without_overlap_the_last_tag_before_is_in_force_and_a_later_one_is_not() -> None:
    spanish = zoom("a", (1_000, 2_000), "hola", "es")
    after = select([spanish, local("a", (9_000, 10_000), "hole a")], "en")
    before = select([spanish, local("a", (0, 900), "hello")], "en")
    assert [source for source, _, _ in chosen(after)] == ["zoom"]
    assert [source for source, _, _ in chosen(before)] == ["local", "zoom"]


def test_a_long_line_is_found_behind_shorter_ones() -> None:
    tags = [zoom("a", (0, 10_000), "uno", "es"), zoom("a", (2_000, 2_100), "two", "en")]
    assert "local" not in {said.source for said in select([*tags, local("a", (5_000, 6_000), "so on")], "en").utterances}


def test_a_line_that_only_touches_is_before_and_the_latest_to_begin_is_in_force() -> None:
    tags = [zoom("a", (0, 1_000), "uno", "es"), zoom("a", (200, 300), "two", "en")]
    assert "local" in {said.source for said in select([*tags, local("a", (1_000, 2_000), "so on")], "en").utterances}


def test_a_tag_rules_its_own_channel_only() -> None:
    selection = select([zoom("c", (0, 1_000), "hola", "es"), local("a", (0, 1_000), "hello")], "en")
    assert len(selection.utterances) == 2
    assert selection.discarded_channels == frozenset()


@pytest.mark.parametrize(
    ("span", "repeats"),
    [((700, 3_000), True), ((701, 3_000), False), ((900, 1_100), True), ((901, 1_101), False), ((1_000, 2_000), False)],
)
def test_zoom_repeats_what_overlaps_by_300_ms_or_by_half(span: tuple[int, int], repeats: bool) -> None:
    selection = select([local("a", (0, 1_000), "hello there"), zoom("a", span, "there")], "en")
    assert ("zoom" not in {said.source for said in selection.utterances}) is repeats


def test_a_repetition_in_another_language_is_other_speech() -> None:
    """The customer changes language inside what our recogniser took for one utterance."""
    said = [
        zoom("a", (0, 2_000), "hello there", "en"),
        zoom("a", (1_500, 2_500), "hola", "es"),
        local("a", (0, 2_500), "hello there oh la"),
    ]
    assert [source for source, _, _ in chosen(select(said, "en"))] == ["local", "zoom"]


def test_utterances_without_words_go_and_text_without_words_is_split() -> None:
    empty = Utterance(channel_id="a", start_ms=0, end_ms=10, text="  ", words=(), language="en", source="zoom")
    text = Utterance(channel_id="a", start_ms=20, end_ms=30, text="Good day", words=(), language="en", source="zoom")
    (said,) = select([empty, text], "en").utterances
    assert [word.word for word in said.words] == ["Good", "day"]


def test_two_utterances_that_begin_together_keep_keys_of_their_own() -> None:
    said = [zoom("a", (100, 200), "one"), zoom("a", (100, 100), "two"), zoom("a", (101, 300), "three")]
    starts = [(one.start_ms, one.end_ms) for one in select(said, "en").utterances]
    assert [start for start, _ in starts] == [100, 101, 102]
    assert all(start <= end for start, end in starts)


def test_shared_time_is_negative_between_two() -> None:
    assert shared_ms(zoom("a", (0, 100), "x"), zoom("a", (60, 200), "y")) == 40
    assert shared_ms(zoom("a", (0, 100), "x"), zoom("a", (150, 200), "y")) == -50


@settings(max_examples=150, deadline=None)
@given(st.lists(utterances(), max_size=10), st.sampled_from(["en", "es", "ja"]))
def test_selection_is_sound(said: list[Utterance], configured: str) -> None:
    selection = select(said, configured)
    keys = [(one.channel_id, one.start_ms) for one in selection.utterances]
    assert len(set(keys)) == len(keys)
    assert [one.start_ms for one in selection.utterances] == sorted(one.start_ms for one in selection.utterances)
    assert all(one.words for one in selection.utterances)
    given_text = [one.text for one in said]
    assert all(one.text in given_text for one in selection.utterances)
    zooms = {one.channel_id for one in said if one.source == "zoom"}
    for one in selection.utterances:
        assert one.source == "zoom" or one.channel_id in zooms or primary(one.language) == configured


@settings(max_examples=60, deadline=None)
@given(st.lists(utterances(), max_size=8))
def test_selecting_again_changes_nothing(said: list[Utterance]) -> None:
    """Words are chosen once: what was chosen stays, because what was in force still is."""
    local_only = [one for one in said if one.source == "local"]
    once = select(local_only, "en").utterances
    assert select(once, "en").utterances == once
