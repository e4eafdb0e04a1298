"""A client written against the protocol document only, and small calls to play for it."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from cc_voice.simulator.report import CallRequest, SimulatorConfig, StartedCall
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S

ID_KEYS = ("engagement_id", "meeting_uuid", "session_id", "webinar_uuid", "call_id")


class RawClient:
    """Joins a simulated call with plain websockets; keeps everything it was sent. Answers keep-alives unless told not to."""

    def __init__(self, announced: StartedCall, config: SimulatorConfig) -> None:
        self.announced = announced
        webhook = json.loads(announced.body)
        self.payload = webhook["payload"]
        self.stream_id = self.payload["rtms_stream_id"]
        self.id_key = next(key for key in ID_KEYS if key in self.payload)
        text = f"{config.client_id},{self.payload[self.id_key]},{self.stream_id}"
        self.signature = hmac.new(config.client_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        self.links: dict[str, ClientConnection] = {}
        self.media_urls: dict[str, str] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.frames: dict[str, list[str | bytes]] = {}
        """Everything as it came, garbage as well."""
        self.answer_keep_alives = True
        self.binary = False
        self._arrived = asyncio.Condition()
        self._readers: list[asyncio.Task[None]] = []

    def identity(self, **changes: Any) -> dict[str, Any]:
        fields = {self.id_key: self.payload[self.id_key], "rtms_stream_id": self.stream_id, "signature": self.signature}
        return fields | changes

    async def open(self, link: str, url: str) -> None:
        socket = await connect(url, max_size=None, proxy=None, ping_interval=None, compression=None)
        self.links[link] = socket
        self._readers.append(asyncio.create_task(self._read(link, socket)))

    async def send(self, link: str, message: Any) -> None:
        text = message if isinstance(message, (str, bytes)) else json.dumps(message)
        await self.links[link].send(text.encode() if self.binary and isinstance(text, str) else text)

    async def expect(self, link: str, matches: Callable[[dict[str, Any]], bool] | int) -> dict[str, Any]:
        """Wait for a message (by number, or by what it says) on a link; messages already there count."""
        accept = matches if callable(matches) else lambda message: message.get("msg_type") == matches

        def found() -> dict[str, Any] | None:
            return next((message for message in self.messages.get(link, []) if accept(message)), None)

        async with asyncio.timeout(PATIENCE_S), self._arrived:
            await self._arrived.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None
        return message

    async def signal(self, **changes: Any) -> dict[str, Any]:
        """Open signaling and shake hands; returns message 2."""
        self.messages["signaling"] = []
        await self.open("signaling", self.payload["server_urls"])
        await self.send("signaling", {"msg_type": 1, "protocol_version": 1, "sequence": 1} | self.identity(**changes))
        answer = await self.expect("signaling", 2)
        self.media_urls = answer.get("media_server", {}).get("server_urls", {})
        return answer

    async def media(self, kind: str = "audio", media_type: int = 1, *, url: str | None = None, **changes: Any) -> dict[str, Any]:
        """Open a media link and shake hands; returns message 4."""
        self.messages[kind] = [message for message in self.messages.get(kind, []) if message["msg_type"] != 4]
        await self.open(kind, url or self.media_urls[kind])
        fields = {"msg_type": 3, "protocol_version": 1, "sequence": 1, "media_type": media_type} | self.identity()
        await self.send(kind, {key: value for key, value in (fields | changes).items() if value is not ...})
        return await self.expect(kind, 4)

    async def ready(self) -> None:
        await self.send("signaling", {"msg_type": 7, "rtms_stream_id": self.stream_id})

    async def subscribe(self, *numbers: int) -> None:
        events = [{"event_type": number, "subscribe": True} for number in numbers]
        await self.send("signaling", {"msg_type": 5, "events": events})

    async def join(self, **audio: Any) -> None:
        """Signaling, events, audio per party, ready."""
        await self.signal()
        await self.subscribe(2, 3, 4, *range(8, 15))
        params = {"audio": {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 2, "send_rate": 20} | audio}
        await self.media(media_params=params)
        await self.ready()

    async def ended(self) -> None:
        """Wait until every link is closed."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self._readers)

    async def close(self) -> None:
        for socket in self.links.values():
            await socket.close()
        await asyncio.gather(*self._readers)

    def kinds(self, number: int, link: str = "signaling") -> list[dict[str, Any]]:
        return [message for message in self.messages.get(link, []) if message["msg_type"] == number]

    def events(self) -> list[dict[str, Any]]:
        return [message["event"] for message in self.kinds(6)]

    def audio(self, link: str = "audio") -> dict[Any, dict[int, bytes]]:
        """Return the decoded payloads by source and timestamp; replays must agree with the original."""
        heard: dict[Any, dict[int, bytes]] = {}
        for message in self.kinds(14, link):
            content = message["content"]
            payload = base64.b64decode(content["data"])
            assert content["length"] == len(payload)
            source = heard.setdefault(content.get("channel_id", content.get("user_id")), {})
            assert source.setdefault(content["timestamp"], payload) == payload
        return heard

    def sha256(self, source: Any, link: str = "audio") -> str:
        packets = self.audio(link)[source]
        return hashlib.sha256(b"".join(packets[timestamp] for timestamp in sorted(packets))).hexdigest()

    async def _read(self, link: str, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in socket:
                self.frames.setdefault(link, []).append(frame)
                message = decoded(frame)
                if message is None:
                    continue
                if message["msg_type"] == 12 and self.answer_keep_alives:
                    await socket.send(json.dumps({"msg_type": 13, "timestamp": message["timestamp"]}))
                async with self._arrived:
                    self.messages.setdefault(link, []).append(message)
                    self._arrived.notify_all()


def decoded(frame: str | bytes) -> dict[str, Any] | None:
    """Return the message in a frame; None for anything else."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("msg_type"), int) else None


class Stage:
    """A running simulator with a client for each call started on it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.clients: list[RawClient] = []

    async def call(self, request: CallRequest) -> RawClient:
        client = RawClient(await self.simulator.start_call(request), self.simulator.config)
        self.clients.append(client)
        return client

    def another(self, client: RawClient) -> RawClient:
        """A second client of the same call."""
        other = RawClient(client.announced, self.simulator.config)
        self.clients.append(other)
        return other


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "stage(**settings): how the simulator of `stage` differs from the usual one")


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    marker = request.node.get_closest_marker("stage")
    settings = {"keep_alive_s": 0.2, "replay_s": 0.1} | (marker.kwargs if marker else {})
    async with Simulator(SimulatorConfig(**settings)) as simulator:
        stage = Stage(simulator)
        yield stage
        for client in stage.clients:
            await client.close()


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, two parties, 16 kHz: what is sent must be these very samples."""
    return write_wav(tmp_path_factory.mktemp("audio") / "two-parties.wav", seconds=2.0)


def write_wav(path: Path, seconds: float, *, channels: int = 2, rate_hz: int = 16_000, subtype: str = "PCM_16") -> Path:
    """Write tones, one pitch per channel, with silence in the second half of every second."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    tones = [np.sin(2 * np.pi * (220 + 110 * number) * time) * (time % 1 < 0.5) for number in range(channels)]
    soundfile.write(path, (np.stack(tones, axis=1) * 12_000).astype(np.int16), rate_hz, subtype=subtype)
    return path


@pytest.fixture
async def raw_client() -> AsyncIterator[Callable[[StartedCall, SimulatorConfig], RawClient]]:
    """Makes clients, and closes them in the end."""
    made: list[RawClient] = []

    def make(announced: StartedCall, config: SimulatorConfig) -> RawClient:
        made.append(RawClient(announced, config))
        return made[-1]

    yield make
    for client in made:
        await client.close()


class Inbox:
    """An HTTP endpoint that keeps what is posted to it and answers as it is told: the statuses in turn, then 200."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.url = ""
        self._posted: asyncio.Queue[tuple[Mapping[str, str], bytes]] = asyncio.Queue()

    async def next(self) -> tuple[Mapping[str, str], bytes]:
        """Return headers and body of the next request."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._posted.get()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head if line)}
                self._posted.put_nowait((headers, await reader.readexactly(int(headers["content-length"]))))
                status = self.answers.pop(0) if self.answers else 200
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    inbox = Inbox()
    server = await asyncio.start_server(inbox.answer, "127.0.0.1", 0)
    inbox.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
    yield inbox
    server.close()
