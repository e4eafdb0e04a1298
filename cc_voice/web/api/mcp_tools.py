"""MCP tools: what an assistant may ask, as data and functions; nothing of the protocol is here (`mcp_server.py`).

Five tools, read only, over what the API has: reports, columns, search, SQL. Each stands for a route of the API, whose line in the
one table of permissions is its own, and is answered by the same functions, from the same rows, into the same audit log. A tool for
each report lost: thirty schemas would fill an assistant's attention before it has asked anything, and the list of reports is a
tool of its own.

Whoever asks is an `Asker`: somebody with a token over HTTP (`mcp_route.py`), or the owner of the data folder (`commands/mcp.py`).
"""

import asyncio
import datetime
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from cc_voice.query import reports
from cc_voice.query.columns import ViewColumn
from cc_voice.query.report_tables import ReportRows
from cc_voice.query.reports import Report
from cc_voice.query.sql.runner import SqlAnswer
from cc_voice.store.search.matches import SearchFilter, SearchMatches

MOST_ROWS = 1000
SOME_ROWS = 200
"""What an assistant can read; the number of all rows is always told."""
MOST_CELLS = 20_000
"""Of an answer in SQL, which may have hundreds of columns: a thousand such rows would be megabytes."""

INSTRUCTIONS = """\
Numbers and words of a contact center's calls, measured on site. Read only; you see what the token's owner may see.

Begin with list_reports: it has the questions that this appliance answers, their parameters, today's date at the site and the time
zone. Prefer a report to SQL. Compare a period with the one before it by asking the same report twice. Every answer names the
report, the period, how many calls it is about and how many rows there are: name them when you answer, say so where n is small, and
tell its notes. A null is something that could not be measured, not zero. What a column means is in describe_columns.

Example: "why did hold time rise in Billing last week" - report hold-by-agent with queue=Billing for last week and for the week
before, then transfers, handle-time and phrase-said or search for what was said before the hold.
"""


class ToolError(Exception):
    """A question of an assistant cannot be answered; the message says what to ask instead."""


class Asker(Protocol):
    """Who asks. Each method answers from what they may see, writes down what is taken, and raises ToolError with a reason."""

    timezone: str

    def may(self, route: tuple[str, str]) -> bool:
        """Whether they may use a route of the API."""

    def today(self) -> datetime.date:
        """Return the date at the site."""

    async def reports(self) -> list[Report]:
        """Return the reports that they may ask."""

    async def report(self, name: str, params: Mapping[str, str], most: int) -> ReportRows:
        """Answer a report."""

    async def columns(self) -> Mapping[str, ViewColumn]:
        """Return the dictionary of columns, by name."""

    async def search(self, query: str, chosen: SearchFilter, limit: int, after: str | None) -> SearchMatches:
        """Find calls by what was said."""

    async def sql(self, text: str) -> SqlAnswer:
        """Answer a SELECT."""


Day = Annotated[str | None, Meta(description="a local date such as 2026-11-23")]
Named = Annotated[str | None, Meta(description="its name, in any case")]


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing."""


class ReportArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report, its parameters, how many rows."""

    name: Annotated[str, Meta(description="a name from list_reports")]
    params: Annotated[
        dict[str, str | int | float], Meta(description="its parameters; days are 2026-11-23, today or today-7, names exact")
    ] = {}
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS, description="rows that are given of all")] = SOME_ROWS


class ColumnArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which columns."""

    find: Annotated[
        str, Meta(description="part of a name, label or meaning, such as hold; without it all names with their units")
    ] = ""


class SearchArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search, its filters, the page."""

    query: Annotated[str, Meta(description='words, "phrases", OR, refund near/5 card, -not, beginnings*')]
    since: Day = None
    until: Day = None
    party: Annotated[Literal["agent", "customer"] | None, Meta(description="only what they said")] = None
    agent: Named = None
    queue: Named = None
    language: Annotated[str | None, Meta(description="of the utterance, such as en")] = None
    source: Annotated[Literal["local", "zoom"] | None, Meta(description="whose words, our recogniser's or Zoom's")] = None
    limit: Annotated[int, Meta(ge=1, le=50, description="calls of a page, newest first")] = 20
    after: Annotated[str | None, Meta(description="the next page: what the page before ended with")] = None


class SqlArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question in SQL."""

    select: Annotated[str, Meta(description="one SELECT in DuckDB's SQL over the views", max_length=60_000)]
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS, description="rows that are given of all")] = SOME_ROWS


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool: what it is called and for, what it takes, the route whose right it needs, who answers."""

    name: str
    title: str
    description: str
    arguments: type[msgspec.Struct]
    route: tuple[str, str]
    answer: Callable[[Asker, Any], Awaitable[Any]]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        _, known = msgspec.json.schema_components([self.arguments])
        schema: dict[str, Any] = known[self.arguments.__name__]
        return schema


async def call(asker: Asker, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a tool. Raises ToolError, for one that the asker may not use as for one that is not there."""
    tool = next((tool for tool in permitted(asker) if tool.name == name), None)
    if tool is None:
        raise ToolError(f"there is no tool {name!r} for you; there are: {', '.join(tool.name for tool in permitted(asker))}")
    try:
        given = msgspec.convert(dict(arguments), tool.arguments)
    except msgspec.ValidationError as error:
        raise ToolError(f"the arguments of {name} are not understood: {error}") from error
    found: dict[str, Any] = msgspec.to_builtins(await tool.answer(asker, given))
    return found


def permitted(asker: Asker) -> list[Tool]:
    """Return the tools that somebody may use."""
    return [tool for tool in TOOLS if asker.may(tool.route)]


async def _list_reports(asker: Asker, given: NoArguments) -> dict[str, Any]:
    found = await asker.reports()
    return {"today": asker.today(), "timezone": asker.timezone, "n_reports": len(found), "reports": found}


async def _report(asker: Asker, given: ReportArguments) -> ReportRows:
    return await asker.report(given.name, {name: str(value) for name, value in given.params.items()}, given.limit)


async def _describe_columns(asker: Asker, given: ColumnArguments) -> dict[str, Any]:
    known, wanted = await asker.columns(), given.find.casefold().strip()
    if not wanted:
        return {
            "n_columns": len(known),
            "units": {name: each.unit for name, each in known.items()},
            "views": await asyncio.to_thread(_grains),
        }
    found = [each for each in known.values() if wanted in _searched(each)]
    if not found:
        raise ToolError(f"no column has {given.find!r} in its name, label or meaning; without `find` all names are listed")
    return {"n_columns": len(found), "columns": found}


def _searched(column: ViewColumn) -> str:
    return " ".join([column.name, column.label or "", column.meaning or "", column.formula]).casefold()


def _grains() -> dict[str, str]:
    return {name: grain for name, grain in reports.views().items() if not name.endswith(("webhook", "_access"))}


async def _search(asker: Asker, given: SearchArguments) -> dict[str, Any]:
    names = ("party", "agent", "queue", "language", "source")
    since, until = _day(given.since, "since"), _day(given.until, "until")
    chosen = SearchFilter(since=since, until=until, **{name: getattr(given, name) for name in names})
    found = await asker.search(given.query, chosen, given.limit, given.after)
    asked = {name: value for name, value in msgspec.to_builtins(given).items() if value is not None}
    return {
        "timezone": asker.timezone,
        "period": {"since": since, "until": until},
        "asked": asked,
        "n_calls": len(found.hits),
        "hits": found.hits,
        "after": found.after,
    }


def _day(text: str | None, name: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ToolError(f"{name} is a date such as 2026-11-23, not {text!r}") from error


async def _sql(asker: Asker, given: SqlArguments) -> dict[str, Any]:
    found = await asker.sql(given.select)
    most = min(given.limit, max(1, MOST_CELLS // max(1, len(found.columns))))
    return {
        "asked": given.select,
        "columns": found.columns,
        "n_rows": len(found.rows),
        "rows": found.rows[:most],
        "is_cut": found.cut is not None or len(found.rows) > most,
        "age_s": found.age_s,
    }


TOOLS = (
    Tool(
        name="list_reports",
        title="List the questions",
        description="The reports that you may ask: name, question, summary, parameters with defaults; today's date at the site.",
        arguments=NoArguments,
        route=("GET", "/api/v1/reports"),
        answer=_list_reports,
    ),
    Tool(
        name="report",
        title="Answer a report",
        description="The rows of a report with its name, its period, how many calls and rows (n), and the unit of each column.",
        arguments=ReportArguments,
        route=("GET", "/api/v1/reports/{name}"),
        answer=_report,
    ),
    Tool(
        name="describe_columns",
        title="Describe metrics and columns",
        description="The metric dictionary: meaning, formula and unit of the columns of reports and views; grain of each view.",
        arguments=ColumnArguments,
        route=("GET", "/api/v1/columns"),
        answer=_describe_columns,
    ),
    Tool(
        name="search",
        title="Find calls by what was said",
        description="Calls in which something was said, newest first, with the passages and their place in the call, in ms.",
        arguments=SearchArguments,
        route=("GET", "/api/v1/search"),
        answer=_search,
    ),
    Tool(
        name="sql",
        title="Answer a SELECT",
        description="One SELECT over the published views (v_call, v_leg, v_utterance …; columns: `select * from v_leg limit 0`), "
        "on a copy of them, for at most 30 s and 512 MB.",
        arguments=SqlArguments,
        route=("POST", "/api/v1/sql"),
        answer=_sql,
    ),
)
