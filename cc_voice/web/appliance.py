"""Appliance: what the handlers share, settings, store, dispatcher, accounts, audit log, audio, and whether the service is about to
stop.

Made once, in `service.py`.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.query import scope
from cc_voice.query.administration import Running
from cc_voice.query.scope import NOTHING
from cc_voice.query.sql.question_queue import QuestionQueue
from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.access.accounts import Accounts, Visitor
from cc_voice.web.access.audit import Action, AuditLog, Deed
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.access.oidc import OidcClient
from cc_voice.web.audio_cache import AudioCache
from cc_voice.web.jobs import JobQueue
from cc_voice.web.write_probe import WriteProbe

T = TypeVar("T")


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
    audit: AuditLog
    audio: AudioCache
    oidc: OidcClient | None = None
    """Where people sign in elsewhere; None: only here."""
    draining: asyncio.Event
    """Set when the service is asked to stop: streams to browsers end, so that nothing holds it up."""
    counts: ServiceCounts = msgspec.field(default_factory=ServiceCounts)
    vital: ThreadPoolExecutor = msgspec.field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="vital"))
    """For what must be answered whoever fills the threads that everything shares: whether the appliance is well."""
    probe: WriteProbe
    sql: QuestionQueue = msgspec.field(default_factory=QuestionQueue)
    """For questions in SQL, whoever asks: people, or a command through the owner's socket."""
    trials: QuestionQueue = msgspec.field(default_factory=lambda: QuestionQueue("trials"))
    """Of other thresholds: each is a process of its own for seconds."""
    jobs: JobQueue = msgspec.field(default_factory=JobQueue)
    now: Callable[[], float] = time.time
    """Unix seconds; an argument, so that windows and time-outs can be tested without waiting for them."""

    async def read(self, visitor: Visitor | None, work: Callable[[Connection], T]) -> T:
        """Read from the store what somebody may see; nobody sees nothing."""
        return await scope.read(self.database, visitor.scope if visitor else NOTHING, work)

    async def running(self) -> Running:
        """Return what only this process knows of itself."""
        workers = self.dispatcher.status()
        return Running(
            workers=sum(worker.pid is not None for worker in workers),
            workers_wanted=len(workers),
            worker_restarts=sum(worker.restarts for worker in workers),
            streams=sum(worker.streams for worker in workers),
            retrying=self.dispatcher.failing,
            inbox_waiting=await asyncio.to_thread(self.inbox.waiting),
            problem=self.dispatcher.problem,
        )

    async def write_down(
        self, request: VisitorRequest, action: Action, about: str, *, call_id: str | None = None, detail: str = ""
    ) -> None:
        """Write into the audit log what is about to be answered. Raises AuditUnavailable, and then it is not."""
        await self.audit.write(_deed(request, action, about, call_id, detail), self.now())

    def note_down(
        self, request: VisitorRequest, action: Action, about: str, *, call_id: str | None = None, detail: str = ""
    ) -> None:
        """Have a look at a page written into the audit log within a second."""
        self.audit.note(_deed(request, action, about, call_id, detail), self.now())


def _deed(request: VisitorRequest, action: Action, about: str, call_id: str | None, detail: str) -> Deed:
    visitor = request.user
    return Deed(
        actor=visitor.account if visitor else "nobody",
        token_id=visitor.token_id if visitor else None,
        address=request.client.host if request.client else "",
        action=action,
        object=about,
        call_id=call_id,
        detail=detail,
    )
