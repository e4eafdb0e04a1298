"""Scopes: what a cursor of a scope sees of every table, view, report and search, and that an empty one sees nothing."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.call.rows import EventRow
from cc_voice.query import datasets, reports, scope
from cc_voice.query.scope import CLOSED, EVERYTHING, NOTHING, SHARED, RowScope, definitions, scoped
from cc_voice.query.sql import scoped_views, snapshot
from cc_voice.store import call_list, calls
from cc_voice.store.search import matches
from cc_voice.store.search.matches import SearchFilter
from tests.query.test_reports import ALWAYS, REPORTS, needed
from tests.stored_calls import NOON, call, interval, leg, new_database, new_store, say, write

Connection = duckdb.DuckDBPyConnection
FOREIGN = ("bob", "Bob", "sales", "Sales", "hidden", "team-b", "South")
"""What must not be found by whoever sees team A only."""


def fill(con: Connection) -> None:
    """Ana of team A in billing, Bob of team B in sales, and a call that Ana handed over to Bob."""
    say_a, say_b = say("both", "agent", 100, "mine refund"), say("both", "agent", 61_000, "hidden refund", number=2)
    before = say("both", "customer", 50, "hidden greeting")
    write(con, call("ana", leg("ana"), said=(say("ana", "agent", 100, "mine refund"),), intervals=(interval("ana", "talk", 0, 9),)))
    write(con, call("bob", leg("bob", agent="bob", queue="sales"), said=(say("bob", "agent", 100, "hidden refund"),)))
    write(con, call("both", leg("both"), leg("both", 2, agent="bob", queue="sales"), said=(say_a, say_b, before)))
    con.execute("update fact_utterance set leg_id = null where text = 'hidden greeting'")
    for user_id, team_id, team in (("ana", "team-a", "North"), ("bob", "team-b", "South")):
        con.execute("update dim_agent set team_id = ?, team_name = ? where user_id = ?", [team_id, team, user_id])
    con.execute("insert into access_log values (1, now(), 'rosa', null, 'local', 'play', 'bob', 'bob', 'x')")
    con.execute("insert into zoom_agent_status (user_id, start_ts, status) values ('ana', now(), 'Ready'), ('bob', now(), 'Ready')")
    con.execute("insert into zoom_flow (engagement_id, run_id, flow_name) values ('instance of bob', '1', 'hidden')")
    for call_id, user_id in (("bob", "bob"), ("both", "ana"), ("both", "bob")):
        con.execute(
            "insert into zoom_timeline (engagement_id, start_ts, step, user_id) values (?, now(), 'x', ?)",
            [f"instance of {call_id}", user_id],
        )


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with new_store() as made:
        fill(made)
        yield made


OWN = RowScope(user_id="ana", words=True)
TEAM_A = RowScope(teams=frozenset({"team-a"}), words=True)
TEAM_A_WHOLE = RowScope(teams=frozenset({"team-a"}), words=True, whole_call=True)
BILLING = RowScope(queues=frozenset({"billing"}), words=True)
SITE = RowScope(site=True, words=True)
EMPTY = (
    NOTHING,
    RowScope(words=True, whole_call=True),
    RowScope(teams=frozenset({"'; drop table fact_leg; --"}), words=True),
    RowScope(queues=frozenset({"null", "%"}), user_id="' or true --", words=True, whole_call=True),
)


def everything_read(con: Connection, chosen: RowScope) -> str:
    """All that a scope can read, as one text."""
    cursor = scoped(con, chosen)
    reports.prepare(cursor)
    tables = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
    return repr([cursor.execute(f"select * from {name}").fetchall() for name in (*tables, *reports.views())])


def found(con: Connection, chosen: RowScope, query: str) -> list[tuple[str, int]]:
    hits = matches.search(scoped(con, chosen), query, SearchFilter()).hits
    return [(hit.call_id, len(hit.passages) + hit.more_passages) for hit in hits]


@pytest.mark.parametrize("chosen", [OWN, TEAM_A, BILLING])
def test_no_table_view_or_search_tells_of_what_is_out_of_scope(con: Connection, chosen: RowScope) -> None:
    read = everything_read(con, chosen)
    assert [word for word in FOREIGN if f"'{word}" in read or f"{word}'" in read] == []
    assert "'mine refund'" in read
    assert found(con, chosen, "refund") == [("ana", 1), ("both", 1)]
    assert found(con, chosen, "hidden") == []
    assert found(con, chosen, "refund -hidden") == [("ana", 1), ("both", 1)], "what cannot be read cannot exclude either"
    assert call_list.total(scoped(con, chosen), call_list.CallFilter(words=("hidden",))).calls == 0


def test_a_whole_call_is_read_and_only_its_legs_in_scope_are_counted(con: Connection) -> None:
    cursor = scoped(con, TEAM_A_WHOLE)
    stored = calls.load_call(cursor, "both")
    assert stored is not None
    assert [each.leg_no for each in stored.legs] == [1]
    assert [line.text for line in stored.utterances] == ["hidden greeting", "mine refund", "hidden refund"]
    assert found(con, TEAM_A_WHOLE, "hidden") == [("both", 2)]
    assert calls.load_call(cursor, "bob") is None
    assert reports.answer(con, TEAM_A_WHOLE, "agent-talk", ALWAYS)["n_legs"].to_list() == [2]


def test_a_team_is_that_of_the_time_of_the_leg(con: Connection) -> None:
    with new_store() as made:
        write(made, call("a", leg("a")))
        made.execute("update dim_agent set team_id = 'old', is_current = false, valid_to = ?", [NOON + datetime.timedelta(days=1)])
        made.execute(
            "insert into dim_agent (agent_key, user_id, display_name, team_id, valid_from, is_current) "
            "values (99, 'ana', 'Ana', 'new', ?, true)",
            [NOON + datetime.timedelta(days=1)],
        )
        assert [len(legs(made, RowScope(teams=frozenset({team})))) for team in ("old", "new")] == [1, 0]


def legs(con: Connection, chosen: RowScope) -> list[Any]:
    return scoped(con, chosen).execute("select leg_id from fact_leg").fetchall()


def test_grants_add_up(con: Connection) -> None:
    both = RowScope(teams=frozenset({"team-a"}), queues=frozenset({"sales"}))
    assert len(legs(con, both)) == 4
    assert len(legs(con, TEAM_A)) == 2


def test_without_the_right_to_words_nothing_said_is_read(con: Connection) -> None:
    for chosen in (RowScope(site=True, whole_call=True), RowScope(teams=frozenset({"team-a"}), whole_call=True)):
        read = everything_read(con, chosen)
        assert "refund" not in read
        assert found(con, chosen, "refund") == []
    assert len(legs(con, RowScope(site=True))) == 4


def test_who_saw_what_is_for_whoever_may_read_the_audit_log(con: Connection) -> None:
    assert [reports.answer(con, chosen, "access", {}).height for chosen in (SITE, TEAM_A, EVERYTHING)] == [0, 0, 1]
    assert reports.answer(con, RowScope(audit=True), "access", {"call": "bob"}).height == 1


@pytest.mark.parametrize("chosen", [SITE, TEAM_A, TEAM_A_WHOLE])
def test_words_that_were_never_redacted_need_a_right_of_their_own(chosen: RowScope) -> None:
    """In the transcript, in search, word by word, and in SQL; their numbers are everybody's."""
    with new_store() as made:
        for name, looked in (("redacted", 0), ("raw", None)):
            said = msgspec.structs.replace(say(name, "agent", 100, f"{name} words"), redaction_count=looked)
            write(made, call(name, leg(name), said=(said,), redaction="silenced" if looked is not None else None))
        made.execute("update dim_agent set team_id = 'team-a'")
        views = snapshot.columns(made)
        for granted, expected in ((False, ["redacted"]), (True, ["raw", "redacted"])):
            scope = msgspec.structs.replace(chosen, unredacted=granted)
            cursor = scoped(made, scope)
            assert len(cursor.execute("select * from fact_leg").fetchall()) == 2
            assert [row[0] for row in cursor.execute("select call_id from fact_utterance order by 1").fetchall()] == expected
            assert len({row[0] for row in cursor.execute("select utterance_id from fact_word").fetchall()}) == len(expected)
            assert [hit.call_id for hit in matches.search(cursor, "words", SearchFilter()).hits] == expected
            told = scoped_views.definitions(scope, {name: frozenset(each) for name, each in views.items()})
            looked_at = "redaction_count is not null" in told.get("v_utterance", "")
            assert looked_at != granted
            assert ("v_word" in told) == (not granted or not scope.site)


def test_an_agent_and_a_queue_that_nobody_has_are_seen_by_the_site_only() -> None:
    with new_store() as made:
        write(made, call("a", leg("a")))
        made.execute("update fact_leg set agent_key = null, queue_key = null")
        assert legs(made, RowScope(site=True)) == [("a-1",)]
        assert legs(made, OWN) == legs(made, BILLING) == []


@pytest.mark.parametrize("chosen", EMPTY)
def test_a_scope_that_selects_no_leg_reads_nothing(con: Connection, chosen: RowScope) -> None:
    cursor = scoped(con, chosen)
    assert call_list.list_calls(cursor, call_list.CallFilter(), 10, 0) == []
    assert call_list.facets(cursor) == call_list.Facets(agents=(), queues=(), products=(), languages=())
    assert found(cursor, chosen, "refund") == []
    assert calls.load_call(cursor, "ana") is None


def test_an_empty_scope_gets_nothing_of_any_function_of_query(con: Connection) -> None:
    chosen, con = EMPTY[1], scoped(con, EMPTY[1])
    for report in REPORTS:
        params = needed(report) | {param.name: ALWAYS[param.name] for param in report.params if param.name in ALWAYS}
        assert reports.answer(con, chosen, report.name, params).height == 0, report.name
    for check in reports.checks():
        assert reports.run_check(con, chosen, check.name).height == 0, check.name
    with datasets.exported(con, chosen) as source:
        assert source.days() == []
        rows = {table: sum(batch.height for batch in source.batches(table)) for table in datasets.DATASETS}
    assert {table for table, n in rows.items() if n} <= {"threshold_sets"}, "these tell of no call"


def test_no_function_of_query_has_a_scope_by_default() -> None:
    """Whoever asks says for whom: these take it before anything that has a default."""
    import inspect

    from cc_voice.query import operations
    from cc_voice.query.sql import scoped_views

    takers = (reports.answer, reports.run_check, datasets.exported, operations.ask_sql, scope.read, scope.read_now, scope.scoped)
    for function in (*takers, scoped_views.definitions):
        parameter = inspect.signature(function).parameters["scope"]
        assert parameter.default is inspect.Parameter.empty, function


def test_every_table_has_a_rule(con: Connection) -> None:
    """A table that joins the store is empty for scopes until somebody says here who may see what of it."""
    tables = {name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()}
    assert tables == definitions(NOTHING, "memory.main").keys() | SHARED | CLOSED


def test_a_cursor_serves_one_scope(con: Connection) -> None:
    cursor = scoped(con, OWN)
    assert scoped(cursor, OWN) is cursor
    for other in (SITE, EVERYTHING, NOTHING):
        with pytest.raises(AssertionError, match="one scope"):
            scoped(cursor, other)


async def test_readers_of_a_database_keep_scopes_apart(tmp_path: Path) -> None:
    database = new_database(tmp_path / "store.duckdb")
    try:
        database.write_now(lambda con: fill_in(con))
        count: Callable[[Connection], int] = lambda con: con.execute("select count(*) from fact_leg").fetchall()[0][0]  # noqa: E731
        for _ in range(4):
            for chosen, legs_seen in ((TEAM_A, 2), (NOTHING, 0), (SITE, 4), (EVERYTHING, 4), (OWN, 2)):
                assert await scope.read(database, chosen, count) == legs_seen
            assert await database.read(count) == 4
        scopes = [RowScope(user_id=f"agent {number}") for number in range(30)]
        assert [scope.read_now(database, chosen, count) for chosen in scopes] == [0] * 30
    finally:
        database.close()


def fill_in(con: Connection) -> None:
    """As `fill`, inside the writer's transaction."""
    from cc_voice.store.batches import write_batch
    from tests.stored_calls import SITE as BERLIN
    from tests.stored_calls import batch_of

    for made in (
        call("ana", leg("ana")),
        call("bob", leg("bob", agent="bob", queue="sales")),
        call("both", leg("both"), leg("both", 2, agent="bob", queue="sales")),
    ):
        write_batch(con, batch_of(made), BERLIN)
    con.execute("update dim_agent set team_id = 'team-a' where user_id = 'ana'")


def test_events_and_levels_are_those_inside_the_legs_in_scope() -> None:
    with new_store() as made:
        write(made, call("both", leg("both"), leg("both", 2, agent="bob", queue="sales")))
        for number, (at_ms, leg_id) in enumerate(((10, None), (61_000, None), (20, "both-1"), (30, "both-2"))):
            made.execute(
                "insert into fact_event (event_id, call_id, leg_id, event_name, at_ms) values (?, 'both', ?, 'x', ?)",
                [number, leg_id, at_ms],
            )
        made.execute(
            "insert into fact_channel (call_id, channel_id, party, user_id, display_name, level_dbfs) "
            "select 'both', 'a', 'agent', 'bob', 'Bob', list_transform(range(120), lambda i: -20)::tinyint[]"
        )
        own = scoped(made, OWN)
        assert own.execute("select event_id from fact_event order by 1").fetchall() == [(0,), (2,)]
        reports.prepare(own)
        assert own.execute("select count(*), max(end_ms) from v_level").fetchall() == [(60, 60_000)]
        assert own.execute("select user_id, display_name, len(level_dbfs) from fact_channel").fetchall() == [(None, None, 120)]
        whole = scoped(made, TEAM_A_WHOLE)
        assert whole.execute("select count(*) from fact_event").fetchall() == [(0,)], "ana is in no team here"


LIVE = """
    insert into stream (stream_id, call_id, product, stage, agent_user_id, queue_id, agent_since_ms, started_ts)
    values ('s', 'live', 'contact_center', ?, 'ana', 'billing', 5000, now())
"""


@pytest.mark.parametrize("chosen", [OWN, TEAM_A, BILLING, TEAM_A_WHOLE])
def test_a_call_in_progress_is_of_who_handles_it_since_they_do(chosen: RowScope) -> None:
    with new_store() as made:
        fill(made)
        made.execute(LIVE, ["received"])
        for start_ms in (1000, 6000):
            made.execute(
                "insert into fact_utterance (utterance_id, call_id, channel_id, start_ms, end_ms, text, redaction_count) "
                "values (?, 'live', 'a', ?, ?, 'x', 0)",
                [f"u{start_ms}", start_ms, start_ms + 100],
            )
        said = [line.start_ms for line in calls.live_utterances(scoped(made, chosen), "live")]
        assert said == ([1000, 6000] if chosen.whole_call else [6000])
        for other in (RowScope(user_id="bob", words=True), RowScope(teams=frozenset({"team-b"}), words=True), NOTHING):
            assert scoped(made, other).execute("select * from stream").fetchall() == []
            assert calls.live_utterances(scoped(made, other), "live") == ()


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_whatever_an_id_is_it_is_only_an_id(team: str, queue: str, user: str) -> None:
    with duckdb.connect() as made:
        made.execute("create table dim_agent (agent_key int, user_id text, team_id text)")
        sql = f"select {scope.quoted(team)}, {scope.quoted(queue)} in {scope.listed(frozenset({queue}))}, {scope.quoted(user)}"
        assert made.execute(sql).fetchall() == [(team.replace("\0", ""), True, user.replace("\0", ""))]


def test_an_event_row_has_the_columns_that_the_rule_reads() -> None:
    assert {"call_id", "leg_id", "at_ms"} <= set(EventRow.__struct_fields__)
