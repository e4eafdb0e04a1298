"""Restarts: a new stream is asked for where Zoom ended one by a fault while the call may go on (rtms/README.md 8.4, case D).

Nobody tells whether it goes on, so the rule is by exclusion. No new stream is asked for

- after any other end: reasons 1–7, 9, 20–23, 25, 26 are wishes of people, 8 is a revocation, and no reason is no fault;
- when the app's client id or secret is wrong (reason 18, or Zoom turned us away): the next stream would end as this one did;
- when the news is old: a webhook that was delivered late tells of a conversation that is probably over;
- when the call has a newer stream, or one of its streams was revoked;
- more often than `DELAYS_S` says, per call: what ends every stream would end the next one too.

The rest Zoom knows: it refuses when the conversation is over. A new stream comes as a *started* webhook like any other, has the
same call id, and the time between is a media gap of the call.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from cc_voice.config.settings import Settings
from cc_voice.fleet.control import Control, Sleep
from cc_voice.rtms.errors import ControlError
from cc_voice.rtms.options import StreamTarget
from cc_voice.rtms.rest.control import ControlCommand, conversation_id
from cc_voice.rtms.stop_classes import CHECK_CREDENTIALS, CURABLE
from cc_voice.rtms.webhooks import Stopped
from cc_voice.store import streams
from cc_voice.store.database import Database
from cc_voice.store.streams import StreamRow

log = structlog.get_logger()

DELAYS_S = (1.0, 10.0, 60.0)
"""Before the first, second and third new stream of a call within the window."""
WINDOW_S = 900.0
NEWS_S = 240.0
"""How old a *stopped* may be. Zoom delivers for the second time after five minutes."""
_TARGET = msgspec.json.Decoder(StreamTarget)


def is_wanted(webhook: Stopped, now_s: float) -> bool:
    """Whether an end is one after which a new stream should be asked for: a fault, and lately."""
    is_news = webhook.event_ts_ms is None or now_s - webhook.event_ts_ms / 1000 <= NEWS_S
    return webhook.stop_reason in CURABLE and is_news


def is_open(stream_id: str, of_call: Sequence[StreamRow]) -> bool:
    """Whether nothing came after a stream, given the streams of its call, oldest first: no newer one, and no revocation."""
    return bool(of_call) and of_call[-1].stream_id == stream_id and all(row.stage != "revoked" for row in of_call)


class Restarts:
    """Brings streams back. `clock` gives Unix seconds."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        control: Control,
        delays_s: tuple[float, ...] = DELAYS_S,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._apps = {app.name: app for app in settings.apps}
        self._database = database
        self._control = control
        self._delays_s = delays_s
        self._clock = clock
        self._sleep = sleep
        self._followed: set[str] = set()
        """Streams whose end was acted on: a webhook that is acted on twice asks once. One id per fault."""
        self._asked: dict[str, list[float]] = {}
        """When a new stream was wanted, by call."""

    async def after(self, webhook: Stopped) -> None:
        """Ask for a new stream if one is wanted. Failing is told in the log: the call is complete as far as it was received."""
        if not is_wanted(webhook, self._clock()) or webhook.stream_id in self._followed:
            return
        self._followed.add(webhook.stream_id)
        row = await self._last_of_its_call(webhook.stream_id)
        if row is None:
            return
        if CHECK_CREDENTIALS in (row.failure or ""):
            log.error("no new stream: the app's credentials are wrong", call_id=row.call_id, stream_id=row.stream_id, app=row.app)
            return
        await self._restart(row, webhook.stop_reason)

    async def _restart(self, row: StreamRow, stop_reason: int | None) -> None:
        told = {"call_id": row.call_id, "stream_id": row.stream_id, "stop_reason": stop_reason}
        wait_s = self._wait_s(row.call_id)
        if wait_s is None:
            log.error("stream ended by a fault again; no more are asked for", **told)
            return
        log.warning("stream ended by a fault; a new one is asked for", wait_s=wait_s, **told)
        await self._sleep(wait_s)
        if await self._last_of_its_call(row.stream_id) is None:
            log.info("no new stream needed; another came, or it was revoked", **told)
            return
        try:
            await self._ask(row)
        except ControlError as error:
            log.error("no new stream", error=str(error), **told)
        else:
            log.info("Zoom accepted to start a new stream", **told)

    def _wait_s(self, call_id: str) -> float | None:
        """Count an attempt and return how long it has to wait; None when there were enough lately."""
        now_s = self._clock()
        lately = [at_s for at_s in self._asked.get(call_id, ()) if now_s - at_s < WINDOW_S]
        if len(lately) == len(self._delays_s):
            return None
        self._asked[call_id] = [*lately, now_s]
        return self._delays_s[len(lately)]

    async def _last_of_its_call(self, stream_id: str) -> StreamRow | None:
        row = await self._database.read(lambda con: streams.load(con, stream_id))
        if row is None:
            return None
        of_call = await self._database.read(lambda con: streams.of_call(con, row.call_id))
        return row if is_open(stream_id, of_call) else None

    async def _ask(self, row: StreamRow) -> None:
        target, app = _TARGET.decode(row.target), self._apps.get(row.app)
        if app is None:
            raise ControlError(f"its app {row.app!r} is no longer in the configuration")
        name = conversation_id(target)
        if name is None:
            raise ControlError(f"its webhook did not tell the number of the {target.product}, which a request needs")
        # For whom: without this the token's user is meant, who is hardly in the meeting
        user = target.operator_id if target.product in ("meeting", "webinar") else None
        command = ControlCommand(
            action="start", product=target.product, conversation_id=name, client_id=app.client_id, participant_user_id=user
        )
        await self._control.ask(app, command)
