"""Migrations run once, in order, and a newer store is refused."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from cc_voice.store import migrate
from cc_voice.store.errors import DatabaseTooNew


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def test_scripts_are_numbered_without_holes() -> None:
    assert [number for number, _, _ in migrate.scripts()] == list(range(1, len(migrate.scripts()) + 1))


def test_migrating_twice_does_nothing_more(con: duckdb.DuckDBPyConnection) -> None:
    newest = migrate.migrate(con)
    con.execute("insert into dim_site (site_id) values (1)")
    assert migrate.migrate(con) == newest == migrate.version(con)
    assert con.execute("select count(*) from dim_site").fetchall() == [(1,)]


def test_a_store_of_a_newer_program_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    newest = migrate.migrate(con)
    con.execute("insert into schema_version values (?, 'later.sql', now())", [newest + 1])
    with pytest.raises(DatabaseTooNew, match=f"schema version {newest + 1}"):
        migrate.migrate(con)


def test_a_script_that_fails_leaves_no_trace(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.migrate(con)
    known = migrate.scripts()
    broken = (known[-1][0] + 1, "broken.sql", "create table half (n integer); select no_such_function();")
    monkeypatch.setattr(migrate, "scripts", lambda: [*known, broken])
    with pytest.raises(duckdb.Error):
        migrate.migrate(con)
    assert migrate.version(con) == known[-1][0]
    assert con.execute("select count(*) from duckdb_tables() where table_name = 'half'").fetchall() == [(0,)]


def test_every_table_says_its_grain(con: duckdb.DuckDBPyConnection) -> None:
    """A fact's first comment is its grain; dimensions and operational tables have a heading."""
    for _, name, sql in migrate.scripts():
        for fact in re.findall(r"(?:^|\n)([^\n]*)\ncreate table (fact_\w+)", sql):
            assert fact[0].startswith("-- grain: "), f"{fact[1]} in {name}"
