"""Search over a store: who is found, in which order, what is shown, and that the index follows the calls."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_voice.call.batch import StageReached
from cc_voice.store.batches import delete_call, write_batch
from cc_voice.store.errors import SearchError
from cc_voice.store.search import postings, snippets
from cc_voice.store.search.matches import SearchFilter, pattern, search
from cc_voice.store.search.query import QueryNear, QueryPhrase, QueryWord
from cc_voice.store.search.snippets import SnippetPiece
from tests.conftest import examples
from tests.stored_calls import NOON, SITE, Connection, call, leg, new_store, say, write

DAY = datetime.timedelta(days=1)


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


def tell(con: Connection, name: str, *said: str, party: str = "customer", days: float = 0, **leg_of: Any) -> None:
    """Store a call; each text is an utterance, ten seconds after the one before."""
    lines = tuple(say(name, party, 10_000 * number, text) for number, text in enumerate(said))
    write(con, call(name, leg(name, **leg_of), at=NOON + days * DAY, said=lines))


def ids(con: Connection, query: str, **chosen: Any) -> list[str]:
    return [hit.call_id for hit in search(con, query, SearchFilter(**chosen)).hits]


def marked(con: Connection, query: str, **chosen: Any) -> list[str]:
    """What is marked in the passages of the only hit."""
    (hit,) = search(con, query, SearchFilter(**chosen)).hits
    return [piece.text for passage in hit.passages for piece in passage.pieces if piece.is_match]


# -- operators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("refund", ["both", "one"]),
        ("REFUND", ["both", "one"]),
        ("refund card", ["both"]),
        ("card OR lawyer", ["law", "both"]),
        ("refund -card", ["one"]),
        ('"my card"', ["both"]),
        ('"card my"', []),
        ('refund -"my card"', ["one"]),
        ("want near/3 refund", ["one"]),
        ("refund near/3 want", ["one"]),
        ("want near/1 refund", []),
        ("ref*", ["both", "one"]),
        ("law* OR refunds", ["law"]),
        ("senor", ["law"]),
        ("SEÑOR", ["law"]),
        ("never-said", []),
        ('"a lawy*"', ["law"]),
    ],
)
def test_operators(con: Connection, query: str, found: list[str]) -> None:
    tell(con, "one", "i want a refund")
    tell(con, "both", "refund it", "to my card", days=1)
    tell(con, "law", "señor i need a lawyer", days=2)
    assert ids(con, query) == found


def test_words_of_a_phrase_are_said_in_one_utterance(con: Connection) -> None:
    tell(con, "a", "credit", "card")
    assert ids(con, "credit card") == ["a"]
    assert ids(con, '"credit card"') == []
    assert ids(con, "credit near/5 card") == []


def test_what_was_redacted_is_one_term_that_nobody_finds(con: Connection) -> None:
    tell(con, "a", "my number is [CARD_NUMBER] thank you", "and the code [CVV]")
    for query in ("card", '"card number"', "redacted", '"is thank"', '"number card"', "cvv", "cv*"):
        assert ids(con, query) == []
    assert ids(con, "is near/2 thank") == ["a"]
    assert marked(con, '"thank you"') == ["thank you"]
    assert ("0redacted0",) in con.execute("select term from posting").fetchall()


WORDS = st.sampled_from(["ab", "b", "ba", "c"])
PHRASES = st.lists(st.builds(QueryWord, WORDS, st.booleans()), min_size=1, max_size=2).map(lambda words: QueryPhrase(tuple(words)))


@given(st.lists(WORDS, max_size=8), st.one_of(PHRASES, st.builds(QueryNear, PHRASES, PHRASES, st.integers(1, 4))))
@settings(max_examples=examples(200), deadline=None)
def test_what_is_found_is_what_is_marked(said: list[str], atom: QueryPhrase | QueryNear) -> None:
    """The store's expression and the marks are two readings of one query."""
    found = MEMORY.execute("select regexp_matches(?, ?)", [f" {' '.join(said)} ", pattern(atom)]).fetchall()[0][0]
    assert found == bool(atom.places(said))


MEMORY = new_store()

# -- filters ---------------------------------------------------------------------------------------------------------


def test_only_what_the_party_said_counts(con: Connection) -> None:
    tell(con, "agent", "refund", party="agent")
    tell(con, "customer", "refund")
    lines = (say("both", "agent", 0, "card"), say("both", "customer", 2_000, "refund"))
    write(con, call("both", leg("both"), at=NOON + DAY, said=lines))
    assert set(ids(con, "refund", party="customer")) == {"customer", "both"}
    assert ids(con, "refund card", party="customer") == []
    assert ids(con, "refund -card", party="customer") == ["both", "customer"]
    assert ids(con, "refund -card") == ["agent", "customer"]
    assert ids(con, '"refund"', party="agent") == ["agent"]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"queue": "Biling"}, "there is no queue 'Biling'; did you mean Billing?"),
        ({"queue": "Mars"}, "there is no queue 'Mars'; there are Billing"),
        ({"agent": "Zoe"}, "there is no agent 'Zoe'; there are Ana"),
        ({"language": "klingon"}, "'klingon' is no language tag"),
        ({"language": "tlh"}, "there is no language 'tlh'; there are en"),
    ],
)
def test_what_is_not_known_is_told(con: Connection, chosen: dict[str, str], told: str) -> None:
    tell(con, "c0", "refund", agent="ana", queue="billing")
    with pytest.raises(SearchError, match=re.escape(told)):
        ids(con, "refund", **chosen)


def test_days_agents_queues_and_languages(con: Connection) -> None:
    for number, (agent, queue) in enumerate([("ana", "billing"), ("ben", "billing"), ("ana", "sales")]):
        tell(con, f"c{number}", "refund", days=number, agent=agent, queue=queue)
    day = NOON.date()
    assert ids(con, "refund", agent="Ana") == ["c2", "c0"]
    assert ids(con, "refund", queue="Billing") == ["c1", "c0"]
    assert ids(con, "refund", agent="Ana", queue="Sales") == ["c2"]
    assert ids(con, "refund", since=day + DAY) == ["c2", "c1"]
    assert ids(con, "refund", until=day) == ["c0"]
    assert ids(con, "refund", language="en") == ["c2", "c1", "c0"]
    assert ids(con, "refund", language="es") == []
    assert ids(con, "refund", language="EN") == ["c2", "c1", "c0"]
    assert ids(con, "refund", agent="ANA", queue="sALES") == ["c2"]
    assert ids(con, "refund", source="local", since=day, until=day) == ["c0"]
    assert ids(con, "refund", source="zoom") == []
    assert ids(con, "refund", since=day + DAY, until=day) == []


def test_a_leg_after_midnight_is_found_by_its_agent(con: Connection) -> None:
    late = datetime.datetime(2026, 11, 2, 22, 59, 30, tzinfo=datetime.UTC)  # 23:59:30 in Berlin
    legs = (leg("a", agent="ana"), leg("a", 2, agent="ben"))
    write(con, call("a", *legs, at=late, said=(say("a", "customer", 70_000, "refund", number=2),)))
    assert ids(con, "refund", agent="Ben", until=datetime.date(2026, 11, 2)) == ["a"]


# -- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["refund", '"a refund"', "ref*"])
def test_pages_have_every_call_once_newest_first(con: Connection, query: str) -> None:
    ages = [0, 0, 1, 2, 6, 7, 8, 40, 200, 900]
    for number, age in enumerate(ages):
        tell(con, f"c{number}", "i want a refund", days=-age)
    expected = sorted((f"c{n}" for n in range(len(ages))), key=lambda name: (ages[int(name[1:])], name))
    found: list[str] = []
    after = None
    for _ in range(len(ages)):
        page = search(con, query, SearchFilter(), limit=3, after=after)
        found += [hit.call_id for hit in page.hits]
        after = page.after
        if after is None:
            break
    assert found == expected


@pytest.mark.parametrize(
    "after", ["x", "1.2", "20261102.x.a", "99999999.1.a", "20261102.1.a'b", "20261102.1.a.b", f"20261102.{9**40}.a", ".."]
)
def test_a_cursor_of_nobodys_is_refused(con: Connection, after: str) -> None:
    with pytest.raises(SearchError, match="no place in a list"):
        search(con, "refund", SearchFilter(), after=after)


def test_a_page_has_a_size(con: Connection) -> None:
    for limit in (0, 201):
        with pytest.raises(SearchError, match="1 to 200"):
            search(con, "refund", SearchFilter(), limit=limit)


# -- what is shown ---------------------------------------------------------------------------------------------------


def test_the_original_is_shown_with_its_marks(con: Connection) -> None:
    tell(con, "a", "hello", "Señor, I want <b>my</b> Refund!", "refund refund")
    (hit,) = search(con, "senor refund", SearchFilter()).hits
    assert [(passage.start_ms, passage.party) for passage in hit.passages] == [(10_000, "customer"), (20_000, "customer")]
    assert hit.passages[0].pieces == (
        SnippetPiece("Señor", True),
        SnippetPiece(", I want <b>my</b> ", False),
        SnippetPiece("Refund", True),
        SnippetPiece("!", False),
    )
    assert hit.passages[1].pieces == (SnippetPiece("refund refund", True),)
    assert (hit.agent_name, hit.queue_name, hit.duration_ms) == ("Ana", "Billing", 60_000)


def test_words_near_each_other_are_marked_and_those_between_are_not(con: Connection) -> None:
    tell(con, "a", "refund it to my card and my card")
    assert marked(con, "refund near/4 card") == ["refund", "card"]


def test_characters_without_spaces_are_found_as_they_stand(con: Connection) -> None:
    tell(con, "a", "我要退款到我的卡")
    assert marked(con, "退款") == ["退款"]
    assert ids(con, "款退") == []


def test_more_passages_are_counted(con: Connection) -> None:
    tell(con, "a", *["refund"] * 5)
    (hit,) = search(con, "refund", SearchFilter()).hits
    assert (len(hit.passages), hit.more_passages) == (3, 2)


def test_a_long_text_is_cut_around_the_first_mark() -> None:
    text = "x" * 500 + " refund " + "y" * 500
    found = snippets.pieces(text, [(501, 507)])
    assert (found[0], found[-1]) == (SnippetPiece("…", False), SnippetPiece("…", False))
    assert sum(len(piece.text) for piece in found) == snippets.LONGEST + 2
    assert [piece.text for piece in found if piece.is_match] == ["refund"]
    assert snippets.pieces("short", []) == (SnippetPiece("short", False),)


# -- the index follows the calls -------------------------------------------------------------------------------------


def posted(con: Connection) -> list[Any]:
    sql = "select term, c.call_id, parties from posting left join fact_call as c using (call_no) order by all"
    return con.execute(sql).fetchall()


def test_a_call_that_is_measured_again_has_its_new_words_only(con: Connection) -> None:
    tell(con, "a", "refund")
    tell(con, "a", "card")
    assert posted(con) == [("card", "a", 2)]


def test_a_deleted_call_leaves_no_word(con: Connection) -> None:
    tell(con, "a", "refund")
    tell(con, "b", "refund")
    delete_call(con, "a")
    assert posted(con) == [("refund", "b", 2)]
    assert ids(con, "refund") == ["b"]


def test_a_revoked_call_is_not_found(con: Connection) -> None:
    tell(con, "a", "refund")
    con.execute("insert into stream (stream_id, call_id, stage, epoch) values ('s', 'a', 'measured', 1)")
    assert write_batch(con, StageReached(call_id="a", stream_id="s", epoch=1, stage="revoked"), SITE)
    assert ids(con, "refund") == []
    assert posted(con) == []


def test_who_said_a_word_is_added_up(con: Connection) -> None:
    lines = (say("a", "agent", 0, "yes"), say("a", "customer", 2_000, "yes"), say("a", "supervisor", 4_000, "yes no"))
    write(con, call("a", leg("a"), said=lines))
    assert posted(con) == [("no", "a", 4), ("yes", "a", 7)]


def test_a_rebuilt_index_is_the_same_sorted_by_word(con: Connection) -> None:
    for number, text in enumerate(["refund to my card", "my Café", "card", ""]):
        tell(con, f"c{number}", text, days=20 * number)
    before = posted(con)
    assert postings.months(con) == [202611, 202612, 202701]
    assert sum(postings.rebuild(con, month) for month in postings.months(con)) == len(before)
    assert posted(con) == before
    con.execute("delete from posting")
    postings.rebuild_all(lambda work: work(con), postings.months(con))
    assert posted(con) == before
    of_month = [row[0] for row in con.execute("select term from posting where date_key < 20261200").fetchall()]
    assert of_month == sorted(of_month)


def test_an_empty_store_finds_nothing(con: Connection) -> None:
    assert search(con, "refund", SearchFilter()).hits == ()
