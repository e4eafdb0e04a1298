"""Migrations run once, in order, and a newer store is refused."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store import migration
from cc_voice.store.errors import DatabaseTooNew


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def test_scripts_have_numbers_of_their_own_in_order() -> None:
    numbers = [number for number, _, _ in migration.scripts()]
    assert numbers == sorted(set(numbers))


def test_a_script_whose_number_came_late_is_run_too(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines of development meet: the store has the higher number already, the lower one is new to it."""
    newest = migration.migrate(con)
    known = migration.scripts()
    last = (newest + 2, "last.sql", "create table last_made (n integer);")
    late = (newest + 1, "late.sql", "create table late_made (n integer);")
    monkeypatch.setattr(migration, "scripts", lambda: [*known, last])
    migration.migrate(con)
    monkeypatch.setattr(migration, "scripts", lambda: [*known, late, last])
    assert migration.migrate(con) == newest + 2
    assert con.execute("select count(*) from duckdb_tables() where table_name = 'late_made'").fetchall() == [(1,)]


def test_migrating_twice_does_nothing_more(con: duckdb.DuckDBPyConnection) -> None:
    newest = migration.migrate(con)
    con.execute("insert into dim_site (site_id) values (1)")
    assert migration.migrate(con) == newest == migration.version(con)
    assert con.execute("select count(*) from dim_site").fetchall() == [(1,)]


def test_a_store_of_a_newer_program_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    newest = migration.migrate(con)
    con.execute("insert into schema_version values (?, 'later.sql', now())", [newest + 1])
    with pytest.raises(DatabaseTooNew, match=f"schema version {newest + 1}"):
        migration.migrate(con)


def test_a_script_that_fails_leaves_no_trace(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    migration.migrate(con)
    known = migration.scripts()
    broken = (known[-1][0] + 1, "broken.sql", "create table half (n integer); select no_such_function();")
    monkeypatch.setattr(migration, "scripts", lambda: [*known, broken])
    with pytest.raises(duckdb.Error):
        migration.migrate(con)
    assert migration.version(con) == known[-1][0]
    assert con.execute("select count(*) from duckdb_tables() where table_name = 'half'").fetchall() == [(0,)]


def test_every_table_says_its_grain(con: duckdb.DuckDBPyConnection) -> None:
    """A fact's first comment is its grain; dimensions and operational tables have a heading."""
    for _, name, sql in migration.scripts():
        for fact in re.findall(r"(?:^|\n)([^\n]*)\ncreate table (fact_\w+)", sql):
            assert fact[0].startswith("-- grain: "), f"{fact[1]} in {name}"


def test_what_was_stored_before_search_is_found_by_it(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    every = migration.scripts()
    search = next(number for number, name, _ in every if "search" in name)
    monkeypatch.setattr(migration, "scripts", lambda: [script for script in every if script[0] < search])
    migration.migrate(con)
    con.execute(
        """
        insert into fact_call (call_id, date_key) values ('a', 20261102);
        insert into fact_leg (leg_id, call_id, date_key) values ('a-1', 'a', 20261103);
        insert into fact_utterance (utterance_id, call_id, leg_id, party, text) values ('u', 'a', 'a-1', 'agent', 'Mein Café');
        insert into fact_utterance (utterance_id, call_id, text) values ('live', 'b', 'still going on');
        insert into fact_word (utterance_id, word_seq) values ('u', 1);
        insert into fact_interval (interval_id, leg_id) values (1, 'a-1');
        """
    )
    monkeypatch.setattr(migration, "scripts", lambda: every)
    migration.migrate(con)
    number = con.execute("select call_no from fact_call").fetchall()[0][0]
    assert con.execute("select * from posting order by term").fetchall() == [
        ("cafe", number, 20261102, 1),
        ("mein", number, 20261102, 1),
    ]
    assert con.execute("select date_key from fact_word union all select date_key from fact_interval").fetchall() == [
        (20261102,),
        (20261103,),
    ]
    assert con.execute("select call_no, date_key from fact_utterance order by utterance_id").fetchall() == [
        (None, None),
        (number, 20261102),
    ]


def test_the_index_of_an_older_store_is_cut_anew(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Months in which somebody said more than plain letters; the rows of the others are as they were."""
    every = migration.scripts()
    before = next(number for number, name, _ in every if "one_tokeniser" in name)
    monkeypatch.setattr(migration, "scripts", lambda: [script for script in every if script[0] < before])
    migration.migrate(con)
    con.execute(
        """
        insert into fact_call (call_id, call_no, date_key) values ('a', 1, 20261102), ('b', 2, 20261003), ('c', 3, 20261103);
        insert into fact_utterance (utterance_id, call_id, call_no, date_key, party, text) values
            ('u', 'a', 1, 20261102, 'agent', 'ma sœur ＡＢＣ'),
            ('v', 'b', 2, 20261003, 'customer', 'plain'),
            ('w', 'c', 3, 20261103, 'customer', 'plain');
        insert into posting values ('sœur', 1, 20261102, 1), ('ａｂｃ', 1, 20261102, 1), ('as it was', 2, 20261003, 2);
        """
    )
    monkeypatch.setattr(migration, "scripts", lambda: every)
    migration.migrate(con)
    assert con.execute("select term, call_no, date_key, parties from posting order by call_no, term").fetchall() == [
        ("abc", 1, 20261102, 1),
        ("ma", 1, 20261102, 1),
        ("soeur", 1, 20261102, 1),
        ("as it was", 2, 20261003, 2),
        ("plain", 3, 20261103, 2),
    ]


def test_what_was_not_measured_before_has_its_reason(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    every = migration.scripts()
    monkeypatch.setattr(migration, "scripts", lambda: every[:3])
    migration.migrate(con)
    con.execute(
        """
        insert into fact_leg (leg_id, call_id, date_key, hold_ms) values ('a-1', 'a', 20261102, 0);
        insert into fact_null_reason (leg_id, metric, reason) values ('a-1', 'acw_ms', 'not_imported');
        """
    )
    monkeypatch.setattr(migration, "scripts", lambda: every)
    migration.migrate(con)
    assert reports.run_check(con, EVERYTHING, "unexplained-null").is_empty()
    reasons = dict(con.execute("select metric, reason from fact_null_reason where date_key = 20261102").fetchall())
    assert (reasons["acw_ms"], reasons["snr_db_agent"]) == ("not_imported", "earlier_version")
