"""The dispatcher: from announcement to stored call. It lives in the service process, between inbox, workers and database.

    webhook in the inbox → stream row, epoch + 1 → a worker
    session failed, worker lost, service restarted → epoch + 1 → another session, which goes on from the stage that was reached
    batch spooled → committed → removed from the spool
    stream ended by a fault → where the settings say so, Zoom is asked for another (restarts.py)

The epoch is the fence: whatever an older session of the same stream still delivers is refused by the store. What it delivered
before it was lost is committed first, so that nothing is done twice and no revocation is missed. Ruled out: waiting until an older
session is surely dead. A worker that is only stuck would then keep its streams from being taken up within Zoom's recovery window,
and being surely dead cannot be known of a process on another machine. Leases by time were ruled out with it: clocks are set.

Three rules hold this module together.

- One event loop changes what is remembered here (`_revoked`, `_progress`); threads only read and write files. So no
  field has a lock; but what was looked at before an `await` may be another after it.
- Batches are committed one at a time, in the order in which their files were announced (`spooled_batches.py`). The store would be
  right either way; but the bell of a batch and the retry of all that waits may meet at one file, and pages would see stages out of
  order.
- A batch's file is removed after the commit, never before: a process that dies between the two commits it twice, which the store
  takes for once. The other order would lose it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar, assert_never

import msgspec
import structlog

from cc_voice.call.batch import Batch, StageReached, StreamProgress
from cc_voice.config.settings import Settings
from cc_voice.fleet import background, call_policies, webhook_rows
from cc_voice.fleet.alert_intake import AlertIntake
from cc_voice.fleet.control import Control
from cc_voice.fleet.live_transcripts import LiveTranscripts
from cc_voice.fleet.local import LocalFleet, WorkerStatus
from cc_voice.fleet.messages import AlertTold, Announce, Closed, Lending, Progress, Ready, Spooled, ToOwner, WordsSpoken
from cc_voice.fleet.restarts import DELAYS_S as RESTART_DELAYS_S
from cc_voice.fleet.restarts import Restarts
from cc_voice.fleet.retries import DELAYS_S, Retries
from cc_voice.fleet.site_notices import SiteNotices
from cc_voice.fleet.spooled_batches import SpooledBatches
from cc_voice.fleet.worker_plan import WorkerPlan
from cc_voice.media import copies, recordings
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.enums import StopReason
from cc_voice.rtms.webhooks import (
    Companion,
    ConcurrencyNotice,
    Interrupted,
    OtherWebhook,
    SiteNotice,
    Started,
    StartFailed,
    Stopped,
    UrlValidation,
    Webhook,
    parse_webhook,
)
from cc_voice.sessions.spec import SessionSpec
from cc_voice.store import alerts, batches, streams
from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox, InboxRow, WebhookState
from cc_voice.store.streams import StreamRow

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

KINDS_TOLD = 200
REVOKED = "revoked by Zoom: content deleted"
PROGRESS_GATHER_S = 0.25
"""How long reports of live streams wait for one another. What is being said is shown without them."""


class Dispatcher:
    """Gives streams to workers and their results to the store. `start` before the web server listens, `stop` after."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        inbox: Inbox,
        planned: WorkerPlan,
        retry_delays_s: tuple[float, ...] = DELAYS_S,
        restart_delays_s: tuple[float, ...] = RESTART_DELAYS_S,
    ) -> None:
        self.board = LiveTranscripts()
        """What is being said in live streams."""
        self._settings = settings
        self._database = database
        self._inbox = inbox
        self._fleet = LocalFleet(settings, planned, self._receive, self._take_up_again)
        self._retries = Retries(retry_delays_s)
        self._control = Control(settings.proxy) if settings.restart_streams == "on" else None
        self._restarts = Restarts(settings, database, self._control, restart_delays_s) if self._control else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        """Tasks that mostly sleep; `stop` cancels them."""
        self._progress: list[StreamProgress] = []
        """Reports of live streams that wait to be written together."""
        self._spool = SpooledBatches(settings.spool_dir, self._commit, self._in_thread)
        self._notices = SiteNotices(database, inbox, lambda work: self._spawn(work, self._waiting))
        self._alerts = AlertIntake(database, self._spawn)
        self._revoked: set[str] = set()
        """Revoked streams whose worker may still write to their recording."""
        self._ignored: set[str] = set()
        """Kinds of webhooks that need no action, as far as they were told."""
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="dispatch")
        """For its files. Those that everything shares may be full of long questions, and finished calls must not wait for them."""
        self._stopping = self._leaving = False

    async def start(self) -> None:
        """Commit what an earlier process left in the spool, start workers, resume unfinished streams, answer the inbox."""
        await self._spool.commit_waiting()
        await self._delete_revoked()
        await self._fleet.start()
        if self._stopping:
            return
        for row in await self._database.read(streams.unfinished):
            self._spawn(self._take_up(row.stream_id))
        for waiting in await self._in_thread(self._inbox.pending):
            if not self._notices.take_waiting(waiting):
                self._spawn(self.answer(waiting.webhook_id, waiting.app, waiting.body))
        self._spawn(self._spool.retry(), self._waiting)

    async def stop(self) -> None:
        """Drain the workers, commit what they finished. Streams still live are resumed by the next start."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()
        await self._fleet.stop()
        await asyncio.gather(*self._waiting, return_exceptions=True)
        await self.settle()
        await self._notices.write()
        await self._spool.commit_waiting()
        if self._control is not None:
            await self._control.close()

    def leave(self) -> None:
        """Close all streams for good, so that Zoom waits for nobody, and take up none: others wait for the next start."""
        self._leaving = True
        self._fleet.leave()

    async def settle(self) -> None:
        """Wait until what is under way is done, and what followed from it."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def no_workers(self) -> None:
        """Return once no worker can be started."""
        await self._fleet.trouble.wait()

    @property
    def problem(self) -> str | None:
        """Why a worker cannot be started; None while all can."""
        return self._fleet.problem

    @property
    def failing(self) -> int:
        """How many streams and webhooks failed lately and are tried again."""
        return self._retries.count(time.monotonic())

    def status(self) -> list[WorkerStatus]:
        """Return what the workers are doing."""
        return self._fleet.status()

    # -- webhooks ------------------------------------------------------------------------------------------------

    def accept(self, row: InboxRow, webhook: Webhook) -> None:
        """Act on a webhook that has just been committed to the inbox, after its answer."""
        if isinstance(webhook, SiteNotice):
            self._notices.take(row.webhook_id, webhook)
        elif webhook_rows.needs_action(webhook):
            self._spawn(self.answer(row.webhook_id, row.app, row.body))
        elif isinstance(webhook, OtherWebhook):
            self._tell_ignored(webhook)

    async def answer(self, webhook_id: str, app: str, body: bytes) -> None:
        """Act on a verified webhook that is safe in the inbox, and note how it went. Doing it twice does nothing more.

        The outermost frame, so every failure is recorded here. What fails may pass (a full disk), and Zoom, which has its 200, will
        not come again: so it is tried again, by the next start too.
        """
        state: WebhookState = "done"
        note = None
        try:
            await self._act(webhook_id, app, body, parse_webhook(body))
            self._retries.done(webhook_id)
        except Exception as error:
            wait_s = self._retries.failed(webhook_id, time.monotonic())
            log.exception("webhook failed", webhook_id=webhook_id, wait_s=wait_s)
            state, note = "failed" if wait_s is None else "new", f"{type(error).__name__}: {error}"
            if wait_s is not None and not self._stopping:
                self._spawn(self._answer_later(webhook_id, app, body, wait_s), self._waiting)
        self._inbox.mark(webhook_id, state, note)

    async def _answer_later(self, webhook_id: str, app: str, body: bytes, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await self.answer(webhook_id, app, body)

    async def _act(self, webhook_id: str, app: str, body: bytes, webhook: Webhook) -> None:
        match webhook:
            case Started():
                await self._started(app, body, webhook)
            case Stopped():
                await self._stopped(body, webhook)
            case Interrupted():
                self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body))
            case ConcurrencyNotice(limited=True):
                log.error("the account is at its limit of streams: one did not start", **webhook_rows.numbers(webhook))
            case ConcurrencyNotice():
                log.warning("the account comes near its limit of streams", **webhook_rows.numbers(webhook))
            case StartFailed():
                log.error("Zoom could not start a stream; its webhook is in the inbox for ten minutes")
            case UrlValidation():
                raise AssertionError("a URL validation is answered by the web server and never gets into the inbox")
            case Companion():
                await self._accompany(webhook_id, body, webhook)
            case SiteNotice():
                raise AssertionError("a webhook about no call is taken with others, not one by one")
            case OtherWebhook():
                self._tell_ignored(webhook)
            case _ as never:
                assert_never(never)

    def _tell_ignored(self, webhook: OtherWebhook) -> None:
        """Tell of each kind once: an account may send hundreds a second."""
        if webhook.event not in self._ignored and len(self._ignored) < KINDS_TOLD:
            self._ignored.add(webhook.event)
            log.info("webhook needs no action; told once for each kind", what=webhook.event)

    async def _started(self, app: str, body: bytes, webhook: Started) -> None:
        target = StreamTarget.of(webhook)
        now = partial(call_policies.in_force_or, self._settings)  # read by the writer: what it just published is in force
        match await self._database.write(lambda con: webhook_rows.announced(con, app, target, now())):
            case "new":
                await self._take_up(webhook.stream_id)
            case "served":  # whether it is a failover is for the protocol core to say (it knows the links' health)
                if not self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body)):
                    log.info("stream announced again; it is being taken up", stream_id=webhook.stream_id)
            case "ended":
                await self._come_back(target)
            case "old":
                log.info("stream announced again, and nothing is new", stream_id=webhook.stream_id)
            case _ as never:
                assert_never(never)

    async def _come_back(self, target: StreamTarget) -> None:
        """Try a stream once more that we hold ended: Zoom has announced it later than that, so Zoom has it and waits (2.7)."""
        stream_id = target.stream_id
        row = await self._database.read(lambda con: streams.load(con, stream_id))
        if row is None or self._fleet.holds(stream_id):
            raise RuntimeError(f"stream {stream_id} was announced again while its end is worked off; it is tried again")
        log.warning("stream announced again after its end; it is tried once", call_id=row.call_id, stream_id=stream_id)
        folder = recordings.stream_folder(self._settings.recordings_dir, row.call_id, stream_id)
        await self._in_thread(recordings.decompress, folder)
        await self._database.write(lambda con: streams.come_back(con, stream_id, msgspec.json.encode(target).decode()))
        await self._take_up(stream_id)

    async def _accompany(self, webhook_id: str, body: bytes, webhook: Companion) -> None:
        """Keep an ordinary webhook with the call it is about, and tell the sessions of its streams."""
        told = webhook_rows.kept(webhook_id, webhook, self._settings.redaction)

        def keep(con: Connection) -> list[StreamRow]:
            streams.keep_webhook(con, told)
            return streams.of_call(con, told.call_id)

        for row in await self._database.write(keep):
            self._fleet.tell(row.stream_id, Announce(row.stream_id, body))

    async def _stopped(self, body: bytes, webhook: Stopped) -> None:
        is_served = self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body))
        if self._restarts is not None:
            self._spawn(self._restarts.after(webhook), self._waiting)
        if webhook.stop_reason != StopReason.STREAM_REVOKED:
            return
        self.board.close(webhook.stream_id)
        if is_served:  # here too: the worker may be measuring, where it hears no webhook
            self._revoked.add(webhook.stream_id)
        row = await self._database.write(lambda con: webhook_rows.revoke(con, webhook.stream_id, self._settings.site))
        await self._in_thread(self._inbox.erase, webhook.stream_id, REVOKED)
        if row is not None and not is_served:
            await self._forget(row)

    async def _forget(self, row: StreamRow) -> None:
        """Delete the recording of a revoked stream and copies of its call, then measure it again from the streams that are left."""
        await self._delete_recording(row)
        await self._in_thread(copies.forget, self._settings.sql_dir, self._settings.runs_dir)
        for other in await self._database.read(lambda con: streams.of_call(con, row.call_id)):
            if other.stage in streams.UNFINISHED and not self._fleet.holds(other.stream_id):
                await self._take_up(other.stream_id)

    async def _delete_recording(self, row: StreamRow) -> None:
        await self._in_thread(recordings.delete_stream, self._settings.recordings_dir, row.call_id, row.stream_id)

    async def _delete_revoked(self) -> None:
        """Delete recordings of revoked streams that an earlier process was stopped from deleting."""
        for row in await self._database.read(streams.revoked):
            await self._delete_recording(row)

    # -- streams -------------------------------------------------------------------------------------------------

    async def _take_up(self, stream_id: str) -> None:
        """Give a stream to a worker; the outermost frame: a stream that cannot even be given away is tried again."""
        try:
            await self._open(stream_id)
        except Exception as error:
            log.exception("stream cannot be given to a worker", stream_id=stream_id)
            self._retry(stream_id, repr(error))

    async def _open(self, stream_id: str) -> None:
        if self._leaving:
            return
        row = await self._database.write(lambda con: streams.take(con, stream_id))
        if row is None:
            self._retries.done(stream_id)
            return
        if row.stage not in streams.UNFINISHED:
            raise AssertionError(f"stream {stream_id} was taken up at stage {row.stage}, from which nothing goes on")
        await self._database.write(partial(alerts.close_all, stream_id=stream_id, now_unix_ms=time.time_ns() // 1_000_000))
        spec = webhook_rows.session_spec(row, row.stage)
        if spec.stage == "received":
            self.board.open(spec)
        self._fleet.open(spec)
        log.info("stream given to a worker", call_id=row.call_id, stream_id=row.stream_id, epoch=row.epoch, stage=row.stage)

    def _take_up_again(self, orphans: list[SessionSpec]) -> None:
        for spec in orphans:
            self._left(spec.stream_id)
            self._spawn(self._note_failure(spec.stream_id, spec.epoch, "its worker was lost"))
            self._retry(spec.stream_id, "its worker was lost")

    def _retry(self, stream_id: str, error: str) -> None:
        """Take a stream up again after a while; Zoom may still be sending it."""
        if self._stopping:
            return
        wait_s = self._retries.failed(stream_id, time.monotonic())
        if wait_s is None:
            log.error("stream given up; it is tried again at the next start", stream_id=stream_id, error=error)
            return
        log.error("stream not finished; it is tried again", stream_id=stream_id, error=error, wait_s=wait_s)
        self._spawn(self._take_up_later(stream_id, wait_s), self._waiting)

    async def _take_up_later(self, stream_id: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        await self._spool.commit_waiting()
        await self._take_up(stream_id)

    def _left(self, stream_id: str) -> None:
        """No worker has the stream any more."""
        self.board.close(stream_id)
        if stream_id in self._revoked:
            self._revoked.discard(stream_id)
            self._spawn(self._forget_left(stream_id))

    async def _forget_left(self, stream_id: str) -> None:
        row = await self._database.read(lambda con: streams.load(con, stream_id))
        if row is not None:
            await self._forget(row)

    # -- what workers say ----------------------------------------------------------------------------------------

    def _receive(self, message: ToOwner) -> None:
        match message:
            case Progress(progress=progress):
                self._progress.append(progress)
                if len(self._progress) == 1:
                    self._spawn(self._commit_progress())
            case WordsSpoken(words=words):
                self.board.take(words)
            case AlertTold(change=change):
                self._alerts.take(change)
            case Spooled(batch_id=batch_id):
                self._spawn(self._spool.commit(batch_id))
            case Closed(stream_id=stream_id, epoch=epoch, error=error):
                self._left(stream_id)
                if error is None:
                    self._retries.done(stream_id)
                else:
                    self._spawn(self._note_failure(stream_id, epoch, error))
                    self._retry(stream_id, error)
            case Ready() | Lending():
                pass  # the fleet waits for the one and keeps the other, the dispatcher needs neither
            case _ as never:
                assert_never(never)

    async def _note_failure(self, stream_id: str, epoch: int, error: str) -> None:
        now_unix_ms = int(time.time() * 1000)
        await self._database.write(lambda con: streams.note_failure(con, stream_id, epoch, error, now_unix_ms))

    async def _commit(self, batch: Batch) -> None:
        await self._database.write(lambda con: batches.write_batch(con, batch, self._settings.site))
        if isinstance(batch, StageReached):  # the media has ended, whatever was reached
            self.board.close(batch.stream_id)
            if batch.stage == "revoked":
                await self._in_thread(self._inbox.erase, batch.stream_id, REVOKED)

    async def _commit_progress(self) -> None:
        """Write what all streams report within a moment in one transaction: forty calls would make forty a second."""
        await asyncio.sleep(PROGRESS_GATHER_S)
        reports, self._progress = self._progress, []

        def write(con: Connection) -> None:
            for report in reports:
                batches.write_batch(con, report, self._settings.site)

        await self._database.write(write)
        for report in reports:
            self.board.stored(report)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    def _spawn(self, work: Coroutine[None, None, None], tasks: "set[asyncio.Task[None]] | None" = None) -> None:
        background.spawn(work, self._tasks if tasks is None else tasks)
