"""Matcher of rules: what the index lets through is what every expression finds, hits are the longest from the leftmost."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.tokeniser import CHIP_TERM, words
from cc_voice.media.rule_sets import shipped_set
from cc_voice.quality.rules.compilation import compiled_set, decoded, encoded
from cc_voice.quality.rules.expressions import folded
from cc_voice.quality.rules.matcher import Match, Matcher
from cc_voice.quality.rules.rule_files import read_rule


def matcher(*phrases: str, unless: tuple[str, ...] = ()) -> Matcher:
    text = f"""
        id = "r"
        version = 1
        title = "R"
        [[condition]]
        name = "said"
        phrases.en = {json.dumps(phrases)}
        unless.en = {json.dumps(unless)}
    """
    return Matcher(compiled_set([read_rule(text, "r.toml")]))


def places(found: tuple[Match, ...]) -> list[tuple[int, int, int]]:
    return [(one.first, one.last, one.expression) for one in found]


def test_overlapping_matches_are_one_hit_the_longest_from_the_leftmost() -> None:
    found = matcher("thank you", "thank you very much", "very much indeed").matches("well thank you very much indeed", "en")
    assert places(found) == [(1, 4, 1)]


def test_the_longest_alternative_counts_whatever_its_place_in_the_bracket() -> None:
    assert places(matcher("(a|a b|a b c) [d]").matches("x a b c d y", "en")) == [(1, 4, 0)]


def test_matches_side_by_side_are_two_hits() -> None:
    assert places(matcher("bye").matches("bye bye", "en")) == [(0, 0, 0), (1, 1, 0)]


def test_a_phrase_of_unless_takes_back_what_it_touches_or_is_near() -> None:
    one = matcher("cancel", unless=("do not",))
    assert not one.matches("i do not want to cancel", "en")
    assert not one.matches("cancel it a b c d do not", "en")
    assert places(one.matches("cancel it now and here and then do not", "en")) == [(0, 0, 0)]


def test_expressions_are_those_of_the_language_of_the_utterance() -> None:
    assert matcher("hello").matches("hello", "es") == ()


def test_the_places_are_those_of_folded_words() -> None:
    assert places(matcher("don't know").matches("Well, I don't know!", "en")) == [(2, 4, 0)]


def test_nothing_is_found_in_a_hidden_word() -> None:
    everything = Matcher(shipped_set())
    text = f"{CHIP_TERM} {CHIP_TERM}"
    for language in ("en", "es", "de", "fr"):
        assert everything.matches(text, language) == ()


SET = shipped_set()
MATCHER = Matcher(SET)
VOCABULARY = sorted(
    {
        word
        for rule in SET.rules
        for phrase in rule.phrases
        if phrase.language == "en"
        for word in re.findall("[a-z]{2,}", phrase.expression.regex)
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*VOCABULARY, "i", "a", "s", "the", "ll"]), max_size=20).map(" ".join))
def test_the_index_lets_through_all_that_any_expression_finds(text: str) -> None:
    said = folded(words(text))
    taken_back = {
        (at, phrase.condition)
        for at, rule in enumerate(SET.rules)
        for phrase in rule.phrases
        if phrase.language == "en" and phrase.takes_back and re.search(phrase.expression.regex, said)
    }
    expected = {
        (at, phrase.condition)
        for at, rule in enumerate(SET.rules)
        for phrase in rule.phrases
        if phrase.language == "en" and not phrase.takes_back and re.search(phrase.expression.regex, said)
    }
    found = {(one.rule, one.condition) for one in MATCHER.matches(text, "en")}
    assert expected - taken_back <= found <= expected


def test_a_set_is_the_same_after_its_file() -> None:
    again = decoded(encoded(SET))
    assert again == SET
    assert again.sha == SET.sha
