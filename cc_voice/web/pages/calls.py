"""Calls: the list with its filters and totals, one call, its audio."""

import asyncio
import zoneinfo

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from cc_voice.store import call_list, streams
from cc_voice.store import calls as store
from cc_voice.store.call_list import CallSummary, CallTotals, Facets
from cc_voice.store.calls import StoredCall
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.appliance import Appliance
from cc_voice.web.live.calls import live_call
from cc_voice.web.pages import call_page
from cc_voice.web.pages.access_section import accesses
from cc_voice.web.pages.byte_ranges import file_answer
from cc_voice.web.pages.filters import PAGE_SIZE, CallListRequest, parse
from cc_voice.web.rendering import formats
from cc_voice.web.rendering.page import page

MEDIA_TYPES = {"flac": "audio/flac", "wav": "audio/wav"}


class CallListRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list."""

    call_id: str
    start: str
    duration_ms: int
    agent: str | None
    more_agents: int
    queue: str | None
    product: str
    language: str | None
    agent_talk_pct: float | None
    customer_talk_pct: float | None
    overtalk_pct: float | None
    silence_pct: float | None
    hold_ms: int | None
    dead_air_ms: int | None
    interruptions_agent: int | None


class FilterChoice(msgspec.Struct, frozen=True):
    """A filter that picks one of a few values; options are value and text."""

    name: str
    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


class Form(msgspec.Struct, frozen=True):
    """The other filters, as given."""

    since: str
    until: str
    min_length: str
    words: str


class CallsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The list."""

    form: Form
    choices: tuple[FilterChoice, ...]
    filtered: bool
    problems: tuple[str, ...]
    total: CallTotals
    calls: tuple[CallListRow, ...]
    zone: str
    range: str
    not_analysed: int
    """Streams of the last days that became no call: who looks for one here must learn of them."""
    previous: str | None
    next: str | None


@get("/calls")
async def list_calls(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str] | Redirect:
    """Show a page of the list; words that are the id of a call lead to it."""
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    asked = parse(request.query_params, zone)
    call_id = asked.fields.get("words", "")
    if call_id.isalnum() and await _load(appliance, request.user, call_id) is not None:
        return Redirect(f"/calls/{call_id}")
    appliance.note_down(request, "list", "calls", detail=str(request.url.query))
    total = await appliance.read(request.user, lambda con: call_list.total(con, asked.chosen))
    asked = asked.within(total.calls)
    offset = (asked.page - 1) * PAGE_SIZE
    found = await appliance.read(request.user, lambda con: call_list.list_calls(con, asked.chosen, PAGE_SIZE, offset))
    facets = await appliance.read(request.user, call_list.facets)
    lost = await appliance.read(request.user, lambda con: streams.not_analysed(con, appliance.now()))
    view = _list_page(asked, found, total, facets, len(lost), zone)
    return page(request, "calls.html", title="Calls", current="calls", view=view)


@get(["/calls/{call_id:str}", "/calls/{call_id:str}/{leg_no:int}"])
async def show_call(
    request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str], leg_no: FromPath[int | None] = None
) -> Response[str]:
    """Show a call: measured, or as far as it has come."""
    stored = await _load(appliance, request.user, call_id)
    if stored is None:
        going_on = await live_call(appliance, request.user, call_id)
        if going_on is None:
            raise NotFoundException("There is no such call.")
        appliance.note_down(request, "view", "call in progress", call_id=call_id)
        return page(request, "call_live.html", title=f"Call {going_on.name}", current="live", view=going_on)
    visitor = signed_in(request)
    has_audio = visitor.may("play") and await appliance.audio.exists(call_id)
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    view = call_page.build(stored, _shown(request, leg_no), zone, has_audio)
    if view is None:
        raise NotFoundException("This call has no such leg.")
    appliance.note_down(request, "view", f"call, leg {view.leg_no}" if view.leg_no else "call", call_id=call_id)
    accessed = await accesses(appliance, visitor, call_id, zone)
    view = msgspec.structs.replace(view, may_read=visitor.may("words"), may_play=visitor.may("play"), accessed=accessed)
    return page(request, "call.html", title=f"Call {view.name}", current="calls", view=view)


@get("/calls/{call_id:str}/audio.flac", include_in_schema=False)
async def flac(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> Stream:
    """Send the audio of a call, or the part of it a player asks for."""
    return await call_audio(request, appliance, call_id, "flac")


@get("/calls/{call_id:str}/audio.wav", include_in_schema=False)
async def wav(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> Stream:
    """Send the audio of a call as every player takes it, or a part of it."""
    return await call_audio(request, appliance, call_id, "wav")


@get("/calls/{call_id:str}/peaks.json", include_in_schema=False)
async def peaks(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> Stream:
    """Send what the waveforms are drawn from."""
    return await call_audio(request, appliance, call_id, "peaks")


async def call_audio(request: VisitorRequest, appliance: Appliance, call_id: str, form: str) -> Stream:
    """Answer with a file made of a call's recording."""
    visitor = signed_in(request)
    if not visitor.scope.unredacted and not await appliance.read(visitor, lambda con: call_list.is_redacted(con, call_id)):
        raise NotFoundException("There is no redacted recording of this call; others are not granted to you.")
    channels = await appliance.read(visitor, lambda con: store.load_channels(con, call_id))
    whole = visitor.scope.site or visitor.scope.whole_call
    only_ms = None if whole else await appliance.read(visitor, lambda con: store.leg_spans(con, call_id))
    path = await appliance.audio.find(call_id, channels, form, only_ms) if channels is not None else None
    if path is None:
        raise NotFoundException("There is no recording of this call.")
    media_type = MEDIA_TYPES.get(form, "application/json")
    await appliance.write_down(request, "play" if form in MEDIA_TYPES else "view", f"sound, {form}", call_id=call_id)
    return await asyncio.to_thread(file_answer, path, media_type, request.headers.get("range"), f"{call_id}.{form}")


async def _load(appliance: Appliance, visitor: Visitor | None, call_id: str) -> StoredCall | None:
    return await appliance.read(visitor, lambda con: store.load_call(con, call_id))


def _shown(request: VisitorRequest, leg_no: int | None) -> call_page.Shown:
    query = request.query_params
    return call_page.Shown(
        leg_no=leg_no,
        metric=query.get("metric"),
        index=_whole(query.get("i")) or 0,
        at_ms=_whole(query.get("t")),
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None


def _list_page(
    asked: CallListRequest, found: list[CallSummary], total: CallTotals, facets: Facets, not_analysed: int, zone: zoneinfo.ZoneInfo
) -> CallsPage:
    first = (asked.page - 1) * PAGE_SIZE + 1
    last = first + len(found) - 1
    fields = asked.fields
    return CallsPage(
        form=Form(fields.get("from", ""), fields.get("to", ""), fields.get("min_length", ""), fields.get("words", "")),
        choices=_choices(fields, facets),
        filtered=bool(fields),
        problems=asked.problems,
        total=total,
        calls=tuple(_row(call, zone) for call in found),
        zone=zone.key,
        range=f"{formats.number(first)} to {formats.number(last)} of {formats.number(total.calls)}" if found else "0 calls",
        not_analysed=not_analysed,
        previous=asked.link(asked.page - 1) if asked.page > 1 else None,
        next=asked.link(asked.page + 1) if last < total.calls and found else None,
    )


def _choices(fields: dict[str, str], facets: Facets) -> tuple[FilterChoice, ...]:
    options = {"agent": facets.agents, "queue": facets.queues, "product": facets.products, "language": facets.languages}
    return tuple(_choice(name, fields.get(name, ""), values) for name, values in options.items())


def _choice(name: str, chosen: str, values: tuple[str, ...]) -> FilterChoice:
    # A name that no call has any more still restricts the list, so it must stand in the form
    known = values if not chosen or chosen in values else (chosen, *values)
    texts = ((value, formats.product(value) if name == "product" else value) for value in known)
    return FilterChoice(name, name.capitalize(), chosen, tuple(texts))


def _row(call: CallSummary, zone: zoneinfo.ZoneInfo) -> CallListRow:
    return CallListRow(
        call_id=call.call_id,
        start=formats.moment(call.start_ts, zone),
        duration_ms=call.duration_ms,
        agent=call.agent_name,
        more_agents=max(0, call.agent_count - 1),
        queue=call.queue_name,
        product=call.product,
        language=call.language,
        agent_talk_pct=call.agent_talk_pct,
        customer_talk_pct=call.customer_talk_pct,
        overtalk_pct=call.overtalk_pct,
        silence_pct=call.silence_pct,
        hold_ms=call.hold_ms,
        dead_air_ms=call.dead_air_ms,
        interruptions_agent=call.interruptions_agent,
    )
