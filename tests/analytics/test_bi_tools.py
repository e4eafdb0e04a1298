"""BI tools: what `analytics/README.md` shows for them, and the SQL of the dbt example without dbt, over exported files."""

import datetime
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pytest

from cc_voice.exports.folder import Options, export
from cc_voice.query import datasets
from cc_voice.query.scope import EVERYTHING
from tests.stored_calls import NOON, call, leg, new_store, say, write

TOP = Path(__file__).parents[2]
SECTION = (TOP / "analytics" / "README.md").read_text().partition("\n## BI tools\n")[2].partition("\n## ")[0]
DBT = TOP / "analytics" / "dbt"
WEEKS = (NOON, NOON + datetime.timedelta(7))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of two weeks: in Billing hold rises from 10 to 20 %, one leg of Sales was not measured."""
    top = tmp_path_factory.mktemp("bi")
    con = new_store()
    for number, at in enumerate(WEEKS):
        name = f"w{number}"
        legs = (leg(name, hold_ms=6000 * (number + 1), hold_count=1), leg(name, 2, agent="bob", queue="sales"))
        write(con, call(name, *legs, said=(say(name, "agent", 100, "one moment"),), at=at))
    with datasets.exported(con, EVERYTHING) as source:
        export(source, top / "exports", Options(formats=("parquet",)))
        export(source, top / "exports-by-day", Options(formats=("parquet",), partition=True))
    con.close()
    return top


def shown(beginning: str) -> str:
    [found] = [sql for sql in re.findall(r"```sql\n(.+?)```", SECTION, re.DOTALL) if sql.startswith(beginning)]
    return str(found)


def test_every_sql_that_is_shown_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```sql\n(.+?)```", SECTION, re.DOTALL)
    assert len(blocks) == 3
    for sql in blocks:
        duckdb.connect().execute(sql)


def test_hold_by_queue_and_week_is_a_ratio_of_sums(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rows = duckdb.connect().execute(shown("-- hold by queue")).fetchall()
    assert [(queue, str(week)[:10], n, pct) for queue, week, n, pct in rows] == [
        ("Billing", "2026-11-02", 1, 10.0),
        ("Billing", "2026-11-09", 1, 20.0),
    ]


def test_a_partitioned_export_is_read_by_its_days(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rows = duckdb.connect().execute(shown("-- calls by site")).fetchall()
    assert [(site, str(date), n) for site, date, n, _ in rows] == [("Berlin", "2026-11-02", 1), ("Berlin", "2026-11-09", 1)]


def test_a_file_of_views_sees_the_next_export(folder: Path, tmp_path: Path) -> None:
    sql = shown("create or replace view").replace("'exports/", f"'{tmp_path}/exports/")
    (tmp_path / "exports").symlink_to(folder / "exports")
    with duckdb.connect(tmp_path / "bi.duckdb") as con:
        con.execute(sql)
    with duckdb.connect(tmp_path / "bi.duckdb", read_only=True) as con:
        assert con.execute("select count(*) from legs join calls using (call_id)").fetchall() == [(4,)]
        assert con.execute("select text from utterances").fetchall() == [("one moment",)] * 2


def test_each_way_is_run_by_something_or_says_that_it_is_not() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 6
    for row in rows:
        proofs = [path for path in re.findall(r"`(tests/\S+\.py)`", row) if (TOP / path).is_file()]
        assert proofs or "`make dbt`" in row or "same test" in row or "not run here" in row, row
    for tool in ("Grafana", "Metabase", "Superset", "Power BI", "Excel", "Spark"):
        assert re.search(rf"{tool}[^|]*not run here", SECTION), tool


# -- the dbt example -------------------------------------------------------------------------------------------------


def rendered(text: str, exports: Path) -> str:
    """SQL of dbt as dbt-duckdb would send it: sources are files, references are views."""
    text = re.sub(r"\{\{ source\('exports', '(\w+)'\) \}\}", rf"read_parquet('{exports}/\1.parquet')", text)
    return re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", text)


@pytest.fixture
def built(folder: Path) -> duckdb.DuckDBPyConnection:
    texts = {path.stem: path.read_text() for path in DBT.glob("models/**/*.sql")}
    uses = {name: set(re.findall(r"ref\('(\w+)'\)", text)) for name, text in texts.items()}
    con = duckdb.connect()
    for name in TopologicalSorter(uses).static_order():
        con.execute(f"create view {name} as {rendered(texts[name], folder / 'exports')}")
    return con


def test_the_mart_of_the_dbt_example_counts_what_was_not_measured_beside(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        "select queue_name, week::text, n_legs_all, n_legs, hold_pct_ros, change_ros from hold_by_queue_week"
    ).fetchall()
    assert rows == [
        ("Billing", "2026-11-02", 1, 1, 10.0, None),
        ("Billing", "2026-11-09", 1, 1, 20.0, 10.0),
        ("Sales", "2026-11-02", 1, 0, None, None),
        ("Sales", "2026-11-09", 1, 0, None, None),
    ]


def test_the_tests_of_the_dbt_example_hold(built: duckdb.DuckDBPyConnection, folder: Path) -> None:
    paths = sorted(DBT.glob("tests/*.sql"))
    assert len(paths) == 2
    for path in paths:
        assert built.execute(rendered(path.read_text(), folder / "exports")).fetchall() == [], path.name


def test_dbt_is_no_dependency_of_the_appliance() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    everything = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    assert not [name for name in everything if name.startswith("dbt")]
    assert "send_anonymous_usage_stats: false" in (DBT / "dbt_project.yml").read_text()
