"""Table pages: the rows of what is exported, a page of calls at a time, for programs that keep a copy of their own.

A page is so many calls with all their rows of a table, so that no call is ever cut in two. What belongs to no call, agents and
queues, is short and comes whole. Calls come in the order in which they
changed: whoever comes back with the time of the last one gets what is new and what was measured again.
"""

import datetime

import duckdb
import msgspec
import polars as pl

from cc_voice.query.datasets import DATASETS
from cc_voice.query.reports import Connection, NoSuchReport, QueryError, prepare, views
from cc_voice.query.scope import RowScope, scoped
from cc_voice.store.call_list import CallPlace, behind_place


class TableDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A table that is exported: what a row is, and its columns in their order."""

    name: str
    grain: str
    columns: tuple[str, ...]
    is_by_call: bool
    """Whether it is read some calls at a time; the others are short, and come whole."""


class TablePage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a page, and where the next begins; None at the end."""

    rows: pl.DataFrame
    next: tuple[int, str] | None
    updated_ts: datetime.datetime | None
    """When the last call of the page changed; None where the page is empty."""


def list_tables(con: Connection, scope: RowScope) -> list[TableDescription]:
    """Return what can be asked for by name."""
    con, known = scoped(con, scope), views()
    prepare(con)
    return [
        TableDescription(
            name=name,
            grain=known[dataset.view],
            columns=tuple(con.sql(f"select * from {dataset.view} limit 0").columns),
            is_by_call=dataset.dated_by is not None,
        )
        for name, dataset in DATASETS.items()
    ]


def page_of_table(con: Connection, scope: RowScope, name: str, limit: int, place: CallPlace) -> TablePage:
    """Return the rows of at most `limit` calls behind a place. Raises NoSuchReport, QueryError."""
    dataset = DATASETS.get(name)
    if dataset is None:
        raise NoSuchReport(f"there is no table {name!r}; there are: {', '.join(DATASETS)}")
    con = scoped(con, scope)
    prepare(con)
    if dataset.dated_by is None:
        whole = con.sql(f"select * from {dataset.view} order by {dataset.order}")
        return TablePage(rows=pl.DataFrame(whole), next=None, updated_ts=None)
    since = place.updated_since or datetime.datetime.fromtimestamp(0, datetime.UTC)
    behind, parameters, order = behind_place(
        "c.start_ts", "c.last_update_ts", "c.call_id", msgspec.structs.replace(place, updated_since=since)
    )
    changed = "epoch_us(c.last_update_ts), c.last_update_ts"
    sql = f"select c.call_id, {changed} from fact_call as c where {behind} order by {order} limit ?"
    try:
        calls = con.execute(sql, [*parameters, limit]).fetchall()
        rows = f"select * from {dataset.view} where call_id in (select unnest($calls::text[])) order by {dataset.order}"
        frame = pl.DataFrame(con.sql(rows, params={"calls": [row[0] for row in calls]}))
    except duckdb.InterruptException as error:
        raise QueryError(f"table {name} took too long; ask for fewer calls at once") from error
    last = calls[-1] if calls else None
    return TablePage(
        rows=frame,
        next=(last[1], last[0]) if last is not None and len(calls) == limit else None,
        updated_ts=last[2] if last is not None else None,
    )
