"""Alerts over the API: the newest, those that are open as they change, what somebody does about one; and webhooks that go out."""

import asyncio
import datetime
from collections.abc import AsyncIterator

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from cc_voice.quality.alerts.handling import OpenAlert
from cc_voice.query import webhook_questions
from cc_voice.query.webhook_questions import WebhookOverview
from cc_voice.store import alerts, outbox
from cc_voice.store.alerts import AlertRow
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import alert_board, event_streams


class AlertList(msgspec.Struct, frozen=True):
    """The newest alerts that may be seen."""

    alerts: list[AlertRow]


class OpenAlerts(msgspec.Struct, frozen=True):
    """What is open at a moment: of each call the worst first, and how many more; the worst call first."""

    alerts: list[OpenAlert]
    more: list[int]
    storms: list[str]


class AlertAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody does about an alert."""

    deed: str
    """`acknowledge`, `snooze-5`, `snooze-15`, `snooze-60`, `useful` or `not-useful`."""
    everywhere: bool = False
    """Snooze its reason, or rule, in all calls, for this account alone; else in this call, for everybody."""


class ReplayAnswer(msgspec.Struct, frozen=True):
    """How many deliveries are sent again."""

    deliveries: int


class ReplayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message by its id, or all that were not delivered since a moment."""

    message_id: str | None = None
    since: datetime.datetime | None = None


@get("/alerts", summary="List alerts")
async def list_alerts(
    request: VisitorRequest, appliance: NamedDependency[Appliance], limit: PageLimit = 50, call_id: FromQuery[str | None] = None
) -> AlertList:
    """List alerts, the newest first, those that are over too; of one call with `call_id`."""
    appliance.note_down(request, "list", "alerts", call_id=call_id)
    return AlertList(await appliance.read(request.user, lambda con: alerts.newest(con, limit, call_id)))


@get("/live/alerts", summary="Stream open alerts", opt={"media_types": ("text/event-stream",)})
async def live_alerts(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> ServerSentEvent:
    """Stream what is on the board as server-sent events: all of it whenever something changed, until the client leaves."""
    await appliance.write_down(request, "live", "alerts")
    return ServerSentEvent(_messages(appliance, request.user))


async def _messages(appliance: Appliance, visitor: Visitor | None) -> AsyncIterator[ServerSentEventMessage]:
    sent: OpenAlerts | None = None
    while not appliance.draining.is_set():
        by_now = await event_streams.by_now(appliance, visitor, "numbers")
        if by_now is None:
            return
        found = await _open(appliance, by_now)
        if found != sent:
            yield ServerSentEventMessage(data=msgspec.json.encode(found))
            sent = found
        else:
            yield ServerSentEventMessage(data=None, comment="still here")
        try:
            await asyncio.wait_for(appliance.draining.wait(), event_streams.PERIOD_S)
        except TimeoutError:
            continue


async def _open(appliance: Appliance, visitor: Visitor) -> OpenAlerts:
    board = (await alert_board.of_visitor(appliance, visitor)).values()
    now_unix_ms = round(appliance.now() * 1000)
    storms = await appliance.read(visitor, lambda con: alerts.storms(con, now_unix_ms))
    return OpenAlerts(
        [each.worst for each in board], [each.more for each in board], [alert_board.sentence(each) for each in storms]
    )


@post("/alerts/{alert_id:str}", status_code=200, summary="Acknowledge, snooze or mark an alert", opt={"statuses": (404,)})
async def answer_alert(
    request: VisitorRequest, appliance: NamedDependency[Appliance], alert_id: FromPath[str], data: JSONBody[AlertAnswer]
) -> AlertList:
    """Acknowledge an alert, snooze it for 5, 15 or 60 minutes, or say whether it was of use. Acknowledging twice is once."""
    await alert_board.handle(appliance, request, alert_id, *alert_board.deed_of(data.deed), of_rule=data.everywhere)
    found = await appliance.read(request.user, lambda con: alerts.by_id(con, alert_id))
    return AlertList(found)


@get("/webhooks", summary="Show webhooks that go out")
async def list_webhooks(request: VisitorRequest, appliance: NamedDependency[Appliance], limit: PageLimit = 50) -> WebhookOverview:
    """Show the receivers, how each is, and the newest deliveries. Secrets are nowhere in it."""
    appliance.note_down(request, "view", "webhooks")
    return await asyncio.to_thread(webhook_questions.overview, appliance.database, appliance.settings, limit)


@post("/webhooks/replay", status_code=200, summary="Send webhooks again")
async def replay_webhooks(
    request: VisitorRequest, appliance: NamedDependency[Appliance], data: JSONBody[ReplayRequest]
) -> ReplayAnswer:
    """Send a message again, or all since a moment that were given up. They keep their ids, and receivers switched off are on."""
    if (data.message_id is None) == (data.since is None):
        raise ValidationException("name a message_id or since, and not both")
    signed_in(request)
    await appliance.write_down(request, "change", "webhooks sent again", detail=data.message_id or str(data.since))
    now = datetime.datetime.fromtimestamp(appliance.now(), datetime.UTC)
    return ReplayAnswer(await appliance.database.write(lambda con: outbox.replay(con, now, data.message_id, data.since)))
