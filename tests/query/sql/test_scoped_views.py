"""SQL of people who may see some rows: nothing of the others comes out, in an answer, a number or an error."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING, NOTHING, RowScope
from cc_voice.query.sql import SqlError, SqlFailed, SqlRefused, runner, scoped_views, snapshot, statement_check
from cc_voice.query.sql.runner import SqlLimits
from tests.query.sql.conftest import NOW_S
from tests.query.test_scope import FOREIGN, OWN, SITE, TEAM_A, TEAM_A_WHOLE, fill
from tests.stored_calls import new_store

SECRETS = [*(word for word in FOREIGN if len(word) > 3), "bob"]
Ask = Callable[[RowScope, str], str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scoped")
    with new_store() as store:
        fill(store)
        snapshot.refresh(store, made, NOW_S)
        (made / "columns.json").write_text(json.dumps({name: sorted(each) for name, each in snapshot.columns(store).items()}))
    return made


def columns(folder: Path) -> dict[str, frozenset[str]]:
    return {name: frozenset(each) for name, each in json.loads((folder / "columns.json").read_text()).items()}


@pytest.fixture(scope="module")
def inside(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection that the sandbox of Ana's team asks on, in this process: no start for each question."""
    with duckdb.connect(str(snapshot.database(folder)), read_only=True) as con:
        con.execute(reports.macros())
        for name, sql in scoped_views.definitions(TEAM_A, columns(folder)).items():
            con.execute(f"create temp view {name} as {sql}")
        yield con


@pytest.fixture
def ask(folder: Path) -> Ask:
    """Ask as the API does, in a sandbox; the answer or the error as text."""

    def asked(chosen: RowScope, sql: str) -> str:
        kept = snapshot.kept(folder, NOW_S)
        assert kept is not None
        views = scoped_views.definitions(chosen, columns(folder))
        try:
            return repr(runner.run(folder, kept, views, sql, SqlLimits(time_ms=20_000), NOW_S).rows)
        except SqlError as error:
            return f"{type(error).__name__}: {error}"

    return asked


def test_every_view_of_a_scope_is_asked_in_the_sandbox(ask: Ask) -> None:
    count = "select " + ", ".join(f"(select count(*) from {name})" for name in ("v_leg", "v_call", "v_utterance", "v_word"))
    assert ask(EVERYTHING, count) == "((4, 3, 5, 10),)"
    assert ask(SITE, count) == "((4, 3, 5, 10),)"
    assert ask(RowScope(site=True), count) == "((4, 3, 0, 0),)"
    assert ask(TEAM_A, count) == ask(OWN, count) == "((2, 2, 2, 4),)"
    assert ask(TEAM_A_WHOLE, count) == "((2, 2, 4, 8),)"
    assert ask(NOTHING, count) == "((0, 0, 0, 0),)"
    assert ask(TEAM_A, "select agent_name, n_legs from v_agent_day") == "(('Ana', 2),)"
    assert ask(TEAM_A, "select call_id, last_agent_name from v_call order by 1") == "(('ana', 'Ana'), ('both', None))"


def test_the_rows_are_those_of_the_cursor_of_the_same_scope(folder: Path) -> None:
    """Two ways to one scope: views before the tables of the store, and before those of the copy."""
    from cc_voice.query.scope import scoped

    with new_store() as store:
        fill(store)
        for chosen in (
            OWN,
            TEAM_A,
            TEAM_A_WHOLE,
            SITE,
            NOTHING,
            RowScope(site=True),
            RowScope(queues=frozenset({"sales"}), words=True),
        ):
            there = scoped(store, chosen)
            reports.prepare(there)
            with duckdb.connect(str(snapshot.database(folder)), read_only=True) as copy:
                copy.execute(reports.macros())
                for name, sql in scoped_views.definitions(chosen, columns(folder)).items():
                    copy.execute(f"create temp view {name} as {sql}")
                for view in snapshot.published():
                    shown = ", ".join(sorted(columns(folder)[view] - {"computed_at"}))
                    sql = f"select {shown} from {view} order by all"
                    found, known = copy.execute(sql).fetchall(), there.execute(sql).fetchall()
                    # Of events and channels the copy tells less: it has no columns by which to tell whose they are
                    assert (set(map(str, found)) <= set(map(str, known))) if view in LESS else found == known, (view, chosen)


LESS = ("v_event", "v_channel", "v_site_webhook", "v_user_status", "v_call_webhook")
PROBES = (
    "{0}::int > 0",
    "cast({0} as date) is not null",
    "{0}::int[] is not null",
    "json_extract({0}, '$.x') is not null",
    "strptime({0}, '%Y') is not null",
    "decode({0}::blob) = ''",
    "regexp_matches('x', {0} || '(')",
    "1 / (length({0}) - 12) > 0",
    "{0} like '%idden%'",
    "repeat({0}, 9999999999) = ''",
    "if({0} like '%idden%', 'x'::int, 1) = 1",
    "list_value({0})[1]::timestamp is not null",
    "chr(ascii({0}) * 100000) = ''",
    "unicode({0}) / 0 > 0 or {0}::bool",
)
SHAPES = (
    "select count(*) from {1} where {2}",
    "select {0} from {1} where {2}",
    "select (select max({0}) from {1} where {2})",
    "select * from {1} as a join {1} as b on a.call_id = b.call_id and ({3})",
    "with x as materialized (select * from {1}) select * from x where {2}",
    "select min({0}), max({0}), approx_quantile(length({0}), 0.5), mode({0}) from {1} having bool_or({2})",
    "select * from {1} order by {2}, {0} limit 1",
    "select {0}, rank() over (order by {0}) from {1} qualify {2}",
)
COLUMNS = (("v_utterance", "text"), ("v_leg", "agent_name"), ("v_call", "call_id"), ("v_word", "word"))


def test_generated_attempts_leak_nothing(inside: duckdb.DuckDBPyConnection) -> None:
    """Conditions that fail on a row, in every place where DuckDB may try them earlier than on the rows that are left."""
    allowed = statement_check.offered(inside, snapshot.published())
    tried, errors = 0, 0
    for shape, probe, (view, column) in itertools.product(SHAPES, PROBES, COLUMNS):
        sql = shape.format(column, view, probe.format(column), probe.format(f"b.{column}"))
        try:
            statement_check.check_statement(inside, sql, allowed)
            said = repr(inside.execute(sql).fetchall())
        except (duckdb.Error, statement_check.StatementRefused) as error:
            said, errors = str(error).replace(sql, ""), errors + 1
            said = said.partition("LINE 1")[0]  # repeats the question
        tried += 1
        assert [word for word in SECRETS if word in said.replace("idden%", "")] == [], (sql, said)
    assert tried >= 200
    assert errors > 50, "the attempts do provoke errors"


@pytest.mark.parametrize(
    "sql",
    [
        "select * from main.v_leg",
        "select * from snapshot.main.v_leg",
        "select * from snapshot.v_leg",
        "with v_leg as (select 1) select * from v_leg",
        "select error(text) from v_utterance",
        "select stats(agent_name) from v_leg",
        "select * from duckdb_tables()",
        "select * from query_table('v_leg')",
        "select getvariable('x')",
    ],
)
def test_no_name_leads_around_the_views(ask: Ask, sql: str) -> None:
    assert ask(TEAM_A, sql).startswith(SqlRefused.__name__)


def test_an_error_of_ones_own_rows_may_be_told(ask: Ask) -> None:
    told = ask(TEAM_A, "select count(*) from v_utterance where text::int > 0")
    assert told.startswith(SqlFailed.__name__)
    assert "mine refund" in told
