"""Scope cost: what the same question takes for whoever sees the site and for whoever sees one team, in one run.

Asked in turns, and the fastest counts: what a busy machine adds is not the question's. On cursors that were prepared before, as the
service keeps them.
"""

import time
from collections.abc import Callable

import msgspec

from cc_voice.query import reports
from cc_voice.query.scope import EVERYTHING, RowScope, read_now
from cc_voice.store import call_list
from cc_voice.store.call_list import CallFilter
from cc_voice.store.database import Connection, Database
from cc_voice.store.search.matches import SearchFilter, search

REPORT, SINCE, QUERY = "agent-talk", "2000-01-01", "refund"


class ScopeTiming(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the site and as a team, the fastest of each; `ratio` is the second over the first."""

    name: str
    site_ms: float
    team_ms: float
    ratio: float
    site_rows: int
    team_rows: int


def measure_scopes(database: Database, repeats: int) -> tuple[ScopeTiming, ...]:
    """Ask as both; nothing where no call is of a team. Raises StoreError."""
    found = database.read_now(lambda con: con.execute(_LARGEST).fetchall())
    if not found:
        return ()
    team = RowScope(teams=frozenset({found[0][0]}), whole_call=True, words=True)
    return tuple(_compared(database, team, name, ask, repeats) for name, ask in _QUESTIONS.items())


_LARGEST = """
    select team_id
    from fact_leg
    join dim_agent using (agent_key)
    where team_id is not null
    group by team_id
    order by count(*) desc, team_id
    limit 1
"""


def _compared(
    database: Database, team: RowScope, name: str, ask: Callable[[Connection, RowScope], int], repeats: int
) -> ScopeTiming:
    def once(chosen: RowScope) -> tuple[float, int]:
        before = time.perf_counter()
        rows = read_now(database, chosen, lambda con: ask(con, chosen))
        return 1000 * (time.perf_counter() - before), rows

    _, site_rows = once(EVERYTHING)
    _, team_rows = once(team)
    taken = [(once(EVERYTHING)[0], once(team)[0]) for _ in range(repeats)]
    site_ms, team_ms = (min(each) for each in zip(*taken, strict=True))
    return ScopeTiming(
        name=name,
        site_ms=round(site_ms, 1),
        team_ms=round(team_ms, 1),
        ratio=round(team_ms / site_ms, 2),
        site_rows=site_rows,
        team_rows=team_rows,
    )


def _list(con: Connection, _: RowScope) -> int:
    return len(call_list.list_calls(con, CallFilter()))


def _totals(con: Connection, _: RowScope) -> int:
    return call_list.total(con, CallFilter()).calls


def _report(con: Connection, chosen: RowScope) -> int:
    return reports.answer(con, chosen, REPORT, {"since": SINCE}).height


def _search(con: Connection, _: RowScope) -> int:
    return len(search(con, QUERY, SearchFilter()).hits)


_QUESTIONS: dict[str, Callable[[Connection, RowScope], int]] = {
    "list of calls": _list,
    "totals of calls": _totals,
    f"{REPORT}, all of history": _report,
    f"search {QUERY}": _search,
}
