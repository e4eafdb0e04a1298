"""Audit copy: what the views need of the audit log, in the store, a minute behind. The log itself is `audit.py`'s."""

import asyncio

import structlog

from cc_voice.store import access_log
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError
from cc_voice.web.access.audit import AuditLog

log = structlog.get_logger()

EVERY_S = 60.0
AT_ONCE = 5_000


async def copy(audit: AuditLog, database: Database) -> int:
    """Copy what the store does not have yet; return how many entries that were. Raises StoreError."""
    await audit.flush()
    copied = 0
    last, _ = await database.read(access_log.last)
    while entries := await asyncio.to_thread(audit.entries, after=last, limit=AT_ONCE):
        rows = [(e.seq, e.at_us, e.actor, e.token_id, e.address, e.action, e.object, e.call_id, e.hash) for e in entries]
        await database.write(lambda con, rows=rows: access_log.add(con, rows))  # type: ignore[misc]
        last, copied = entries[-1].seq, copied + len(entries)
    return copied


async def keep(audit: AuditLog, database: Database, draining: asyncio.Event) -> None:
    """Copy every minute until the service stops."""
    while not draining.is_set():
        try:
            await copy(audit, database)
        except StoreError as error:
            log.error("audit log not copied into the store", error=str(error))
        except Exception:  # the next time must come whatever a library throws
            log.exception("audit log not copied into the store")
        try:
            await asyncio.wait_for(draining.wait(), EVERY_S)
        except TimeoutError:
            continue
