"""`cc-voice mcp`: an MCP server on standard input and output, for an assistant that whoever owns the data folder starts."""

import asyncio
import datetime
import time
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.commands.terminal import ask, load_settings, site_options

if TYPE_CHECKING:
    from cc_voice.config.settings import Settings
    from cc_voice.query.columns import ViewColumn
    from cc_voice.query.report_tables import ReportRows
    from cc_voice.query.reports import Report
    from cc_voice.query.sql.runner import SqlAnswer
    from cc_voice.store.search.matches import SearchFilter, SearchMatches


@click.command()
@site_options
def mcp(config: Path | None, data_dir: Path | None) -> None:
    """Answer an assistant's questions on standard input and output, in the Model Context Protocol; needs the extra `mcp`.

    Read only: reports, metric dictionary, search, bounded SQL, of every row of the site, as for every command of this machine, and
    in the audit log under the user who started it. Over the network, and with the rows of an account, assistants ask the service
    itself: POST /api/v1/mcp with an API token.
    """
    settings = load_settings(config, data_dir)
    try:
        from cc_voice.web.api import mcp_server
    except ImportError as error:
        raise click.ClickException(
            "this needs the extra `mcp`: EXTRAS=mcp of deploy/install.sh, or pip install 'cc-voice[mcp]'"
        ) from error
    from cc_voice.query import service_client

    try:
        service_client.need_a_site(settings)
    except service_client.QuestionError as error:
        raise click.ClickException(str(error)) from error
    asyncio.run(mcp_server.serve_stdio(OwnerAsker(settings)))


class OwnerAsker:
    """The owner of the data folder: every row, through the store or the service that holds it."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self.timezone = settings.timezone

    def may(self, route: tuple[str, str]) -> bool:
        return True

    def today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(time.time(), zoneinfo.ZoneInfo(self.timezone)).date()

    async def reports(self) -> "list[Report]":
        from cc_voice.query.reports import Report

        found: list[Report] = await self._ask(list[Report], "reports")
        return found

    async def report(self, name: str, params: Mapping[str, str], most: int) -> "ReportRows":
        from cc_voice.query.report_tables import ReportRows

        found: ReportRows = await self._ask(ReportRows, "report", name=name, params=dict(params), format="rows", limit=most)
        return found

    async def columns(self) -> "Mapping[str, ViewColumn]":
        from cc_voice.config.thresholds import ThresholdSet
        from cc_voice.query import columns

        return columns.explained(await self._ask(list[ThresholdSet], "recompute.thresholds"))

    async def search(self, query: str, chosen: "SearchFilter", limit: int, after: str | None) -> "SearchMatches":
        import msgspec

        from cc_voice.store.search.matches import SearchMatches

        given = msgspec.to_builtins(chosen)
        found: SearchMatches = await self._ask(SearchMatches, "search", query=query, chosen=given, limit=limit, after=after)
        return found

    async def sql(self, text: str) -> "SqlAnswer":
        import msgspec

        from cc_voice.query.sql.runner import SqlAnswer

        found = await self._ask(dict[str, Any], "sql", text=text, format="json")
        return msgspec.convert(msgspec.json.decode(found["answer"]), SqlAnswer)

    async def _ask(self, kind: Any, question: str, **arguments: Any) -> Any:
        """Return the answer as a type of ours, as the service gives it as JSON. Raises ToolError."""
        import msgspec

        from cc_voice.web.api.mcp_tools import ToolError

        try:
            found = await asyncio.to_thread(ask, self._settings, question, **arguments)
        except click.ClickException as error:
            raise ToolError(error.message) from error
        return msgspec.convert(found, kind)
