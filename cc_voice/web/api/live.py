"""Live: the floor now, a call in progress, the words as they are said, and the streams behind calls."""

import datetime
from collections.abc import Sequence

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent

from cc_voice.call.batch import LiveWords, MediaRefusal, Stage
from cc_voice.fleet.local import WorkerStatus
from cc_voice.store import calls, rule_rows, streams
from cc_voice.store.calls import CallUtterance
from cc_voice.store.rule_rows import LiveHit
from cc_voice.store.streams import SessionFailure, StreamRow
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api import cursors
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import event_streams
from cc_voice.web.live.calls import failure, floor_words

_NOTES = msgspec.json.Decoder(dict[str, int])


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
    hits: tuple[LiveHit, ...] = ()
    """What live rules found so far, the newest first."""
    saying: tuple[LiveWords, ...]
    """What is being said at this moment, the channel that was heard last first; the words may still change."""


class Live(msgspec.Struct, frozen=True):
    """The floor now."""

    calls: list[LiveCallSummary]
    not_analysed: list[LiveCallSummary]
    """Calls of the last seven days that failed or were revoked; `failure` says why."""
    workers: list[WorkerStatus]


class LiveCallDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is not measured yet: its streams, oldest first, and what was said so far."""

    call_id: str
    streams: list[LiveCallSummary]
    channels: dict[str, str | None]
    """channel_id → who speaks on it; null until somebody is announced."""
    utterances: tuple[CallUtterance, ...]


class StreamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A stream, of whatever stage. `_ms` count from its first packet, `_unix_ms` are Unix milliseconds."""

    stream_id: str
    call_id: str
    product: str
    instance_id: str
    app: str
    stage: Stage
    started_unix_ms: int
    updated_unix_ms: int
    media_ms: int
    recognised_ms: int
    agent_name: str | None
    queue_name: str | None
    stop_reason: int | None
    failure: str | None
    notes: dict[str, int]
    """What was odd → how often."""
    refused: tuple[MediaRefusal, ...]
    failed_sessions: tuple[SessionFailure, ...]
    """Sessions that failed and were replaced."""


class StreamList(msgspec.Struct, frozen=True):
    """A page of streams, and where the next begins; null at the end."""

    streams: list[StreamSummary]
    next: str | None


@get("/live", summary="Return the floor now")
async def floor(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Live:
    """Return the calls in progress, those that lately could not be analysed, and the workers."""
    appliance.note_down(request, "live", "calls in progress")
    rows = await appliance.read(request.user, streams.in_progress)
    lost = await appliance.read(request.user, lambda con: streams.not_analysed(con, appliance.now()))
    hits = await appliance.read(request.user, rule_rows.live_hits)
    going_on = [_live(row, floor_words(appliance, request.user, row), hits) for row in rows]
    return Live(going_on, [_live(row) for row in lost], appliance.dispatcher.status())


@get("/live/words", summary="Stream what is being said", opt={"media_types": ("text/event-stream",)})
async def words(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> ServerSentEvent:
    """Stream the words of all calls in progress as server-sent events, each one JSON object, until the client leaves.

    While `is_final` is false the words may still change and replace the channel's last ones; empty text takes those back. Positions
    are milliseconds on the stream's clock. A client that reads slowly gets the newest words of each channel.
    """
    await appliance.write_down(request, "live", "words in progress")
    return ServerSentEvent(event_streams.words(appliance, request.user, appliance.dispatcher.board.watch()))


@get("/live/{call_id:str}", summary="Return a call in progress", opt={"statuses": (404,)})
async def live_call(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> LiveCallDetail:
    """Return a call that is not measured yet: how far its streams are, and what was said so far by those who may read it."""
    rows = await appliance.read(request.user, lambda con: streams.of_call(con, call_id))
    if not rows or all(row.stage == "measured" for row in rows):
        raise NotFoundException(f"there is no call {call_id} in progress")
    appliance.note_down(request, "view", "call in progress", call_id=call_id)
    hits = await appliance.read(request.user, rule_rows.live_hits)
    return LiveCallDetail(
        call_id=call_id,
        streams=[_live(row, floor_words(appliance, request.user, row), hits) for row in rows],
        channels=await appliance.read(request.user, lambda con: calls.live_channels(con, call_id)),
        utterances=await appliance.read(request.user, lambda con: calls.live_utterances(con, call_id)),
    )


@get("/streams", summary="List streams")
async def list_streams(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    limit: PageLimit = 50,
    cursor: FromQuery[str | None] = None,
    updated_since: FromQuery[datetime.datetime | None] = None,
    stage: FromQuery[Stage | None] = None,
) -> Response[StreamList]:
    """List streams, newest first; with `updated_since` those that changed, in the order in which they did."""
    place = cursors.place(cursor, updated_since)
    appliance.note_down(request, "list", "streams", detail=str(request.url.query))
    found = await appliance.read(request.user, lambda con: streams.page_of_streams(con, limit + 1, place, stage))
    shown, following = found[:limit], None
    if len(found) > limit:
        last = shown[-1]
        following = cursors.written(last.updated_us if updated_since is not None else last.started_unix_ms * 1000, last.stream_id)
    return Response(StreamList([_summary(row) for row in shown], following), headers=cursors.link_headers(request, following))


def _live(row: StreamRow, saying: tuple[LiveWords, ...] = (), hits: Sequence[LiveHit] = ()) -> LiveCallSummary:
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
        hits=tuple(hit for hit in hits if hit.call_id == row.call_id),
        saying=saying,
    )


def _summary(row: StreamRow) -> StreamSummary:
    return StreamSummary(
        stream_id=row.stream_id,
        call_id=row.call_id,
        product=row.product,
        instance_id=row.instance_id,
        app=row.app,
        stage=row.stage,
        started_unix_ms=row.started_unix_ms,
        updated_unix_ms=row.updated_unix_ms,
        media_ms=row.media_ms,
        recognised_ms=row.recognised_ms,
        agent_name=row.agent_name,
        queue_name=row.queue_name,
        stop_reason=row.stop_reason,
        failure=failure(row),
        notes=_NOTES.decode(row.notes) if row.notes else {},
        refused=row.refusals,
        failed_sessions=row.failed_sessions,
    )
