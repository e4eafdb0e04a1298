"""Questions in SQL, from the text to the answer, and what becomes of those that would take everything."""

import time
from pathlib import Path

import msgspec
import pytest

from cc_voice.query.sql import SqlBusy, SqlFailed, SqlLimit, SqlRefused, runner, snapshot
from cc_voice.query.sql.runner import SqlAnswer, SqlColumn, SqlLimits, turn
from tests.query.sql.conftest import NOW_S, QUICK, Ask

SLACK_S = 20.0
"""A busy machine takes its time to start and kill a process; an endless question would take for ever."""


def test_an_answer_has_columns_types_rows_and_its_age(ask: Ask) -> None:
    answer = ask("select call_id, leg_no, agent_talk_pct, call_start_ts, local_date from v_leg order by leg_no limit 1")
    assert answer.columns[:2] == (SqlColumn("call_id", "VARCHAR"), SqlColumn("leg_no", "INTEGER"))
    call_id, leg_no, share, start, day = answer.rows[0]
    assert (call_id, leg_no, round(share, 1)) == ("golden", 1, 51.6)
    assert start.endswith("Z")
    assert start.startswith(day)
    assert (answer.cut, answer.age_s) == (None, 0.0)


def test_every_kind_of_value_has_a_form(ask: Ask) -> None:
    answer = ask(
        "select null, true, 1::hugeint * 170141183460469231731687303715884105727 as h, 1.50::decimal(9,2), 1.25, 'nan'::double, "
        "timestamptz '2026-01-02 03:04:05+00', timestamp '2026-01-02 03:04:05', time '01:02:03', interval 90 minute, "
        "'ab'::blob, [1, null], {'a': date '2026-01-02'}, map {'k': 1.5}, '\U0001f600'"
    )
    assert answer.rows[0] == (
        *(None, True, 2**127 - 1, 1.5, 1.25, "nan", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.000", "01:02:03", "1:30:00"),
        *("6162", [1, None], {"a": "2026-01-02"}, {"k": 1.5}, "\U0001f600"),
    )
    assert msgspec.json.decode(msgspec.json.encode(answer), type=SqlAnswer).rows[0][4] == 1.25


def test_an_answer_has_no_more_rows_and_bytes_than_it_may(ask: Ask) -> None:
    few = msgspec.structs.replace(QUICK, rows=7)
    assert [ask("from range(7)", few).cut, len(ask("from range(7)", few).rows)] == [None, 7]
    assert [ask("from range(10000000000)", few).cut, len(ask("from range(10000000000)", few).rows)] == ["rows", 7]
    small = msgspec.structs.replace(QUICK, bytes=5_000)
    cut = ask("select repeat('x', 1000) from range(100)", small)
    assert (cut.cut, len(cut.rows)) == ("bytes", 4)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(
            "with recursive r as (select 1 as n union all select n + 1 from r) select max(n) from r", marks=pytest.mark.nightly
        ),
        "with recursive r as (select 1 as n union all select n from r) select count(*) from r",
        pytest.param("select count(*) from range(100000) a, range(100000) b, range(100000) c", marks=pytest.mark.nightly),
        "select sum(a.range * b.range) from range(10000000000) a, range(1000) b",
        pytest.param("select max(sha256(repeat('x', 100000) || range)) from range(10000000)", marks=pytest.mark.nightly),
        "select regexp_replace(repeat('a', 1000000), '(a*)*b', 'c', 'g') from range(100000)",
        pytest.param("select levenshtein(repeat('a', 200000), repeat('b', 200000))", marks=pytest.mark.nightly),
        "select count(*) from v_word a, v_word b, v_word c, v_word d, v_word e, v_word f where a.word < b.word",
    ],
)
def test_an_endless_question_ends(ask: Ask, sql: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(SqlLimit):
        ask(sql)
    assert time.monotonic() - began_s < QUICK.time_ms / 1000 + runner.GRACE_S + SLACK_S


@pytest.mark.parametrize(
    "sql",
    [
        "select repeat('x', 2000000000)",
        "select list(repeat('x', 100000) || range) from range(1000000)",
        "select string_agg(repeat('x', 100000) || range) from range(1000000)",
        "select a.range, b.range, hash(a.range) h from range(100000) a, range(1000) b order by h",
        "select range(1000000000)",
        "select count(distinct (a.range, b.range)) from range(100000) a, range(100000) b",
        "select rpad('', 400000000, 'x'), rpad('', 400000000, 'y')",
    ],
)
def test_a_question_for_all_memory_ends(ask: Ask, sql: str) -> None:
    with pytest.raises((SqlLimit, SqlFailed)):
        ask(sql, msgspec.structs.replace(QUICK, time_ms=4_000))


def test_the_reasons_are_told_apart(ask: Ask) -> None:
    with pytest.raises(SqlRefused, match="secrets is not published"):
        ask("from secrets")
    with pytest.raises(SqlFailed, match="no_such_column"):
        ask("select no_such_column from v_call")
    with pytest.raises(SqlLimit, match="took more than 1 s and was stopped"):
        ask("with recursive r as (select 1 as n union all select n from r) select count(*) from r")


def test_nothing_is_written(ask: Ask, folder: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir() if path.name != "lock"}
    ask("select count(*) from v_word")
    with pytest.raises(SqlRefused):
        ask("delete from v_call")
    assert {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir() if path.name != "lock"} == before


def test_the_sandbox_does_not_inherit_the_environment(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise SystemExit('a module of somebody else')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "duckdb.py"))
    assert ask("select 1").rows == ((1,),)


def test_one_question_at_a_time(tmp_path: Path) -> None:
    with turn(tmp_path, patience_s=0), pytest.raises(SqlBusy, match="other questions"), turn(tmp_path, patience_s=0):
        raise AssertionError("two at once")
    with turn(tmp_path, patience_s=0):
        pass


def children() -> set[str]:
    """Processes of this one, also those that nobody has waited for: other tests may have left theirs."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def test_no_process_is_left(ask: Ask) -> None:
    before = children()
    with pytest.raises(SqlLimit):
        ask("with recursive r as (select 1 as n union all select n from r) select count(*) from r")
    assert children() <= before


def test_a_copy_that_is_older_says_so(folder: Path) -> None:
    kept = snapshot.kept(folder, NOW_S)
    assert kept is not None
    old = msgspec.structs.replace(kept, is_current=False)
    assert runner.run(folder, old, {}, "select 1", SqlLimits(), NOW_S + 90).age_s == 90
