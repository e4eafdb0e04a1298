"""Work beside everything else: held while it runs, and heard of when it fails."""

import asyncio
import gc

from structlog.testing import capture_logs

from cc_voice.fleet.background import spawn


async def test_work_is_held_until_it_is_done() -> None:
    held: set[asyncio.Task[None]] = set()
    done = asyncio.Event()

    async def work() -> None:
        await done.wait()

    task = spawn(work(), held)
    await asyncio.sleep(0)
    gc.collect()
    assert held == {task}
    done.set()
    await task
    assert held == set()


async def test_a_failure_is_logged_and_takes_nothing_with_it() -> None:
    held: set[asyncio.Task[None]] = set()
    other = spawn(asyncio.Event().wait(), held)  # type: ignore[arg-type]

    async def fail() -> None:
        raise ValueError("no room")

    with capture_logs() as logs:
        await asyncio.wait([spawn(fail(), held)])
    assert [(line["event"], line["error"]) for line in logs] == [("work failed", "ValueError('no room')")]
    assert held == {other}
    with capture_logs() as logs:
        other.cancel()
        await asyncio.wait([other])
    assert logs == []
