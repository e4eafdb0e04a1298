"""Reports: the list of questions, the parameters of one, its answer as a table."""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
import polars as pl
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from cc_voice.config.thresholds import ThresholdSet
from cc_voice.query import reports as query_reports
from cc_voice.query.reports import Param, QueryError, Report
from cc_voice.store import dimensions
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages import report_columns as column_words
from cc_voice.web.pages.report_rights import permitted_reports
from cc_voice.web.rendering import formats
from cc_voice.web.rendering.page import page

ROWS_SHOWN = 1000
"""A table that a browser still scrolls well; the CSV has all rows."""
WIDE_COLUMNS = 8
"""From so many on a table is wider than most windows, and says so."""
_PLACEHOLDERS = {"date": "2026-11-01 or today-30", "integer": "number", "number": "number", "text": "all"}


class ParameterField(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter as a form field."""

    name: str
    label: str
    meaning: str
    value: str
    placeholder: str
    required: bool
    choices: tuple[str, ...]


class ReportColumn(msgspec.Struct, frozen=True):
    """A column of the answer: what people read, what to say about it, and why a cell of it may be empty."""

    heading: str
    tip: str
    is_number: bool
    missing: str


class ReportTable(msgspec.Struct, frozen=True):
    """An answer; None stands for what could not be measured."""

    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    note: str
    warnings: tuple[str, ...] = ()
    """What to know of the legs behind the numbers."""


class ReportsPage(msgspec.Struct, frozen=True, kw_only=True):
    """All questions, and one of them answered."""

    reports: tuple[Report, ...]
    name: str | None = None
    report: Report | None = None
    fields: tuple[ParameterField, ...] = ()
    table: ReportTable | None = None
    problem: str | None = None
    csv: str = ""


@get("/reports")
async def list_reports(request: VisitorRequest) -> Response[str]:
    """Show the questions."""
    known = await asyncio.to_thread(query_reports.list_reports)
    view = ReportsPage(reports=tuple(permitted_reports(request.user, known)))
    return page(request, "reports.html", title="Reports", current="reports", view=view)


@get("/reports/{name:str}")
async def show_report(request: VisitorRequest, appliance: NamedDependency[Appliance], name: FromPath[str]) -> Response[str]:
    """Show a question and its answer for the parameters of the address."""
    visitor = signed_in(request)
    reports = tuple(permitted_reports(visitor, await asyncio.to_thread(query_reports.list_reports)))
    report = next((each for each in reports if each.name == name), None)
    if report is None:
        raise NotFoundException("There is no such report.")
    given = {key: value.strip() for key, value in request.query_params.items() if value.strip()}
    table, problem = await _answer(appliance, visitor, report, given)
    if table is not None:
        appliance.note_down(request, "report", name, detail=urlencode(given))
    view = ReportsPage(
        reports=reports,
        name=name,
        report=report,
        fields=tuple(_field(param, given) for param in report.params),
        table=table,
        problem=problem,
        csv=f"/api/v1/reports/{name}?{urlencode({**given, 'format': 'csv'})}" if visitor.may("export") else "",
    )
    return page(request, "reports.html", title=report.title, current="reports", view=view)


async def _answer(
    appliance: Appliance, visitor: Visitor, report: Report, given: Mapping[str, str]
) -> tuple[ReportTable | None, str | None]:
    """Return the table, or why there is none; nothing at all while a required parameter has no value yet."""
    if not given and any(param.default is None for param in report.params):
        return None, None
    try:
        found = await appliance.read(visitor, lambda con: query_reports.answered(con, visitor.scope, report.name, given))
        sets = await appliance.read(visitor, dimensions.threshold_sets)
    except QueryError as error:
        return None, str(error)
    return _table(found.frame, sets, found.notes), None


def _table(frame: pl.DataFrame, sets: Sequence[ThresholdSet], warnings: tuple[str, ...]) -> ReportTable:
    columns = tuple(
        ReportColumn(column_words.heading(name), column_words.tip(name, sets), kind.is_numeric(), column_words.missing(name))
        for name, kind in frame.schema.items()
    )
    shown = frame.head(ROWS_SHOWN)
    rows = tuple(
        tuple(column_words.cell(name, value, sets) for name, value in zip(frame.columns, row, strict=True))
        for row in shown.iter_rows()
    )
    note = formats.count(len(frame), "row")
    if len(frame) > ROWS_SHOWN:
        note += f", the first {formats.number(ROWS_SHOWN)} shown"
    if len(columns) >= WIDE_COLUMNS:
        note += f"; {len(columns)} columns, scroll sideways for the last ones"
    return ReportTable(columns, rows, note, warnings)


def _field(param: Param, given: Mapping[str, str]) -> ParameterField:
    default = "" if param.default in (None, "none") else str(param.default)
    return ParameterField(
        name=param.name,
        label=param.name.replace("_", " ").capitalize(),
        meaning=param.meaning,
        value=given.get(param.name, default),
        placeholder=_PLACEHOLDERS.get(param.type, ""),
        required=param.default is None,
        choices=param.choices,
    )
