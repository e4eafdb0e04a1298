"""The language of search: what is understood, what is refused with a sentence, and that no text at all fails otherwise."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.store.errors import SearchError
from cc_voice.store.search.query import Query, QueryNear, QueryPhrase, QueryWord, parse


def phrase(text: str) -> QueryPhrase:
    return QueryPhrase(tuple(QueryWord(word.rstrip("*"), word.endswith("*")) for word in text.split()))


def wanted(*groups: Sequence[QueryPhrase | QueryNear], never: Sequence[QueryPhrase | QueryNear] = ()) -> Query:
    return Query(tuple(tuple(group) for group in groups), tuple(never))


REFUND, CARD, LAWYER = phrase("refund"), phrase("card"), phrase("lawyer")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("refund", wanted([REFUND])),
        ("  Refund   CARD ", wanted([REFUND], [CARD])),
        ("refund OR card lawyer", wanted([REFUND, CARD], [LAWYER])),
        ("refund | card", wanted([REFUND, CARD])),
        ("refund or card", wanted([REFUND], [phrase("or")], [CARD])),
        ('"refund card"', wanted([phrase("refund card")])),
        ("“refund card” lawyer", wanted([phrase("refund card")], [LAWYER])),
        ('"refund card', wanted([phrase("refund card")])),
        ("refund near/5 card", wanted([QueryNear(REFUND, CARD, 5)])),
        ('"credit card" NEAR/2 refund OR lawyer', wanted([QueryNear(phrase("credit card"), REFUND, 2), LAWYER])),
        ("refund -card", wanted([REFUND], never=[CARD])),
        ('refund -"credit card"', wanted([REFUND], never=[phrase("credit card")])),
        ("-refund near/3 card lawyer", wanted([LAWYER], never=[QueryNear(REFUND, CARD, 3)])),
        ("refund*", wanted([phrase("refund*")])),
        ('"refund* card"', wanted([phrase("refund* card")])),
        ("e-mail", wanted([phrase("e mail")])),
        ("don't", wanted([phrase("don t")])),
        ("refund - ? card", wanted([REFUND], [CARD])),
        ('"near/5"', wanted([phrase("near 5")])),
        ('refund "near" card', wanted([REFUND], [phrase("near")], [CARD])),
        ("near refund", wanted([phrase("near")], [REFUND])),
        ("refund (card)", wanted([REFUND], [CARD])),
        ("refund card(s)", wanted([REFUND], [phrase("card s")])),
        ("REFUND AND CARD", wanted([REFUND], [phrase("and")], [CARD])),
    ],
)
def test_a_query_is_read(query: str, expected: Query) -> None:
    assert parse(query) == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "type a word"),
        (" ? ", "type a word"),
        ('""', "type a word"),
        ("-refund", "needs a word that was said"),
        ("OR", "stand between two words"),
        ("refund OR", "stand between two words"),
        ("near/5 card", "stand between two words"),
        ("refund near/5", "stand between two words"),
        ("refund near/0 card", "1 to 50"),
        ("refund near/51 card", "1 to 50"),
        ("a near/5 b near/5 c", "the one in the middle twice"),
        ("refund near/5 -card", "dash before the first word"),
        ("-refund OR card", "not beside one with a dash"),
        ("refund OR -card", "not beside one with a dash"),
        ("r*", "at least 2 letters"),
        ("(refund OR money) card", "parentheses do not group"),
        ("card -(refund money)", "parentheses do not group"),
        ("refund near card", "near needs a number"),
        ("refund NEAR card", "near needs a number"),
        ("refund near/ card", "near needs a number"),
        ("refund near/x card", "near needs a number"),
        ("refund AND card", "AND is no operator here: words beside each other"),
        ("refund NOT card", "NOT is no operator here: -card"),
        ("word " * 21, "more than 20 words"),
        ("[CARD_NUMBER]", "cannot be searched for"),
        ("refund 0redacted0", "cannot be searched for"),
        ("0re*", "stands for no word"),
    ],
)
def test_a_query_that_asks_for_nothing_is_told_why(query: str, says: str) -> None:
    with pytest.raises(SearchError, match=says):
        parse(query)


TYPED = st.lists(st.sampled_from(["a", "b*", '"', "-", "OR", "near/3", "|", "“x y”", " "])).map(" ".join)


@given(st.one_of(st.text(max_size=60), TYPED))
def test_no_text_fails_otherwise(query: str) -> None:
    try:
        found = parse(query)
    except SearchError:
        return
    assert found.groups
    assert all(group for group in found.groups)


WORDS = st.sampled_from(["a", "b", "c", "ab"])


@given(st.lists(WORDS, max_size=12), st.lists(WORDS, min_size=1, max_size=3))
def test_a_phrase_is_where_its_words_are(said: list[str], words: list[str]) -> None:
    places = QueryPhrase(tuple(map(QueryWord, words))).places(said)
    assert [said[first : last + 1] for first, last in places] == [words] * len(places)
    assert len(places) == sum(said[at : at + len(words)] == words for at in range(len(said)))


@given(st.lists(WORDS, max_size=12), WORDS, WORDS, st.integers(1, 6))
def test_near_is_a_distance_in_either_order(said: list[str], left: str, right: str, within: int) -> None:
    places = QueryNear(phrase(left), phrase(right), within).places(said)
    every = [(i, j) for i in range(len(said)) for j in range(len(said)) if 1 <= abs(i - j) <= within]
    pairs = [(i, j) for i, j in every if (said[i], said[j]) == (left, right)]
    assert places == sorted({(n, n) for pair in pairs for n in pair})
    assert places == QueryNear(phrase(right), phrase(left), within).places(said)
