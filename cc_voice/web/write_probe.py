"""Write probe: whether this site can still write, asked by writing: a row into the store and one into the inbox, a file into
the data folder.

A disk that is full lets everything be read. It may even take a small row, where the store's log has room left, so a file of some
size is written too. Strangers may ask as often as they like; what was found serves for a second, and who comes meanwhile waits for
the one who looks.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from cc_voice.store import streams
from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox

log = structlog.get_logger()

TIMEOUT_S = 2.0
"""A store that takes longer for a row cannot keep webhooks in time either."""
SERVES_S = 1.0
FILE_BYTES = 256 * 1024
FILE = "write-probe"


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `free_bytes` is what an ordinary process may still write; None where the folder cannot be asked."""

    store: bool
    inbox: bool
    """Whether a webhook can be kept."""
    disk: bool
    free_bytes: int | None
    lag_ms: int | None
    """How far recognition is behind in the call where it is furthest; None without calls."""


class WriteProbe:
    """Looks once a second at most, with a thread of its own: those that everything shares may be full of long questions."""

    def __init__(self, database: Database, inbox: Inbox, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._inbox = inbox
        self._folder = folder
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: tuple[float, Probed] | None = None

    async def look(self) -> Probed:
        """Return what was found just now, or less than a second ago."""
        async with self._lock:
            if self._found is None or self._clock() - self._found[0] >= SERVES_S:
                self._found = (self._clock(), await self._look())
            return self._found[1]

    async def _look(self) -> Probed:
        (store, lag_ms), inbox, (disk, free_bytes) = await asyncio.gather(self._store(), self._takes_webhooks(), self._disk())
        return Probed(store=store, inbox=inbox, disk=disk, free_bytes=free_bytes, lag_ms=lag_ms)

    async def _store(self) -> tuple[bool, int | None]:
        """Whether the writer commits, and the worst lag; one that is stuck is a store that is down, whatever the readers say."""
        try:
            await asyncio.wait_for(self._database.write(_beat), TIMEOUT_S)
            return True, await asyncio.wait_for(self._database.read(streams.worst_lag_ms), TIMEOUT_S)
        except Exception as error:
            log.error("store does not answer", error=repr(error))
            return False, None

    async def _takes_webhooks(self) -> bool:
        """Whether the inbox commits: a file of its own, which may be damaged or locked while the store is well."""
        try:
            await asyncio.wait_for(self._inbox.probe(), TIMEOUT_S)
            return True
        except Exception as error:
            log.error("inbox takes no rows", error=repr(error))
            return False

    async def _disk(self) -> tuple[bool, int | None]:
        asked = asyncio.get_running_loop().run_in_executor(self._threads, _write, self._folder)
        try:
            return await asyncio.wait_for(asked, TIMEOUT_S)
        except TimeoutError:
            log.error("data folder does not answer", folder=str(self._folder))
            return False, None


def _beat(con: Connection) -> None:
    con.execute("update heartbeat set at_ts = ?", [datetime.now(UTC)])


def _write(folder: Path) -> tuple[bool, int | None]:
    path = folder / FILE
    free_bytes = None
    try:
        free_bytes = shutil.disk_usage(folder).free
        with path.open("wb") as file:
            file.write(bytes(FILE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        return True, free_bytes
    except OSError as error:
        log.error("data folder cannot be written", folder=str(folder), error=error.strerror or str(error))
        return False, free_bytes
    finally:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            log.error("write probe cannot be removed", file=str(path))
