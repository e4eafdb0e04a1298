"""Daily compilation of the published rules: the words of a site grow, and with them the forms of a stem."""

import asyncio
import contextlib

import structlog

from cc_voice.config.settings import Settings
from cc_voice.quality.rules.errors import RuleError
from cc_voice.query.rules import publication
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError

log = structlog.get_logger()

_DAY_S = 24 * 3600.0


async def keep(settings: Settings, database: Database, draining: asyncio.Event) -> None:
    """Compile now and daily, until `draining`; what fails is told and leaves the set in force as it is."""
    while not draining.is_set():
        try:
            await asyncio.to_thread(publication.refresh, database, settings)
        except (RuleError, StoreError, OSError) as error:
            log.error("rules are not compiled anew; those in force stay", error=str(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(draining.wait(), _DAY_S)
