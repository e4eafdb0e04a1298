"""The fleet of one machine: a few spawned worker processes, a pipe to each, and the wish that there be always that many.

Spawned, not forked: a fork would copy the database handle and every thread's locks. The pipe is the worker's life line
(see `worker.py`), so no worker outlives a service that was killed.
"""

import asyncio
import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, assert_never

import msgspec
import structlog

from cc_voice.config import settings as configuration
from cc_voice.config.settings import Settings
from cc_voice.fleet import background, worker
from cc_voice.fleet.messages import (
    TO_OWNER,
    AlertTold,
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
from cc_voice.fleet.stderr import Relay
from cc_voice.fleet.worker_plan import WorkerPlan
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.recogniser_pool import PoolCounts

log = structlog.get_logger()

DRAIN_SECONDS = 20.0
"""How long a worker may take to finish the calls it is completing when the service stops; what is left resumes later."""
EXIT_SECONDS = 2.0
"""Between the end of a worker's pipe and its own."""
RESTART_PAUSE_SECONDS = 1.0
"""Between a worker's death and its replacement: a machine that kills workers at once must not spin."""
START_SECONDS = 120.0
"""How long a worker may take until it is up; on a busy machine its imports alone take half a minute."""
START_TRIES = 3
"""After so many workers in one place that did not come up, it is told that they cannot, and why."""
HOPELESS_PAUSE_SECONDS = 10.0
"""Between further attempts: each costs two seconds of a core, which whatever else is well here needs."""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator sees of a worker."""

    number: int
    pid: int | None
    streams: int
    restarts: int
    recognisers: PoolCounts = PoolCounts()
    """What the recognisers of the process in it have been doing; told every two seconds."""


class _Seat:
    """One worker's place: the process in it may be replaced, its number stays."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: SpawnProcess | None = None
        self.pipe: Connection | None = None
        self.writer: PipeWriter | None = None
        self.ready = asyncio.Event()
        self.streams: dict[str, SessionSpec] = {}
        self.restarts = 0
        self.recognisers = PoolCounts()
        self.failed_starts = 0
        """Since a worker was last up here."""
        self.settled = asyncio.Event()
        """Whether the first worker is up, or was tried often enough."""
        self.last_words: Callable[[], str] = str
        """What the process in it printed at last."""
        self.problem = ""
        self.watch: asyncio.TimerHandle | None = None
        """Ends a worker that does not come up in time."""


class LocalFleet:
    """Starts workers, gives streams to the least loaded one, tells the owner what they say and when one is lost.

    `receive(message)` and `lost(specs)` are called in the event loop.
    """

    def __init__(
        self,
        settings: Settings,
        planned: WorkerPlan,
        receive: Callable[[ToOwner], None],
        lost: Callable[[list[SessionSpec]], None],
    ) -> None:
        # Each worker is told its own share of what is set for all
        self._settings_json = configuration.dumps(msgspec.structs.replace(settings, warm_memory_mb=int(planned.warm_mb)))
        self._seats = [_Seat(number) for number in range(1, planned.workers + 1)]
        self._threads = planned.threads
        self._receive = receive
        self._lost = lost
        self._stopping = False
        self._replacements: set[asyncio.Task[None]] = set()
        self._filling: list[asyncio.Future[Any]] = []
        self._pausing: set[asyncio.Task[None]] = set()
        self._first = asyncio.Event()
        """A worker is up."""
        self.trouble = asyncio.Event()
        """No worker can be started."""

    async def start(self) -> None:
        """Start all workers and wait until one is up and the others are too, or cannot be started.

        Where none can, this waits on, for as long as `stop` is not called: `trouble` is set then, and `problem` says why.
        """
        filling = asyncio.gather(*(self._fill(seat) for seat in self._seats))
        self._filling.append(filling)
        await asyncio.shield(filling)
        await asyncio.gather(*(seat.settled.wait() for seat in self._seats))
        if not any(seat.ready.is_set() for seat in self._seats):
            self.trouble.set()
            await self._first.wait()

    @property
    def problem(self) -> str | None:
        """Why a worker cannot be started, in its own last words; None while all can."""
        found = next((seat for seat in self._seats if seat.failed_starts >= START_TRIES), None)
        return None if found is None else f"worker {found.number} does not start: {found.problem}"

    async def stop(self) -> None:
        """Drain all workers: sockets close without a word to Zoom, calls being completed are finished, processes end."""
        self._stopping = True
        for waited in (self._first, *(seat.settled for seat in self._seats)):
            waited.set()
        await asyncio.gather(*self._filling, return_exceptions=True)  # a process being started has to be known to be ended
        for task in self._pausing:
            task.cancel()
        self._drain()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        self._drain()  # a worker that was being started meanwhile
        await asyncio.gather(*(asyncio.to_thread(self._join, seat) for seat in self._seats))

    def _drain(self) -> None:
        for seat in self._seats:
            self._send(seat, Drain())

    def leave(self) -> None:
        """Have all streams closed for good; their calls are carried to the end."""
        for seat in self._seats:
            self._send(seat, Leave())

    def open(self, spec: SessionSpec) -> None:
        """Give a stream to the worker with the fewest. While none is up it waits for the first, and is then told as lost."""
        seat = min((seat for seat in self._seats if seat.pipe is not None), key=lambda s: len(s.streams), default=self._seats[0])
        seat.streams[spec.stream_id] = spec
        self._send(seat, OpenStream(spec))

    def holds(self, stream_id: str) -> bool:
        """Whether a worker serves this stream."""
        return any(stream_id in seat.streams for seat in self._seats)

    def tell(self, stream_id: str, message: ToWorker) -> bool:
        """Send a message to the worker that serves a stream; False when none does."""
        for seat in self._seats:
            if stream_id in seat.streams:
                self._send(seat, message)
                return True
        return False

    def status(self) -> list[WorkerStatus]:
        return [
            WorkerStatus(
                number=seat.number,
                pid=seat.process.pid if seat.process and seat.pipe else None,
                streams=len(seat.streams),
                restarts=seat.restarts,
                recognisers=seat.recognisers,
            )
            for seat in self._seats
        ]

    async def _fill(self, seat: _Seat) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        printed, prints = context.Pipe(duplex=False)
        process = context.Process(
            target=worker.main, args=(theirs, prints, self._settings_json, self._threads), name=f"cc-voice worker {seat.number}"
        )
        # start() imports in the child and waits for it to take its arguments: seconds on a cold machine, so not in the loop
        await asyncio.to_thread(process.start)
        theirs.close()
        prints.close()
        seat.process, seat.pipe, seat.writer = process, ours, PipeWriter(ours, f"to worker {seat.number}")
        loop = asyncio.get_running_loop()
        relay = Relay(seat.number)
        relaying = threading.Thread(target=relay.run, args=(printed,), name=f"stderr {seat.number}", daemon=True)
        seat.last_words = partial(_last_words, relaying, relay)
        relaying.start()
        threading.Thread(target=self._read, args=(loop, seat, ours), name=f"worker {seat.number}", daemon=True).start()
        seat.watch = loop.call_later(START_SECONDS, self._too_late, seat, process)

    def _read(self, loop: asyncio.AbstractEventLoop, seat: _Seat, pipe: Connection) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may close before the last worker's pipe does
            while True:
                try:
                    message = TO_OWNER.decode(pipe.recv_bytes())
                except (EOFError, OSError):
                    if seat.process is not None and not self._stopping:
                        seat.process.join(EXIT_SECONDS)  # so that its exit code is known
                        seat.problem = seat.last_words() or _why(seat.process.exitcode)
                    loop.call_soon_threadsafe(self._ended, seat)
                    return
                loop.call_soon_threadsafe(self._heard, seat, message)

    def _heard(self, seat: _Seat, message: ToOwner) -> None:
        match message:
            case Lending(counts=counts):
                seat.recognisers = counts
            case Ready():
                seat.failed_starts = 0
                self.trouble.clear()
                for waited in (seat.ready, seat.settled, self._first):
                    waited.set()
            case Closed(stream_id=stream_id, epoch=epoch):
                if (spec := seat.streams.get(stream_id)) is not None and spec.epoch == epoch:
                    del seat.streams[stream_id]
            case Progress() | WordsSpoken() | AlertTold() | Spooled():
                pass  # about streams, which are the owner's
            case _ as never:
                assert_never(never)
        self._receive(message)

    def _ended(self, seat: _Seat) -> None:
        if seat.watch is not None:
            seat.watch.cancel()
        if seat.writer is not None:
            seat.writer.drop()
        if self._stopping:
            return
        seat.pipe = None
        seat.restarts += 1
        seat.recognisers = PoolCounts()
        code = seat.process.exitcode if seat.process else None
        log.error("worker lost", worker=seat.number, exit_code=code, why=_why(code), streams=len(seat.streams))
        if not seat.ready.is_set():
            self._did_not_start(seat)
        if any(other.pipe is not None for other in self._seats):
            self._give_back(seat)  # the others can take them up at once: Zoom waits 60 s, not longer
        background.spawn(self._replace(seat), self._replacements)

    def _did_not_start(self, seat: _Seat) -> None:
        seat.failed_starts += 1
        if seat.failed_starts == START_TRIES:
            log.error("worker does not start; it is tried again and again", worker=seat.number, problem=seat.problem)
        if seat.failed_starts >= START_TRIES:
            seat.settled.set()

    def _too_late(self, seat: _Seat, process: SpawnProcess) -> None:
        """End a worker that neither comes up nor dies; `_ended` then replaces it."""
        if seat.process is process and not seat.ready.is_set():
            log.error("worker is not up in time and is ended", worker=seat.number, seconds=START_SECONDS)
            process.kill()

    async def _replace(self, seat: _Seat) -> None:
        seat.ready.clear()
        await self._pause(seat)
        while not self._stopping:
            try:
                await self._fill(seat)
            except OSError as error:
                log.error("worker cannot be started; trying again", worker=seat.number, error=str(error))
                seat.problem = str(error)
                self._did_not_start(seat)
                await self._pause(seat)
            else:
                break
        self._give_back(seat)

    async def _pause(self, seat: _Seat) -> None:
        """Wait before the next attempt, and not when the fleet stops."""
        seconds = HOPELESS_PAUSE_SECONDS if seat.failed_starts >= START_TRIES else RESTART_PAUSE_SECONDS
        pause = asyncio.create_task(asyncio.sleep(seconds))
        self._pausing.add(pause)
        await asyncio.wait([pause])
        self._pausing.discard(pause)

    def _give_back(self, seat: _Seat) -> None:
        """Tell the owner that streams of a seat are lost: those of a dead worker, and those given to it since."""
        orphans, seat.streams = list(seat.streams.values()), {}
        if orphans and not self._stopping:
            self._lost(orphans)

    def _send(self, seat: _Seat, message: ToWorker) -> None:
        # A worker that dies before it has read this is replaced by `_ended`, which also takes its streams up again.
        if seat.pipe is not None and seat.writer is not None:
            seat.writer.send(msgspec.msgpack.encode(message))

    def _join(self, seat: _Seat) -> None:
        if seat.process is None:
            return
        # One that never came up has nothing to finish, and reads no message
        deadline = time.monotonic() + (DRAIN_SECONDS if seat.ready.is_set() else EXIT_SECONDS)
        seat.process.join(max(0.0, deadline - time.monotonic()))
        if seat.process.is_alive():
            log.warning("worker did not finish in time; its calls resume at the next start", worker=seat.number)
            seat.process.kill()
            seat.process.join()


def _last_words(relaying: threading.Thread, relay: Relay) -> str:
    """Return what a process that has ended printed at last."""
    relaying.join(EXIT_SECONDS)
    return "; ".join(relay.last)


def _why(exit_code: int | None) -> str:
    """Return what ended a process, in words."""
    if exit_code is None:
        return "it does not end"
    if exit_code >= 0:
        return "it ended itself"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"{name}; out of memory?" if name == "SIGKILL" else name
