"""Metric columns of fact_leg: what the entries ask for that the schema lacks, and the migration that adds it.

A migration is history: it is written once, by `make generate`, and committed. Adding columns from the entries at every start was
ruled out: a database would have those of whatever program opened it last, and no number would say which.
"""

from collections.abc import Iterable, Sequence

import duckdb

from cc_voice.call.metrics.entry import Metric


def stored(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the columns of fact_leg with their types, as entries name them."""
    rows = con.execute("select column_name, lower(data_type) from duckdb_columns() where table_name = 'fact_leg'").fetchall()
    return {name: "text" if kind == "varchar" else kind for name, kind in rows}


def missing(con: duckdb.DuckDBPyConnection, metrics: Iterable[Metric]) -> list[Metric]:
    """Return the metrics that have no column yet."""
    known = stored(con)
    return [metric for metric in metrics if metric.name not in known]


def migration(metrics: Sequence[Metric]) -> str:
    """Return the SQL that adds columns for metrics, and says of every leg that is stored why it has no value in them."""
    added = "\n".join(f"alter table fact_leg add column {metric.name} {metric.type};" for metric in metrics)
    names = ",\n".join(f"    ('{metric.name}')" for metric in metrics)
    return f"""\
-- Legs that an earlier version measured have a reason instead of a value; `cc-voice recompute` measures them.
{added}
insert into fact_null_reason (leg_id, metric, reason, date_key)
select
    l.leg_id,
    added.metric,
    'earlier_version',
    l.date_key
from fact_leg as l
cross join (values
{names}
) as added(metric);
"""
