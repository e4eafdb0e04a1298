"""Alert intake: what workers tell of alerts, into the store, what comes within a moment in one transaction."""

import asyncio
import time
from collections.abc import Callable, Coroutine

import structlog

from cc_voice.quality.alerts.reasons import AlertChange
from cc_voice.store import alerts
from cc_voice.store.database import Connection, Database

log = structlog.get_logger()

GATHER_S = 0.1


class AlertIntake:
    """What waits to be written. Everything here runs in the event loop."""

    def __init__(self, database: Database, spawn: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._database = database
        self._spawn = spawn
        self._waiting: list[AlertChange] = []

    def take(self, change: AlertChange) -> None:
        """Take what a worker tells."""
        self._waiting.append(change)
        if len(self._waiting) == 1:
            self._spawn(self._write())

    async def _write(self) -> None:
        await asyncio.sleep(GATHER_S)
        changes, self._waiting = self._waiting, []
        now_unix_ms = time.time_ns() // 1_000_000

        def write(con: Connection) -> None:
            for change in changes:
                alerts.take(con, change, now_unix_ms)

        try:
            await self._database.write(write)
        except Exception as error:
            log.exception("alerts not kept", count=len(changes), error=repr(error))
