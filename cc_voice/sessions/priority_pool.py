"""The threads that hear: as many as there are cores, and what is said now goes before what was said earlier.

Hearing comes in blocks of a second at most. A thread that is free takes the next block, live ones first: so a call in progress
waits for one block of somebody who catches up, never for a whole recording. Catching up – calls that ended, restarts, what is
heard again – gets the cores that live calls leave, and a tenth of the time when they leave none, so that it ends one day.

How the tenth is counted. Live blocks earn it while somebody waits to catch up (`_credit_s`: a ninth of the time they took); a block
of catching up may go before live ones while something has been earned, and pays with the time it took. It may go into debt by one
block, as nobody knows beforehand how long a block takes; so at most one such block runs at a time (`_favoured`), or all threads
would go into debt at once and live calls stand still for a block. Savings end at a second: a quiet hour earns no long turn.

Which block is next is chosen when a thread is free, not when a block is handed in: `submit` puts a block into its line and asks the
executor for a turn, which takes whatever then comes first. Turns and blocks are equal in number, so none is left over. Fields
are changed under `_lock`, and no block runs under it.

Ruled out: a `PriorityQueue`, in which catching up would never come to its turn while calls go on; a pool for each kind, which
leaves cores idle while the other kind waits; and interrupting a block, which a recogniser cannot be. Ruled out too: threads of
lower priority for catching up. They share the interpreter's lock with the others, and whoever holds it is not hurried by who
waits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")

LATER_SHARE = 0.1
"""Of the time of the threads, for catching up while live blocks wait."""
_MOST_CREDIT_S = 1.0
"""So that a long quiet wait does not end in a long turn."""


class _Job:
    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.context = copy_context()
        """Whose block it is: what is logged in it names its call."""
        self.future: Future[Any] = Future()


class PriorityPool:
    """Runs blocks of work in a few threads. Thread-safe. `clock` is in seconds and does not jump."""

    def __init__(self, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="hear")
        self._clock = clock
        self._lock = threading.Lock()
        self._live: deque[_Job] = deque()
        self._later: deque[_Job] = deque()
        self._credit_s = 0.0
        """What catching up is owed: it may go before live blocks while this is positive."""
        self._favoured: _Job | None = None
        """The block that went before live ones; one at a time."""

    def submit(self, work: Callable[[], T], *, live: bool) -> "Future[T]":
        """Run a block in its turn."""
        job = _Job(work)
        with self._lock:
            (self._live if live else self._later).append(job)
        self._threads.submit(self._run_next)
        return job.future

    def catch_up(self, work: Callable[[], T]) -> T:
        """Run a block that nobody waits for live; return what it returns. Not for threads of this pool, which it would lack."""
        return self.submit(work, live=False).result()

    def close(self) -> None:
        """Wait for the blocks that run; those that wait are cancelled."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for job in (*self._live, *self._later):
                job.future.cancel()

    def _run_next(self) -> None:
        with self._lock:
            is_live, job = self._choose()
        if not job.future.set_running_or_notify_cancel():
            with self._lock:
                self._settle(job, is_live, 0.0)
            return
        before = self._clock()
        try:
            result = job.context.run(job.work)
        except BaseException as error:
            job.future.set_exception(error)
        else:
            job.future.set_result(result)
        finally:
            with self._lock:
                self._settle(job, is_live, self._clock() - before)

    def _choose(self) -> tuple[bool, _Job]:
        if self._later and (not self._live or (self._credit_s > 0 and self._favoured is None)):
            job = self._later.popleft()
            if self._live:
                self._favoured = job
            return False, job
        return True, self._live.popleft()

    def _settle(self, job: _Job, is_live: bool, took_s: float) -> None:
        if job is self._favoured:
            self._favoured = None
            self._credit_s -= took_s
        elif is_live and self._later:
            self._credit_s = min(_MOST_CREDIT_S, self._credit_s + took_s * LATER_SHARE / (1 - LATER_SHARE))
