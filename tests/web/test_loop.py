"""The event loop and its guards wait for nothing that others may fill or hold up: shared threads, the sign-in file."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from cc_voice.web.appliance import Appliance
from tests.web.conftest import ORIGIN, PASSWORD, application
from tests.web.test_webhooks import PATH, STARTED, signed

PATIENCE_S = 20.0
DEFAULT_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""Of the event loop's own executor, which `asyncio.to_thread` uses."""


@pytest.fixture
async def crowded() -> AsyncIterator[None]:
    """Every thread that everything shares is taken: so many long questions in SQL, exports and players."""
    over = threading.Event()
    taken = [asyncio.get_running_loop().run_in_executor(None, over.wait, 3 * PATIENCE_S) for _ in range(2 * DEFAULT_THREADS)]
    yield
    over.set()
    await asyncio.gather(*taken)


@pytest.fixture
async def nobody(appliance: Appliance) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a session, such as Zoom."""
    transport = httpx.ASGITransport(application(appliance), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


async def test_guards_and_webhooks_need_none_of_the_shared_threads(
    rosa: httpx.AsyncClient, nobody: httpx.AsyncClient, crowded: None
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        kept = await nobody.post(PATH, **signed(STARTED))
        refused = await nobody.get("/api/v1/live")
        shown = await rosa.get("/account")
        forged = await rosa.post("/theme", data={"theme": "dark"}, headers={"origin": "http://elsewhere.test"})
        entered = await nobody.post("/login", data={"account": "rosa", "password": PASSWORD})
        well = await nobody.get("/healthz")
    answers = (kept, refused, shown, forged, entered)
    assert [answer.status_code for answer in answers] == [200, 401, 200, 403, 303]
    assert well.json()["store"]


async def test_webhooks_do_not_wait_for_the_sign_in_file(
    rosa: httpx.AsyncClient, nobody: httpx.AsyncClient, appliance: Appliance
) -> None:
    """A slow disk, or a backup that locks the file: whoever has a session waits, Zoom does not."""
    with appliance.accounts._lock:
        asking = asyncio.create_task(rosa.get("/account"))
        async with asyncio.timeout(PATIENCE_S):
            kept = await nobody.post(PATH, **signed(STARTED))
        assert kept.status_code == 200
        assert not asking.done()
    assert (await asking).status_code == 200
