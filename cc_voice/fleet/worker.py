"""A worker process: owns sockets, recordings and recognisers of the streams it was given; never touches the database.

It lives exactly as long as its pipe. When the service dies, even by `kill -9`, the pipe reaches its end and the worker exits
at once without telling Zoom: everything received is on disk, and the restarted service resumes the streams within Zoom's
recovery window. An interrupt from the terminal is ignored here, because the service drains its workers itself.
"""

import asyncio
import contextlib
import contextvars
import os
import signal
import sys
import threading
from functools import partial
from multiprocessing.connection import Connection
from typing import assert_never

import msgspec
import structlog

from cc_voice.call.batch import Batch, CallMeasured, LiveWords, StageReached, StreamNotes, StreamProgress
from cc_voice.config import settings as configuration
from cc_voice.config.settings import Settings
from cc_voice.fleet import background, stderr
from cc_voice.fleet.call_policies import held_or
from cc_voice.fleet.messages import (
    TO_WORKER,
    AlertTold,
    Announce,
    Closed,
    Drain,
    Leave,
    Lending,
    OpenStream,
    Progress,
    Ready,
    Spooled,
    ToOwner,
    ToWorker,
    WordsSpoken,
)
from cc_voice.fleet.pipes import PipeWriter
from cc_voice.media import rule_sets, spool
from cc_voice.quality.alerts.reasons import AlertChange
from cc_voice.rtms.client import Credentials, StreamClient
from cc_voice.rtms.webhooks import Companion, parse_webhook
from cc_voice.sessions import completion
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.session import Session
from cc_voice.sessions.spec import SessionSpec
from cc_voice.sessions.stream_options import client_options

log = structlog.get_logger()

SWITCH_INTERVAL_S = 0.0005
"""How long a thread that hears may keep the interpreter when the loop wants it back. Every packet is written, and every write gives
the interpreter away: at Python's 5 ms, twelve calls on two busy cores showed words after 4 to 16 s (p95), so after 1 to 2 s."""

NICE = 5
"""Behind the service, which answers webhooks within seconds or loses calls, and before questions in SQL. Set before there are
threads, each of which inherits it: on Linux it belongs to a thread."""
LENDING_EVERY_S = 2.0
"""How often the owner is told what the recognisers do, where that has changed."""


def main(pipe: Connection, printed: Connection, settings_json: bytes, threads: int) -> None:
    """Run a worker until its pipe ends; the entry point of the spawned process. `printed` takes what libraries print."""
    stderr.redirect(printed)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    settings = configuration.loads(settings_json)
    configuration.configure_logging(settings.log_level)
    try:
        asyncio.run(Worker(pipe, settings, threads).run())
    except BaseException as error:
        # Into the pipe that the service reads: there it is the reason why no worker starts
        os.write(2, f"the worker cannot go on: {type(error).__name__}: {error}\n".encode(errors="replace"))
        raise


class Worker:
    """The streams of one process and their way to the owner."""

    def __init__(self, pipe: Connection, settings: Settings, threads: int) -> None:
        self._pipe = pipe
        self._writer = PipeWriter(pipe, "pipe out")
        self._settings = settings
        self._recognition = Recognition(settings, threads, settings.allow_test_model)
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._drained = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="pipe", daemon=True).start()
        self._send(Ready(os.getpid()))
        telling = asyncio.create_task(self._tell_lending())
        await self._drained.wait()
        telling.cancel()
        for session in self._sessions.values():
            session.abandon()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._recognition.close)
        counts = self._recognition.engines.counts()
        if counts.lent:
            self._send(Lending(counts))
            log.info("recognisers lent", **msgspec.structs.asdict(counts))
        await asyncio.to_thread(self._writer.close)

    async def _tell_lending(self) -> None:
        told = self._recognition.engines.counts()
        while True:
            await asyncio.sleep(LENDING_EVERY_S)
            if (counts := self._recognition.engines.counts()) != told:
                self._send(Lending(counts))
                told = counts

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                message = TO_WORKER.decode(self._pipe.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)  # the owner is gone: see the module's docstring
            # Here, where files may be read: a session must exist after its task's first step, for the webhook that follows at once
            held = held_or(self._settings, message.spec.policies) if isinstance(message, OpenStream) else self._settings
            if isinstance(message, OpenStream):
                rule_sets.evaluator(held.data_dir)  # kept: the session finds them compiled
            loop.call_soon_threadsafe(self._receive, message, held)

    def _receive(self, message: ToWorker, held: Settings) -> None:
        match message:
            case OpenStream(spec=spec):
                background.spawn(self._serve(spec, held), self._tasks)
            case Announce():
                # Not at once: a session that was opened by the message before exists after its task's first step
                asyncio.get_running_loop().call_soon(self._announce, message)
            case Leave():
                # Not at once, as with webhooks: a session that was just opened shall be left too
                asyncio.get_running_loop().call_soon(self._leave)
            case Drain():
                self._drained.set()
            case _ as never:
                assert_never(never)

    def _announce(self, message: Announce) -> None:
        if (session := self._sessions.get(message.stream_id)) is not None:
            webhook = parse_webhook(message.body)
            if isinstance(webhook, Companion):
                session.take_companion(webhook)
            else:
                session.notify(webhook)

    def _leave(self) -> None:
        for session in self._sessions.values():
            session.leave()

    async def _serve(self, spec: SessionSpec, settings: Settings) -> None:
        """Serve one stream under the policies of its call; the outermost frame of its task, so every failure is recorded here."""
        error: str | None = None
        try:
            with structlog.contextvars.bound_contextvars(call_id=spec.call_id, stream_id=spec.stream_id):
                if spec.stage == "received":
                    await self._stream(spec, settings)
                else:
                    work = partial(completion.complete, spec, settings, self._recognition, self.deliver)
                    # With the context: what is logged in the thread names the call
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self._recognition.backlog, contextvars.copy_context().run, work)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.exception("session failed", call_id=spec.call_id, stream_id=spec.stream_id)
        self._send(Closed(spec.stream_id, spec.epoch, error))

    async def _stream(self, spec: SessionSpec, settings: Settings) -> None:
        options = client_options(settings, spec.language, spec.resumed)
        client = StreamClient(spec.target, self._credentials(spec), options=options)
        session = Session(spec, client, settings, self._recognition, self.deliver, self.show, self.alert)
        self._sessions[spec.stream_id] = session
        try:
            await session.run()
        finally:
            del self._sessions[spec.stream_id]

    def _credentials(self, spec: SessionSpec) -> Credentials:
        for app in self._settings.apps:
            if app.name == spec.app:
                return Credentials(client_id=app.client_id, client_secret=str(app.client_secret))
        raise configuration.SettingsError(f"call {spec.call_id} belongs to app {spec.app!r}, which the configuration no longer has")

    def deliver(self, batch: Batch) -> None:
        """Hand a batch to the owner; from any thread. What must not be lost is spooled first. Raises OSError (disk full)."""
        match batch:
            case StreamProgress():
                self._send(Progress(batch), is_needed=False)
            case StageReached() | StreamNotes() | CallMeasured():
                self._send(Spooled(spool.put(self._settings.spool_dir, batch)))
            case _ as never:
                assert_never(never)

    def show(self, words: LiveWords) -> None:
        """Hand words on to whoever looks now."""
        self._send(WordsSpoken(words), is_needed=False)

    def alert(self, change: AlertChange) -> None:
        """Tell what changed about an alert."""
        self._send(AlertTold(change))

    def _send(self, message: ToOwner, *, is_needed: bool = True) -> None:
        """Hand a message to the pipe's thread; from any thread. What is not needed is left out when the owner reads too slowly."""
        self._writer.send(msgspec.msgpack.encode(message), is_needed=is_needed)
