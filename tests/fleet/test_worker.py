"""A worker process at the end of a pipe: what it answers, and when it ends."""

import asyncio
import os
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import msgspec
import pytest

from cc_voice.call.batch import CallMeasured, StageReached
from cc_voice.config import settings as configuration
from cc_voice.config.settings import Settings
from cc_voice.fleet import worker
from cc_voice.fleet.messages import TO_OWNER, Announce, Closed, Drain, Leave, OpenStream, Ready, Spooled, ToOwner, ToWorker
from cc_voice.media import spool
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.webhooks import Started, parse_webhook
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S
from tests.fleet.conftest import APP, record, spec, until, webhook


class Worker:
    """A spawned worker and our end of its pipe."""

    def __init__(self, site: Settings) -> None:
        context = get_context("spawn")
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.printed, prints = context.Pipe(duplex=False)
        arguments = (theirs, prints, configuration.dumps(site), 1)
        self.process: SpawnProcess = context.Process(target=worker.main, args=arguments)
        self.process.start()
        theirs.close()
        prints.close()

    def tell(self, *messages: ToWorker) -> None:
        for message in messages:
            self.pipe.send_bytes(msgspec.msgpack.encode(message))

    def hear(self) -> ToOwner:
        assert self.pipe.poll(PATIENCE_S), "the worker says nothing"
        return TO_OWNER.decode(self.pipe.recv_bytes())

    def hear_until_closed(self) -> list[ToOwner]:
        heard = [self.hear()]
        while not isinstance(heard[-1], Closed):
            heard.append(self.hear())
        return heard

    def exit_code(self) -> int | None:
        self.process.join(PATIENCE_S)
        return self.process.exitcode


@pytest.fixture
def started(site: Settings) -> Iterator[Worker]:
    made = Worker(site)
    ready = made.hear()
    assert ready == Ready(made.process.pid or 0)
    yield made
    made.process.kill()
    made.process.join()
    made.pipe.close()


def test_a_recorded_stream_is_carried_to_its_end(started: Worker, site: Settings) -> None:
    record(site, "call-s1")
    started.tell(OpenStream(spec(stage="recorded")))
    heard = started.hear_until_closed()
    assert heard[-1] == Closed("s1", 1)
    batches = [spool.read(site.spool_dir, message.batch_id) for message in heard if isinstance(message, Spooled)]
    assert [type(batch) for batch in batches] == [StageReached, CallMeasured]
    assert list(spool.waiting(site.spool_dir)) == [message.batch_id for message in heard if isinstance(message, Spooled)]


def test_a_webhook_right_behind_its_stream_is_not_lost(started: Worker, silent_zoom: str) -> None:
    """Else the session would try to reach a stream that is over until its window closes."""
    started.tell(OpenStream(spec(url=silent_zoom)), Announce("s1", webhook("stopped", stop_reason=6)))
    assert started.hear_until_closed()[-1] == Closed("s1", 1)


def test_webhooks_of_streams_it_does_not_have_are_nothing(started: Worker, site: Settings) -> None:
    started.tell(Announce("gone", webhook("stopped", "gone")), OpenStream(spec(stage="recorded")))
    assert started.hear_until_closed()[-1] == Closed("s1", 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"app": "removed"}, "SettingsError: call call-s1 belongs to app 'removed', which the configuration no longer has"),
        ({"stage": "transcribed"}, "RecordingError: call call-s1 has no analysis to measure"),
    ],
)
def test_a_stream_that_fails_says_why_and_takes_no_other_with_it(
    started: Worker, site: Settings, changes: dict[str, str], reason: str
) -> None:
    started.tell(OpenStream(spec(**changes)), OpenStream(spec("s2", stage="recorded")))
    closed = {}
    while len(closed) < 2:
        message = started.hear()
        if isinstance(message, Closed):
            closed[message.stream_id] = message.error
    assert (closed["s1"] or "").startswith(reason)
    assert closed["s2"] is None
    assert "secret" not in (closed["s1"] or "")


def test_it_ends_with_its_pipe(started: Worker, silent_zoom: str) -> None:
    started.tell(OpenStream(spec(url=silent_zoom)))
    started.pipe.close()
    assert started.exit_code() == 0


def test_a_drained_worker_lets_go_of_live_streams_and_ends(started: Worker, site: Settings, silent_zoom: str) -> None:
    started.tell(OpenStream(spec(url=silent_zoom)), Drain())
    assert started.hear_until_closed()[-1] == Closed("s1", 1)
    assert started.exit_code() == 0
    assert list(spool.waiting(site.spool_dir)) == [], "an abandoned stream has reached no stage"


def test_signals_from_the_terminal_are_the_services_business(started: Worker, site: Settings) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(started.process.pid or 0, number)
    started.tell(OpenStream(spec(stage="recorded")))
    assert started.hear_until_closed()[-1] == Closed("s1", 1)


def test_a_full_spool_is_told_and_the_next_session_finds_the_work(started: Worker, site: Settings) -> None:
    record(site, "call-s1")
    blocked = site.spool_dir
    blocked.touch()  # a file where the folder should be: nothing can be written
    started.tell(OpenStream(spec(stage="received", epoch=1)), Announce("s1", webhook("stopped")))
    failed = started.hear_until_closed()[-1]
    assert isinstance(failed, Closed)
    assert str(blocked) in (failed.error or "")
    Path(blocked).unlink()
    started.tell(OpenStream(spec(stage="recorded", epoch=2)))
    assert started.hear_until_closed()[-1] == Closed("s1", 2)


async def test_streams_that_are_left_for_good_are_told_to_zoom_and_measured(started: Worker, site: Settings) -> None:
    """Message 21, and reason 20: no minute in which Zoom waits for somebody who will not come back."""
    async with Simulator(SimulatorConfig(client_id=APP.client_id, client_secret=str(APP.client_secret))) as zoom:
        call = await zoom.start_call(CallRequest(scenario="good-call", speed=4.0))
        announced = parse_webhook(call.body.encode())
        assert isinstance(announced, Started)
        target = StreamTarget.of(announced)
        started.tell(OpenStream(spec(target.stream_id, target=target, instance_id=target.instance_id)))
        written = lambda: sum(path.stat().st_size for path in site.recordings_dir.rglob("*.rec"))  # noqa: E731
        await until(lambda: zoom.call(call.call).position_ms > 2_000 and written() > 10_000, "media flows")
        started.tell(Leave())
        heard = await asyncio.to_thread(started.hear_until_closed)
        status = await zoom.wait(call.call)
    assert heard[-1] == Closed(target.stream_id, 1)
    assert (status.stop_reason, status.violations) == (20, ())
    batches = [spool.read(site.spool_dir, message.batch_id) for message in heard if isinstance(message, Spooled)]
    assert isinstance(batches[-1], CallMeasured)
    assert batches[-1].call.call.stop_reason == 20
