"""Reports, search, SQL and what is exported: questions over all calls that somebody may see."""

import asyncio
import datetime
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from cc_voice import exports
from cc_voice.config.schedules import ExportJob
from cc_voice.query import columns, reports, scheduled_exports, table_pages
from cc_voice.query.administration import without_user_info
from cc_voice.query.columns import ViewColumn
from cc_voice.query.operations import ask_sql
from cc_voice.query.reports import QueryError, Report
from cc_voice.query.sql.runner import SqlAnswer, SqlLimits
from cc_voice.query.table_pages import TableDescription
from cc_voice.store import dimensions
from cc_voice.store.errors import SearchError
from cc_voice.store.search import matches
from cc_voice.store.search.matches import MAX_LIMIT, SearchMatch
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api import cursors, tables
from cc_voice.web.api.parameters import ReportOperation, SearchOperation, refuse_others_of
from cc_voice.web.api.problems import BadParameters, FieldProblem
from cc_voice.web.api.tables import TABLE, TableForm, answer_of
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages import search
from cc_voice.web.pages.report_rights import permitted_reports, report_asker

LIMITS = SqlLimits()
QUESTION_BYTES = 64 * 1024
"""The longest question in SQL, as JSON."""
CallsAtOnce = Annotated[int, QueryParameter(ge=1, le=500)]
"""All rows of so many calls lie in memory; a call has hundreds of words."""


class Select(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in SQL."""

    sql: str


class SearchList(msgspec.Struct, frozen=True):
    """A page of the calls in which it was said, newest first, and where the next begins; null at the end."""

    hits: tuple[SearchMatch, ...]
    next: str | None


class TableRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a page of calls, where the next begins (null at the end), and when the last call of this one changed."""

    rows: list[dict[str, Any]]
    next: str | None
    updated_ts: datetime.datetime | None


class ApiExportState(msgspec.Struct, frozen=True, kw_only=True):
    """An export that the appliance makes by itself, and how the last attempt went: null where there was none."""

    job: ExportJob
    last: scheduled_exports.State | None


@get("/reports", summary="List reports")
async def list_reports(request: VisitorRequest) -> list[Report]:
    """List the reports that you may ask, with their parameters."""
    return permitted_reports(request.user, await asyncio.to_thread(reports.list_reports))


@get(
    "/reports/{name:str}",
    summary="Answer a report",
    operation_class=ReportOperation,
    opt={**TABLE, "statuses": (404, 406)},
    responses=answer_of(list[dict[str, Any]]),
)
async def report(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    name: FromPath[str],
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """Answer a report; its parameters are query parameters, which `GET /reports` lists.

    The header `cc-voice-note`, percent-encoded, says what to know of the legs behind the numbers, as that they were measured in
    different ways.
    """
    params = {key: value for key, value in request.query_params.items() if key != "format"}
    visitor = await report_asker(request.user, name)
    refuse_others_of(await asyncio.to_thread(reports.explain, name), params)
    form = tables.chosen_form(request, format)
    try:
        found = await appliance.read(visitor, lambda con: reports.answered(con, visitor.scope, name, params))
    except QueryError as error:
        # The sentence quotes the parameter that it is about
        known = await asyncio.to_thread(reports.explain, name)
        wrong = [FieldProblem("query", each.name, str(error)) for each in known.params if repr(each.name) in str(error)]
        if not wrong:
            raise
        raise BadParameters(*wrong[:1]) from error
    headers = {"cc-voice-note": quote(" ".join(found.notes), safe=" ,.:;()")} if found.notes else {}
    if form == "json":
        appliance.note_down(request, "report", name, detail=str(request.url.query))
        return Response(await asyncio.to_thread(found.frame.write_json), media_type=MediaType.JSON, headers=headers)
    await tables.write_down(request, appliance, form, f"report {name}")
    return await tables.file_response(found.frame, form, name, headers)


@get("/search", summary="Find calls by what was said", operation_class=SearchOperation)
async def find(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = search.PAGE_SIZE,
    cursor: FromQuery[str | None] = None,
) -> Response[SearchList]:
    """Find calls by what was said, newest first, with the places where it was said."""
    given = request.query_params
    wrong = [(name, search.read({name: given.get(name, "")}).problem) for name in search.MEANINGS]
    if any(problem for _, problem in wrong):
        raise BadParameters(*(FieldProblem("query", name, problem) for name, problem in wrong if problem))
    query, chosen, after = given.get("q", ""), search.read(given).chosen, cursor or None
    appliance.note_down(request, "search", "words", detail=str(request.url.query))
    try:
        found = await appliance.read(request.user, lambda con: matches.search(con, query, chosen, limit=limit, after=after))
    except SearchError as error:
        raise BadParameters(FieldProblem("query", "q", str(error))) from error
    return Response(SearchList(found.hits, found.after), headers=cursors.link_headers(request, found.after))


@post(
    "/sql",
    summary="Answer a SELECT",
    status_code=200,
    request_max_body_size=QUESTION_BYTES,
    opt={**TABLE, "statuses": (406, 429)},
    responses=answer_of(SqlAnswer),
)
async def run_sql(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    data: JSONBody[Select],
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """Answer one SELECT on a copy of the published views, for at most 30 s, 512 MB and 10000 rows; needs the right to run SQL."""
    visitor, form = signed_in(request), tables.chosen_form(request, format)
    await appliance.write_down(request, "sql", "SQL", detail=data.sql)
    answer = await _answered(appliance, visitor, data.sql)
    if form == "json":
        return Response(answer)
    table = exports.frame([(each.name, each.type) for each in answer.columns], answer.rows)
    return await tables.file_response(table, form, "answer")


async def _answered(appliance: Appliance, visitor: Visitor, text: str) -> SqlAnswer:
    return await appliance.sql.run(ask_sql, appliance.database, appliance.settings, visitor.scope, text, LIMITS)


@get("/columns", summary="Describe columns")
async def list_columns(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[ViewColumn]:
    """Describe every column of the published views: unit, formula, since when; calls, reports and exports use these names."""
    sets = await appliance.read(request.user, dimensions.threshold_sets)
    return list(columns.explained(sets).values())


@get("/tables", summary="List tables")
async def list_tables(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[TableDescription]:
    """List the tables that are exported, with what a row is and their columns, which `GET /columns` describes."""
    visitor = signed_in(request)
    return await appliance.read(visitor, lambda con: table_pages.list_tables(con, visitor.scope))


@get("/tables/{name:str}", summary="Return rows of a table", opt={**TABLE, "statuses": (404, 406)}, responses=answer_of(TableRows))
async def table(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    name: FromPath[str],
    limit: CallsAtOnce = 100,
    cursor: FromQuery[str | None] = None,
    updated_since: FromQuery[datetime.datetime | None] = None,
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """Return all rows of at most `limit` calls, in the order in which calls changed, for a copy that is kept up to date.

    A call that comes again replaces all its rows. Calls that were deleted do not come; `GET /calls` has those there are. Tables
    that are not by call come whole.
    """
    visitor, form = signed_in(request), tables.chosen_form(request, format)
    place = cursors.place(cursor, updated_since)
    await tables.write_down(request, appliance, form, f"table {name[:60]}")
    found = await appliance.read(visitor, lambda con: table_pages.page_of_table(con, visitor.scope, name, limit, place))
    following = cursors.written(*found.next) if found.next else None
    headers = cursors.link_headers(request, following)
    if form == "json":
        rows = await asyncio.to_thread(found.rows.to_dicts)
        return Response(TableRows(rows=rows, next=following, updated_ts=found.updated_ts), headers=headers)
    return await tables.file_response(found.rows, form, name, headers)


@get("/exports", summary="List scheduled exports")
async def list_exports(appliance: NamedDependency[Appliance]) -> list[ApiExportState]:
    """List the exports that the appliance makes by itself, and how each went last."""

    def look() -> list[ApiExportState]:
        return [_told(job, scheduled_exports.state(appliance.settings, job)) for job in appliance.settings.exports]

    return await asyncio.to_thread(look)


def _told(job: ExportJob, last: scheduled_exports.State | None) -> ApiExportState:
    """Return an export without what may be a password in its address."""
    if last is not None and last.error is not None:
        last = msgspec.structs.replace(last, error=without_user_info(last.error))
    return ApiExportState(job=msgspec.structs.replace(job, to=without_user_info(job.to)), last=last)
