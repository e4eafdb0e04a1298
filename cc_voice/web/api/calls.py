"""Calls: the list, one call with everything behind it, its parts, its sound and its words as files."""

import datetime
import zoneinfo
from typing import Any, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.call.reasons import explain
from cc_voice.exports import transcripts
from cc_voice.query.operations import call_as
from cc_voice.store import call_list, calls
from cc_voice.store.call_list import CallFilter, CallSummary, CallTotals
from cc_voice.store.calls import CallInterval, CallLeg, CallPlatformEvent, CallUtterance, LegLanguage, StoredCall, UnusedLine
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api import cursors, tables
from cc_voice.web.api.parameters import FilteredOperation, LegNumber, PageLimit
from cc_voice.web.api.problems import BadParameters, FieldProblem, bad_query
from cc_voice.web.api.tables import TABLE, TableForm, answer_of
from cc_voice.web.appliance import Appliance
from cc_voice.web.pages import filters
from cc_voice.web.pages.calls import call_audio
from cc_voice.web.pages.metric_table import behind

ONE = {"statuses": (404,)}


class CallList(msgspec.Struct, frozen=True):
    """A page of calls, where the next begins (null at the end), and the totals of all that match the filters."""

    calls: list[CallSummary]
    next: str | None
    total: CallTotals


class CallLines(msgspec.Struct, frozen=True, kw_only=True):
    """What was said; `unused` is the other version of it, never to be added to the first."""

    utterances: tuple[CallUtterance, ...]
    unused: tuple[UnusedLine, ...]


class LegIntervals(msgspec.Struct, frozen=True):
    """The intervals of a leg."""

    leg_id: str
    leg_no: int
    intervals: tuple[CallInterval, ...]


class MetricEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a leg with what stands behind it; without a value there is a reason, in words too."""

    leg_no: int
    metric: str
    unit: str | None
    value: Any
    reason: str | None
    explanation: str | None
    intervals: tuple[CallInterval, ...] | None
    """Null where no intervals are kept of this metric."""


@get("/calls", summary="List calls", operation_class=FilteredOperation, opt=TABLE, responses=answer_of(CallList))
async def list_calls(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    limit: PageLimit = 50,
    cursor: FromQuery[str | None] = None,
    updated_since: FromQuery[datetime.datetime | None] = None,
    format: FromQuery[TableForm | None] = None,
) -> Response[Any]:
    """List calls, newest first; with `updated_since` those that changed, in the order in which they did. Filters as on the page."""
    form = tables.chosen_form(request, format)
    chosen, place = _filter(request, appliance), cursors.place(cursor, updated_since)
    if form == "json":
        appliance.note_down(request, "list", "calls", detail=str(request.url.query))
    else:
        await tables.write_down(request, appliance, form, "calls")
    found = await appliance.read(request.user, lambda con: call_list.page_of_calls(con, chosen, limit + 1, place))
    shown = found[:limit]
    following = _behind(shown[-1], updated_since is not None) if len(found) > limit else None
    headers = cursors.link_headers(request, following)
    if form != "json":
        return await tables.file_response(tables.frame_of(CallSummary, shown), form, "calls", headers)
    total = await appliance.read(request.user, lambda con: call_list.total(con, chosen))
    return Response(CallList(shown, following, total), headers=headers)


def _filter(request: VisitorRequest, appliance: Appliance) -> CallFilter:
    """Return the filters of a request. Raises BadParameters."""
    zone, given = zoneinfo.ZoneInfo(appliance.settings.timezone), request.query_params
    wrong = [
        FieldProblem("query", name, problem)
        for name in filters.MEANINGS
        for problem in filters.parse({name: given.get(name, "")}, zone).problems
    ]
    asked = filters.parse(given, zone)
    if wrong or asked.problems:
        raise BadParameters(*(wrong or [FieldProblem("query", "to", " ".join(asked.problems))]))
    return asked.chosen


def _behind(call: CallSummary, by_change: bool) -> str:
    return cursors.written(cursors.microseconds(call.updated_ts if by_change else call.start_ts), call.call_id)


@get("/calls/{call_id:str}", summary="Return a call", opt=ONE)
async def show_call(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> StoredCall:
    """Return a measured call with everything behind it: legs, metrics, reasons, intervals, utterances, words, events."""
    return await _viewed(appliance, request, call_id, "call")


@get("/calls/{call_id:str}/legs", summary="List the legs of a call", opt=ONE)
async def list_legs(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> list[CallLeg]:
    """List the legs of a call with their metrics, the reasons for those that are null, and their intervals."""
    return list((await _viewed(appliance, request, call_id, "call, legs")).legs)


@get("/calls/{call_id:str}/utterances", summary="List what was said in a call", opt=ONE)
async def list_utterances(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> CallLines:
    """List what was said in a call, in order, with its words and how sure the recogniser was of them."""
    found = await _viewed(appliance, request, call_id, "call, utterances")
    return CallLines(utterances=found.utterances, unused=found.unused)


@get("/calls/{call_id:str}/intervals", summary="List the intervals of a call", opt=ONE)
async def list_intervals(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    kind: FromQuery[str | None] = None,
) -> list[LegIntervals]:
    """List the intervals of each leg: who spoke, silences, holds, interruptions and whatever else numbers are made of."""
    legs = (await _viewed(appliance, request, call_id, "call, intervals")).legs
    return [
        LegIntervals(leg.leg_id, leg.leg_no, tuple(each for each in leg.intervals if kind is None or each.kind == kind))
        for leg in legs
    ]


@get("/calls/{call_id:str}/events", summary="List the events of a call", opt=ONE)
async def list_events(
    request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]
) -> list[CallPlatformEvent]:
    """List the events of the platform in a call, on its clock."""
    return list((await _viewed(appliance, request, call_id, "call, events")).events)


@get("/calls/{call_id:str}/languages", summary="List the languages of a call", opt=ONE)
async def list_languages(
    request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]
) -> list[LegLanguage]:
    """List which languages each party spoke in each leg of a call, and how much."""
    await _viewed(appliance, request, call_id, "call, languages")
    return await appliance.read(request.user, lambda con: calls.languages_of(con, call_id))


@get("/calls/{call_id:str}/evidence/{metric:str}", summary="Return what stands behind a number", opt=ONE)
async def evidence(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    metric: FromPath[str],
    leg: LegNumber = None,
) -> list[MetricEvidence]:
    """Return a metric of each leg, or of one, with the intervals that were counted."""
    found = await _viewed(appliance, request, call_id, f"call, evidence of {metric[:60]}")
    known = METRICS.get(metric)
    if known is None:
        raise NotFoundException(f"there is no metric {metric}; /columns lists them")
    legs = [each for each in found.legs if leg is None or each.leg_no == leg]
    if leg is not None and not legs:
        raise NotFoundException(f"this call has no leg {leg}")
    return [
        MetricEvidence(
            leg_no=each.leg_no,
            metric=metric,
            unit=known.unit,
            value=each.metrics.get(metric),
            reason=each.reasons.get(metric),
            explanation=explain(each.reasons.get(metric, ""), (each.thresholds,)),
            intervals=tuple(behind(known.evidence, each.intervals)) if known.evidence else None,
        )
        for each in legs
    ]


@get(
    "/calls/{call_id:str}/audio",
    summary="Return a call's audio",
    opt={"media_types": ("audio/flac", "audio/wav"), "statuses": (206, 404, 416)},
)
async def audio(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    format: FromQuery[Literal["flac", "wav"]] = "flac",
) -> Stream:
    """Return a call's audio, agent left, customer right; Range requests are answered."""
    return await call_audio(request, appliance, call_id, format)


@get(
    "/calls/{call_id:str}/transcript",
    summary="Return a transcript",
    opt={"media_types": tuple(transcripts.MEDIA_TYPES[form] for form in ("vtt", "srt", "txt")), "statuses": (404,)},
)
async def transcript(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    call_id: FromPath[str],
    format: FromQuery[Literal["vtt", "srt", "txt"]] = "vtt",
    leg: LegNumber = None,
) -> Response[str]:
    """Return a call's transcript, or a leg's, as WebVTT, SubRip or text; times are those of its audio."""
    stored = await _call(appliance, request, call_id)
    _need_leg(stored, leg)
    headers = {"content-disposition": f'attachment; filename="{call_id}.{format}"'}
    text = call_as(stored, format, leg, appliance.settings.site.name)
    await appliance.write_down(request, "download", f"transcript, {format}", call_id=call_id)
    return Response(text, media_type=transcripts.MEDIA_TYPES[format], headers=headers)


@get("/calls/{call_id:str}/contact-lens", summary="Return a leg like Contact Lens", opt=ONE, responses=answer_of(dict[str, Any]))
async def contact_lens(
    request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str], leg: LegNumber = 1
) -> Response[Any]:
    """Return a leg in the shape of an output file of Amazon Connect's Contact Lens; what is not known is left out."""
    stored = await _call(appliance, request, call_id)
    _need_leg(stored, leg or 1)
    headers = {"content-disposition": f'attachment; filename="{call_id}-{leg or 1}.contact-lens.json"'}
    text = call_as(stored, "json", leg or 1, appliance.settings.site.name)
    await appliance.write_down(request, "download", f"leg {leg or 1} as Contact Lens", call_id=call_id)
    return Response(text, media_type=MediaType.JSON, headers=headers)


def _need_leg(stored: StoredCall, leg: int | None) -> None:
    if leg is not None and all(each.leg_no != leg for each in stored.legs):
        raise bad_query("leg", f"this call has {len(stored.legs)} legs, and none is number {leg}")


async def _viewed(appliance: Appliance, request: VisitorRequest, call_id: str, about: str) -> StoredCall:
    found = await _call(appliance, request, call_id)
    appliance.note_down(request, "view", about, call_id=call_id)
    return found


async def _call(appliance: Appliance, request: VisitorRequest, call_id: str) -> StoredCall:
    found = await appliance.read(request.user, lambda con: calls.load_call(con, call_id))
    if found is None:
        raise NotFoundException(f"there is no measured call {call_id}")
    return found
