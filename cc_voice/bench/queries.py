"""`cc-voice bench queries`: how fast every report and a set of searches answer on a site, warm, as a page asks them.

Each question is asked once before the clock runs, then a number of times. Reports are asked for their default range and, where
they have one, for all of history. A few are asked for the site and for one team in turns: what the scope costs.
"""

import datetime
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from cc_voice.bench.scope_cost import ScopeTiming, measure_scopes
from cc_voice.commands.terminal import load_settings
from cc_voice.query import reports as query_reports
from cc_voice.query.reports import Report
from cc_voice.query.scope import EVERYTHING
from cc_voice.store.database import Connection, Database
from cc_voice.store.errors import StoreError
from cc_voice.store.search.matches import SearchFilter, search

_WIDTH = 160
_NEEDED = {"date": "today-15", "text": "speak to a lawyer", "integer": "1", "number": "1"}
"""A value for a parameter without default, by its type."""
_ALWAYS = {"since": "2000-01-01", "days": "5000"}
"""Parameters that reach back over all of history."""
_TERMS = (
    "refund",
    "lawyer",
    "refund card",
    "refund -card",
    "refund OR lawyer",
    "the to you",
    "ref*",
    "lawyer moment wrong",
    "nowhere",
)
_PHRASES = (
    '"speak to a lawyer"',
    '"credit card"',
    '"wait that is wrong"',
    "refund near/5 card",
    'refund -"credit card"',
    '"the you to"',
)
_MONTH_DAYS = 31


class Timing(msgspec.Struct, frozen=True):
    """How long one question took, and how many rows or calls it gave."""

    name: str
    range: str
    p50_ms: float
    p95_ms: float
    rows: int


class Timings(msgspec.Struct, frozen=True):
    """Everything that was asked; `reports` are those of their default range."""

    calls: int
    threads: int
    reports: tuple[Timing, ...]
    reports_all: tuple[Timing, ...]
    searches: tuple[Timing, ...]
    scopes: tuple[ScopeTiming, ...] = ()


def measure(database: Database, repeats: int) -> Timings:
    """Ask everything. Raises StoreError, QueryError."""

    def work(con: Connection) -> Timings:
        calls, threads = con.execute("select count(*), current_setting('threads') from fact_call").fetchall()[0]
        reports = query_reports.list_reports()
        return Timings(
            calls=calls,
            threads=threads,
            reports=tuple(_report(con, report, {}, repeats) for report in reports),
            reports_all=tuple(_report(con, report, _back(report), repeats) for report in reports if _back(report)),
            searches=_searches(con, repeats),
        )

    return msgspec.structs.replace(database.read_now(work), scopes=measure_scopes(database, repeats))


def _back(report: Report) -> dict[str, str]:
    known = {param.name for param in report.params}
    return {name: value for name, value in _ALWAYS.items() if name in known and not (name == "days" and "since" in known)}


def _report(con: Connection, report: Report, params: dict[str, str], repeats: int) -> Timing:
    needed = {param.name: _NEEDED[param.type] for param in report.params if param.default is None}
    return _timed(
        report.name,
        "all" if params else "default",
        repeats,
        lambda: query_reports.answer(con, EVERYTHING, report.name, needed | params).height,
    )


def _searches(con: Connection, repeats: int) -> tuple[Timing, ...]:
    newest = con.execute("select max(local_date) from fact_call join dim_date using (date_key)").fetchall()[0][0]
    if newest is None:
        return ()
    month = SearchFilter(since=newest - datetime.timedelta(days=_MONTH_DAYS - 1))
    asked = [*((query, "all", SearchFilter()) for query in _TERMS), *((query, f"{_MONTH_DAYS} days", month) for query in _PHRASES)]
    return tuple(_search(con, query, span, chosen, repeats) for query, span, chosen in asked)


def _search(con: Connection, query: str, span: str, chosen: SearchFilter, repeats: int) -> Timing:
    return _timed(query, span, repeats, lambda: len(search(con, query, chosen).hits))


def _timed(name: str, span: str, repeats: int, ask: Callable[[], int]) -> Timing:
    rows = ask()
    taken = sorted(_once(ask) for _ in range(repeats))
    return Timing(name, span, round(taken[(repeats - 1) // 2], 1), round(taken[round(0.95 * (repeats - 1))], 1), rows)


def _once(ask: Callable[[], int]) -> float:
    before = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - before)


@click.command("queries")
@click.option("--data-dir", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the site.")
@click.option("--repeats", type=click.IntRange(1, 1000), default=20, show_default=True, help="How often each question is asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_queries(data_dir: Path, repeats: int, as_json: bool) -> None:
    """Ask every report and a set of searches of a site, and tell how long they took; no service may hold it."""
    settings = load_settings(None, data_dir)
    if not settings.database_path.is_file():
        raise click.ClickException(f"there is no store in {data_dir}; `cc-voice bench data --out DIR` makes one")
    try:
        database = Database.open(settings.database_path)
        try:
            timings = measure(database, repeats)
        finally:
            database.close()
    except (StoreError, query_reports.QueryError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.encode(timings).decode())
    else:
        _print(timings, Console(width=_WIDTH))


def _print(timings: Timings, console: Console) -> None:
    """Print Markdown, so that a table can go into a README as it is."""
    console.print(f"{timings.calls} calls, {timings.threads} threads")
    table = Table("question", "range", "median ms", "p95 ms", "rows", box=box.MARKDOWN)
    for one in (*timings.reports, *timings.reports_all, *timings.searches):
        table.add_row(one.name, one.range, f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}", str(one.rows))
    console.print(table)
    if timings.scopes:
        scopes = Table("question", "site, fastest ms", "one team, fastest ms", "ratio", "rows", box=box.MARKDOWN)
        for each in timings.scopes:
            rows = f"{each.site_rows}, {each.team_rows}"
            scopes.add_row(each.name, f"{each.site_ms:.1f}", f"{each.team_ms:.1f}", f"{each.ratio:.2f}", rows)
        console.print(scopes)
