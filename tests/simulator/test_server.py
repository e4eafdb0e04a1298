"""The control API and the webhooks, over HTTP."""

import hashlib
import hmac
import json

import httpx
import pytest

from cc_voice.rtms import client
from cc_voice.rtms.client import ClientOptions, Credentials, StreamTarget, TimeLimits
from cc_voice.rtms.webhooks import parse_webhook
from cc_voice.simulator.errors import RequestError, SimulatorError, UnknownCall
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator


@pytest.fixture
async def http(stage):
    async with httpx.AsyncClient(base_url=stage.simulator.url, trust_env=False) as client:
        yield client


def verified(secret: str, headers, body: bytes) -> bool:
    signed = b"v0:" + headers["x-zm-request-timestamp"].encode() + b":" + body
    return headers["x-zm-signature"] == "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


async def test_a_call_is_started_watched_and_ended(stage, http, wav, raw_client):
    channels = [{"party": "customer", "channel_id": "ch-x", "name": "Lee"}, {"party": "agent"}]
    answer = await http.post("/calls", json={"file": str(wav), "product": "contact_center", "channels": channels, "speed": 1})
    assert answer.status_code == 201
    started = answer.json()
    assert verified(stage.simulator.config.webhook_secret, started["headers"], started["body"].encode())
    webhook = json.loads(started["body"])
    assert webhook["event"] == "contact_center.voice_rtms_started"
    assert webhook["payload"]["server_urls"].startswith(stage.simulator.url.replace("http", "ws"))
    status = (await http.get(f"/calls/{started['call']}")).json()
    assert (status["state"], status["channels"][0]["channel"], status["violations"]) == ("announced", "ch-x", [])
    ended = (await http.delete(f"/calls/{started['call']}?reason=6")).json()
    assert (ended["state"], ended["stop_reason"]) == ("ended", 6)
    assert [call["call"] for call in (await http.get("/calls")).json()] == [started["call"]]


async def test_a_bundled_scenario_over_the_control_api(http, stage):
    assert "good-call" in (await http.get("/scenarios")).json()
    started = (await http.post("/calls", json={"scenario": "meeting", "speed": "max"})).json()
    assert json.loads(started["body"])["event"] == "meeting.rtms_started"
    status = stage.simulator.call(started["call"])
    assert status.scenario == "meeting"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/calls", b"{", 400),
        ("POST", "/calls", b"{}", 400),
        ("POST", "/calls", b'{"scenario":"good-call","file":"x.wav"}', 400),
        ("POST", "/calls", b'{"scenario":"good-call","product":"phone"}', 400),
        ("POST", "/calls", b'{"scenario":"none such"}', 400),
        ("POST", "/calls", b'{"scenario":"good-call","speed":"fast"}', 400),
        ("POST", "/calls", b'{"scenario":"good-call","speed":0}', 400),
        ("POST", "/calls", b'{"scenario":"good-call","sped":1}', 400),
        ("POST", "/calls", b'{"file":"/no/such/file.wav"}', 400),
        ("POST", "/calls", b" " * 1_100_000, 400),
        ("GET", "/calls/0", b"", 404),
        ("DELETE", "/calls/0", b"", 404),
        ("PUT", "/calls", b"", 405),
        ("GET", "/", b"", 404),
    ],
)
async def test_what_the_control_api_refuses(http, method, path, body, status):
    answer = await http.request(method, path, content=body)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize("reason", ["27", "-1", "x"])
async def test_only_zooms_reasons_end_a_call(http, stage, wav, reason):
    started = await stage.simulator.start_call(CallRequest(file=str(wav)))
    assert (await http.delete(f"/calls/{started.call}?reason={reason}")).status_code == 400
    assert stage.simulator.call(started.call).state == "announced"


async def test_every_call_has_ids_of_its_own(stage, wav):
    calls = [await stage.simulator.start_call(CallRequest(file=str(wav), product="meeting")) for _ in range(20)]
    assert (
        len({call.call for call in calls})
        == len({call.stream_id for call in calls})
        == len({call.instance_id for call in calls})
        == 20
    )
    assert any("/" in call.instance_id for call in calls), "uuids of meetings are not fit for paths, as Zoom's"


async def test_unknown_calls_are_named(stage):
    with pytest.raises(UnknownCall, match="nope"):
        stage.simulator.call("nope")
    with pytest.raises(RequestError):
        await stage.simulator.start_call(CallRequest())


async def test_an_address_that_is_taken(stage):
    host, _, port = stage.simulator.address.rpartition(":")
    with pytest.raises(SimulatorError, match="cannot listen"):
        async with Simulator(SimulatorConfig(host=host, port=int(port))):
            pass


# Webhooks ------------------------------------------------------------------------------------------------------------


async def test_webhooks_of_a_whole_call(inbox, wav, raw_client):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url, webhook_retry_s=())) as simulator:
        client = raw_client(await simulator.start_call(CallRequest(file=str(wav), speed="max")), simulator.config)
        headers, body = await inbox.next()
        assert body == client.announced.body.encode()
        assert verified(simulator.config.webhook_secret, headers, body)
        await client.join()
        await client.expect("audio", 14)
        simulator.drop(client.announced.call, "signaling")
        _, body = await inbox.next()
        assert json.loads(body)["event"] == "contact_center.voice_rtms_interrupted"
        await client.ended()
        await client.join()
        _, body = await inbox.next()
        assert json.loads(body)["event"] == "contact_center.voice_rtms_stopped"
        assert json.loads(body)["payload"]["stop_reason"] == 21
        await simulator.settle()
        status = simulator.call(client.announced.call)
        assert [(report.status, report.attempts, report.delivered) for report in status.webhooks] == [(200, 1, True)] * 3


async def test_undelivered_webhooks_are_tried_again_and_given_up(inbox, wav):
    inbox.answers = [503, 200, 500, 500, 500, 500]
    async with Simulator(SimulatorConfig(webhook_url=inbox.url, webhook_retry_s=(0.0, 0.0, 0.0))) as simulator:
        started = await simulator.start_call(CallRequest(file=str(wav)))
        await simulator.settle()
        await simulator.end_call(started.call)
        await simulator.settle()
        reports = simulator.call(started.call).webhooks
    assert [(report.event.rpartition("_")[2], report.attempts, report.status, report.delivered) for report in reports] == [
        ("started", 2, 200, True),
        ("stopped", 4, 500, False),
    ]


async def test_a_refused_announcement_is_told_at_once_and_ends_its_call(inbox, wav, caplog):
    inbox.answers = [401, 200]
    async with Simulator(SimulatorConfig(webhook_url=inbox.url)) as simulator:
        started = await simulator.start_call(CallRequest(file=str(wav)))
        status = await simulator.wait(started.call)
        await simulator.settle()
        reports = simulator.call(started.call).webhooks
    assert (status.state, status.stop_reason, status.completed) == ("ended", 11, False)
    assert [(report.attempts, report.status, report.delivered) for report in reports] == [(1, 401, False), (1, 200, True)]
    assert "HTTP 401 (is --webhook-secret the one that the service knows?)" in caplog.text


async def test_nobody_at_the_other_end(wav, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    async with Simulator(SimulatorConfig(webhook_url=url, webhook_retry_s=(0.0,))) as simulator:
        started = await simulator.start_call(CallRequest(file=str(wav)))
        await simulator.settle()
        (report,) = simulator.call(started.call).webhooks
    assert (report.status, report.attempts, report.delivered) == (None, 2, False)


async def test_a_webhook_delivered_twice_is_the_same(inbox, wav):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url)) as simulator:
        started = await simulator.start_call(CallRequest(file=str(wav)))
        simulator.redeliver(started)
        first, second = await inbox.next(), await inbox.next()
    assert first[1] == second[1] == started.body.encode()


async def test_a_failover_is_announced_without_an_interruption(inbox, wav, raw_client):
    async with Simulator(SimulatorConfig(webhook_url=inbox.url)) as simulator:
        client = raw_client(await simulator.start_call(CallRequest(file=str(wav))), simulator.config)
        await client.join()
        await client.expect("audio", 14)
        simulator.fail_over(client.announced)
        await client.ended()
        events = [json.loads((await inbox.next())[1]) for _ in range(2)]
        await simulator.end_call(client.announced.call)
        events.append(json.loads((await inbox.next())[1]))
    assert [event["event"].rpartition("_")[2] for event in events] == ["started", "started", "stopped"]
    assert events[1]["event_ts"] > events[0]["event_ts"]
    assert events[1]["payload"]["server_urls"] != events[0]["payload"]["server_urls"]


async def test_links_over_tls_carry_a_call_to_who_trusts_its_certificate(tmp_path, monkeypatch):
    """And to nobody else: a client checks certificates as it does with Zoom."""
    async with Simulator(SimulatorConfig(tls_folder=tmp_path)) as zoom:
        started = await zoom.start_call(CallRequest(scenario="good-call", speed="max"))
        assert started.server_urls.startswith("wss://127.0.0.1:")
        assert zoom.url.startswith("https://")
        assert (tmp_path / "simulator-key.pem").stat().st_mode & 0o77 == 0
        webhook = parse_webhook(started.body.encode())
        credentials = Credentials(client_id=zoom.config.client_id, client_secret=zoom.config.client_secret)
        options = ClientOptions(allow_insecure=True, limits=TimeLimits(signaling_window_s=0.0))
        client._tls_context.cache_clear()
        refused = [event async for event in client.StreamClient(StreamTarget.of(webhook), credentials, options=options)]
        assert "certificate" in refused[-1].error.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "simulator.pem"))
        client._tls_context.cache_clear()
        heard = [event async for event in client.StreamClient(StreamTarget.of(webhook), credentials, options=options)]
        client._tls_context.cache_clear()
        assert heard[-1].kind == "normal"
        assert zoom.call(started.call).violations == ()


async def test_a_certificate_that_cannot_be_made_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SimulatorError, match="openssl, which is not installed"):
        async with Simulator(SimulatorConfig(tls_folder=tmp_path)):
            pass
