"""Calls that Zoom announced and that came to nothing: what a supervisor needs who looks for a call that is not in the list."""

import datetime
import zoneinfo

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from cc_voice.store import streams
from cc_voice.store.streams import StreamRow
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance
from cc_voice.web.live.calls import STATES, failure
from cc_voice.web.rendering import formats
from cc_voice.web.rendering.page import page


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of which nothing was made."""

    call_id: str
    announced: str
    agent: str | None
    queue: str | None
    product: str
    audio: str
    state: str
    why: str


class NotAnalysedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What was announced lately and not analysed, newest first."""

    days: int
    zone: str
    rows: tuple[Lost, ...]


@get("/not-analysed")
async def show(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Response[str]:
    """Show the calls that failed or were revoked, with the reason."""
    appliance.note_down(request, "list", "calls not analysed")
    rows = await appliance.read(request.user, lambda con: streams.not_analysed(con, appliance.now()))
    zone = zoneinfo.ZoneInfo(appliance.settings.timezone)
    view = NotAnalysedPage(days=streams.LATELY_DAYS, zone=zone.key, rows=tuple(_lost(row, zone) for row in rows))
    return page(request, "not_analysed.html", title="Not analysed", current="calls", view=view)


def _lost(row: StreamRow, zone: zoneinfo.ZoneInfo) -> Lost:
    announced = datetime.datetime.fromtimestamp(row.started_unix_ms / 1000, datetime.UTC)
    state, _ = STATES[row.stage]
    return Lost(
        call_id=row.call_id,
        announced=formats.moment(announced, zone),
        agent=row.agent_name,
        queue=row.queue_name,
        product=formats.product(row.product),
        audio=formats.clock(row.media_ms),
        state=state,
        why=failure(row) or "No reason was recorded.",
    )
