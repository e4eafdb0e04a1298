"""The fleet of one machine: always so many workers, no stream forgotten, nobody left behind."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from multiprocessing import active_children

import msgspec
import pytest
from structlog.testing import capture_logs

from cc_voice.config.settings import Settings
from cc_voice.fleet import local
from cc_voice.fleet.local import LocalFleet
from cc_voice.fleet.messages import Announce, Closed, Lending, Ready, ToOwner
from cc_voice.fleet.worker_plan import plan
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.machine import Machine
from cc_voice.speech.recogniser_pool import PoolCounts
from tests.conftest import PATIENCE_S
from tests.fleet.conftest import spec, until, webhook


class Owner:
    """Owns a fleet and keeps what it is told."""

    def __init__(self, site: Settings) -> None:
        self.heard: list[ToOwner] = []
        self.lost: list[SessionSpec] = []
        self.fleet = LocalFleet(site, plan(site, Machine(2, None)), self.heard.append, self.lost.extend)

    @property
    def pids(self) -> list[int | None]:
        return [worker.pid for worker in self.fleet.status()]

    @property
    def loads(self) -> list[int]:
        return [worker.streams for worker in self.fleet.status()]

    def kill(self, seat: int) -> int:
        pid = self.pids[seat]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture
async def own(site: Settings) -> AsyncIterator[Callable[..., Owner]]:
    """Make a fleet of so many workers, stopped in the end."""
    made: list[Owner] = []

    async def owner(workers: int) -> Owner:
        made.append(Owner(msgspec.structs.replace(site, workers=workers)))
        await made[-1].fleet.start()
        return made[-1]

    yield owner
    for one in made:
        await one.fleet.stop()
    assert workers_left() == []


def workers_left() -> list[str]:
    """Return the workers that are still processes of ours; other tests in this process may have children of their own."""
    return [child.name for child in active_children() if child.name.startswith("cc-voice worker")]


async def test_streams_go_to_whoever_has_fewest_and_leave_when_closed(own: Callable[..., Owner], silent_zoom: str) -> None:
    owner = await own(2)
    assert sorted(type(message) is Ready for message in owner.heard) == [True, True]
    for number in range(4):
        owner.fleet.open(spec(f"s{number}", silent_zoom))
    assert owner.loads == [2, 2]
    for stream_id in ("s0", "s2"):  # the first worker's
        assert owner.fleet.tell(stream_id, Announce(stream_id, webhook("stopped", stream_id)))
    await until(lambda: owner.loads == [0, 2], "two streams are closed")
    assert not owner.fleet.tell("s0", Announce("s0", b"{}"))
    for number in range(4, 6):
        owner.fleet.open(spec(f"s{number}", silent_zoom))
    assert owner.loads == [2, 2]


async def test_a_killed_worker_is_replaced_and_its_streams_are_given_back(own: Callable[..., Owner], silent_zoom: str) -> None:
    owner = await own(2)
    for number in range(3):
        owner.fleet.open(spec(f"s{number}", silent_zoom))
    before = owner.pids
    owner.kill(0)
    await until(lambda: owner.lost, "its streams are given back")
    assert [one.stream_id for one in owner.lost] == ["s0", "s2"]
    assert owner.loads == [0, 1]
    for one in owner.lost:
        owner.fleet.open(msgspec.structs.replace(one, epoch=2))
    assert owner.loads == [0, 3], "the other worker takes them at once"
    await until(lambda: owner.pids[0] not in (None, before[0]), "the worker is replaced")
    assert owner.pids[1] == before[1]
    assert [worker.restarts for worker in owner.fleet.status()] == [1, 0]


async def test_what_a_workers_recognisers_do_is_told_until_it_is_replaced(own: Callable[..., Owner]) -> None:
    owner = await own(1)
    counts = PoolCounts(lent=5, fresh=2, kept=1, kept_mb=345.0, budget_mb=4000.0)
    owner.fleet._heard(owner.fleet._seats[0], Lending(counts))
    assert [worker.recognisers for worker in owner.fleet.status()] == [counts]
    owner.kill(0)
    await until(lambda: owner.fleet.status()[0].restarts, "the loss is noticed")
    assert [worker.recognisers for worker in owner.fleet.status()] == [PoolCounts()]


async def test_streams_that_come_while_the_only_worker_is_replaced_are_not_forgotten(
    own: Callable[..., Owner], silent_zoom: str
) -> None:
    owner = await own(1)
    owner.fleet.open(spec("before", silent_zoom))
    owner.kill(0)
    await until(lambda: owner.pids == [None], "the loss is noticed")
    owner.fleet.open(spec("meanwhile", silent_zoom))
    await until(lambda: owner.lost, "there is a worker again")
    assert [one.stream_id for one in owner.lost] == ["before", "meanwhile"]
    assert owner.loads == [0]
    for one in owner.lost:
        owner.fleet.open(msgspec.structs.replace(one, epoch=2))
        owner.fleet.tell(one.stream_id, Announce(one.stream_id, webhook("stopped", one.stream_id)))
    await until(lambda: owner.loads == [0], "the new worker serves them")
    closed = {(message.stream_id, message.epoch) for message in owner.heard if isinstance(message, Closed)}
    assert closed == {("before", 2), ("meanwhile", 2)}


@pytest.mark.parametrize("pause_s", [0.0, 0.5], ids=["starting", "pausing"])
async def test_a_fleet_that_stops_while_a_worker_is_replaced_leaves_none_behind(
    own: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch, pause_s: float
) -> None:
    monkeypatch.setattr(local, "RESTART_PAUSE_SECONDS", pause_s)
    owner = await own(1)
    owner.kill(0)
    await until(lambda: owner.fleet.status()[0].restarts, "the loss is noticed")
    await asyncio.wait_for(owner.fleet.stop(), local.DRAIN_SECONDS / 2)
    assert workers_left() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left that could start one later"


async def test_a_machine_that_cannot_start_a_process_is_asked_again(
    own: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch, silent_zoom: str
) -> None:
    monkeypatch.setattr(local, "RESTART_PAUSE_SECONDS", 0.1)
    owner = await own(1)
    owner.fleet.open(spec("s1", silent_zoom))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with capture_logs() as logs:
        owner.kill(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            await until(lambda: [e for e in logs if e["event"].startswith("worker cannot be started")], "an attempt has failed")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await until(lambda: owner.lost, "there is a worker")
    assert [one.stream_id for one in owner.lost] == ["s1"]


async def test_a_stopped_fleet_has_no_process_and_gives_nothing_back(own: Callable[..., Owner], silent_zoom: str) -> None:
    owner = await own(2)
    owner.fleet.open(spec("s1", silent_zoom))
    pids = owner.pids
    await asyncio.wait_for(owner.fleet.stop(), PATIENCE_S)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)
    assert owner.lost == []


async def test_why_a_worker_was_lost_is_told(own: Callable[..., Owner]) -> None:
    owner = await own(1)
    with capture_logs() as logs:
        owner.kill(0)
        await until(lambda: [line for line in logs if line["event"] == "worker lost"], "the loss is told")
    [lost] = [line for line in logs if line["event"] == "worker lost"]
    assert (lost["exit_code"], lost["why"]) == (-signal.SIGKILL, "SIGKILL; out of memory?")
