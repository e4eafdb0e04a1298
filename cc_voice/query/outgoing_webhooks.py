"""Outgoing webhooks: one task of the service that hands messages of the outbox to their receivers and sees them through.

    message → receivers that want it now (policy in force, queue, quiet hours) → attempt → sent
                                                                                 ↘ waits 5 s … 10 h → attempt … → given up
    410, or five days without one success → the receiver is switched off, and the page of administration says so

Each receiver has requests of its own under way, so one that answers slowly delays nobody. What was sent and not written down, as
when the process dies between, is sent again under the same id: receivers take it once. Order is not promised.
"""

import asyncio
import datetime
import time
import zoneinfo
from collections.abc import Callable
from functools import partial

import httpx
import msgspec
import structlog

from cc_voice.config import policies
from cc_voice.config.settings import Settings
from cc_voice.config.webhook_settings import WebhookEndpoint, keys_of
from cc_voice.exports import webhook_sending
from cc_voice.exports.webhook_sending import GONE, SendingResult
from cc_voice.store import outbox
from cc_voice.store.database import Connection, Database
from cc_voice.store.errors import StoreError
from cc_voice.store.outbox import EndpointState, Message

log = structlog.get_logger()

POLL_S = 0.5
AT_ONCE = 4
"""Requests under way to one receiver."""
LATE_S = 15 * 60
"""An alert that is older is of use to nobody."""
OFF_AFTER_S = 5 * 24 * 3600
TIDY_S = 3600.0
_DATA = msgspec.json.Decoder(dict[str, object])


class OutgoingWebhooks:
    """The sender. Everything here runs in the event loop; files and the store are read in threads."""

    def __init__(self, settings: Settings, database: Database, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}
        """(message, receiver) under way."""
        self._finished: set[tuple[str, str]] = set()
        """Those that ended since the store was last looked at: what it said of them then is no longer so."""
        self._tidied_s = 0.0

    async def keep(self, draining: asyncio.Event) -> None:
        """Send until the service stops; what is under way then has until its time-out."""
        async with webhook_sending.new_client() as client:
            while not draining.is_set():
                try:
                    await self.step(client)
                except Exception as failure:  # the next message must come whatever a library throws
                    log.error("webhooks not sent", exc_info=failure)
                try:
                    await asyncio.wait_for(draining.wait(), POLL_S)
                except TimeoutError:
                    continue
            await self.settle()

    async def settle(self) -> None:
        """Wait for what is under way."""
        if self._busy:
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def step(self, client: httpx.AsyncClient) -> None:
        """Hand out what is new, and begin to send what is due."""
        now_s = self._now()
        now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
        self._finished.clear()
        new, states, waiting = await self._database.read(lambda con: _look(con, now))
        if now_s - self._tidied_s >= TIDY_S:
            self._tidied_s = now_s
            await self._database.write(partial(outbox.forget_old, now=now))
        kept_quiet = any(state.kept_quiet for state in states.values())
        if not new and not waiting and not kept_quiet:
            return
        endpoints = {each.key: each for each in await asyncio.to_thread(self._endpoints)}
        local = now.astimezone(zoneinfo.ZoneInfo(self._settings.timezone))
        if new or kept_quiet:
            await self._database.write(lambda con: self._hand_out(con, new, endpoints, states, now, local))
        under_way: dict[str, int] = {}
        for _, name in self._busy:
            under_way[name] = under_way.get(name, 0) + 1
        for message, name, attempts in waiting:
            key = (message.message_id, name)
            if key in self._busy or key in self._finished or under_way.get(name, 0) >= AT_ONCE:
                continue
            if (reason := self._in_vain(message, endpoints.get(name), states.get(name), now, local)) is not None:
                await self._note(message, name, now, state="dropped", attempts=attempts, error=reason)
                continue
            under_way[name] = under_way.get(name, 0) + 1
            self._begin(client, message, endpoints[name], attempts)

    def _endpoints(self) -> tuple[WebhookEndpoint, ...]:
        return policies.in_force(self._settings).webhooks

    def _hand_out(
        self,
        con: Connection,
        new: list[Message],
        endpoints: dict[str, WebhookEndpoint],
        states: dict[str, EndpointState],
        now: datetime.datetime,
        local: datetime.datetime,
    ) -> None:
        quiet: dict[str, int] = {name: state.kept_quiet for name, state in states.items()}
        for message in new:
            wanted = []
            for name, endpoint in endpoints.items():
                state = states.get(name)
                if state is not None and state.disabled_ts is not None:
                    continue
                if not endpoint.wants(message.type, (message.queue_id, message.queue_name)):
                    continue
                if message.type.startswith("alert.") and endpoint.is_quiet(local):
                    quiet[name] = quiet.get(name, 0) + (message.type == "alert.raised")
                    continue
                wanted.append(name)
            outbox.hand_out(con, message.message_id, wanted, now)
        for name, count in quiet.items():
            receiver = endpoints.get(name)
            if count and receiver is not None and not receiver.is_quiet(local):
                told = outbox.add(con, "alerts.quiet", round(now.timestamp() * 1000), {"alerts": count})
                outbox.hand_out(con, told, [name], now)
                count = 0
            before = states.get(name) or _fresh(name)
            if count != before.kept_quiet:
                outbox.note_endpoint(con, msgspec.structs.replace(before, kept_quiet=count))

    def _in_vain(
        self,
        message: Message,
        endpoint: WebhookEndpoint | None,
        state: EndpointState | None,
        now: datetime.datetime,
        local: datetime.datetime,
    ) -> str | None:
        """Return why a message is not sent any more, None where it is."""
        if endpoint is None:
            return "the receiver is no longer in the policy"
        if state is not None and state.disabled_ts is not None:
            return "the receiver is switched off"
        if message.type.startswith("alert."):
            if (now - message.at_ts).total_seconds() > LATE_S:
                return "an alert older than 15 minutes"
            if endpoint.is_quiet(local):
                return "quiet hours"
        return None

    def _begin(self, client: httpx.AsyncClient, message: Message, endpoint: WebhookEndpoint, attempts: int) -> None:
        key = (message.message_id, endpoint.key)
        task = asyncio.create_task(self._deliver(client, message, endpoint, attempts + 1))
        self._busy[key] = task
        task.add_done_callback(lambda _: self._end(key))

    def _end(self, key: tuple[str, str]) -> None:
        self._busy.pop(key, None)
        self._finished.add(key)

    async def _deliver(self, client: httpx.AsyncClient, message: Message, endpoint: WebhookEndpoint, attempts: int) -> None:
        """Send a message once and write down how it went; the outermost frame of its task."""
        try:
            answer = await self._attempt(client, message, endpoint)
            now_s = self._now()
            now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
            say = log.info if answer.is_success else log.warning
            say("webhook sent" if answer.is_success else "webhook failed", receiver=endpoint.key, status=answer.status)
            await self._database.write(lambda con: _written(con, message, endpoint.key, answer, attempts, now))
        except Exception as failure:
            log.error("webhook not written down; it is sent again", receiver=endpoint.key, exc_info=failure)

    async def _attempt(self, client: httpx.AsyncClient, message: Message, endpoint: WebhookEndpoint) -> SendingResult:
        try:
            keys = await asyncio.to_thread(keys_of, endpoint)
        except OSError as error:
            return SendingResult(None, f"its secret cannot be read: {error.strerror}")
        except ValueError:
            return SendingResult(None, "its secret is none: whsec_ and base64 of 24 random bytes or more")
        pinned = policies.is_pinned(self._settings, "webhooks")
        hosts = [*self._settings.webhook_hosts, *([httpx.URL(endpoint.url).host] if pinned else [])]
        body = body_of(message, endpoint, self._settings.public_url)
        return await webhook_sending.send(
            client,
            endpoint.url,
            keys,
            message.message_id,
            int(self._now()),
            body,
            hosts,
            allow_insecure=self._settings.allow_insecure_links,
        )

    async def _note(
        self, message: Message, name: str, now: datetime.datetime, *, state: outbox.DeliveryState, attempts: int, error: str
    ) -> None:
        work = partial(
            outbox.note, message_id=message.message_id, endpoint=name, now=now, state=state, attempts=attempts, error=error
        )
        try:
            await self._database.write(work)
        except StoreError as failure:
            log.error("webhook not written down", error=str(failure))


def body_of(message: Message, endpoint: WebhookEndpoint, public_url: str | None) -> bytes:
    """Return what is sent: the same bytes for every attempt."""
    data = _DATA.decode(message.data)
    if public_url and message.call_id:
        data["link"] = f"{public_url.rstrip('/')}/calls/{message.call_id}"
    if endpoint.include_text and message.words:
        data["text"] = message.words
    at = message.at_ts.astimezone(datetime.UTC)
    return msgspec.json.encode({"type": message.type, "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": data})


def _look(
    con: Connection, now: datetime.datetime
) -> tuple[list[Message], dict[str, EndpointState], list[tuple[Message, str, int]]]:
    return outbox.new_messages(con), outbox.endpoint_states(con), outbox.due(con, now)


def _fresh(name: str) -> EndpointState:
    return EndpointState(endpoint=name, failing_since_ts=None, disabled_ts=None, disabled_reason=None, kept_quiet=0)


def _written(con: Connection, message: Message, name: str, answer: SendingResult, attempts: int, now: datetime.datetime) -> None:
    """Write down an attempt: sent, waiting for the next one, or given up; and how the receiver is by that."""
    state = outbox.endpoint_states(con).get(name) or _fresh(name)
    told = partial(outbox.note, con, message.message_id, name, now, attempts=attempts, status=answer.status)
    if answer.is_success:
        told(state="sent")
        if state.failing_since_ts is not None:
            outbox.note_endpoint(con, msgspec.structs.replace(state, failing_since_ts=None))
        return
    since = state.failing_since_ts or now
    off = None
    if answer.status == GONE:
        off = "it answered 410: gone"
    elif (now - since).total_seconds() >= OFF_AFTER_S:
        off = "it has failed for five days"
    if off is not None:
        log.error("a receiver of webhooks is switched off", receiver=name, reason=off)
    outbox.note_endpoint(
        con,
        msgspec.structs.replace(
            state,
            failing_since_ts=since,
            disabled_ts=state.disabled_ts or (now if off else None),
            disabled_reason=state.disabled_reason or off,
        ),
    )
    wait_s = None if off else webhook_sending.wait_s(attempts)
    error = answer.error or f"it answered {answer.status}"
    if wait_s is None:
        told(state="failed", error=error)
    else:
        told(state="waiting", next_ts=now + datetime.timedelta(seconds=wait_s), error=error)
