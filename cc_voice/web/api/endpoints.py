"""The API: what the pages show, as JSON, for programs. Read only; `Authorization: Bearer TOKEN` or a session."""

import asyncio
import zoneinfo
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import ClientException, NotFoundException, PermissionDeniedException
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import ServerSentEvent, Stream

from cc_voice import exports
from cc_voice.call.batch import LiveWords, MediaRefusal, Stage
from cc_voice.exports import transcripts
from cc_voice.fleet.local import WorkerStatus
from cc_voice.query import columns, reports
from cc_voice.query.columns import ViewColumn
from cc_voice.query.operations import ask_sql, call_as
from cc_voice.query.reports import Report
from cc_voice.query.sql.runner import SqlAnswer, SqlLimits
from cc_voice.store import call_list, calls, dimensions, streams
from cc_voice.store.call_list import CallSummary, CallTotals
from cc_voice.store.calls import StoredCall
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.access.roles import MEANINGS
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import event_streams
from cc_voice.web.live.calls import failure, floor_words
from cc_voice.web.pages.calls import call_audio
from cc_voice.web.pages.filters import parse
from cc_voice.web.pages.query_parameters import FilteredOperation, ReportOperation
from cc_voice.web.pages.report_rights import permitted_reports, report_asker

LIMITS = SqlLimits()
MAX_LIMIT = 1000
QUESTION_BYTES = 64 * 1024
"""The longest question in SQL, as JSON."""
MAX_OFFSET = 10_000_000
"""More calls than a site stores in its life."""


class Select(msgspec.Struct, frozen=True):
    """A question in SQL."""

    sql: str


class CallList(msgspec.Struct, frozen=True):
    """A page of calls, newest first, and the totals of all that match."""

    calls: list[CallSummary]
    total: CallTotals


class LiveCallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A call in progress. Positions are milliseconds on the stream's clock."""

    call_id: str
    stream_id: str
    product: str
    stage: Stage
    agent_name: str | None
    queue_name: str | None
    language: str
    t0_unix_ms: int | None
    media_ms: int
    recognised_ms: int
    held_since_ms: int | None
    utterance_count: int
    failure: str | None
    refused: tuple[MediaRefusal, ...]
    """Kinds of media that Zoom does not send of the stream, and why."""
    saying: tuple[LiveWords, ...]
    """What is being said at this moment, the channel that was heard last first; the words may still change."""


class Live(msgspec.Struct, frozen=True):
    """The floor now."""

    calls: list[LiveCallSummary]
    not_analysed: list[LiveCallSummary]
    """Calls of the last seven days that failed or were revoked; `failure` says why."""
    workers: list[WorkerStatus]


@get("/calls", summary="List calls", operation_class=FilteredOperation)
async def list_calls(
    request: VisitorRequest, appliance: NamedDependency[Appliance], limit: FromQuery[int] = 50, offset: FromQuery[int] = 0
) -> CallList:
    """List calls. Filters as on the page: from, to, agent, queue, product, language, min_length, words."""
    if not 1 <= limit <= MAX_LIMIT or not 0 <= offset <= MAX_OFFSET:
        raise ClientException(f"limit is 1 to {MAX_LIMIT}, offset 0 to {MAX_OFFSET}")
    asked = parse(request.query_params, zoneinfo.ZoneInfo(appliance.settings.timezone))
    if asked.problems:
        raise ClientException(" ".join(asked.problems))
    appliance.note_down(request, "list", "calls", detail=str(request.url.query))
    found = await appliance.read(request.user, lambda con: call_list.list_calls(con, asked.chosen, limit, offset))
    total = await appliance.read(request.user, lambda con: call_list.total(con, asked.chosen))
    return CallList(found, total)


@get("/calls/{call_id:str}", summary="Return a call")
async def show_call(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> StoredCall:
    """Return a measured call with everything behind it: legs, metrics, reasons, intervals, utterances, words, events."""
    found = await _call(appliance, request, call_id)
    appliance.note_down(request, "view", "call", call_id=call_id)
    return found


async def _call(appliance: Appliance, request: VisitorRequest, call_id: str) -> StoredCall:
    found = await appliance.read(request.user, lambda con: calls.load_call(con, call_id))
    if found is None:
        raise NotFoundException(f"there is no measured call {call_id}")
    return found


@get("/calls/{call_id:str}/audio", summary="Return a call's audio")
async def audio(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    format: FromQuery[Literal["flac", "wav"]] = "flac",
) -> Stream:
    """Return a call's audio, agent left, customer right; Range requests are answered."""
    return await call_audio(request, appliance, call_id, format)


@get("/calls/{call_id:str}/transcript", summary="Return a transcript")
async def transcript(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    format: FromQuery[Literal["vtt", "srt", "txt"]] = "vtt",
    leg: FromQuery[int | None] = None,
) -> Response[str]:
    """Return a call's transcript, or a leg's, as WebVTT, SubRip or text; times are those of its audio."""
    headers = {"content-disposition": f'attachment; filename="{call_id}.{format}"'}
    text = call_as(await _call(appliance, request, call_id), format, leg, appliance.settings.site.name)
    await appliance.write_down(request, "download", f"transcript, {format}", call_id=call_id)
    return Response(text, media_type=transcripts.MEDIA_TYPES[format], headers=headers)


@get("/calls/{call_id:str}/contact-lens", summary="Return a leg like Contact Lens")
async def contact_lens(
    request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str], leg: FromQuery[int] = 1
) -> Response[str]:
    """Return a leg in the shape of an output file of Amazon Connect's Contact Lens; what is not known is left out."""
    headers = {"content-disposition": f'attachment; filename="{call_id}-{leg}.contact-lens.json"'}
    text = call_as(await _call(appliance, request, call_id), "json", leg, appliance.settings.site.name)
    await appliance.write_down(request, "download", f"leg {leg} as Contact Lens", call_id=call_id)
    return Response(text, media_type=MediaType.JSON, headers=headers)


@get("/live", summary="Return the floor now")
async def live(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Live:
    """Return the calls in progress, those that lately could not be analysed, and the workers."""
    appliance.note_down(request, "live", "calls in progress")
    rows = await appliance.read(request.user, streams.in_progress)
    lost = await appliance.read(request.user, lambda con: streams.not_analysed(con, appliance.now()))
    going_on = [_live(row, floor_words(appliance, request.user, row)) for row in rows]
    return Live(going_on, [_live(row) for row in lost], appliance.dispatcher.status())


@get("/live/words", summary="Stream what is being said")
async def live_words(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> ServerSentEvent:
    """Stream the words of all calls in progress as server-sent events, each one JSON object, until the client leaves.

    While `is_final` is false the words may still change and replace the channel's last ones; empty text takes those back. Positions
    are milliseconds on the stream's clock. A client that reads slowly gets the newest words of each channel.
    """
    await appliance.write_down(request, "live", "words in progress")
    return ServerSentEvent(event_streams.words(appliance, request.user, appliance.dispatcher.board.watch()))


@get("/reports", summary="List reports")
async def list_reports(request: VisitorRequest) -> list[Report]:
    """List the reports that you may ask, with their parameters."""
    return permitted_reports(request.user, await asyncio.to_thread(reports.list_reports))


@get("/reports/{name:str}", summary="Answer a report", operation_class=ReportOperation)
async def report(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    name: FromPath[str],
    format: FromQuery[Literal["json", "csv"]] = "json",
) -> Response[Any]:
    """Answer a report; its parameters are query parameters, which `GET /reports` lists.

    The header `cc-voice-note`, percent-encoded, says what to know of the legs behind the numbers, as that they were measured in
    different ways.
    """
    params = {key: value for key, value in request.query_params.items() if key != "format"}
    visitor = await report_asker(request.user, name)
    if format == "csv" and not visitor.may("export"):
        raise PermissionDeniedException(f"this needs the right: {MEANINGS['export']}")
    found = await appliance.read(visitor, lambda con: reports.answered(con, visitor.scope, name, params))
    headers = {"cc-voice-note": quote(" ".join(found.notes), safe=" ,.:;()")} if found.notes else {}
    if format == "json":
        appliance.note_down(request, "report", name, detail=str(request.url.query))
        return Response(found.frame.write_json(), media_type=MediaType.JSON, headers=headers)
    await appliance.write_down(request, "export", f"report {name}, csv", detail=str(request.url.query))
    headers["content-disposition"] = f'attachment; filename="{name}.csv"'
    return Response(exports.csv_text(found.frame), media_type="text/csv", headers=headers)


@post("/sql", summary="Answer a SELECT", status_code=200, request_max_body_size=QUESTION_BYTES)
async def run_sql(request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[Select]) -> SqlAnswer:
    """Answer one SELECT on a copy of the published views, for at most 30 s, 512 MB and 10000 rows; needs the right to run SQL."""
    visitor = signed_in(request)
    await appliance.write_down(request, "sql", "SQL", detail=data.sql)
    return await appliance.sql.run(ask_sql, appliance.database, appliance.settings, visitor.scope, data.sql, LIMITS)


@get("/columns", summary="Describe columns")
async def list_columns(appliance: NamedDependency[Appliance]) -> list[ViewColumn]:
    """Describe every column of the published views: unit, formula, since when; calls, reports and exports use these names."""
    sets = await appliance.database.read(dimensions.threshold_sets)
    return list(columns.explained(sets).values())


def _live(row: streams.StreamRow, saying: tuple[LiveWords, ...] = ()) -> LiveCallSummary:
    return LiveCallSummary(
        call_id=row.call_id,
        stream_id=row.stream_id,
        product=row.product,
        stage=row.stage,
        agent_name=row.agent_name,
        queue_name=row.queue_name,
        language=row.language,
        t0_unix_ms=row.t0_unix_ms,
        media_ms=row.media_ms,
        recognised_ms=row.recognised_ms,
        held_since_ms=row.held_since_ms,
        utterance_count=row.utterance_count,
        failure=failure(row),
        refused=row.refusals,
        saying=saying,
    )
