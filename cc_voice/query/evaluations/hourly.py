"""Hourly look at evaluations: what its agent left alone for too long counts as acknowledged, and is marked so."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from cc_voice.quality.forms.workflow import ACKNOWLEDGED_AFTER_DAYS
from cc_voice.query.evaluations import desk
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError

log = structlog.get_logger()

_HOUR_S = 3600.0


async def keep(database: Database, draining: asyncio.Event, now: Callable[[], float]) -> None:
    """Look now and every hour, until `draining`; what fails is told, and tried again an hour later. `now`: Unix seconds."""
    while not draining.is_set():
        try:
            late = await database.write(lambda con: desk.time_out(con, round(now() * 1000), ACKNOWLEDGED_AFTER_DAYS))
            if late:
                log.info("evaluations were acknowledged by time-out", evaluations=late)
        except StoreError as error:
            log.error("evaluations are not looked at", error=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(draining.wait(), _HOUR_S)
