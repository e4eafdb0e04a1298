"""MCP route: streamable HTTP for assistants, with an API token (or a session) like the rest of the API.

Nothing of `mcp` is imported before somebody asks; without the extra the answer is 404, with the reason.
"""

import asyncio
import datetime
import zoneinfo
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException

from cc_voice.query import columns, report_tables, reports
from cc_voice.query.columns import ViewColumn
from cc_voice.query.operations import ask_sql
from cc_voice.query.report_tables import ReportRows
from cc_voice.query.reports import QueryError, Report
from cc_voice.query.sql import SqlError
from cc_voice.query.sql.runner import SqlAnswer, SqlLimits
from cc_voice.store import dimensions
from cc_voice.store.errors import SearchError, StoreError
from cc_voice.store.search import matches
from cc_voice.store.search.matches import SearchFilter, SearchMatches
from cc_voice.web.access.audit import AuditUnavailable
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.permissions import ROUTES
from cc_voice.web.api.mcp_tools import Asker, ToolError
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages.report_rights import permitted_reports, report_asker

if TYPE_CHECKING:
    from cc_voice.web.api.mcp_server import HttpAnswer

T = TypeVar("T")

LIMITS = SqlLimits()
QUESTION_BYTES = 64 * 1024


@post("/mcp", status_code=200, request_max_body_size=QUESTION_BYTES, include_in_schema=False)
async def mcp(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[bytes]:
    """Answer a message of the Model Context Protocol."""
    try:
        answer_http = await asyncio.to_thread(_protocol)
    except ImportError as error:
        raise NotFoundException("there is no MCP server here: the extra `mcp` is not installed") from error
    asker = VisitorAsker(appliance, request)
    found = await answer_http(asker, dict(request.scope), await request.body(), request.receive)
    kind = found.headers.pop("content-type", "application/json")
    kept = {name: value for name, value in found.headers.items() if name != "content-length"}
    return Response(found.body, status_code=found.status, headers=kept, media_type=kind)


def _protocol() -> "Callable[[Asker, dict[str, Any], bytes, Callable[[], Awaitable[Any]]], Awaitable[HttpAnswer]]":
    """Return what speaks the protocol. For a thread: the first import of `mcp` takes a second or two."""
    from cc_voice.web.api import mcp_server

    return mcp_server.answer_http


class VisitorAsker:
    """Somebody with a token: their rights, their rows, their name in the audit log."""

    def __init__(self, appliance: Appliance, request: VisitorRequest) -> None:
        self._appliance = appliance
        self._request = request
        self._visitor = signed_in(request)
        self.timezone = appliance.settings.timezone

    def may(self, route: tuple[str, str]) -> bool:
        return ROUTES[route].lets(self._visitor)

    def today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self._appliance.now(), zoneinfo.ZoneInfo(self.timezone)).date()

    async def reports(self) -> list[Report]:
        return permitted_reports(self._visitor, await asyncio.to_thread(reports.list_reports))

    async def report(self, name: str, params: Mapping[str, str], most: int) -> ReportRows:
        appliance, zone = self._appliance, self.timezone

        async def answer() -> ReportRows:
            visitor = await report_asker(self._visitor, name)
            appliance.note_down(self._request, "report", name, detail=f"mcp {urlencode(params)}")
            return await appliance.read(visitor, lambda con: report_tables.told_rows(con, visitor.scope, name, params, zone, most))

        return await _told(answer)

    async def columns(self) -> Mapping[str, ViewColumn]:
        sets = await _told(lambda: self._appliance.read(self._visitor, dimensions.threshold_sets))
        return columns.explained(sets)

    async def search(self, query: str, chosen: SearchFilter, limit: int, after: str | None) -> SearchMatches:
        given = {name: value for name, value in msgspec.structs.asdict(chosen).items() if value is not None}

        async def answer() -> SearchMatches:
            self._appliance.note_down(self._request, "search", "words", detail=f"mcp {urlencode({'q': query, **given})}")
            return await self._appliance.read(
                self._visitor, lambda con: matches.search(con, query, chosen, limit=limit, after=after)
            )

        return await _told(answer)

    async def sql(self, text: str) -> SqlAnswer:
        appliance = self._appliance

        async def answer() -> SqlAnswer:
            await appliance.write_down(self._request, "sql", "SQL", detail=text)
            return await appliance.sql.run(ask_sql, appliance.database, appliance.settings, self._visitor.scope, text, LIMITS)

        return await _told(answer)


async def _told(answer: Callable[[], Awaitable[T]]) -> T:
    """Return an answer. Raises ToolError with what our errors say, which is written for whoever asks."""
    try:
        return await answer()
    except (QueryError, SearchError, SqlError, StoreError, AuditUnavailable, RecursionError) as error:
        raise ToolError(str(error)) from error
    except NotFoundException as error:
        raise ToolError(error.detail) from error
