"""Outgoing webhooks: who gets what when, seen through or given up, on a store of its own with receivers on this machine."""

import asyncio
import datetime
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cc_voice.config.secret import Secret
from cc_voice.config.settings import Settings
from cc_voice.config.webhook_settings import WebhookEndpoint, problem
from cc_voice.exports.webhook_sending import new_client
from cc_voice.query.outgoing_webhooks import OFF_AFTER_S, OutgoingWebhooks
from cc_voice.query.webhook_questions import overview
from cc_voice.store import outbox
from cc_voice.store.database import Database
from cc_voice.store.outbox import EventType
from tests.conftest import PATIENCE_S
from tests.exports.test_webhook_sending import SECRET
from tests.stored_calls import new_database

NOON_S = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC).timestamp()


class Receiver(http.server.ThreadingHTTPServer):
    """Answers with `status`, once `gate` is open, and keeps what came."""

    def __init__(self) -> None:
        self.status = 204
        self.gate = threading.Event()
        self.gate.set()
        self.ids: list[str] = []
        self.bodies: list[dict[str, object]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def endpoint(self, name: str, **values: object) -> WebhookEndpoint:
        url = f"http://127.0.0.1:{self.server_address[1]}/{name}"
        return msgspec.structs.replace(WebhookEndpoint(url=url, name=name, secret=Secret(SECRET)), **values)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.gate.wait(PATIENCE_S)
        self.server.ids.append(self.headers["webhook-id"])
        self.server.bodies.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    found = [Receiver(), Receiver()]
    yield found
    for each in found:
        each.gate.set()
        each.shutdown()
        each.server_close()


class Site:
    """A store, a policy, a clock moved by hand, and the sender."""

    def __init__(self, folder: Path, *endpoints: WebhookEndpoint) -> None:
        self.now_s = NOON_S
        self.database: Database = new_database(folder / "store.duckdb")
        self.settings = Settings(
            data_dir=folder,
            webhooks=endpoints,
            allow_insecure_links=True,
            timezone="Europe/Berlin",
            public_url="https://voice.example.com",
        )
        self.sender = OutgoingWebhooks(self.settings, self.database, lambda: self.now_s)

    def cause(self, kind: EventType = "alert.raised", queue: str | None = None) -> str:
        at_ms = round(self.now_s * 1000)
        data = {"alert_id": "a1", "reason": "dead_air"}
        return self.database.write_now(
            lambda con: outbox.add(con, kind, at_ms, data, call_id="c1", queue=(queue, None), words="Silence for 14 s")
        )

    async def step(self, times: int = 2) -> None:
        """Hand out, then send, and wait for what came of it."""
        async with new_client() as client:
            for _ in range(times):
                await self.sender.step(client)
                await self.sender.settle()

    def states(self) -> list[tuple[str, str, int]]:
        found = self.database.read_now(lambda con: outbox.deliveries(con, 100))
        return sorted((each.endpoint, each.state, each.attempts) for each in found)

    def receiver_state(self, name: str) -> str:
        return next(each.state for each in overview(self.database, self.settings, 10).receivers if each.name == name)


async def test_a_message_goes_to_who_wants_it_with_words_only_where_asked(tmp_path: Path, receivers: list[Receiver]) -> None:
    first, second = receivers
    site = Site(
        tmp_path, first.endpoint("thin"), second.endpoint("words", include_text=True, queues=("q1",), events=("alert.raised",))
    )
    one, two = site.cause(queue="q1"), site.cause(queue="q2")
    site.cause("call.measured", queue="q1")
    await site.step()
    assert sorted(first.ids) == sorted([one, two])
    assert second.ids == [one]
    assert second.bodies[0] == {
        "type": "alert.raised",
        "timestamp": "2026-11-30T12:00:00Z",
        "data": {
            "alert_id": "a1",
            "reason": "dead_air",
            "link": "https://voice.example.com/calls/c1",
            "text": "Silence for 14 s",
        },
    }
    assert "text" not in first.bodies[0]["data"]  # type: ignore[operator]
    await site.step()
    assert len(first.ids) == 2


async def test_a_failure_is_tried_again_under_the_same_id_until_it_is_given_up(tmp_path: Path, receivers: list[Receiver]) -> None:
    receiver = receivers[0]
    receiver.status = 500
    site = Site(tmp_path, receiver.endpoint("r", events=("call.measured",)))
    message = site.cause("call.measured")
    await site.step()
    assert site.states() == [("r", "waiting", 1)]
    assert site.receiver_state("r") == "failing"
    await site.step()
    assert len(receiver.ids) == 1
    for _ in range(7):
        site.now_s += 12 * 3600
        await site.step(1)
    assert site.states() == [("r", "failed", 8)]
    assert receiver.ids == [message] * 8
    receiver.status = 200
    now = datetime.datetime.fromtimestamp(site.now_s, datetime.UTC)
    assert site.database.write_now(lambda con: outbox.replay(con, now, message, None)) == 1
    await site.step()
    assert site.states() == [("r", "sent", 1)]
    assert site.receiver_state("r") == "good"


async def test_gone_and_five_days_of_failure_switch_a_receiver_off(tmp_path: Path, receivers: list[Receiver]) -> None:
    gone, dead = receivers
    gone.status, dead.status = 410, 503
    site = Site(tmp_path, gone.endpoint("gone", events=("*",)), dead.endpoint("dead", events=("*",)))
    site.cause("call.measured")
    await site.step()
    assert (site.receiver_state("gone"), site.receiver_state("dead")) == ("off", "failing")
    site.now_s += OFF_AFTER_S + 1
    site.cause("call.measured")
    await site.step()
    assert site.receiver_state("dead") == "off"
    asked = len(gone.ids), len(dead.ids)
    site.cause("call.measured")
    site.now_s += 24 * 3600
    await site.step()
    assert (len(gone.ids), len(dead.ids)) == asked


async def test_late_alerts_are_dropped_and_calls_are_not(tmp_path: Path, receivers: list[Receiver]) -> None:
    receiver = receivers[0]
    site = Site(tmp_path, receiver.endpoint("r", events=("*",)))
    site.cause()
    measured = site.cause("call.measured")
    site.now_s += 16 * 60
    await site.step()
    assert receiver.ids == [measured]
    assert site.states() == [("r", "dropped", 0), ("r", "sent", 1)]


async def test_quiet_hours_are_the_sites_and_end_with_a_summary(tmp_path: Path, receivers: list[Receiver]) -> None:
    """Noon in UTC is 13:00 in Berlin."""
    receiver = receivers[0]
    site = Site(tmp_path, receiver.endpoint("r", events=("*",), quiet=("13:00-14:00",)))
    site.cause()
    site.cause()
    failed = site.cause("redaction.failed")
    await site.step()
    assert receiver.ids == [failed]
    site.now_s += 3600
    await site.step()
    assert [body["type"] for body in receiver.bodies] == ["redaction.failed", "alerts.quiet"]
    assert receiver.bodies[1]["data"] == {"alerts": 2}
    await site.step()
    assert len(receiver.ids) == 2


async def test_a_slow_receiver_delays_no_other(tmp_path: Path, receivers: list[Receiver]) -> None:
    slow, quick = receivers
    slow.gate.clear()
    site = Site(tmp_path, slow.endpoint("slow"), quick.endpoint("quick"))
    messages = [site.cause() for _ in range(30)]
    async with new_client() as client:
        deadline = time.monotonic() + PATIENCE_S
        while len(quick.ids) < len(messages):
            assert time.monotonic() < deadline
            await site.sender.step(client)
            await asyncio.sleep(0.01)
        assert slow.ids == []
        slow.gate.set()
        await site.sender.settle()
    assert sorted(quick.ids) == sorted(messages)


async def test_without_receivers_nothing_is_kept(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.cause()
    await site.step()
    assert site.database.read_now(lambda con: con.execute("select count(*) from webhook_message").fetchall()) == [(0,)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"url": "ftp://x/"}, "https"),
        ({"url": "https://me:pw@x/"}, "password"),
        ({"url": "https://x/", "secret": Secret("")}, "secret_file"),
        ({"url": "https://x/", "secret": Secret("whsec_c2hvcnQ=")}, "24"),
        ({"url": "https://x/", "events": ("call.rated",)}, "call.rated"),
        ({"url": "https://x/", "quiet": ("10pm-7am",)}, "22:00-07:00"),
    ],
)
def test_a_receiver_that_cannot_be_used_is_told(values: dict[str, object], told: str) -> None:
    endpoint = WebhookEndpoint(**({"secret": Secret(SECRET)} | values))  # type: ignore[arg-type]
    assert told in (problem([endpoint]) or "")


@pytest.mark.parametrize(
    ("span", "quiet"), [("22:00-07:00", [*range(7), 22, 23]), ("12:00-13:00", [12]), ("00:00-24:00", list(range(24)))]
)
def test_quiet_hours_may_pass_midnight(span: str, quiet: list[int]) -> None:
    endpoint = WebhookEndpoint(url="https://x/", quiet=(span,))
    assert [hour for hour in range(24) if endpoint.is_quiet(datetime.datetime(2026, 1, 1, hour, 59))] == quiet
