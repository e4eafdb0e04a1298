"""Statement check: which statements are let through: what analysts write, and nothing else."""

import re

import duckdb
import pytest

from cc_voice.config.settings import bundled
from cc_voice.query import reports as query_reports
from cc_voice.query.sql import snapshot
from cc_voice.query.sql.statement_check import MAX_TEXT, Offered, StatementRefused, check_statement, offered

PUBLISHED = list(snapshot.published())


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    """A database like the copy, with a table that is not published."""
    con = duckdb.connect()
    for view in PUBLISHED:
        con.execute(f"create table {view} (call_id text, leg_id text, date_key int)")
    con.execute("create table secrets (word text)")
    con.execute(query_reports.macros())
    return con


@pytest.fixture(scope="module")
def allowed(empty: duckdb.DuckDBPyConnection) -> Offered:
    return offered(empty, PUBLISHED)


LET_THROUGH = """
select 1
SELECT * FROM V_CALL;
from v_call
values (1, 2)
select count(*) as n from "v_call" -- how many
with longest as (select leg_id, date_key from v_leg), again as (from longest) select * from again
with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r
select date_key, count(*) filter (where call_id > 'a') from v_leg group by rollup (date_key) order by 1 desc limit 10
select *, row_number() over (partition by date_key order by call_id) as n from v_leg qualify n = 1
select a.call_id from v_call a join v_leg b using (call_id) where exists (select 1 from v_word where call_id = a.call_id)
select quantile_cont(date_key, 0.9), mode(call_id), list(call_id), arg_max(call_id, date_key) from v_call
select date_trunc('day', now()) at time zone 'Europe/Berlin', extract(year from current_date), interval 1 day, random()
select ros(date_key, date_key) from v_leg
select says('a b', 'b'), regexp_matches('a', 'b'), 'a' ilike 'b', position('a' in 'b'), coalesce(null, 1), try(1 / 0)
select case when 1 between 0 and 2 then 'x' else 'y' end, [x + 1 for x in [1, 2]], {'a': 1}.a, map {'a': 1}, '{}'::json -> 'a'
select unnest([1, 2]), * from range(3) union all select 1, 2 except select 3, 4
select * exclude (leg_id) from v_leg tablesample 10 percent
unpivot v_leg on date_key
select v_call from v_call
""".strip().splitlines()


@pytest.mark.parametrize("sql", LET_THROUGH)
def test_what_analysts_write_is_let_through(empty: duckdb.DuckDBPyConnection, allowed: Offered, sql: str) -> None:
    check_statement(empty, sql, allowed)


def refused(con: duckdb.DuckDBPyConnection, sql: str, allowed: Offered) -> str:
    """Why a question is refused; empty when it is let through."""
    try:
        check_statement(con, sql, allowed)
    except StatementRefused as refusal:
        return str(refusal)
    return ""


def test_our_own_reports_would_be_let_through_where_they_ask_views(empty: duckdb.DuckDBPyConnection, allowed: Offered) -> None:
    reports = {path.stem: re.sub(r"\$\w+", "null", path.read_text()) for path in (bundled("analytics") / "reports").glob("*.sql")}
    # Who saw what is no view of SQL for people either
    tables = {name for name, sql in reports.items() if re.search(r"\b(fact|dim|zoom)_|\bv_access\b", sql)}
    assert tables
    assert len(reports) > len(tables)
    reasons = {name: refused(empty, sql, allowed) for name, sql in reports.items()}
    assert [name for name, reason in reasons.items() if ("is not published" in reason) != (name in tables)] == []
    assert [name for name, reason in reasons.items() if reason and name not in tables] == []


ATTACKS = [
    # nothing, or more than one
    "",
    "-- select 1",
    "select 1; select 2",
    "select 1; drop table v_call",
    "select 1 /* ; */ ; /* */ attach 'x'",
    # not a SELECT
    "insert into v_call values ('a', 'b', 1)",
    "update v_call set call_id = 'x'",
    "delete from v_call",
    "create table t as select 1",
    "create temp view v_call as select 1",
    "copy v_call to '/tmp/x'",
    "copy (select 1) to '/dev/stdout'",
    "export database '/tmp/x'",
    "attach '/tmp/x'",
    "attach ':memory:' as m",
    "detach snapshot",
    "use memory",
    "install httpfs",
    "load httpfs",
    "set threads = 100",
    "set variable x = 1",
    "reset all",
    "pragma database_list",
    "pragma version",
    "call pragma_version()",
    "explain analyze select 1",
    "describe v_call",
    "summarize v_call",
    "show all tables",
    "prepare p as select 1",
    "execute p",
    "begin",
    "checkpoint",
    "vacuum",
    "pivot v_call on date_key using count(*)",
    "with gone as (delete from v_call returning *) select * from gone",
    "with made as (insert into v_call values ('a', 'b', 1) returning *) select * from made",
    "select * from (describe v_call)",
    "select * from (show tables)",
    # not published
    "select * from secrets",
    "select * from main.v_call",
    "select * from memory.main.v_call",
    "select * from temp.v_call",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_class",
    "select * from pg_class",
    "select * from sqlite_master",
    "select * from duckdb_settings",
    "select * from system.main.duckdb_settings",
    "select (select count(*) from secrets)",
    "select 1 where exists (from secrets)",
    "with t as (from secrets) from t",
    "with t as (select 1), u as (from fact_call) from u",
    "with sqlite_master as (from sqlite_master) from sqlite_master",
    "with recursive duckdb_databases as (from duckdb_databases union from duckdb_databases) from duckdb_databases",
    "with SECRETS as (select 1) select * from (with x as (select 1) from secrets)",
    "with \"/etc/passwd\" as (select 1) from '/etc/passwd'",
    "from '/etc/passwd'",
    "from 'https://example.com/x.parquet'",
    'from "/proc/self/environ"',
    "select * from v_call, secrets",
    "select * from v_call semi join secrets on true",
    # functions
    "from read_csv('/etc/passwd')",
    "from read_text('/etc/passwd')",
    "from read_blob('/proc/self/environ')",
    "from read_parquet('x')",
    "from parquet_scan('x')",
    "from read_json_auto('x')",
    "from read_duckdb('x')",
    "from glob('*')",
    "from sniff_csv('x')",
    "from query('select 1')",
    "from query_table('secrets')",
    "from seq_scan('secrets')",
    "from json_execute_serialized_sql('x')",
    "from duckdb_settings()",
    "from duckdb_secrets()",
    "from duckdb_databases()",
    "from pragma_database_list()",
    "from pragma_table_info('secrets')",
    "from which_secret('x', 's3')",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "from python_map_function(1)",
    "from force_checkpoint()",
    "from enable_logging()",
    "from summary(v_call)",
    "from repeat_row(1, num_rows = 1000000000000)",
    "from test_all_types()",
    "select pg_sleep(10)",
    "select sleep_ms(10000)",
    "select main.pg_sleep(10)",
    "select getenv('HOME')",
    "select current_setting('temp_directory')",
    "select getvariable('x')",
    "select nextval('call')",
    "select write_log('x')",
    "select current_query()",
    "select version()",
    "select current_database(), current_schema(), current_user",
    "select pg_get_viewdef(1)",
    "select json_serialize_sql('select 1')",
    "select json_deserialize_sql('{}')",
    "select 'x'.read_text()",
    "select list_transform(['x'], lambda x: getenv(x))",
    "select no_such_function(1)",
    "select * from v_call order by pg_sleep(1)",
    "select count(*) filter (where pg_sleep(1) is null) from v_call",
    "select sum(date_key) over (order by getvariable('x')) from v_call",
    # parameters, other alphabets, what is invisible
    "select $1",
    "select ?",
    "select $name",
    "\u0455elect 1",
    "select * from v\u200b_call",
    "select * from \uff56_call",
    "select * from \u202ev_call",
    "select 1\x00; drop table v_call",
    "select " + "(" * 20_000 + "1" + ")" * 20_000,
    "select " + "+".join(["1"] * 20_000),
    "select '" + "x" * MAX_TEXT + "'",
]


@pytest.mark.parametrize("sql", ATTACKS, ids=lambda sql: sql[:60].encode("unicode_escape").decode())
def test_everything_else_is_refused(empty: duckdb.DuckDBPyConnection, allowed: Offered, sql: str) -> None:
    with pytest.raises(StatementRefused):
        check_statement(empty, sql, allowed)


def test_a_refusal_says_what_there_is(empty: duckdb.DuckDBPyConnection, allowed: Offered) -> None:
    with pytest.raises(StatementRefused, match="fact_call is not published; there are: v_agent, v_agent_day, v_alert, v_call"):
        check_statement(empty, "from fact_call", allowed)
    with pytest.raises(StatementRefused, match="the table function read_csv is not offered"):
        check_statement(empty, "from read_csv('x')", allowed)
    for text in ("describe v_call", "show tables", "summarize v_call"):
        with pytest.raises(StatementRefused, match="DESCRIBE, SHOW and SUMMARIZE are not offered; the columns of a view are those"):
            check_statement(empty, text, allowed)
    with pytest.raises(StatementRefused, match="this is INSERT; ask with one SELECT"):
        check_statement(empty, "insert into v_call values ('a', 'b', 1)", allowed)
