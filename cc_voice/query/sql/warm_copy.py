"""The warm copy: the copy that SQL of people runs on, renewed by the service before anybody asks.

So that the first question waits for no copying. What changed in some minutes is a day or two; only a new agent, queue or version of
the views makes all of it anew. It waits for its turn as questions do, and ends when the service stops.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from cc_voice.config.settings import Settings
from cc_voice.query.sql import SqlBusy, SqlUnavailable, runner, snapshot
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError

log = structlog.get_logger()

FIRST_AFTER_S = 20.0
"""What a start has to do for calls comes first."""
EVERY_S = snapshot.RENEW_S / 2
"""So that a copy that is asked is never stale."""
PATIENCE_S = 5.0


async def keep(settings: Settings, database: Database, draining: asyncio.Event) -> None:
    """Renew the copy until the service stops; one under way then ends within seconds."""
    wait_s = FIRST_AFTER_S
    with ThreadPoolExecutor(1, thread_name_prefix="sql copy") as thread:
        while True:
            try:
                await asyncio.wait_for(draining.wait(), wait_s)
            except TimeoutError:
                await asyncio.get_running_loop().run_in_executor(thread, renew, settings, database, draining)
                wait_s = EVERY_S
            else:
                return


def renew(settings: Settings, database: Database, draining: asyncio.Event) -> None:
    """Renew the copy if anything has changed; failing is told in the log, and by the next question."""
    folder = settings.sql_dir
    try:
        with runner.turn(folder, PATIENCE_S):
            now_s = time.time()
            made = database.read_now(lambda con: snapshot.refresh(con, folder, now_s, renew=True, stopped=draining.is_set))
    except SqlBusy:
        return  # whoever asks has it renewed where it must be
    except (SqlUnavailable, StoreError) as error:
        if not draining.is_set():
            log.error("copy for SQL not renewed", error=str(error))
    except Exception:  # the next time must come whatever a library throws
        log.exception("copy for SQL not renewed")
    else:
        if made.made_s == now_s:
            log.info("copy for SQL renewed", calls=made.calls, took_s=round(made.took_s, 1))
