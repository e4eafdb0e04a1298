"""A stream as a session sees it: events put in one by one in the place of the client, real recordings, the tiny model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cc_voice.call.batch import Batch, CallMeasured, LiveWords, StageReached, StreamProgress
from cc_voice.config.settings import Secret, Settings
from cc_voice.rtms import events as rtms
from cc_voice.rtms.client import StreamTarget
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.webhooks import Webhook
from cc_voice.sessions import live_recognition
from cc_voice.sessions import session as live
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.session import Session
from cc_voice.sessions.spec import SessionSpec
from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.sample_rates import resample
from tests.conftest import PATIENCE_S
from tests.speech.conftest import SCENARIOS

POLL_S = 0.01
RATE_HZ = 16_000
PACKET_MS = 20
T0 = 1_790_000_000_000
AGENT, CUSTOMER = "40", "41"
LENGTH_MS = 15_000
ENDED = rtms.Ended(kind="normal", reason=6)


class Zoom:
    """The client's place: tells a session what a test says, and knows whether it was left or abandoned."""

    def __init__(self, *events: rtms.Event) -> None:
        self._events: asyncio.Queue[rtms.Event | None] = asyncio.Queue()
        self.is_closed = self.is_left = False
        self.counters: dict[str, int] = {}
        self.phase = Phase.STREAMING
        self.notified: list[Webhook] = []
        self.say(*events)

    def say(self, *events: rtms.Event) -> None:
        for event in events:
            self._events.put_nowait(event)

    def notify(self, webhook: Webhook) -> None:
        self.notified.append(webhook)

    def close(self) -> None:
        self.is_left = True
        self.say(rtms.Ended(kind="closed", reason=20))

    def abandon(self) -> None:
        self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[rtms.Event]:
        try:
            while (event := await self._events.get()) is not None:
                yield event
                if isinstance(event, rtms.Ended):
                    return
        finally:
            self.is_closed = True


class Stream:
    """One stream of one site: starts sessions for it and keeps what they deliver."""

    def __init__(self, site: Settings, recognition: Recognition) -> None:
        self.site = site
        self.recognition = recognition
        self.delivered: list[Batch] = []
        self.shown: list[LiveWords] = []

    def deliver(self, batch: Batch) -> None:
        self.delivered.append(batch)

    def session(self, zoom: Zoom, **changes: object) -> Session:
        return Session(spec(**changes), zoom, self.site, self.recognition, self.deliver, self.shown.append)  # type: ignore[arg-type]

    async def run(self, *events: rtms.Event, **changes: object) -> CallMeasured | None:
        """Serve the events to their end; return what was measured."""
        await asyncio.wait_for(self.session(Zoom(*events), **changes).run(), PATIENCE_S)
        return self.measured

    @property
    def measured(self) -> CallMeasured | None:
        found = [batch for batch in self.delivered if isinstance(batch, CallMeasured)]
        return found[-1] if found else None

    @property
    def stages(self) -> list[tuple[str, str | None]]:
        return [(batch.stage, batch.reason) for batch in self.delivered if isinstance(batch, StageReached)]

    @property
    def progress(self) -> list[StreamProgress]:
        return [batch for batch in self.delivered if isinstance(batch, StreamProgress)]


async def until(true: Callable[[], object]) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(POLL_S)


def spec(**changes: object) -> SessionSpec:
    values: dict[str, object] = {
        "call_id": "call",
        "stream_id": "stream/1=",
        "product": "contact_center",
        "instance_id": "E1",
        "app": "default",
        "target": StreamTarget(
            product="contact_center", instance_key="engagement_id", instance_id="E1", stream_id="stream/1=", server_urls="wss://x"
        ),
        "language": "en",
        "epoch": 1,
    }
    return SessionSpec(**values | changes)  # type: ignore[arg-type]


def audio(source: str, samples: Samples, start_ms: int = 0) -> list[rtms.Audio]:
    """Cut samples into packets of 20 ms, the first at `start_ms` on the stream's clock."""
    size = RATE_HZ * PACKET_MS // 1000
    return [
        rtms.Audio(source=source, timestamp_ms=T0 + start_ms + at * 1000 // RATE_HZ, pcm=samples[at : at + size].tobytes())
        for at in range(0, len(samples), size)
    ]


def event(name: str, at_ms: int, source: str | None = None, **who: object) -> rtms.PlatformEvent:
    people = (rtms.ParticipantInfo(channel_id=source, **who),) if source else ()  # type: ignore[arg-type]
    return rtms.PlatformEvent(
        name=name, event_type=1, at_unix_ms=T0 + at_ms, participants=people, raw=f'{{"timestamp":{T0 + at_ms}}}'.encode()
    )


OPENING: tuple[rtms.Event, ...] = (
    rtms.AudioFormat(sample_rate_hz=RATE_HZ),
    event("consumer_answered", -2000, CUSTOMER, user_id="c1", display_name="Kim"),
    event("first_packet_timestamp", 0),
    event("user_answered", 100, AGENT, user_id="a1", display_name="Sam"),
)


def interleaved(*channels: Iterable[rtms.Audio]) -> list[rtms.Audio]:
    """The packets of all channels in the order of their times."""
    return sorted((packet for channel in channels for packet in channel), key=lambda packet: packet.timestamp_ms)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look and report often: tests wait for what they want to see."""
    monkeypatch.setattr(live_recognition, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(live, "PROGRESS_EVERY_S", 0.01)


@pytest.fixture(scope="session")
def voices() -> tuple[Samples, Samples]:
    """Fifteen seconds of agent and customer, with several utterances."""
    found = read_audio(SCENARIOS / "good-call.flac")
    agent, customer = (resample(one, found.sample_rate_hz, RATE_HZ)[: RATE_HZ * LENGTH_MS // 1000] for one in found.channels)
    return agent, customer


@pytest.fixture(scope="session")
def recognition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognition]:
    """The tiny model, loaded once."""
    made = Recognition(Settings(data_dir=tmp_path_factory.mktemp("none")), threads=2, allow_test_model=True)
    yield made
    made.close()


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, customer_key_salt=Secret("salt"), cust_speech_on_hold=True)


@pytest.fixture
def stream(site: Settings, recognition: Recognition) -> Stream:
    return Stream(site, recognition)


@pytest.fixture
def packets(voices: tuple[Samples, Samples]) -> list[rtms.Audio]:
    """Both parties' packets in order."""
    agent, customer = voices
    return interleaved(audio(AGENT, agent), audio(CUSTOMER, customer))


def tone(length_ms: int) -> Samples:
    """A sound that is no word."""
    return (8000 * np.sin(np.arange(RATE_HZ * length_ms // 1000) / 7)).astype("<i2")
