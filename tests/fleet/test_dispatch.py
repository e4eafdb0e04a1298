"""From announcement to stored call: real store, real workers; whatever fails in between is made good or told."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from structlog.testing import capture_logs

from cc_voice.call import ids
from cc_voice.call.batch import StageReached
from cc_voice.config.policies import in_force
from cc_voice.config.settings import Settings
from cc_voice.fleet import call_policies, dispatch, spooled_batches
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.fleet.worker_plan import plan
from cc_voice.media import recordings, spool
from cc_voice.query import policies
from cc_voice.query.reports import prepare
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.webhooks import SiteNotice, parse_webhook
from cc_voice.speech.machine import Machine
from cc_voice.store import batches, inbox, streams, webhook_payloads
from cc_voice.store.database import Connection, Database
from cc_voice.store.inbox import Inbox, InboxRow
from cc_voice.store.streams import StreamRow
from tests.call.golden import golden_stream
from tests.conftest import PATIENCE_S
from tests.fleet.conftest import APP, T0, record, until, webhook
from tests.fleet.rest import Rest, serving
from tests.store.conftest import golden
from tests.stored_calls import new_database

Run = Callable[..., Awaitable[Dispatcher]]
AT_ONCE = (0.01, 0.01, 0.01)


@pytest.fixture
def database(site: Settings) -> Iterator[Database]:
    opened = new_database(site.database_path)
    yield opened
    opened.close()


@pytest.fixture
def accepted(site: Settings) -> Iterator[Inbox]:
    """The inbox of the site."""
    opened = Inbox.open(site.inbox_path, lambda: T0 / 1000)
    yield opened
    opened.close()


@pytest.fixture
async def run(site: Settings, database: Database, accepted: Inbox) -> AsyncIterator[Run]:
    """Start a dispatcher with one worker, stopped in the end."""
    started: list[Dispatcher] = []

    async def dispatcher(retry_delays_s: tuple[float, ...] = AT_ONCE) -> Dispatcher:
        started.append(Dispatcher(site, database, accepted, plan(site, Machine(2, None)), retry_delays_s))
        await started[-1].start()
        return started[-1]

    yield dispatcher
    for one in started:
        await one.stop()


@pytest.fixture
def idle(site: Settings, database: Database, accepted: Inbox) -> Dispatcher:
    """A dispatcher whose workers were not started: streams are given to nobody."""
    return Dispatcher(site, database, accepted, plan(site, Machine(2, None)))


@pytest.fixture
def row(database: Database) -> Callable[[], StreamRow]:
    """The row of stream s1."""

    def load() -> StreamRow:
        found = database.read_now(lambda con: streams.load(con, "s1"))
        assert found is not None
        return found

    return load


def announced(
    database: Database,
    stage: str = "received",
    stream_id: str = "s1",
    call_id: str = "call-s1",
    held: tuple[tuple[str, str], ...] = (),
) -> int:
    """Put a stream into the store that an earlier process served up to a stage; its epoch."""

    def insert(con: Connection) -> int:
        target = StreamTarget(
            product="contact_center",
            instance_key="engagement_id",
            instance_id="E",
            stream_id=stream_id,
            server_urls="wss://x.zoom.us",
        )
        streams.open_stream(
            con,
            stream_id=stream_id,
            call_id=call_id,
            product="contact_center",
            instance_id="E",
            app=APP.name,
            target=msgspec.json.encode(target).decode(),
            language="en",
            started_unix_ms=T0,
            policies=held,
        )
        taken = streams.take(con, stream_id)
        assert taken is not None
        streams.reach(con, StageReached(call_id=call_id, stream_id=stream_id, epoch=taken.epoch, stage=stage))
        return taken.epoch

    return database.write_now(insert)


def states(accepted: Inbox) -> list[tuple[str, str | None]]:
    """State and note of every webhook in the inbox."""
    return accepted.run(lambda con: con.execute("select state, note from webhook order by state").fetchall())


def keep(accepted: Inbox, body: bytes, stream_id: str | None = "s1") -> None:
    """Put a webhook into the inbox that an earlier process accepted and did not act on."""
    row = InboxRow(
        webhook_id=inbox.webhook_id(APP.name, body),
        received_unix_ms=T0,
        app=APP.name,
        event="Started",
        stream_id=stream_id,
        body=body,
    )
    accepted.take_over([row])


async def tell(dispatcher: Dispatcher, body: bytes) -> None:
    """Act on a webhook as the web does when it is safe in the inbox."""
    told = parse_webhook(body)
    if isinstance(told, SiteNotice):
        name = inbox.webhook_id(APP.name, body)
        dispatcher.accept(InboxRow(webhook_id=name, received_unix_ms=T0, app=APP.name, event="", stream_id=None, body=body), told)
        return
    await dispatcher.answer(inbox.webhook_id(APP.name, body), APP.name, body)


def count(database: Database, table: str) -> int:
    rows: list[Any] = database.read_now(lambda con: con.execute(f"select count(*) from {table}").fetchall())
    return int(rows[0][0])


# -- webhooks --------------------------------------------------------------------------------------------------------


async def test_an_announced_stream_is_known_once_with_all_that_a_later_process_needs(
    idle: Dispatcher, database: Database, row: Callable[[], StreamRow]
) -> None:
    for _ in range(3):
        await tell(idle, webhook("started", url="wss://one.zoom.us"))
    assert count(database, "stream") == 1
    assert (row().epoch, row().stage, row().app) == (1, "received", "default")
    target = msgspec.json.decode(row().target, type=StreamTarget)
    assert (target.server_urls, target.event_ts_ms) == ("wss://one.zoom.us", T0)


@pytest.mark.parametrize(
    ("event", "payload", "level", "told"),
    [
        (
            "rtms.concurrency_limited",
            {"number": 40, "limit": 40},
            "error",
            "the account is at its limit of streams: one did not start",
        ),
        ("rtms.concurrency_near_limit", {"number": 36, "limit": 40}, "warning", "the account comes near its limit of streams"),
        ("rtms.start_failed", {"why": "?"}, "error", "Zoom could not start a stream; its webhook is in the inbox for ten minutes"),
        ("meeting.ended", {}, "info", "webhook needs no action; told once for each kind"),
    ],
)
async def test_what_the_account_is_told_reaches_the_operator(
    idle: Dispatcher, event: str, payload: dict[str, int], level: str, told: str
) -> None:
    with capture_logs() as logs:
        await tell(idle, msgspec.json.encode({"event": event, "event_ts": T0, "payload": payload}))
    assert [(line["log_level"], line["event"]) for line in logs] == [(level, told)]


async def test_a_stream_that_zoom_moved_is_taken_up_at_its_new_server(
    idle: Dispatcher, database: Database, row: Callable[[], StreamRow]
) -> None:
    def server() -> str:
        return msgspec.json.decode(row().target, type=StreamTarget).server_urls

    for url, at_ms in (("wss://one.zoom.us", T0), ("wss://two.zoom.us", T0 + 5000), ("wss://one.zoom.us", T0 - 1)):
        await tell(idle, webhook("started", url=url, at_ms=at_ms))
    assert server() == "wss://two.zoom.us", "an announcement that was overtaken changes nothing"
    assert (row().epoch, row().started_unix_ms) == (1, T0)
    epoch = StageReached(call_id=row().call_id, stream_id="s1", epoch=1, stage="failed", reason="over")
    database.write_now(lambda con: streams.reach(con, epoch))
    await tell(idle, webhook("started", url="wss://three.zoom.us", at_ms=T0 + 9000))
    assert server() == "wss://two.zoom.us"


async def test_a_started_after_the_end_is_tried_once_and_told(
    run: Run, database: Database, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    await tell(dispatcher, webhook("stopped", stop_reason=6))
    await until(lambda: row().stage == "failed", "the stream is over")
    await until(lambda: [worker.streams for worker in dispatcher.status()] == [0], "the worker has left it")
    later = webhook("started", url=silent_zoom, at_ms=T0 + 5000)
    with capture_logs() as logs:
        for _ in range(2):
            await tell(dispatcher, later)
    told = [line["event"] for line in logs if "announced again" in line["event"]]
    assert told[0] == "stream announced again after its end; it is tried once"
    assert (row().stage, row().epoch) == ("received", 2)
    await tell(dispatcher, webhook("stopped", stop_reason=6, at_ms=T0 + 6000))
    await until(lambda: row().stage == "failed", "it is over again")


async def test_a_started_of_a_revoked_stream_brings_nothing_back(
    idle: Dispatcher, database: Database, row: Callable[[], StreamRow]
) -> None:
    announced(database, stage="revoked")
    await tell(idle, webhook("started", at_ms=T0 + 5000))
    assert row().stage == "revoked"


async def test_a_failover_reaches_the_session_that_has_the_stream(run: Run, silent_zoom: str, row: Callable[[], StreamRow]) -> None:
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    with socket.socket() as successor:
        successor.bind(("127.0.0.1", 0))
        successor.listen()
        url = f"ws://127.0.0.1:{successor.getsockname()[1]}"
        await tell(dispatcher, webhook("started", url=url, at_ms=T0 + 5000))
        connection, _ = await asyncio.wait_for(asyncio.to_thread(successor.accept), PATIENCE_S)
        connection.close()
    assert row().epoch == 1


async def test_a_site_that_is_left_takes_up_no_stream(idle: Dispatcher, row: Callable[[], StreamRow]) -> None:
    """The next start does: it is as it was announced."""
    idle.leave()
    await tell(idle, webhook("started"))
    assert (row().epoch, row().stage) == (0, "received")


async def test_ordinary_webhooks_stay_with_the_call_they_are_about(idle: Dispatcher, database: Database) -> None:
    def body(name: str, **fields: Any) -> bytes:
        payload = {"engagement_id": "E2", "consumer_number": "x", "phone_number": "+15551234567"} | fields
        return json.dumps({"event": f"contact_center.{name}", "event_ts": T0, "payload": payload}).encode()

    for _ in range(2):
        await tell(idle, body("engagement_started", transfer_from_id="E"))
    await tell(idle, body("engagement_ended"))
    kept = database.read_now(lambda con: streams.webhooks_of(con, ids.call_id("contact_center", "E2")))
    assert {(one.name, one.at_unix_ms, one.transfer_from_call_id) for one in kept} == {
        ("engagement_started", T0, ids.call_id("contact_center", "E")),
        ("engagement_ended", T0, None),
    }
    assert len(kept) == 2
    assert not any("1234" in one.payload for one in kept)


async def test_webhooks_about_no_call_are_kept_together_and_published(
    idle: Dispatcher, database: Database, accepted: Inbox
) -> None:
    def body(name: str, at_ms: int, **fields: Any) -> bytes:
        payload = {"user_id": "u", "user_name": "Sam", "phone_number": "+15551234567"} | fields
        return json.dumps({"event": f"contact_center.{name}", "event_ts": T0 + at_ms, "payload": payload}).encode()

    statuses = [("Ready", 0), ("Ready", 1_000), ("Occupied", 4_000), ("Not Ready", 9_000)]
    bodies = [body("user_status_changed", at_ms, status_name=status) for status, at_ms in statuses]
    bodies.append(body("queue_inbound_sla_updated", 5_000, queue_id="q1", queue_name="Support"))
    for one in (*bodies, bodies[0]):
        await tell(idle, one)
    await idle.stop()

    def published(con: Connection) -> tuple[list[Any], list[Any]]:
        prepare(con)
        kept = con.execute("select webhook_name, queue_name, payload from v_site_webhook order by at_ts").fetchall()
        return kept, con.execute("select user_name, status, status_ms from v_user_status order by status_from_ts").fetchall()

    kept, times = await database.read(published)
    assert [row[:2] for row in kept] == [("user_status_changed", None)] * 3 + [
        ("queue_inbound_sla_updated", "Support"),
        ("user_status_changed", None),
    ]
    assert not any("1234" in row[2] for row in kept)
    assert "Sam" in kept[0][2]
    assert await database.write(lambda con: webhook_payloads.forget(con, T0 + 5_000)) == 3
    assert [row[2] for row in (await database.read(published))[0]] == ["{}"] * 3 + [row[2] for row in kept[3:]]
    assert await database.write(lambda con: webhook_payloads.forget(con, T0 + 5_000)) == 0
    assert times == [("Sam", "Ready", 4_000), ("Sam", "Occupied", 5_000), ("Sam", "Not Ready", None)]
    assert accepted.pending() == []


async def test_a_call_s_webhooks_are_published(idle: Dispatcher, database: Database) -> None:
    payload = {"engagement_id": "E2", "phone_number": "+15551234567", "transfer_from_id": "E"}
    await tell(idle, json.dumps({"event": "contact_center.engagement_started", "event_ts": T0, "payload": payload}).encode())

    def published(con: Connection) -> list[Any]:
        prepare(con)
        sql = "select webhook_name, call_id, transfer_from_call_id, is_measured, payload ->> 'phone_number' from v_call_webhook"
        return con.execute(sql).fetchall()

    calls = [ids.call_id("contact_center", one) for one in ("E2", "E")]
    assert await database.read(published) == [("engagement_started", *calls, False, "+*********67")]


async def test_webhooks_of_unknown_streams_are_nothing(idle: Dispatcher, database: Database) -> None:
    for kind in ("stopped", "interrupted"):
        await tell(idle, webhook(kind, "unknown", stop_reason=6))
    await tell(idle, webhook("stopped", "unknown", stop_reason=8))
    assert count(database, "stream") == 0


async def test_a_stopped_stream_ends_and_tells_why_there_is_no_call(
    run: Run, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    await tell(dispatcher, webhook("stopped", stop_reason=6))
    await until(lambda: row().stage == "failed", "the stream is over")
    assert row().failure == "no media was received before the stream ended"
    await until(lambda: [worker.streams for worker in dispatcher.status()] == [0], "the worker has left it")


async def test_what_an_earlier_process_accepted_is_done_at_start(
    run: Run, accepted: Inbox, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    for body in (webhook("started", url=silent_zoom), webhook("stopped", "unknown"), b"no webhook at all"):
        keep(accepted, body, None)
    dispatcher = await run()
    await until(lambda: not accepted.pending(), "the inbox is worked off")
    assert [state for state, _ in states(accepted)] == ["done", "done", "failed"]
    await until(lambda: dispatcher.status()[0].streams == 1, "the stream is served")
    assert row().epoch == 1


# -- streams that fail, and go on --------------------------------------------------------------------------------------


async def test_unfinished_streams_go_on_from_their_stage_at_start(
    run: Run, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    announced(database, "recorded")
    record(site, "call-s1")
    await run()
    await until(lambda: row().stage == "measured", "the call is measured")
    assert row().epoch == 2
    assert count(database, "fact_call") == 1
    await until(lambda: not list(spool.waiting(site.spool_dir)), "the spool is empty")


async def test_a_session_that_failed_is_taken_up_again_while_zoom_still_sends(
    run: Run, site: Settings, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    site.recordings_dir.touch()  # a file where the folder should be: no recording can be begun
    dispatcher = await run((0.01, 0.5, 0.5, 0.5, 0.5, 0.5))
    await tell(dispatcher, webhook("started", url=silent_zoom))
    await until(lambda: row().failure, "the failure is told")
    assert "recordings" in (row().failure or "")
    site.recordings_dir.unlink()
    await until(lambda: list(site.recordings_dir.glob("*/*/stream.json")), "the stream is being recorded")
    assert row().epoch > 1
    assert dispatcher.status()[0].streams == 1


async def test_a_stream_that_fails_always_is_given_up_until_the_next_start(
    run: Run, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    announced(database, "transcribed")  # and no analysis
    with capture_logs() as logs:
        first = await run()
        await until(lambda: [e for e in logs if e["event"].startswith("stream given up")], "it is given up")
    assert row().epoch == 1 + 1 + len(AT_ONCE)
    assert row().stage == "transcribed"
    await until(lambda: "no analysis" in (row().failure or ""), "the failure is told")
    await first.stop()
    await run()
    await until(lambda: row().epoch > 1 + 1 + len(AT_ONCE), "the next start tries again")


async def test_a_killed_workers_stream_is_taken_up_by_its_successor(
    run: Run, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    [before] = dispatcher.status()
    os.kill(before.pid or 0, signal.SIGKILL)
    await until(lambda: dispatcher.status()[0].streams == 1 and row().epoch >= 2, "the stream is taken up")
    [after] = dispatcher.status()
    assert after.pid not in (None, before.pid)


async def test_what_a_dead_worker_delivered_counts_before_its_stream_is_given_away(
    run: Run, site: Settings, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    """It was killed between spool and bell; a revocation must not be overtaken by the successor's epoch."""
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    spool.put(site.spool_dir, StageReached(call_id=row().call_id, stream_id="s1", epoch=1, stage="revoked", stop_reason=8))
    os.kill(dispatcher.status()[0].pid or 0, signal.SIGKILL)
    await until(lambda: row().stage == "revoked", "the batch is committed")
    assert row().epoch == 1
    await until(lambda: not list(spool.waiting(site.spool_dir)), "the spool is empty")


async def test_stopping_does_not_wait_for_attempts_that_are_far_away(
    run: Run, database: Database, row: Callable[[], StreamRow]
) -> None:
    announced(database, "transcribed")
    dispatcher = await run((3600.0,))
    await until(lambda: row().failure, "the first attempt failed")
    await asyncio.wait_for(dispatcher.stop(), PATIENCE_S)
    assert row().epoch == 2


# -- asking for another ------------------------------------------------------------------------------------------------


@pytest.fixture
def rest() -> Iterator[Rest]:
    with serving() as played:
        yield played


@pytest.mark.parametrize(("restart_streams", "asked"), [("on", 1), ("off", 0)])
async def test_a_stream_that_zoom_ended_by_a_fault_is_asked_for_where_settings_say_so(
    site: Settings, database: Database, accepted: Inbox, rest: Rest, restart_streams: Literal["on", "off"], asked: int
) -> None:
    now_ms = int(time.time() * 1000)
    changed = msgspec.structs.replace(site, restart_streams=restart_streams, apps=(rest.app(),))
    dispatcher = Dispatcher(changed, database, accepted, plan(changed, Machine(2, None)), restart_delays_s=(0.0,))
    await tell(dispatcher, webhook("started"))
    for reason in (6, 10):
        body = json.loads(webhook("stopped", stop_reason=reason)) | {"event_ts": now_ms}
        await tell(dispatcher, json.dumps(body).encode())
    if asked:
        await until(lambda: rest.commands, "Zoom is asked")
        assert json.loads(rest.commands[0].body)["action"] == "start"
    await dispatcher.stop()
    assert len(rest.commands) == asked


# -- failures that pass ------------------------------------------------------------------------------------------------


async def test_a_webhook_whose_work_fails_is_tried_again(run: Run, database: Database, accepted: Inbox, silent_zoom: str) -> None:
    def rename(old: str, new: str) -> None:
        database.write_now(lambda con: con.execute(f"alter table {old} rename to {new}"))

    dispatcher = await run((0.01, 0.2, 0.2))
    body = webhook("started", url=silent_zoom)
    keep(accepted, body)
    rename("stream", "stream_away")
    await tell(dispatcher, body)
    [(state, note)] = states(accepted)
    assert state == "new"
    assert "stream" in (note or "")
    rename("stream_away", "stream")
    await until(lambda: states(accepted)[0][0] == "done", "it was acted on")
    await until(lambda: dispatcher.status()[0].streams == 1, "the stream is served")


async def test_a_webhook_that_always_fails_is_given_up(site: Settings, database: Database, accepted: Inbox) -> None:
    dispatcher = Dispatcher(site, database, accepted, plan(site, Machine(2, None)), (0.0,))
    body = webhook("started")
    keep(accepted, body)
    database.write_now(lambda con: con.execute("drop table stream"))
    await tell(dispatcher, body)
    await until(lambda: [state for state, _ in states(accepted)] == ["failed"], "it is given up")


# -- revoked -----------------------------------------------------------------------------------------------------------


def assert_nothing_left(site: Settings, database: Database) -> None:
    assert [path for path in site.recordings_dir.glob("**/*") if path.is_file()] == []
    assert count(database, "fact_call") == count(database, "fact_utterance") == 0


async def test_revoking_a_finished_stream_deletes_what_is_here(
    idle: Dispatcher, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    epoch = announced(database, "transcribed", call_id="golden")
    record(site, "golden")
    database.write_now(lambda con: batches.write_batch(con, golden(epoch=epoch), site.site))
    assert count(database, "fact_call") == 1
    site.sql_dir.mkdir(parents=True, exist_ok=True)
    (site.sql_dir / "snapshot.duckdb").touch()  # a copy that people ask in SQL
    for _ in range(2):
        await tell(idle, webhook("stopped", stop_reason=8))
    assert (row().stage, row().stop_reason) == ("revoked", 8)
    assert_nothing_left(site, database)
    assert list(site.sql_dir.iterdir()) == []


async def test_revoking_a_stream_that_is_being_measured(
    run: Run, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    """Its worker listens to no webhook any more, and writes to the recording until it has finished."""
    announced(database, "recorded")
    record(site, "call-s1", seconds=100)
    dispatcher = await run()
    await until(lambda: dispatcher.status()[0].streams == 1, "it is being measured")
    await tell(dispatcher, webhook("stopped", stop_reason=8))
    assert row().stage == "revoked"
    await until(lambda: dispatcher.status()[0].streams == 0, "the worker has finished")
    await until(lambda: not site.recordings_dir.exists() or not list(site.recordings_dir.iterdir()), "the recording is deleted")
    assert_nothing_left(site, database)
    assert row().stage == "revoked"


async def test_revoking_a_live_stream(
    run: Run, site: Settings, database: Database, silent_zoom: str, row: Callable[[], StreamRow]
) -> None:
    dispatcher = await run()
    await tell(dispatcher, webhook("started", url=silent_zoom))
    await until(lambda: list(site.recordings_dir.glob("*/*/stream.json")), "it is being recorded")
    await tell(dispatcher, webhook("stopped", stop_reason=8))
    await until(lambda: dispatcher.status()[0].streams == 0, "the session has ended")
    await until(lambda: not list(site.recordings_dir.iterdir()), "the recording is deleted")
    assert row().stage == "revoked"
    assert_nothing_left(site, database)


async def test_a_deletion_that_was_cut_short_is_finished_at_start(run: Run, site: Settings, database: Database) -> None:
    announced(database, "revoked")
    record(site, "call-s1")
    await run()
    assert_nothing_left(site, database)


async def test_revoking_one_stream_of_a_call_leaves_the_others(run: Run, site: Settings, database: Database) -> None:
    """The revoked stream took the measured call with it; the other one is measured again without it."""
    for stream_id in ("s1", "s2"):
        announced(database, "recorded", stream_id=stream_id)
        record(site, "call-s1", stream_id=stream_id)
    dispatcher = await run()
    stages = lambda: {s.stream_id: s.stage for s in database.read_now(streams.list_streams)}  # noqa: E731
    await until(lambda: set(stages().values()) == {"measured"}, "both are measured")
    await tell(dispatcher, webhook("stopped", stop_reason=8))
    await until(lambda: stages() == {"s1": "revoked", "s2": "measured"}, "the other is measured again")
    left = [path.parent for path in site.recordings_dir.glob("*/*/stream.json")]
    assert left == [recordings.stream_folder(site.recordings_dir, "call-s1", "s2")]
    assert count(database, "fact_call") == 1


# -- the spool ---------------------------------------------------------------------------------------------------------


async def test_the_spool_is_committed_at_start_whatever_one_file_is_like(
    run: Run, site: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_batches, "RETRY_SECONDS", 0.01)
    site.spool_dir.mkdir(parents=True)
    broken: Path = site.spool_dir / "0-1.batch"
    broken.write_bytes(b"\x00garbage")
    spool.put(site.spool_dir, golden())
    with capture_logs() as logs:
        await run()
        assert count(database, "fact_call") == 1
        assert list(spool.waiting(site.spool_dir)) == ["0-1"]
        spool.put(site.spool_dir, golden(call_id="later", stream_id="s9"))
        await until(lambda: count(database, "fact_call") == 2, "the spool is looked through again")
    assert [entry["batch_id"] for entry in logs if entry["event"] == "batch stays in the spool"] == ["0-1"], "told once"


async def test_batches_of_a_replaced_session_leave_the_spool_without_a_trace(
    run: Run, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    announced(database, call_id="golden")
    database.write_now(lambda con: streams.take(con, "s1"))
    spool.put(site.spool_dir, golden(epoch=1))
    await run((3600.0,))
    assert list(spool.waiting(site.spool_dir)) == []
    assert count(database, "fact_call") == 0
    assert row().stage == "received"


async def test_what_webhooks_said_of_a_revoked_stream_is_overwritten(
    idle: Dispatcher, database: Database, accepted: Inbox, row: Callable[[], StreamRow]
) -> None:
    for body in (webhook("started"), webhook("stopped", stop_reason=8)):
        keep(accepted, body)
        await tell(idle, body)
    assert row().stage == "revoked"
    bodies = accepted.run(lambda con: con.execute("select body, state, note from webhook").fetchall())
    assert bodies == [(b"", "done", dispatch.REVOKED)] * 2


async def test_a_call_is_measured_under_the_policies_it_began_with(
    run: Run, site: Settings, database: Database, row: Callable[[], StreamRow]
) -> None:
    text = "format = 1\n[[thresholds]]\nlong_silence_ms = {}\n"
    first = policies.PolicyChange(kind="thresholds", text=text.format(4_600), seen=None, actor="rosa")
    policies.publish(database, site, first)
    held = in_force(site).policies
    policies.publish(database, site, msgspec.structs.replace(first, text=text.format(2_000)))
    heard = msgspec.structs.replace(golden_stream(), call_id="golden", stream_id="s1")
    record(site, "golden")
    recordings.save_analysis(site.recordings_dir, heard)
    announced(database, "transcribed", call_id="golden", held=held)
    announced(database, "failed", stream_id="s2", call_id="golden", held=in_force(site).policies)
    assert database.read_now(lambda con: streams.load(con, "s2")).held_policies == held  # a further stream of the same call
    await run()
    await until(lambda: row().stage == "measured", "the call is measured")
    found = database.read_now(lambda con: con.execute("select policies, long_silence_count from fact_leg").fetchall())
    assert found == [("language default, thresholds 1", 0)]  # 4.5 s of silence in the example: one under version 2
    new = await asyncio.to_thread(call_policies.in_force_or, site)
    assert dict(new.policies)["thresholds"] == "2"
