"""Site notices: ordinary webhooks that are about no call, put into the store some at a time.

An account may send hundreds a second, as often as an agent becomes ready. So they wait for one another, go into the store in one
transaction, and are marked in the inbox then; until then the inbox has them, and a start gives them again. What the store does not
take is tried again with what has come since.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

import structlog

from cc_voice.fleet.webhook_rows import noticed, parsed
from cc_voice.rtms.webhooks import SiteNotice
from cc_voice.store import streams
from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox, InboxRow
from cc_voice.store.streams import SiteWebhook

log = structlog.get_logger()

GATHER_S = 1.0
AT_ONCE = 2_000
AGAIN_S = 10.0


class SiteNotices:
    """Those that wait. Everything here runs in the event loop."""

    def __init__(self, database: Database, inbox: Inbox, spawn: Callable[[Coroutine[None, None, None]], None]) -> None:
        """`spawn` starts what mostly sleeps; whoever stops it calls `write` afterwards."""
        self._database = database
        self._inbox = inbox
        self._spawn = spawn
        self._waiting: list[SiteWebhook] = []
        self._writing = asyncio.Lock()

    def take(self, webhook_id: str, webhook: SiteNotice) -> None:
        """Keep a webhook that is safe in the inbox, with others that come in this moment."""
        self._waiting.append(noticed(webhook_id, webhook))
        if len(self._waiting) == 1:
            self._spawn(self._write_later())

    def take_waiting(self, row: InboxRow) -> bool:
        """Take a webhook that an earlier process accepted, if it is a notice; False: it is something else."""
        webhook = parsed(row.body)
        if isinstance(webhook, SiteNotice):
            self.take(row.webhook_id, webhook)
        return isinstance(webhook, SiteNotice)

    async def _write_later(self) -> None:
        """Write what has come within a moment, until nothing waits."""
        pause_s = GATHER_S
        while self._waiting:
            await asyncio.sleep(pause_s)
            pause_s = GATHER_S if await self.write() else AGAIN_S

    async def write(self) -> bool:
        """Write what waits; False: the store did not take it, and it waits on."""
        async with self._writing:
            while self._waiting:
                some = self._waiting[:AT_ONCE]
                try:
                    await self._database.write(partial(_keep, some))
                except Exception as error:
                    log.exception("webhooks about no call not kept; they are tried again", count=len(some), error=repr(error))
                    return False
                del self._waiting[: len(some)]
                for told in some:
                    self._inbox.mark(told.webhook_id, "done")
        return True


def _keep(some: list[SiteWebhook], con: Connection) -> None:
    streams.keep_site_webhooks(con, some)
