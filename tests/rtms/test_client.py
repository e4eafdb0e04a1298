"""The asyncio client over real sockets: against the simulator, and against peers that no simulator would be."""

import asyncio
import base64
import hashlib
import json
import logging
import shutil
import ssl
import subprocess
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from cc_voice.rtms.client import ClientOptions, Credentials, StreamClient, StreamTarget, TimeLimits
from cc_voice.rtms.errors import MisuseError
from cc_voice.rtms.events import Audio, Ended, Event, LinkDown, LinkUp, MediaRefused, PlatformEvent, Transcript
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.webhooks import Started, Stopped, parse_webhook
from cc_voice.simulator.report import CallRequest, SimulatorConfig, StartedCall
from cc_voice.simulator.scenario import Party
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S
from tests.rtms.zoom import UNIX_MS, target

QUICK = TimeLimits(back_off_s=(0.05, 0.1), duplicate_s=(0.05, 0.05, 0.1), drain_s=0.3, tolerant_s=0.2)
CREDENTIALS = Credentials(client_id="simulatedClient", client_secret="simulatedClientSecret")


def started_webhook(call: StartedCall) -> Started:
    webhook = parse_webhook(call.body.encode())
    assert isinstance(webhook, Started)
    return webhook


def target_of(call: StartedCall) -> StreamTarget:
    return StreamTarget.of(started_webhook(call))


def client_of(where: StreamTarget, credentials: Credentials = CREDENTIALS, **options: Any) -> StreamClient:
    return StreamClient(where, credentials, options=ClientOptions(**({"allow_insecure": True, "limits": QUICK} | options)))


class Heard:
    """Consumes a client; can do something once so much audio was heard."""

    def __init__(self, client: StreamClient) -> None:
        self.client = client
        self.events: list[Event] = []
        self.audio: dict[str, dict[int, bytes]] = {}

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def all(self, at_packets: int = 0, do: Callable[[], Any] = lambda: None) -> "Heard":
        async with asyncio.timeout(PATIENCE_S):
            count = 0
            async for event in self.client:
                self.events.append(event)
                if isinstance(event, Audio):
                    count += 1
                    self.audio.setdefault(event.source, {})[event.timestamp_ms] = event.pcm
                    if count == at_packets:
                        do()
        return self

    def sha256(self, source: str) -> str:
        packets = self.audio.get(source, {})
        return hashlib.sha256(b"".join(packets[at] for at in sorted(packets))).hexdigest()


def assert_heard_all(simulator: Simulator, call: StartedCall, *heard: Heard) -> None:
    """Every byte that was sent was heard by one client or another, and no rule was broken."""
    status = simulator.call(call.call)
    assert not status.violations
    assert all(channel.bytes for channel in status.channels)
    together = Heard(heard[0].client)
    for part in heard:
        for source, packets in part.audio.items():
            together.audio.setdefault(source, {}).update(packets)
    assert {channel.channel: channel.sha256 for channel in status.channels} == {
        source: together.sha256(source) for source in together.audio
    }


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two seconds of two tones."""
    path: Path = tmp_path_factory.mktemp("audio") / "tones.wav"
    time = np.arange(2 * 16_000) / 16_000
    tones = np.stack([np.sin(2 * np.pi * pitch * time) for pitch in (220, 330)], axis=1)
    soundfile.write(path, (tones * 12_000).astype(np.int16), 16_000)
    return str(path)


@pytest.fixture
async def zoom() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorConfig(keep_alive_s=0.1, replay_s=0.1)) as simulator:
        yield simulator


# Against the simulator -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unified", [False, True])
async def test_a_whole_call(zoom: Simulator, unified: bool) -> None:
    call = await zoom.start_call(CallRequest(scenario="transfer", speed="max"))
    heard = await Heard(client_of(target_of(call), unified=unified)).all()
    assert_heard_all(zoom, call, heard)
    status = zoom.call(call.call)
    assert len(heard.of(Transcript)) == status.transcripts_sent > 0
    assert len(heard.of(PlatformEvent)) == status.events_sent + 1  # the first packet is not counted there
    assert heard.events[-1] == Ended(kind="normal", reason=status.stop_reason)
    assert status.sockets_opened == (2 if unified else 3)
    # The last question may have met the end of the stream
    assert all(link.keep_alives - link.keep_alives_answered in (0, 1) for link in status.links)


@pytest.mark.parametrize("product", ["contact_center", "meeting", "webinar", "video_sdk", "phone"])
async def test_every_product(zoom: Simulator, wav: str, product: str) -> None:
    parties = (Party(party="agent", user_id="1001", name="A"), Party(party="customer", user_id="1002", name="B"))
    request = CallRequest(
        file=wav, product=product, speed="max", channels=() if product in ("contact_center", "phone") else parties
    )
    call = await zoom.start_call(request)
    heard = await Heard(client_of(target_of(call))).all()
    assert_heard_all(zoom, call, heard)


@pytest.mark.parametrize("speed", ["max", 4.0])
@pytest.mark.parametrize("link", ["media", "audio", "transcript", "signaling", "all"])
async def test_a_lost_link_loses_nothing(zoom: Simulator, wav: str, link: str, speed: Any) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=speed))
    heard = await Heard(client_of(target_of(call))).all(50, lambda: zoom.drop(call.call, link))
    assert_heard_all(zoom, call, heard)
    assert heard.of(LinkDown)
    assert zoom.call(call.call).interruptions >= 1
    assert heard.events[-1].kind == "normal"  # type: ignore[union-attr]


async def test_failover(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=4.0))
    client = client_of(target_of(call))
    heard = await Heard(client).all(50, lambda: client.notify(started_webhook(zoom.fail_over(call))))
    assert_heard_all(zoom, call, heard)
    assert zoom.call(call.call).sockets_opened >= 6


async def test_a_repeated_webhook_opens_nothing(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=4.0))
    client = client_of(target_of(call))
    client.notify(started_webhook(call))  # before anybody iterates
    heard = await Heard(client).all(50, lambda: client.notify(started_webhook(call)))
    assert_heard_all(zoom, call, heard)
    assert zoom.call(call.call).sockets_opened == 3


async def test_a_second_client_resumes_what_the_first_abandoned(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=4.0))
    first = client_of(target_of(call))
    before = await Heard(first).all(50, first.abandon)
    assert not before.of(Ended)
    assert zoom.call(call.call).stop_reason is None
    after = await Heard(client_of(target_of(call), resume=True)).all()
    assert_heard_all(zoom, call, before, after)


async def test_a_second_client_waits_for_the_first_to_go(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=4.0))
    first, second = client_of(target_of(call)), client_of(target_of(call), resume=True)
    after = Heard(second)
    following: list[asyncio.Task[Heard]] = []

    def hand_over() -> None:
        following.append(asyncio.create_task(after.all()))
        asyncio.get_running_loop().call_later(0.15, first.abandon)

    before = await Heard(first).all(20, hand_over)
    await following[0]
    assert_heard_all(zoom, call, before, after)
    assert second.counters["signaling status 8"] >= 1


async def test_graceful_close(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=2.0))
    client = client_of(target_of(call))
    heard = await Heard(client).all(50, client.close)
    assert heard.events[-1] == Ended(kind="closed", reason=20)
    assert (await zoom.wait(call.call)).stop_reason == 20
    assert not zoom.call(call.call).violations


async def test_revoked_by_webhook(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav, speed=1.0))
    client = client_of(target_of(call))
    webhook = Stopped(product="contact_center", stream_id=call.stream_id, stop_reason=8)
    heard = await Heard(client).all(10, lambda: client.notify(webhook))
    assert heard.events[-1] == Ended(kind="revoked", reason=8)


async def test_wrong_credentials(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav))
    heard = await Heard(client_of(target_of(call), Credentials(client_id="other", client_secret="wrong"))).all()
    (end,) = heard.events
    assert isinstance(end, Ended)
    assert end.kind == "refused"
    assert "check the configuration" in (end.error or "")


async def test_leaving_the_iteration_closes_the_sockets(zoom: Simulator, wav: str) -> None:
    call = await zoom.start_call(CallRequest(file=wav))
    client = client_of(target_of(call))
    iteration = aiter(client)
    async for event in iteration:
        if isinstance(event, Audio):
            break
    await iteration.aclose()  # type: ignore[attr-defined]
    assert client.phase is Phase.ENDED
    async with asyncio.timeout(PATIENCE_S):
        while any(link.open for link in zoom.call(call.call).links):
            await asyncio.sleep(0)
    assert zoom.call(call.call).stop_reason is None


# Against peers of our own --------------------------------------------------------------------------------------------

Answer = Callable[["Peer", ServerConnection, dict[str, Any]], Awaitable[None]]


class Peer:
    """A server that answers each message as a test says; message 2 names its own address for all media."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.url = ""
        self.received: list[dict[str, Any]] = []
        self.connections = 0

    async def handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        async for frame in connection:
            message = json.loads(frame)
            self.received.append(message)
            await self._answer(self, connection, message)

    def accept(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a friendly answer to a handshake."""
        if message["msg_type"] == 1:
            return {"msg_type": 2, "status_code": 0, "media_server": {"server_urls": {"all": self.url}}}
        return {"msg_type": 4, "status_code": 0}


@asynccontextmanager
async def peer(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    it = Peer(answer)
    async with serve(it.handle, "127.0.0.1", 0, ssl=tls, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        it.url = f"ws{'s' if tls else ''}://127.0.0.1:{port}/"
        yield it


def packet(at: int, pcm: bytes = bytes(640)) -> str:
    content = {"channel_id": "ch", "data": base64.b64encode(pcm).decode(), "timestamp": UNIX_MS + at}
    return json.dumps({"msg_type": 14, "content": content})


async def test_zooms_mock_server_in_tolerant_mode() -> None:
    """It never answers the media handshake, and its keep-alives have no timestamp."""

    async def answer(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message["msg_type"]:
            case 1:
                await connection.send(json.dumps(it.accept(message)).replace("127.0.0.1", "0.0.0.0"))
            case 3:
                await connection.send(json.dumps({"msg_type": 12}))
                await connection.send(packet(0))
            case 7:
                await connection.send(json.dumps({"msg_type": 8, "state": "TERMINATED", "reason": "STOP_BC_MEETING_ENDED"}))

    async with peer(answer) as it:
        heard = await Heard(client_of(target(server_urls=it.url), tolerant=True, media=("audio",))).all()
    assert len(heard.of(Audio)) == 1
    assert heard.events[-1] == Ended(kind="normal", reason=6)
    assert {"msg_type": 13} in it.received


async def test_keep_alives_are_answered_while_media_floods_and_nobody_consumes() -> None:
    answered = asyncio.Event()

    async def answer(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message["msg_type"]:
            case 1 | 3:
                await connection.send(json.dumps(it.accept(message)))
                if message["msg_type"] == 3:
                    for number in range(2000):
                        await connection.send(packet(20 * number))
                    await connection.send(json.dumps({"msg_type": 12, "timestamp": 4711}))
            case 13:
                assert message["timestamp"] == 4711
                answered.set()

    async with peer(answer) as it:
        client = client_of(target(server_urls=it.url), media=("audio",), max_queued_bytes=1000 * 640)
        iteration = aiter(client)
        assert isinstance(await anext(iteration), LinkUp)
        async with asyncio.timeout(PATIENCE_S):
            await answered.wait()
        assert client.counters["media dropped: the consumer is too slow"] >= 900
        client.notify(Stopped(product="contact_center", stream_id=target().stream_id, stop_reason=6))
        rest = [event async for event in iteration]
    assert sum(isinstance(event, Audio) for event in rest) <= 1000
    assert isinstance(rest[-1], Ended), "what is not media is never dropped"


async def test_binary_frames_and_large_ones() -> None:
    async def answer(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message["msg_type"]:
            case 1 | 3:
                await connection.send(json.dumps(it.accept(message)).encode())
            case 7:
                for frame in (b"\xff\x00", "garbage", packet(0, bytes(5 << 20)).encode(), b'{"msg_type":8,"state":4,"reason":6}'):
                    await connection.send(frame)

    async with peer(answer) as it:
        client = client_of(target(server_urls=it.url), unified=True)
        heard = await Heard(client).all()
    # State 4 came on the signaling link while the large frame was on its way on the media link, or after it.
    assert client.counters["garbage"] == 2
    assert heard.events[-1] == Ended(kind="normal", reason=6)


async def test_a_media_link_that_breaks_with_a_huge_frame_is_opened_again() -> None:
    async def answer(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message["msg_type"]:
            case 1:
                await connection.send(json.dumps(it.accept(message)))
            case 3:
                await connection.send(json.dumps(it.accept(message)))
                await connection.send(packet(0, bytes(20_000)) if it.connections < 3 else packet(0))
            case 21:
                await connection.send(json.dumps({"msg_type": 22, "status_code": 0}))

    async with peer(answer) as it:
        client = client_of(target(server_urls=it.url), media=("audio",), max_frame_bytes=10_000)
        heard = await Heard(client).all(1, client.close)
    assert len(heard.of(LinkDown)) == 1
    assert it.connections == 3


async def test_a_server_that_is_not_there() -> None:
    limits = TimeLimits(back_off_s=(0.02,), signaling_window_s=0.2)
    heard = await Heard(client_of(target(server_urls="ws://127.0.0.1:1/"), limits=limits)).all()
    (end,) = heard.events
    assert isinstance(end, Ended)
    assert end.kind == "lost"
    assert "no signaling link could be opened" in (end.error or "")


async def test_a_stale_announcement_is_tried_once() -> None:
    heard = await Heard(client_of(target(server_urls="ws://127.0.0.1:1/", event_ts_ms=1))).all()
    assert [type(event) for event in heard.events] == [Ended]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "certificate"]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return both


async def over(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
    """Accept signaling, then say that all is over."""
    await connection.send(json.dumps(it.accept(message)))
    await connection.send(json.dumps({"msg_type": 8, "state": 4, "reason": 6}))


async def test_tls_is_verified(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    limits = TimeLimits(back_off_s=(0.02,), signaling_window_s=0.05)
    async with peer(over, context) as it:
        heard = await Heard(client_of(target(server_urls=it.url), limits=limits)).all()
        assert "CERTIFICATE_VERIFY_FAILED" in (heard.events[-1].error or "")  # type: ignore[union-attr]
        assert not it.received
        trusting = ssl.create_default_context(cafile=str(certificate))
        options = ClientOptions(allow_insecure=True)
        heard = await Heard(StreamClient(target(server_urls=it.url), CREDENTIALS, options=options, tls=trusting)).all()
        assert heard.events[-1] == Ended(kind="normal", reason=6)


async def test_old_tls_is_refused(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    limits = TimeLimits(back_off_s=(0.02,), signaling_window_s=0.05)
    async with peer(over, context) as it:
        heard = await Heard(client_of(target(server_urls=it.url), limits=limits)).all()
    assert heard.events[-1].kind == "lost"  # type: ignore[union-attr]
    assert not it.received


async def test_urls_that_are_not_zooms_are_not_opened() -> None:
    heard = await Heard(StreamClient(target(server_urls="wss://evil.example/"), CREDENTIALS)).all()
    assert heard.events[-1].kind == "refused"  # type: ignore[union-attr]

    async def answer(it: Peer, connection: ServerConnection, message: dict[str, Any]) -> None:
        reply = it.accept(message)
        reply["media_server"] = {"server_urls": {"all": "wss://evil.example/"}}
        await connection.send(json.dumps(reply))

    async with peer(answer) as it:
        heard = await Heard(client_of(target(server_urls=it.url))).all()
    assert len(heard.of(MediaRefused)) == 2
    assert heard.events[-1].kind == "refused"  # type: ignore[union-attr]


def test_secrets_do_not_show() -> None:
    assert "Secret" not in repr(CREDENTIALS) + str(CREDENTIALS) + f"{CREDENTIALS}" + repr(list(CREDENTIALS.__rich_repr__()))


async def test_misuse_raises() -> None:
    client = client_of(target())
    with pytest.raises(MisuseError, match="video"):
        client.subscribe_video(1)
    for media in ((), ("audio", "audio"), ("all",), ("smell",)):
        with pytest.raises(MisuseError, match="at least one"):
            client_of(target(), media=media)


async def test_redirects_are_not_followed() -> None:
    """They would lead past the guard of URLs."""
    async with peer(over) as elsewhere:

        def redirect(connection: ServerConnection, request: Request) -> Response:
            return Response(302, "Found", Headers({"location": elsewhere.url, "content-length": "0"}))

        async with serve(elsewhere.handle, "127.0.0.1", 0, process_request=redirect) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
            limits = TimeLimits(back_off_s=(0.02,), signaling_window_s=0.05)
            heard = await Heard(client_of(target(server_urls=url), limits=limits)).all()
    assert "302" in (heard.events[-1].error or "")  # type: ignore[union-attr]
    assert not elsewhere.connections


async def test_a_host_that_cannot_be_one() -> None:
    limits = TimeLimits(back_off_s=(0.02,), signaling_window_s=0.05)
    heard = await Heard(client_of(target(server_urls="ws://a..zoom.us/"), limits=limits)).all()
    (end,) = heard.events
    assert "UnicodeError" in (end.error or "")  # type: ignore[union-attr]


async def test_logs_hold_nothing_that_was_said(zoom: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    call = await zoom.start_call(CallRequest(scenario="good-call", speed="max"))
    heard = await Heard(client_of(target_of(call))).all()
    said = [event.text for event in heard.of(Transcript)]
    assert said
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("cc_voice.rtms", "websockets"))]
    assert not [text for text in said if any(text[:20] in line for line in ours)]
    assert not [line for line in ours if "signature" in line]
