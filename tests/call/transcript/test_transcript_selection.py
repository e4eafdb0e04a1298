"""Transcript selection: which recogniser's words count: language in force, what is the same speech, what the site prefers."""

from collections import Counter
from itertools import combinations
from random import Random
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.transcript.transcript_selection import TranscriptSelection, same_speech, select, shared_ms
from cc_voice.call.utterances import Utterance
from cc_voice.config.languages import primary
from cc_voice.config.thresholds import ThresholdSet
from tests.call.calls import DEFAULTS, chosen_from, local, tagged, zoom
from tests.call.strategies import utterances
from tests.conftest import examples


def chosen(selection: TranscriptSelection) -> list[tuple[str, str, int]]:
    return [(said.source, said.text, said.start_ms) for said in selection.utterances]


def left(selection: TranscriptSelection) -> list[tuple[str, str, str, int]]:
    return [(line.utterance.source, line.utterance.text, line.reason, line.utterance.start_ms) for line in selection.unused]


def test_local_words_stay_when_nobody_says_otherwise() -> None:
    selection = chosen_from([local("a", (0, 1_000), "hello")], "en-US")
    assert chosen(selection) == [("local", "hello", 0)]
    assert selection.discarded_channels == frozenset()


def test_local_words_in_another_language_than_configured_are_discarded() -> None:
    selection = chosen_from([local("a", (0, 1_000), "hello")], "es")
    assert chosen(selection) == []
    assert selection.discarded_channels == {"a"}


def test_zooms_words_replace_nonsense_and_not_good_words() -> None:
    selection = chosen_from(
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


@pytest.mark.parametrize(
    ("text", "sure", "source"),
    [("No thank you.", 0.99, "zoom"), ("No thank you.", 0.9, "local"), ("Okay.", 0.99, "local")],
    ids=["sure", "doubtful", "one word"],
)
def test_a_line_that_is_surely_in_another_language_by_itself_stays(text: str, sure: float, source: str) -> None:
    """The speaker's language is Spanish all the while, before and after."""
    line = msgspec.structs.replace(zoom("a", (0, 1_000), text, "es"), lid=(("en", sure), ("es", 1 - sure)))
    selection = chosen_from([local("a", (0, 1_000), "nos han que yo", "es"), line], "es")
    assert [one.source for one in selection.utterances] == [source]
    assert [one.reason for one in selection.unused] == ["other_language" if source == "zoom" else "other_preferred"]


def test_a_tag_rules_its_own_channel_only() -> None:
    selection = chosen_from([zoom("c", (0, 1_000), "hola", "es"), local("a", (0, 1_000), "hello")], "en")
    assert len(selection.utterances) == 2
    assert selection.discarded_channels == frozenset()


@pytest.mark.parametrize(
    ("span", "repeats"),
    [((700, 3_000), True), ((701, 3_000), False), ((900, 1_100), True), ((901, 1_101), False), ((1_000, 2_000), False)],
)
def test_zoom_repeats_what_overlaps_by_300_ms_or_by_half(span: tuple[int, int], repeats: bool) -> None:
    selection = chosen_from([local("a", (0, 1_000), "hello there"), zoom("a", span, "there")], "en")
    assert ("zoom" not in {said.source for said in selection.utterances}) is repeats


def test_a_line_in_a_language_without_model_decides_for_all_that_is_connected() -> None:
    """The customer changes language inside what our recogniser took for one utterance: its end is nonsense, and no line is cut."""
    said = [
        zoom("a", (0, 2_000), "hello there", "en"),
        zoom("a", (1_500, 2_500), "hola", "es"),
        local("a", (0, 2_500), "hello there oh la"),
    ]
    selection = chosen_from(said, "en")
    assert chosen(selection) == [("zoom", "hello there", 0), ("zoom", "hola", 1_500)]
    assert left(selection) == [("local", "hello there oh la", "other_language", 0)]
    assert selection.compared == ()


def test_both_languages_heard_by_us_are_ours() -> None:
    """The cut between two languages lies elsewhere for each recogniser."""
    said = [
        zoom("a", (0, 2_500), "hello there uno", "en"),
        zoom("a", (2_500, 4_000), "dos", "es"),
        local("a", (0, 1_900), "hello there", "en"),
        local("a", (1_900, 4_000), "uno dos", "es"),
    ]
    assert [source for source, _, _ in chosen(chosen_from(said, "en"))] == ["local", "local"]


PAIR = (local("a", (0, 2_000), "hello there"), zoom("a", (50, 2_100), "Hello, dear."))


@pytest.mark.parametrize(
    ("prefer", "conf", "source", "reason"),
    [
        ("local", 0.1, "local", "other_preferred"),
        ("zoom", 1.0, "zoom", "other_preferred"),
        ("best", 0.75, "local", "other_preferred"),
        ("best", 0.74, "zoom", "low_confidence"),
        ("best", None, "local", "other_preferred"),
    ],
)
def test_the_site_prefers(prefer: Literal["local", "zoom", "best"], conf: float | None, source: str, reason: str) -> None:
    heard = local("a", (0, 2_000), "hello there", conf=conf)
    selection = chosen_from([heard, PAIR[1]], thresholds=ThresholdSet(transcript_prefer=prefer))
    (line,), (other,) = selection.utterances, selection.unused
    assert (line.source, other.reason) == (source, reason)
    assert other.used is line
    assert {line.source, other.utterance.source} == {"local", "zoom"}


@pytest.mark.parametrize("prefer", ["local", "zoom", "best"])
def test_where_one_is_missing_the_other_is_used(prefer: Literal["local", "zoom", "best"]) -> None:
    said = [local("a", (0, 1_000), "hello", conf=0.1), zoom("a", (5_000, 6_000), "there")]
    selection = chosen_from(said, thresholds=ThresholdSet(transcript_prefer=prefer))
    assert [line.source for line in selection.utterances] == ["local", "zoom"]
    assert selection.unused == ()


def test_lines_that_are_cut_elsewhere_are_one_piece_of_speech() -> None:
    """Three of ours, two of Zoom's, each touching the next: whole lines of one recogniser, none of the other."""
    ours = [
        local("a", (0, 2_000), "one two"),
        local("a", (2_200, 5_000), "three four five"),
        local("a", (5_200, 8_000), "six seven"),
    ]
    zooms = [zoom("a", (0, 3_500), "one two three"), zoom("a", (3_500, 8_000), "four five six seven")]
    apart = [local("a", (9_000, 9_500), "eight"), zoom("b", (0, 8_000), "nothing")]
    for prefer, expected in (("local", ours), ("zoom", zooms)):
        selection = chosen_from([*zooms, *apart, *ours], thresholds=ThresholdSet(transcript_prefer=prefer))
        assert [line for line in selection.utterances if line not in apart] == expected
        assert {line.used for line in selection.unused} == {expected[0]}
        assert [(piece.start_ms, piece.end_ms, piece.differing, piece.words) for piece in selection.compared] == [(0, 8_000, 0, 7)]


@pytest.mark.parametrize(("missed", "source"), [(4, "local"), (5, "zoom")])
def test_a_version_that_missed_speech_is_not_preferred(missed: int, source: str) -> None:
    """Our detector caught the end of what was said on a bad line; a word less is an opinion, most of it is a hole."""
    whole = " ".join(["word"] * (missed + 1))
    selection = chosen_from([local("a", (4_000, 5_000), "word"), zoom("a", (0, 5_000), whole)])
    assert [line.source for line in selection.utterances] == [source]
    assert selection.unused[0].reason == ("other_preferred" if source == "local" else "fewer_words")


def test_a_short_word_inside_a_long_line_is_the_same_speech() -> None:
    said = [local("a", (1_000, 1_200), "yes"), zoom("a", (0, 9_000), "yes indeed")]
    assert len(chosen_from(said).utterances) == 1


def test_nonsense_names_what_is_in_the_transcript_instead() -> None:
    spanish = zoom("a", (5_000, 6_000), "Hola", "es")
    selection = chosen_from([spanish, local("a", (5_000, 6_000), "hole a"), local("a", (8_000, 9_000), "case")])
    assert [(line.reason, line.used) for line in selection.unused] == [("other_language", spanish), ("other_language", None)]


def test_languages_are_asked_for_of_whoever_knows_them() -> None:
    """Zoom tagged one line wrong; a track that knows better makes it the same language as ours."""
    said = [local("a", (0, 2_000), "hello there"), zoom("a", (0, 2_000), "hello there", "es")]
    assert [line.source for line in select(said, lambda _: "en-GB", DEFAULTS).utterances] == ["local"]
    assert [line.source for line in select(said, lambda _: "es", DEFAULTS).utterances] == ["zoom"]


def test_utterances_without_words_go_and_text_without_words_is_split() -> None:
    empty = Utterance(channel_id="a", start_ms=0, end_ms=10, text="  ", words=(), language="en", source="zoom")
    text = Utterance(channel_id="a", start_ms=20, end_ms=30, text="Good day", words=(), language="en", source="zoom")
    (said,) = chosen_from([empty, text], "en").utterances
    assert [word.word for word in said.words] == ["Good", "day"]


def test_two_utterances_that_begin_together_keep_keys_of_their_own() -> None:
    said = [zoom("a", (100, 200), "one"), zoom("a", (100, 100), "two"), zoom("a", (101, 300), "three")]
    starts = [(one.start_ms, one.end_ms) for one in chosen_from(said, "en").utterances]
    assert [start for start, _ in starts] == [100, 101, 102]
    assert all(start <= end for start, end in starts)


def test_shared_time_is_negative_between_two() -> None:
    assert shared_ms(zoom("a", (0, 100), "x"), zoom("a", (60, 200), "y")) == 40
    assert shared_ms(zoom("a", (0, 100), "x"), zoom("a", (150, 200), "y")) == -50


def words_of(line: Utterance) -> tuple[str, ...]:
    return (line.source, *(word.word for word in line.words))


@pytest.mark.parametrize("prefer", ["local", "zoom", "best"])
@settings(max_examples=examples(150), deadline=None)
@given(st.lists(utterances(), max_size=12), st.sampled_from(["en", "es", "ja"]))
def test_no_piece_of_speech_is_there_twice_and_none_is_lost(
    prefer: Literal["local", "zoom", "best"], said: list[Utterance], configured: str
) -> None:
    selection = chosen_from(said, configured, ThresholdSet(transcript_prefer=prefer))
    lines, unused = selection.utterances, [line.utterance for line in selection.unused]
    # Every line with words is in one of the two, once, with its words
    assert Counter(map(words_of, [*lines, *unused])) == Counter(words_of(line) for line in said if line.words)
    # Lines of the two recognisers in the transcript are different speech
    for line, other in combinations(lines, 2):
        assert line.channel_id != other.channel_id or line.source == other.source or not same_speech(line, other)
    # What was left out says why; where it is not nonsense, the transcript says the same speech in its place
    for left_out in selection.unused:
        assert left_out.used is None or (left_out.used in lines and left_out.used.channel_id == left_out.utterance.channel_id)
        assert left_out.used is not None or left_out.reason == "other_language"
    # Keys and order
    assert len({(line.channel_id, line.start_ms) for line in lines}) == len(lines)
    assert len({(line.channel_id, line.source, line.start_ms) for line in unused}) == len(unused)
    for found in (lines, unused):
        assert [line.start_ms for line in found] == sorted(line.start_ms for line in found)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(utterances(), max_size=10), st.sampled_from(["en", "es", "ja"]), st.randoms())
def test_the_order_in_which_lines_come_does_not_matter(said: list[Utterance], configured: str, random: Random) -> None:
    spoken = tagged(said, configured)
    first, second = (select(lines, spoken, DEFAULTS) for lines in (said, random.sample(said, len(said))))
    assert sorted(map(str, first.compared)) == sorted(map(str, second.compared))
    assert Counter(map(words_of, first.utterances)) == Counter(map(words_of, second.utterances))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(utterances(), max_size=10), st.sampled_from(["en", "es", "ja"]))
def test_local_words_stay_only_in_the_language_in_force(said: list[Utterance], configured: str) -> None:
    in_force = tagged(said, configured)
    for line in chosen_from(said, configured).utterances:
        assert line.source == "zoom" or primary(in_force(line)) == primary(line.language)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(utterances(), max_size=8))
def test_selecting_again_changes_nothing(said: list[Utterance]) -> None:
    """Words are chosen once: what was chosen stays, because what was in force still is."""
    local_only = [one for one in said if one.source == "local"]
    once = chosen_from(local_only).utterances
    assert chosen_from(once).utterances == once


def test_of_two_lines_that_begin_together_the_words_stay_inside() -> None:
    first, second = local("a", (0, 100), "yes"), local("a", (0, 100), "yeah")
    kept = chosen_from([first, second]).utterances
    assert len({line.start_ms for line in kept}) == len(kept) == 2
    for line in kept:
        assert all(line.start_ms <= (word.start_ms or 0) <= (word.end_ms or 0) <= line.end_ms for word in line.words)
