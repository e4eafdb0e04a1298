"""Spooled batches: what workers finished, committed one after the other and only then removed from the spool.

They are taken in the order in which their files were announced. One that cannot be committed stays, is told once, and is tried
again with the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog

from cc_voice.call.batch import Batch
from cc_voice.media import spool

log = structlog.get_logger()

RETRY_SECONDS = 5.0
"""How often batches that could not be committed (disk full) are tried again."""


class RunInThread(Protocol):
    """Runs work on files in threads that long questions cannot fill."""

    def __call__(self, work: Callable[[], Any], /) -> Awaitable[Any]: ...


class SpooledBatches:
    """The spool as the owner sees it. Everything here is called in the event loop."""

    def __init__(self, folder: Path, write: Callable[[Batch], Awaitable[None]], in_thread: RunInThread) -> None:
        self._folder = folder
        self._write = write
        self._in_thread = in_thread
        self._turn = asyncio.Lock()
        self._broken: set[str] = set()
        """Batches that could not be committed and whose failure was told."""

    async def commit(self, batch_id: str) -> None:
        """Commit a batch and remove it from the spool. One that cannot be committed stays there; that is told once."""
        async with self._turn:
            try:
                batch = await self._in_thread(partial(spool.read, self._folder, batch_id))
                if batch is not None:
                    await self._write(batch)
                    await self._in_thread(partial(spool.remove, self._folder, batch_id))
                self._broken.discard(batch_id)
            except Exception as error:
                # It must not keep the others, or the service, from going on.
                if batch_id not in self._broken:
                    log.error("batch stays in the spool", batch_id=batch_id, error=repr(error))
                self._broken.add(batch_id)

    async def commit_waiting(self) -> None:
        for batch_id in await self._in_thread(lambda: list(spool.waiting(self._folder))):
            await self.commit(batch_id)

    async def retry(self) -> None:
        """Try again, for ever, what waits."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            await self.commit_waiting()
