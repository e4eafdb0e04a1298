"""Appliance: what the handlers share, settings, store, dispatcher, accounts, audio, and whether the service is about to stop.

Made once, in `service.py`.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.query.sql.question_queue import QuestionQueue
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.audio_cache import AudioCache
from cc_voice.web.write_probe import WriteProbe


class ServiceCounts:
    """What happened since the start, for whoever watches. Changed in the event loop only."""

    def __init__(self) -> None:
        self.webhooks_unsigned = 0
        """Refused with 401: nobody's secret signed them, or their time is off."""
        self.webhooks_not_understood = 0
        self.webhooks_not_kept = 0
        """Refused with 503, so that Zoom comes again."""
        self.recordings_missing = 0
        """Calls that are recorded and not in the store."""


class Appliance(msgspec.Struct, frozen=True, kw_only=True):
    """The running appliance as its handlers see it."""

    settings: Settings
    database: Database
    inbox: Inbox
    dispatcher: Dispatcher
    accounts: Accounts
    audio: AudioCache
    draining: asyncio.Event
    """Set when the service is asked to stop: streams to browsers end, so that nothing holds it up."""
    counts: ServiceCounts = msgspec.field(default_factory=ServiceCounts)
    vital: ThreadPoolExecutor = msgspec.field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="vital"))
    """For what must be answered whoever fills the threads that everything shares: whether the appliance is well."""
    probe: WriteProbe
    sql: QuestionQueue = msgspec.field(default_factory=QuestionQueue)
    """For questions in SQL, whoever asks: people, or a command through the owner's socket."""
    now: Callable[[], float] = time.time
    """Unix seconds; an argument, so that windows and time-outs can be tested without waiting for them."""
