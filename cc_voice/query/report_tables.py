"""Tables of reports for people at a terminal: what was asked, over which days, in which units and time, and why there is no row.

Programs take CSV or JSON, where names and times (UTC) are those of the data dictionary; nothing of this is in them. Between the two
stand assistants (`cc-voice mcp`), which have the rows of programs and are told what people are: `told_rows`.
"""

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

import msgspec
import polars as pl

from cc_voice.query import reports
from cc_voice.query.columns import columns
from cc_voice.query.report_notes import days_of
from cc_voice.query.reports import Connection, Report, Value
from cc_voice.query.scope import RowScope, scoped

_IMPORTED = {
    "fact_queue_interval": "queue_performance",
    "zoom_agent_status": "agent_timecard",
    "zoom_flow": "flow_performance",
    "zoom_timeline": "engagement_timelines",
}
"""Tables that only `cc-voice enrich` fills, and the dataset of Zoom's that fills them."""
_UNITS = {
    "pct": "%",
    "ms": "ms",
    "ratio": "0–1",
    "conf": "0–1",
    "wpm": "words/min",
    "cpm": "characters/min",
    "10min": "per 10 min",
    "db": "dB",
    "dbfs": "dBFS",
    "days": "days",
    "n": "count",
    "count": "count",
    "seconds": "s",
    "leg": "per leg",
    "rank": "from 1",
}
"""Parts of a column's name that say its unit (the grammar is in analytics/README.md), the first that is found."""
_NAMED_SHOWN = 8


class ReportText(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as text. `asked` are the parameters that were in force, those that are not set left out."""

    title: str
    summary: str
    timezone: str
    asked: dict[str, str]
    columns: list[str]
    units: list[str]
    """Of each column; empty for names, ids and texts."""
    rows: list[list[str]]
    no_rows: str | None = None
    """Why there is none."""
    notes: tuple[str, ...] = ()
    """What to know of the legs behind the numbers."""


class ReportPeriod(msgspec.Struct, frozen=True):
    """Local dates, both included."""

    since: datetime.date
    until: datetime.date


class ReportRows(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as programs have it, with what it is about."""

    report: str
    title: str
    summary: str
    timezone: str
    period: ReportPeriod | None
    """None for a report of a single call."""
    asked: dict[str, str]
    """The parameters that were in force, defaults too; those that are not set left out."""
    n_calls: int | None
    """Calls of the period that whoever asks may see, whatever else was asked."""
    n_rows: int
    units: dict[str, str]
    """Column → unit, of those that have one."""
    rows: list[dict[str, Any]]
    is_cut: bool
    """Whether there are more rows than are given."""
    notes: tuple[str, ...] = ()
    """What to know of the legs behind the numbers before they are believed."""
    no_rows: str | None = None


def table(con: Connection, scope: RowScope, name: str, params: Mapping[str, str], timezone: str) -> ReportText:
    """Answer a report for reading from what a scope may see; times are of the site's zone. Raises QueryError."""
    con = scoped(con, scope)
    found = reports.answered(con, scope, name, params)
    frame = found.frame
    report, values = reports.asked(con, name, params)
    zone = zoneinfo.ZoneInfo(timezone)
    return ReportText(
        title=report.title,
        summary=report.summary,
        timezone=timezone,
        asked={key: str(value) for key, value in values.items() if value is not None},
        columns=frame.columns,
        units=[unit(column, kind, timezone, str(values.get("metric"))) for column, kind in frame.schema.items()],
        rows=[[cell(value, zone) for value in row] for row in frame.iter_rows()],
        no_rows=_why_empty(con, report, values) if frame.is_empty() else None,
        notes=found.notes,
    )


def told_rows(con: Connection, scope: RowScope, name: str, params: Mapping[str, str], timezone: str, most: int) -> ReportRows:
    """Answer a report for a program that has to explain it, from what a scope may see: the first rows of its JSON, and how many.

    Raises QueryError.
    """
    con = scoped(con, scope)
    found = reports.answered(con, scope, name, params)
    frame = found.frame
    report, values = reports.asked(con, name, params)
    days = days_of(values)
    units = {column: unit(column, kind, "UTC", str(values.get("metric"))) for column, kind in frame.schema.items()}
    return ReportRows(
        report=report.name,
        title=report.title,
        summary=report.summary,
        timezone=timezone,
        period=ReportPeriod(*days) if days else None,
        asked={key: str(value) for key, value in values.items() if value is not None},
        n_calls=_calls_between(con, *days) if days else None,
        n_rows=frame.height,
        units={column: found for column, found in units.items() if found},
        rows=msgspec.json.decode(frame.head(most).write_json()),
        is_cut=frame.height > most,
        notes=found.notes,
        no_rows=_why_empty(con, report, values) if frame.is_empty() else None,
    )


def cell(value: Any, zone: zoneinfo.ZoneInfo) -> str:
    """Return a value as a table shows it: one decimal, times to the second in a zone, a dash for what is missing."""
    if isinstance(value, datetime.datetime):
        at = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def unit(column: str, kind: pl.DataType, timezone: str, metric: str = "") -> str:
    """Return the unit of a report's column, empty where it has none; of values and changes of a metric, that of the metric."""
    if isinstance(kind, pl.Datetime):
        return timezone
    if isinstance(kind, pl.Date):
        return "local date"
    if not kind.is_numeric():
        return ""
    parts = column.split("_")
    if parts[0] in ("value", "change"):
        parts = metric.split("_")
    if parts[0] == "difference":
        return "% points"
    described = columns().get("_".join(parts)) or columns().get("_".join(parts).removesuffix("_mean"))
    if described is not None and described.unit is not None:
        return described.unit
    return next((_UNITS[part] for part in parts if part in _UNITS), "")


# -- why there is no row ---------------------------------------------------------------------------------------------


def _why_empty(con: Connection, report: Report, values: Mapping[str, Value]) -> str:
    """Return the reason a person would find: nothing imported, nothing stored, other days, an unknown name, or the question."""
    wanted = next((dataset for name, dataset in _IMPORTED.items() if re.search(rf"\b{name}\b", reports.text(report.name))), None)
    if wanted is not None:
        source = next(name for name, dataset in _IMPORTED.items() if dataset == wanted)
        if not _one(con, f"select count(*) from {source}"):
            return f"no {wanted} report of Zoom's was taken yet: cc-voice enrich FILE"
        return f"the {wanted} reports that were taken have nothing for what was asked: {_told(values)}"
    calls, first, last = con.execute("select count(*), min(local_date), max(local_date) from v_call").fetchall()[0]
    if not calls:
        return "there is no measured call yet; `cc-voice streams` shows what came"
    since, until = values.get("since"), values.get("until")
    if isinstance(since, datetime.date) and isinstance(until, datetime.date):
        if since > until:
            return f"the period ends before it begins: since={since}, until={until}"
        inside = _calls_between(con, since, until)
        if not inside:
            return f"no call from {since} to {until}; what is stored ({_calls(calls)}) is from {first} to {last}"
        calls = inside
    for param, column in (("queue", "queue_name"), ("agent", "agent_name"), ("language", "language_code")):
        if (name := values.get(param)) is not None and (known := _unknown(con, column, str(name))) is not None:
            return f"no {param} is called {name!r}; there are: {known}"
    return f"there is nothing in {_calls(calls)} that fits what was asked: {_told(values)}"


def _calls_between(con: Connection, since: datetime.date, until: datetime.date) -> int:
    return _one(con, "select count(*) from v_call where local_date between ? and ?", since, until)


def _unknown(con: Connection, column: str, name: str) -> str | None:
    """Return the names that are known where this one is not."""
    source = "v_utterance" if column == "language_code" else "v_leg"
    rows = con.execute(f"select distinct {column} from {source} where {column} is not null order by 1").fetchall()
    names = [str(row[0]) for row in rows]
    more = f" and {len(names) - _NAMED_SHOWN} more" if len(names) > _NAMED_SHOWN else ""
    return None if name in names else ", ".join(names[:_NAMED_SHOWN]) + more or "none, as no event has named one"


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _told(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items() if value is not None) or "no parameter"


def _one(con: Connection, sql: str, *values: object) -> int:
    return int(con.execute(sql, list(values)).fetchall()[0][0])
