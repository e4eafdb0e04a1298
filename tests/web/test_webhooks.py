"""Zoom's webhooks: who is believed, what is kept, what is answered, and that work happens after it."""

import asyncio
import hashlib
import hmac
import json
import threading
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from cc_voice.store import inbox, streams
from cc_voice.store.inbox import InboxRow
from cc_voice.store.streams import StreamRow
from cc_voice.web.appliance import Appliance
from tests.conftest import PATIENCE_S
from tests.web.conftest import APPS, NOW_S, Clock, sign

PATH = "/webhooks/zoom"
STARTED = json.dumps(
    {
        "event": "contact_center.voice_rtms_started",
        "event_ts": 1790000000123,
        "payload": {"engagement_id": "E9", "rtms_stream_id": "stream-9", "server_urls": "wss://rtms.example.zoom.us/sig"},
    }
).encode()


def signed(body: bytes, app: int = 0, at_s: float = NOW_S) -> dict[str, Any]:
    return {"content": body, "headers": sign(body, str(APPS[app].webhook_secret), at_s)}


def states(appliance: Appliance) -> list[tuple[str, str, str | None]]:
    """Return app, state and note of every webhook in the inbox."""
    rows = appliance.inbox.run(lambda con: inbox.select(con, "true"))
    return [(row.app, row.state, row.note) for row in rows]


def known(appliance: Appliance) -> list[StreamRow]:
    return appliance.database.read_now(streams.list_streams)


async def test_a_signed_webhook_is_kept_answered_and_acted_on(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    answer = await stranger.post(PATH, **signed(STARTED))
    assert (answer.status_code, answer.content) == (200, b"")
    await appliance.dispatcher.settle()
    assert states(appliance) == [("sales", "done", None)]
    assert [(row.stream_id, row.app, row.stage) for row in known(appliance)] == [("stream-9", "sales", "received")]


async def test_each_app_is_known_by_its_secret(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    assert (await stranger.post(PATH, **signed(STARTED, app=1))).status_code == 200
    await appliance.dispatcher.settle()
    assert [row.app for row in known(appliance)] == ["service"]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda r: r | {"content": r["content"].replace(b"E9", b"E8")},
        lambda r: r | {"headers": sign(r["content"], "another token", NOW_S)},
        lambda r: r | {"headers": {k: v for k, v in r["headers"].items() if k != "x-zm-signature"}},
        lambda r: r | {"headers": {k: v for k, v in r["headers"].items() if k != "x-zm-request-timestamp"}},
        lambda r: r | {"headers": r["headers"] | {"x-zm-request-timestamp": "yesterday"}},
        lambda r: r | {"headers": r["headers"] | {"x-zm-signature": "v0=" + "ä" * 64}},
        lambda r: r | {"content": r["content"] + b" "},
    ],
    ids=["body", "token", "no signature", "no time stamp", "no number", "not ascii", "one more byte"],
)
async def test_what_is_not_signed_is_refused_without_a_word(stranger: httpx.AsyncClient, appliance: Appliance, tamper: Any) -> None:
    request = tamper(signed(STARTED))
    request["headers"] = {k: v.encode() for k, v in request["headers"].items()}
    with capture_logs() as logs:
        answer = await stranger.post(PATH, **request)
    assert answer.status_code == 401
    assert "signature" not in answer.text.lower()
    assert [(line["log_level"], line["apps"]) for line in logs] == [("warning", ["sales", "service"])]
    assert states(appliance) == []


@pytest.mark.parametrize(("age_s", "status"), [(300, 200), (301, 401), (-300, 200), (-301, 401)])
async def test_a_time_stamp_is_good_for_five_minutes(stranger: httpx.AsyncClient, clock: Clock, age_s: int, status: int) -> None:
    clock.now_s = float(int(NOW_S)) + age_s
    assert (await stranger.post(PATH, **signed(STARTED))).status_code == status


async def test_the_url_challenge_is_answered_with_the_secret_that_signed_it(
    stranger: httpx.AsyncClient, appliance: Appliance
) -> None:
    body = b'{"event":"endpoint.url_validation","payload":{"plainToken":"plain"},"event_ts":1}'
    answer = await stranger.post(PATH, **signed(body, app=1))
    expected = hmac.new(b"second token", b"plain", hashlib.sha256).hexdigest()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"plainToken": "plain", "encryptedToken": expected}
    assert states(appliance) == []


async def test_a_repeated_webhook_is_answered_and_does_nothing(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    for _ in range(3):
        assert (await stranger.post(PATH, **signed(STARTED))).status_code == 200
    await appliance.dispatcher.settle()
    assert len(states(appliance)) == 1
    assert [row.epoch for row in known(appliance)] == [1]


async def test_a_webhook_that_cannot_be_kept_is_refused_so_that_zoom_repeats_it(
    stranger: httpx.AsyncClient, appliance: Appliance
) -> None:
    """A full disk, and then room again: Zoom's next delivery is kept as if it were the first."""
    limit = lambda pages: appliance.inbox.run(lambda con: con.execute(f"pragma max_page_count = {pages}").fetchall())  # noqa: E731
    limit(1)
    with capture_logs() as logs:
        body = STARTED.replace(b"stream-9", b"x" * 20_000)
        assert (await stranger.post(PATH, **signed(body))).status_code == 503
    assert ["full" in line["reason"] for line in logs if line["event"] == "webhook not kept"] == [True]
    assert states(appliance) == []
    limit(1_000_000)
    assert (await stranger.post(PATH, **signed(body))).status_code == 200
    assert len(states(appliance)) == 1


async def test_a_webhook_is_answered_whatever_the_store_does(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    """The writer is held up, as by a call of hours: the answer does not wait for it."""
    go_on = threading.Event()
    held = asyncio.create_task(appliance.database.write(lambda con: go_on.wait(PATIENCE_S)))
    assert (await stranger.post(PATH, **signed(STARTED))).status_code == 200
    assert not held.done()
    assert [state for _, state, _ in states(appliance)] == ["new"]
    go_on.set()
    await held
    await appliance.dispatcher.settle()
    assert [state for _, state, _ in states(appliance)] == ["done"]


async def test_what_zoom_calls_a_delivery_is_kept(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    request = signed(STARTED)
    request["headers"] |= {"x-zm-request-id": "d1" + "x" * 1000}
    assert (await stranger.post(PATH, **request)).status_code == 200
    [row] = appliance.inbox.run(lambda con: inbox.select(con, "true"))
    assert row.request_id == "d1" + "x" * 198


async def test_work_that_fails_is_noted_and_the_answer_stands(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    appliance.database.write_now(lambda con: con.execute("drop table stream"))
    assert (await stranger.post(PATH, **signed(STARTED))).status_code == 200
    await appliance.dispatcher.settle()
    [(_, state, note)] = states(appliance)
    assert state == "new", "what failed may pass: it is tried again, by the next start too"
    assert note
    assert "stream" in note


async def test_a_signed_body_that_is_no_webhook_is_a_mistake_of_the_sender(
    stranger: httpx.AsyncClient, appliance: Appliance
) -> None:
    for body in (b"not json", b"[]", b'{"event":"contact_center.voice_rtms_started","payload":{}}'):
        assert (await stranger.post(PATH, **signed(body))).status_code == 400
    assert states(appliance) == []


async def test_an_unknown_event_is_kept_and_needs_nothing(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    body = b'{"event":"meeting.something_new","event_ts":1,"payload":{}}'
    assert (await stranger.post(PATH, **signed(body))).status_code == 200
    assert [(state, note) for _, state, note in states(appliance)] == [("done", None)]


async def test_a_body_too_large_is_not_read(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    body = b'{"event":"' + b"x" * (1 << 20) + b'"}'
    assert (await stranger.post(PATH, **signed(body))).status_code == 413
    assert states(appliance) == []


async def test_a_webhook_needs_no_page_of_ours_but_a_get_is_not_possible(stranger: httpx.AsyncClient) -> None:
    request = signed(STARTED)
    request["headers"] |= {"sec-fetch-site": "cross-site", "origin": "https://zoom.example"}
    assert (await stranger.post(PATH, **request)).status_code == 200
    assert (await stranger.get(PATH)).status_code == 405


async def test_the_inbox_row_is_there_before_the_work(stranger: httpx.AsyncClient, appliance: Appliance) -> None:
    """What an earlier process promised and did not do is found by its successor."""
    body = STARTED.replace(b"stream-9", b"stream-10")
    row = InboxRow(
        webhook_id=inbox.webhook_id("sales", body),
        received_unix_ms=1,
        app="sales",
        event="Started",
        stream_id="stream-10",
        body=body,
    )
    appliance.inbox.take_over([row])
    assert (await stranger.post(PATH, **signed(body))).status_code == 200
    await appliance.dispatcher.settle()
    assert known(appliance) == []
    assert [row.stream_id for row in appliance.inbox.pending()] == ["stream-10"]
