"""Health and readiness: what is written to find out, and what is told of it."""

import errno
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cc_voice.fleet.local import WorkerStatus
from cc_voice.web import write_probe
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.write_probe import WriteProbe
from tests.web.conftest import APPS, NOW_S, ORIGIN, sign

Ask = Callable[..., Any]


@pytest.fixture
async def running(appliance: Appliance, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """An appliance whose only worker is said to run, with a small disk limit."""
    monkeypatch.setattr(appliance.dispatcher, "status", lambda: [WorkerStatus(number=1, pid=1, streams=0, restarts=0)])
    settings = msgspec.structs.replace(appliance.settings, min_free_mb=1)
    app = create_app(msgspec.structs.replace(appliance, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def test_a_healthy_appliance_wrote_a_row(running: httpx.AsyncClient, appliance: Appliance) -> None:
    assert (await running.get("/healthz")).status_code == 200
    answer = await running.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": []})
    assert appliance.database.read_now(lambda con: con.execute("select count(at_ts) from heartbeat").fetchall()) == [(1,)]
    # And left nothing in the inbox
    assert appliance.inbox.run(lambda con: con.execute("select count(*) from webhook").fetchall()) == [(0,)]


async def test_a_full_disk_is_unhealthy_though_all_can_be_read(
    running: httpx.AsyncClient, appliance: Appliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    health = await running.get("/healthz")
    assert (health.status_code, health.json()["disk"], health.json()["store"]) == (503, False, True)
    assert health.json()["disk_free_bytes"] > 0
    assert not list(appliance.settings.data_dir.glob("write-probe*"))
    ready = await running.get("/readyz")
    assert (ready.status_code, ready.json()["problems"]) == (503, ["the data folder takes no files"])


async def test_a_store_that_takes_no_rows_is_unhealthy(running: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.database.write_now(lambda con: con.execute("drop table heartbeat"))
    assert (await running.get("/healthz")).json()["store"] is False
    assert (await running.get("/readyz")).json()["problems"] == ["the store takes no rows"]


async def test_an_inbox_that_takes_no_rows_is_unhealthy(running: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.inbox.run(lambda con: con.execute("pragma query_only = on").fetchall())
    health = await running.get("/healthz")
    assert (health.status_code, health.json()["inbox"], health.json()["store"]) == (503, False, True)
    assert (await running.get("/readyz")).json()["problems"] == ["the inbox takes no webhooks"]


async def test_little_room_is_not_ready_and_still_healthy(running: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=999_999))
    assert (await running.get("/healthz")).status_code == 200
    answer = await running.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["0 MB are free on the disk, min_free_mb is 1"])


async def test_a_service_that_stops_is_not_ready(running: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.draining.set()
    assert (await running.get("/readyz")).json() == {"ready": False, "problems": ["the service stops"]}


async def test_refused_webhooks_are_counted(running: httpx.AsyncClient, appliance: Appliance) -> None:
    await running.post("/webhooks/zoom", content=b"{}")
    await running.post("/webhooks/zoom", content=b"[]", headers=sign(b"[]", str(APPS[0].webhook_secret), NOW_S))
    told = (await running.get("/healthz")).json()
    assert (told["webhooks_unsigned"], told["webhooks_not_understood"], told["webhooks_not_kept"]) == (1, 1, 0)


async def test_strangers_who_ask_all_the_time_make_nobody_write_more_than_once_a_second(
    appliance: Appliance, tmp_path: Path
) -> None:
    now_s = [0.0]
    probe = WriteProbe(appliance.database, appliance.inbox, tmp_path, lambda: now_s[0])
    first = await probe.look()
    assert await probe.look() is first
    now_s[0] = write_probe.SERVES_S
    assert await probe.look() is not first
