"""Calls in progress: the page, its live parts, and one call's transcript while it grows."""

import datetime
import zoneinfo
from collections.abc import Mapping, Sequence

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import ServerSentEvent

from cc_voice.call.batch import LiveWords, Stage
from cc_voice.call.reasons import explain
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.fleet.local import WorkerStatus
from cc_voice.quality.alerts.handling import CallAlerts
from cc_voice.store import alerts as stored_alerts
from cc_voice.store import calls, rule_rows, streams
from cc_voice.store.streams import UNFINISHED, StreamRow
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import alert_board, event_streams, live_scope
from cc_voice.web.rendering import formats, transcript
from cc_voice.web.rendering.page import fragment, page

WORDS_PERIOD_S = 0.4
"""How often words that are being said are looked at for an open page."""
FLOOR_PERIOD_S = 0.5
"""How often the floor is looked at: what a rule found is to be seen within a second."""
MOST_HITS = 4
"""Rules in the row of a call."""
NO_HITS: Mapping[str, tuple[str, ...]] = {}
TAIL_CHARACTERS = 70
"""Of what is being said, in the row of a call."""
BEHIND_MS = 3_000
"""Words that are later than this are told to be."""
STATES: dict[Stage, tuple[str, str]] = {
    "received": ("In progress", "ok"),
    "recorded": ("Being recognised", "info"),
    "transcribed": ("Being measured", "info"),
    "measured": ("Measured", ""),
    "failed": ("Failed", "crit"),
    "revoked": ("Revoked by Zoom, deleted", "crit"),
}
"""Stage → words and pill."""


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call in progress."""

    key: str
    call_id: str
    agent: str | None
    queue: str | None
    product: str
    state: str
    state_css: str
    failure: str | None
    refused: tuple[str, ...]
    """Kinds of media that Zoom does not send, each a sentence."""
    elapsed_ms: int | None
    hold_ms: int | None
    utterances: int
    lag: str
    language: str
    saying: LiveWords | None
    """What is being said, by whoever was heard last."""
    hits: tuple[str, ...] = ()
    """Titles of the rules that found something, the newest first."""
    alert: CallAlerts | None = None
    """The worst of what somebody should know of it."""
    behind: str = ""
    """How far its words are behind, where that matters."""


class LivePage(msgspec.Struct, frozen=True, kw_only=True):
    """The floor now."""

    as_of: str
    in_progress: int
    completing: int
    on_hold: int
    longest_hold: str
    lag: str
    workers: int
    workers_wanted: int
    not_analysed: int
    rows: tuple[LiveRow, ...]
    storms: tuple[str, ...] = ()
    """What so many calls raise at once that it is the platform's, each a sentence."""
    may_handle: bool = False
    """Who looks may acknowledge and snooze."""


class LiveCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is not measured yet."""

    call_id: str
    name: str
    going_on: bool
    facts: tuple[tuple[str, str], ...]
    lines: tuple[transcript.TranscriptLine, ...]


@get("/live")
async def live(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the calls in progress."""
    appliance.note_down(request, "live", "calls in progress")
    return page(request, "live.html", title="Live", current="live", view=await _floor(appliance, request.user))


@get("/live/events", include_in_schema=False)
async def live_events(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> ServerSentEvent:
    """Send the parts of the page of calls in progress that change."""

    async def look(visitor: Visitor) -> event_streams.LiveView:
        view = await _floor(appliance, visitor)
        rows = {row.key: fragment("live_parts.html", "cells", row, view.may_handle) for row in view.rows}
        return event_streams.LiveView({"kpis": fragment("live_parts.html", "kpis", view)}, rows)

    return event_streams.stream(appliance, request.user, look, period_s=FLOOR_PERIOD_S)


@get("/calls/{call_id:str}/events", include_in_schema=False)
async def call_events(request: VisitorRequest, appliance: NamedDependency[Appliance], call_id: FromPath[str]) -> ServerSentEvent:
    """Send what is said in a call in progress."""
    if await live_call(appliance, request.user, call_id) is None:
        raise NotFoundException
    await appliance.write_down(request, "live", "words in progress", call_id=call_id)
    drawn: dict[str, tuple[transcript.TranscriptLine, str]] = {}

    def draw(line: transcript.TranscriptLine) -> str:
        """Only what has changed: a call of hours has thousands of lines, and is looked at several times a second."""
        if line.key not in drawn or drawn[line.key][0] != line:
            drawn[line.key] = (line, fragment("macros.html", "transcript_line", line))
        return drawn[line.key][1]

    async def look(visitor: Visitor) -> event_streams.LiveView:
        view = await live_call(appliance, visitor, call_id)
        if view is None:  # revoked meanwhile: nothing of it may stay on a screen
            return event_streams.LiveView({"facts": ""}, {}, over=True)
        rows = {line.key: draw(line) for line in view.lines}
        return event_streams.LiveView({"facts": fragment("live_parts.html", "facts", view)}, rows, over=not view.going_on)

    return event_streams.stream(appliance, request.user, look, period_s=WORDS_PERIOD_S)


async def live_call(appliance: Appliance, visitor: Visitor | None, call_id: str) -> LiveCall | None:
    """Return a call that has streams and is not measured, or None where Zoom never announced one or it is out of scope."""
    found = await appliance.read(visitor, lambda con: streams.of_call(con, call_id))
    if not found or visitor is None:
        return None
    # Before the store is asked: what it takes over meanwhile is then shown from there, and from here it would be missing
    words_now = await live_scope.words_seen(appliance, visitor, appliance.dispatcher.board.of_call(call_id))
    said = await appliance.read(visitor, lambda con: calls.live_utterances(con, call_id))
    parties = await appliance.read(visitor, lambda con: calls.live_channels(con, call_id))
    newest = found[-1]
    state, _ = STATES[newest.stage]
    hold_ms = _hold_ms(newest)
    facts = [
        ("On hold for", None if hold_ms is None else formats.clock(hold_ms)),
        ("Agent", newest.agent_name),
        ("Queue", newest.queue_name),
        ("Product", formats.product(newest.product)),
        ("State", state),
        ("Audio", formats.clock(newest.media_ms)),
        ("Transcript lag", f"{formats.seconds(_lag_ms(newest))} s"),
        ("Why", failure(newest)),
        ("Missing", "; ".join(formats.refusal(each) for each in newest.refusals)),
    ]
    return LiveCall(
        call_id=call_id,
        name=f"{call_id[:6]}…{call_id[-4:]}",
        going_on=any(row.stage in UNFINISHED for row in found),
        facts=tuple((name, value) for name, value in facts if value),
        lines=transcript.live_lines(said, newest.language, words_now, parties),
    )


async def _floor(appliance: Appliance, visitor: Visitor | None) -> LivePage:
    now_s = appliance.now()
    rows = await appliance.read(visitor, streams.in_progress)
    lost = await appliance.read(visitor, lambda con: streams.not_analysed(con, now_s))
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    saying = {row.stream_id: said[0] for row in rows if (said := floor_words(appliance, visitor, row))}
    hits: dict[str, tuple[str, ...]] = {}
    for hit in await appliance.read(visitor, rule_rows.live_hits):
        hits[hit.call_id] = tuple(dict.fromkeys((*hits.get(hit.call_id, ()), hit.rule_title)))
    alerts = await alert_board.of_visitor(appliance, visitor)
    storms = await appliance.read(visitor, lambda con: stored_alerts.storms(con, round(now_s * 1000)))
    page = floor(rows, len(lost), appliance.dispatcher.status(), now_s, zone, saying, alerts, hits)
    return msgspec.structs.replace(
        page,
        storms=tuple(alert_board.sentence(each) for each in storms),
        may_handle=visitor is not None and visitor.may("alerts"),
    )


def floor_words(appliance: Appliance, visitor: Visitor | None, row: StreamRow) -> tuple[LiveWords, ...]:
    """Return what is being said in a stream, as far as a visitor may read it."""
    return () if visitor is None else live_scope.readable(visitor.scope, row, appliance.dispatcher.board.of_stream(row.stream_id))


def floor(
    rows: Sequence[StreamRow],
    not_analysed: int,
    workers: Sequence[WorkerStatus],
    now_s: float,
    zone: zoneinfo.ZoneInfo,
    saying: Mapping[str, LiveWords],
    alerts: Mapping[str, CallAlerts] | None = None,
    hits: Mapping[str, tuple[str, ...]] = NO_HITS,
) -> LivePage:
    """Return the floor at a moment (Unix seconds).

    `not_analysed` is how many streams lately came to nothing, `saying` by stream what is being said, `hits` by call what rules
    found, `alerts` by call what somebody should know, the worst first: so are the rows;
    those without follow, newest first.
    """
    place = {call_id: at for at, call_id in enumerate(alerts or {})}
    ordered = sorted(rows, key=lambda row: place.get(row.call_id, len(place)))
    shown = tuple(
        _row(row, saying.get(row.stream_id), (alerts or {}).get(row.call_id), hits.get(row.call_id, ())) for row in ordered
    )
    going = [row for row in rows if row.stage == "received"]
    holds = [row.hold_ms for row in shown if row.hold_ms is not None]
    return LivePage(
        as_of=f"{datetime.datetime.fromtimestamp(now_s, zone):%H:%M:%S} {zone.key}",
        in_progress=len(going),
        completing=len(rows) - len(going),
        on_hold=len(holds),
        longest_hold=formats.clock(max(holds)) if holds else "",
        lag=f"{formats.seconds(max(_lag_ms(row) for row in going))} s" if going else formats.NOT_MEASURABLE,
        workers=sum(worker.pid is not None for worker in workers),
        workers_wanted=len(workers),
        not_analysed=not_analysed,
        rows=shown,
    )


def failure(row: StreamRow) -> str | None:
    """Return why a stream is not going on, in words."""
    # With the default thresholds: a stream that failed was never measured with others
    return (explain(row.failure, (ThresholdSet(),)) or row.failure) if row.failure else None


def _row(row: StreamRow, saying: LiveWords | None, alert: CallAlerts | None = None, hits: tuple[str, ...] = ()) -> LiveRow:
    state, css = STATES[row.stage]
    return LiveRow(
        key=row.stream_id,
        call_id=row.call_id,
        agent=row.agent_name,
        queue=row.queue_name,
        product=formats.product(row.product),
        state=state,
        state_css=css,
        failure=failure(row),
        refused=tuple(formats.refusal(each) for each in row.refusals),
        elapsed_ms=None if row.t0_unix_ms is None else row.media_ms,
        hold_ms=_hold_ms(row),
        utterances=row.utterance_count,
        lag=formats.seconds(_lag_ms(row)),
        language=row.language,
        hits=hits[:MOST_HITS],
        saying=None if saying is None else msgspec.structs.replace(saying, text=_tail(saying.text)),
        alert=alert if row.stage == "received" else None,
        behind=f"words are {_lag_ms(row) // 1000} s behind" if row.stage == "received" and _lag_ms(row) >= BEHIND_MS else "",
    )


def _tail(text: str) -> str:
    """Return the last words of what is being said: the new ones."""
    return text if len(text) <= TAIL_CHARACTERS else "… " + text[-TAIL_CHARACTERS:].partition(" ")[2]


def _hold_ms(row: StreamRow) -> int | None:
    """Return how long the customer has been on hold; None when they are not, or when the call is over."""
    if row.held_since_ms is None or row.stage != "received":
        return None
    # Positions are on the stream's clock, which may run faster than ours when a recording is played: media is what it says
    return max(0, row.media_ms - row.held_since_ms)


def _lag_ms(row: StreamRow) -> int:
    return max(0, row.media_ms - row.recognised_ms)
