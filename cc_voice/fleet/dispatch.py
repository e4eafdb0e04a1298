"""The dispatcher: from announcement to stored call. It lives in the service process, between inbox, workers and database.

    webhook in the inbox → stream row, epoch + 1 → a worker
    worker lost, service restarted → epoch + 1 → another session, which goes on from the stage the stream reached
    batch spooled → committed → removed from the spool

The epoch is the fence: whatever an older session of the same stream still delivers is refused by the store.
"""

import asyncio
import time
from collections.abc import Coroutine

import msgspec
import structlog

from cc_voice.call import ids
from cc_voice.call.batch import Batch, StageReached
from cc_voice.fleet.local import LocalFleet, WorkerStatus
from cc_voice.fleet.messages import Announce, Closed, Progress, Ready, Spooled, ToOwner
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.webhooks import Interrupted, Started, Stopped, Webhook, parse_webhook
from cc_voice.sessions.spec import SessionSpec
from cc_voice.settings import Settings, ZoomApp
from cc_voice.store import batches, inbox, recordings, spool, streams
from cc_voice.store.database import Database

log = structlog.get_logger()

SPOOL_RETRY_SECONDS = 5.0
"""How often batches that could not be committed (disk full) are tried again."""
_TARGET = msgspec.json.Decoder(StreamTarget)
REVOKED = 8
"""Zoom's stop reason: what was received must be deleted at once."""


class Dispatcher:
    """Gives streams to workers and their results to the store. `start` before the web server listens, `stop` after."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._fleet = LocalFleet(settings, self._receive, self._take_up_again)
        self._tasks: set[asyncio.Task[None]] = set()
        self._committing: set[str] = set()
        self._retrying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Commit what an earlier process left in the spool, start workers, resume unfinished streams, answer the inbox."""
        await self._commit_waiting()
        await self._fleet.start()
        for row in await self._database.read(streams.unfinished):
            self._spawn(self._open(row.stream_id, resumed=True))
        for waiting in await self._database.read(inbox.pending):
            self._spawn(self._answer(waiting.webhook_id, waiting.app, waiting.body))
        self._retrying = asyncio.create_task(self._retry_spool())

    async def stop(self) -> None:
        """Drain the workers, commit what they finished. Streams still live are resumed by the next start."""
        await self._fleet.stop()
        if self._retrying is not None:
            self._retrying.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._commit_waiting()

    def status(self) -> list[WorkerStatus]:
        """Return what the workers are doing."""
        return self._fleet.status()

    async def announce(self, app: ZoomApp, body: bytes) -> None:
        """Act on a verified webhook that is safe in the inbox. Doing it twice does nothing more."""
        await self._act(app.name, body, parse_webhook(body))

    # -- webhooks ------------------------------------------------------------------------------------------------

    async def _answer(self, webhook_id: str, app: str, body: bytes) -> None:
        """Work off an inbox row that an earlier process accepted and did not finish."""
        try:
            await self._act(app, body, parse_webhook(body))
            state, note = "done", None
        except Exception as error:
            log.exception("webhook failed", webhook_id=webhook_id)
            state, note = "failed", f"{type(error).__name__}: {error}"
        await self._database.write(lambda con: inbox.mark(con, webhook_id, state, note))

    async def _act(self, app: str, body: bytes, webhook: Webhook) -> None:
        match webhook:
            case Started():
                await self._started(app, body, webhook)
            case Stopped():
                await self._stopped(body, webhook)
            case Interrupted():
                self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body))
            case _:
                log.info("webhook needs no action", kind=type(webhook).__name__)

    async def _started(self, app: str, body: bytes, webhook: Started) -> None:
        if self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body)):
            return  # known and served: whether it is a failover is for the protocol core to say (it knows the links' health)
        target = StreamTarget(
            product=webhook.product,
            instance_key=webhook.instance_key,
            instance_id=webhook.instance_id,
            stream_id=webhook.stream_id,
            server_urls=webhook.server_urls,
        )
        is_new = await self._database.write(
            lambda con: streams.open_stream(
                con,
                stream_id=webhook.stream_id,
                call_id=ids.call_id(webhook.product, webhook.instance_id),
                product=webhook.product,
                instance_id=webhook.instance_id,
                app=app,
                target=msgspec.json.encode(target).decode(),
                language=self._settings.language.default,
                started_unix_ms=webhook.event_ts_ms or int(time.time() * 1000),
            )
        )
        if is_new:
            await self._open(webhook.stream_id, resumed=False)

    async def _stopped(self, body: bytes, webhook: Stopped) -> None:
        if self._fleet.tell(webhook.stream_id, Announce(webhook.stream_id, body)):
            return
        if webhook.stop_reason == REVOKED:
            row = await self._database.read(lambda con: streams.load(con, webhook.stream_id))
            if row is not None:
                await asyncio.to_thread(recordings.delete_call, self._settings.recordings_dir, row.call_id)
                revoked = StageReached(
                    call_id=row.call_id,
                    stream_id=row.stream_id,
                    epoch=row.epoch,
                    stage="revoked",
                    reason="Zoom revoked the stream: everything received was deleted",
                    stop_reason=REVOKED,
                )
                await self._commit(revoked)

    # -- streams -------------------------------------------------------------------------------------------------

    async def _open(self, stream_id: str, resumed: bool) -> None:
        row = await self._database.write(lambda con: streams.take(con, stream_id))
        if row is None:
            return
        spec = SessionSpec(
            call_id=row.call_id,
            stream_id=row.stream_id,
            product=row.product,
            instance_id=row.instance_id,
            app=row.app,
            target=_TARGET.decode(row.target),
            language=row.language,
            epoch=row.epoch,
            stage=row.stage,
            started_event_ms=row.started_unix_ms,
            resumed=resumed,
        )
        self._fleet.open(spec)
        log.info("stream given to a worker", call_id=row.call_id, stream_id=row.stream_id, epoch=row.epoch, stage=row.stage)

    def _take_up_again(self, orphans: list[SessionSpec]) -> None:
        for spec in orphans:
            self._spawn(self._open(spec.stream_id, resumed=True))

    # -- what workers say ----------------------------------------------------------------------------------------

    def _receive(self, message: ToOwner) -> None:
        match message:
            case Progress(progress=progress):
                self._spawn(self._commit(progress))
            case Spooled(batch_id=batch_id):
                self._spawn(self._commit_spooled(batch_id))
            case Closed(stream_id=stream_id, epoch=epoch, error=str(error)):
                log.error("stream not finished; it resumes at the next start", stream_id=stream_id, error=error)
                self._spawn(self._note_failure(stream_id, epoch, error))
            case Ready() | Closed():
                pass

    async def _note_failure(self, stream_id: str, epoch: int, error: str) -> None:
        await self._database.write(lambda con: streams.note_failure(con, stream_id, epoch, error))

    async def _commit(self, batch: Batch) -> None:
        await self._database.write(lambda con: batches.write_batch(con, batch, self._settings.site))

    async def _commit_spooled(self, batch_id: str) -> None:
        if batch_id in self._committing:
            return
        self._committing.add(batch_id)
        try:
            batch = await asyncio.to_thread(spool.read, self._settings.spool_dir, batch_id)
            if batch is not None:
                await self._commit(batch)
                spool.remove(self._settings.spool_dir, batch_id)
        finally:
            self._committing.discard(batch_id)

    async def _commit_waiting(self) -> None:
        for batch_id in list(spool.waiting(self._settings.spool_dir)):
            try:
                await self._commit_spooled(batch_id)
            except Exception as error:
                # One batch that cannot be stored must not keep the others, or the service, from going on.
                log.error("batch stays in the spool", batch_id=batch_id, error=repr(error))

    async def _retry_spool(self) -> None:
        while True:
            await asyncio.sleep(SPOOL_RETRY_SECONDS)
            await self._commit_waiting()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work failed", error=repr(error))
