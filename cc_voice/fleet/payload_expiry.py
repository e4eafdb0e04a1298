"""Payload expiry: what Zoom sent of ordinary webhooks is kept for twice the time in which one may come, and then forgotten."""

import asyncio
import contextlib
import time
from functools import partial

import structlog

from cc_voice.config.settings import Settings
from cc_voice.store import webhook_payloads
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError

log = structlog.get_logger()

EVERY_S = 600.0


def kept_s(settings: Settings) -> float:
    """Return for how long payloads are kept: looked at every ten minutes, so that it is never longer than twice the window."""
    return max(0.0, 2 * settings.webhook_past_s - EVERY_S)


async def keep(settings: Settings, database: Database, draining: asyncio.Event) -> None:
    """Forget payloads, now and every ten minutes, until the service stops."""
    while not draining.is_set():
        before_ms = int((time.time() - kept_s(settings)) * 1000)
        try:
            await database.write(partial(webhook_payloads.forget, before_unix_ms=before_ms))
        except StoreError as error:
            log.error("old payloads of webhooks are not forgotten; tried again", error=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(draining.wait(), EVERY_S)
