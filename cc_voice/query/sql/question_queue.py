"""Queues of questions that take long, in SQL and by measuring again: one is answered, a few wait, the next is told to come again.

A question waits for its copy and its sandbox in a thread. In the threads that everything shares, twelve of them held pages, health
and webhooks for 30 s; so these threads are their own, and few: a question takes two cores for up to half a minute, calls need them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from cc_voice.query.sql import SqlBusy

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 1
WAITING = 4
"""The last of them waits for four times a question's time at most."""
RETRY_S = 30
"""When to come again: by then one question is answered, however long it takes."""


class QuestionQueue:
    """Threads for questions of one kind. Everything but the questions happens in the event loop."""

    def __init__(self, kind: str = "questions in SQL") -> None:
        self._kind = kind
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=kind.split()[-1].lower())
        self._taken = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something when its turn comes. Raises SqlBusy at once when too many wait."""
        if self._taken >= AT_ONCE + WAITING:
            raise SqlBusy(f"{WAITING} other {self._kind} wait for an answer; repeat in {RETRY_S} s", RETRY_S)
        # Counted until it ends, not until its asker leaves: a thread cannot be called back
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        future.add_done_callback(self._left)
        return await asyncio.shield(future)

    def _left(self, future: "asyncio.Future[T]") -> None:
        self._taken -= 1
        if not future.cancelled():
            future.exception()  # looked at: whoever asked may have gone
