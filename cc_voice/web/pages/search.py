"""Search: the page with its query and filters in the address."""

import datetime
import zoneinfo
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from cc_voice.store import call_list, calls
from cc_voice.store.call_list import Facets
from cc_voice.store.errors import SearchError
from cc_voice.store.search import matches
from cc_voice.store.search.matches import SearchFilter, SearchMatches
from cc_voice.store.search.snippets import Snippet, SnippetPiece
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance
from cc_voice.web.rendering import formats
from cc_voice.web.rendering.page import page

PAGE_SIZE = 20
CHOICES: dict[str, tuple[str, ...]] = {"party": ("agent", "customer"), "source": ("local", "zoom")}
MEANINGS = {
    "q": "words, “phrases”, OR, near/5, -not, beginnings*",
    "from": "first day of the site, such as 2026-11-23",
    "to": "last day of the site, that day included",
    "party": "agent or customer: only what they said",
    "agent": "name of an agent, exactly",
    "queue": "name of a queue, exactly",
    "language": "language of the utterance, such as en",
    "source": "local or zoom: whose words",
    "after": "the next page: what the page before ended with",
}
"""Query parameters by name, in the order of the form."""


class SearchRequest(msgspec.Struct, frozen=True):
    """What was asked for. `problem` is a sentence for the person who asked, empty where all is well."""

    fields: dict[str, str]
    chosen: SearchFilter
    problem: str


class SearchChoice(msgspec.Struct, frozen=True):
    """A filter that picks one of a few values."""

    name: str
    label: str
    chosen: str
    options: tuple[str, ...]


class SnippetLine(msgspec.Struct, frozen=True, kw_only=True):
    """A passage: where it leads, and its text in pieces."""

    at_ms: int
    clock: str
    party: str | None
    language: str
    pieces: tuple[SnippetPiece, ...]


class SearchedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its passages."""

    call_id: str
    start: str
    duration_ms: int
    product: str
    agent: str | None
    queue: str | None
    lines: tuple[SnippetLine, ...]
    more: int


class SearchPage(msgspec.Struct, frozen=True, kw_only=True):
    """The form and, once something was asked, what was found."""

    fields: dict[str, str]
    choices: tuple[SearchChoice, ...]
    problem: str
    found: tuple[SearchedCall, ...] | None
    next: str | None
    zone: str


@get("/search")
async def search_page(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str] | Redirect:
    """Show what was found; the id of a call leads to it."""
    asked = read(request.query_params)
    query = asked.fields["q"]
    if query.isalnum() and await appliance.read(request.user, lambda con: calls.load_channels(con, query)) is not None:
        return Redirect(f"/calls/{query}")
    hits, problem = None, asked.problem
    if query and not problem:
        try:
            hits = await _find(request, appliance, asked, PAGE_SIZE)
        except SearchError as error:
            problem = str(error)
    facets = await appliance.read(request.user, call_list.facets)
    view = _view(asked, hits, problem, facets, zoneinfo.ZoneInfo(appliance.settings.timezone))
    return page(request, "search.html", title="Search", current="search", view=view)


def read(query: Mapping[str, str]) -> SearchRequest:
    """Read the parameters of an address."""
    fields = {name: query.get(name, "").strip() for name in MEANINGS}
    problems: list[str] = []
    days = {name: _day(fields[name], problems) for name in ("from", "to")}
    for name, options in CHOICES.items():
        if fields[name] and fields[name] not in options:
            problems.append(f"“{fields[name]}” is none of {', '.join(options)}.")
            fields[name] = ""
    named = {name: fields[name] or None for name in ("party", "agent", "queue", "language", "source")}
    return SearchRequest(fields, SearchFilter(since=days["from"], until=days["to"], **named), " ".join(problems))


def _day(text: str, problems: list[str]) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        problems.append(f"“{text}” is not a date such as 2026-11-23.")
        return None


async def _find(request: VisitorRequest, appliance: Appliance, asked: SearchRequest, limit: int) -> SearchMatches:
    appliance.note_down(request, "search", "words", detail=str(request.url.query))
    query, after = asked.fields["q"], asked.fields["after"] or None
    return await appliance.read(request.user, lambda con: matches.search(con, query, asked.chosen, limit=limit, after=after))


def _view(asked: SearchRequest, hits: SearchMatches | None, problem: str, facets: Facets, zone: zoneinfo.ZoneInfo) -> SearchPage:
    options = {"agent": facets.agents, "queue": facets.queues, "language": facets.languages, **CHOICES}
    names = ("party", "agent", "queue", "language", "source")
    given = {name: value for name, value in asked.fields.items() if value and name != "after"}
    return SearchPage(
        fields=asked.fields,
        choices=tuple(_choice(name, asked.fields[name], options[name]) for name in names),
        problem=problem,
        found=tuple(_found(hit, zone) for hit in hits.hits) if hits else None,
        next="?" + urlencode({**given, "after": hits.after}) if hits and hits.after else None,
        zone=zone.key,
    )


def _choice(name: str, chosen: str, values: tuple[str, ...]) -> SearchChoice:
    known = values if not chosen or chosen in values else (chosen, *values)
    return SearchChoice(name, "Said by" if name == "party" else name.capitalize(), chosen, known)


def _found(hit: matches.SearchMatch, zone: zoneinfo.ZoneInfo) -> SearchedCall:
    return SearchedCall(
        call_id=hit.call_id,
        start=formats.moment(hit.start_ts, zone),
        duration_ms=hit.duration_ms,
        product=hit.product,
        agent=hit.agent_name,
        queue=hit.queue_name,
        lines=tuple(_line(passage) for passage in hit.passages),
        more=hit.more_passages,
    )


def _line(passage: Snippet) -> SnippetLine:
    party = passage.party if passage.party in ("agent", "customer") else None
    return SnippetLine(
        at_ms=passage.start_ms,
        clock=formats.clock(passage.start_ms),
        party=party,
        language=passage.language_code,
        pieces=passage.pieces,
    )
