"""Webhooks: signed and posted, with Zoom's rules for what counts as delivered (rtms/README.md 2.1), retries shortened.

A 4xx is final, as Zoom is said to see it: whoever refuses a webhook will refuse it again. Whoever runs the simulator is told of
each refusal at once, for it looks like a call that nobody joins.

One queue per call would be simpler, but Zoom gives no order either: a *stopped* may overtake a *started* that is
being retried.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import httpx
import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.report import SimulatorConfig, WebhookReport

ANSWER_WITHIN_S = 3.0
DELIVERED = frozenset({200, 204})


log = logging.getLogger(__name__)


class Poster:
    """Posts webhooks in tasks of its own; `close` waits for those under way."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._client = httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, body: bytes, told: Callable[[WebhookReport], None], *, after_s: float = 0.0) -> None:
        """Post one webhook, if anywhere, after so many seconds; `told` hears how it went, once."""
        if self._config.webhook_url is not None:
            task = asyncio.create_task(self._deliver(self._config.webhook_url, body, told, after_s))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until nothing is under way; at most for the time all retries take."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(self, url: str, body: bytes, told: Callable[[WebhookReport], None], after_s: float) -> None:
        event = msgspec.json.decode(body)["event"]
        for attempt, pause_s in enumerate((after_s, *self._config.webhook_retry_s), start=1):
            await asyncio.sleep(pause_s)
            begun = time.monotonic()
            status = await self._attempt(url, body)
            answer_ms = round((time.monotonic() - begun) * 1000)
            delivered = status in DELIVERED
            report = WebhookReport(event=event, attempts=attempt, status=status, delivered=delivered, answer_ms=answer_ms)
            is_last = delivered or report.refused or attempt > len(self._config.webhook_retry_s)
            if not delivered:
                log.warning("%s webhook not accepted by %s: %s%s", event, url, _said(status), "" if is_last else "; trying again")
            if is_last:
                told(report)
                return

    async def _attempt(self, url: str, body: bytes) -> int | None:
        """Post once; each attempt is signed anew, as its time stamp is part of the signature."""
        headers = wire.webhook_headers(self._config.webhook_secret, body, int(time.time()))
        try:
            return (await self._client.post(url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return None


def _said(status: int | None) -> str:
    if status is None:
        return "no answer"
    return f"HTTP {status}" + (" (is --webhook-secret the one that the service knows?)" if status == 401 else "")
