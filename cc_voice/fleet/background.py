"""Background tasks: held until they are done, since asyncio itself holds none, and what one of them failed of is logged.

Not a TaskGroup: there, one that fails takes the others with it, and here each serves another stream. `rtms` and the simulator,
which import nothing of ours, keep their own, where a failure ends a stream or a call.
"""

import asyncio
from collections.abc import Coroutine

import structlog

log = structlog.get_logger()


def spawn(work: Coroutine[None, None, None], held: "set[asyncio.Task[None]]") -> "asyncio.Task[None]":
    """Start work beside everything else; its task is in `held` until it ends."""
    task = asyncio.create_task(work)
    held.add(task)
    task.add_done_callback(held.discard)
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("work failed", error=repr(error))
