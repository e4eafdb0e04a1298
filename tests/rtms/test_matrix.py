"""Product × media × fault → what the client makes of it, over real sockets against the simulator.

`ROWS` is the one table: a row names faults as the simulator does, and how a stream that suffers them must end. Each is
played for every product and every choice of media it makes sense for. The usual run takes each row once, and each product
with each choice of media once; `pytest -m matrix tests/rtms/test_matrix.py` takes all of them.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.rtms.client import ClientOptions, Credentials, StreamClient, StreamTarget, TimeLimits
from cc_voice.rtms.enums import Codec, SessionState
from cc_voice.rtms.errors import MisuseError
from cc_voice.rtms.events import (
    Audio,
    AudioFormat,
    Chat,
    Ended,
    Event,
    LinkDown,
    MediaRefused,
    PlatformEvent,
    SessionStateChanged,
    Share,
    Transcript,
    Video,
)
from cc_voice.rtms.media import AudioParams, DeskshareParams, VideoParams
from cc_voice.rtms.webhooks import Started, parse_webhook
from cc_voice.simulator.media.sound import encodable
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S

LIMITS = TimeLimits(back_off_s=(0.03, 0.06), duplicate_s=(0.03, 0.06, 0.1), drain_s=0.5, tolerant_s=1.0, close_grace_s=0.3)
"""Pauses of ours are short. The other side gets as long as it may need on a busy machine."""
IMPATIENT = msgspec.structs.replace(LIMITS, handshake_s=1.0)
CREDENTIALS = Credentials(client_id="simulatedClient", client_secret="simulatedClientSecret")
SPEED = 8.0
DURATION_MS = 1600
CALLS = ("contact_center", "phone")
SEEN = ("meeting", "webinar")
PRODUCTS = (*CALLS, *SEEN, "video_sdk")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Media that a client asks for."""

    options: dict[str, Any]
    products: tuple[str, ...] = PRODUCTS
    scopes: tuple[str, ...] | None = None
    codec: int | None = None
    """What the simulator must be able to encode."""

    @property
    def media(self) -> tuple[str, ...]:
        media: tuple[str, ...] = self.options.get("media", ("audio", "transcript"))
        return media


def audio(**params: int) -> dict[str, Any]:
    return {"media": ("audio",), "audio": AudioParams(**({"data_opt": 2} | params))}


CHOICES = {
    "plain": Choice(options={}),
    "unified": Choice(options={"unified": True}),
    "mixed": Choice(options=audio(data_opt=1)),
    "8k": Choice(options=audio(sample_rate=0, send_rate=100)),
    "stereo": Choice(options=audio(sample_rate=3, channel=2)),
    "a-law": Choice(options=audio(sample_rate=0, codec=2)),
    "g722": Choice(options=audio(codec=3), codec=Codec.G722),
    "opus": Choice(options=audio(sample_rate=3, codec=4), codec=Codec.OPUS),
    "words": Choice(options={"media": ("transcript",), "src_language": 28, "enable_lid": False}),
    "camera": Choice(options={"media": ("audio", "video")}, products=SEEN),
    "one camera": Choice(options={"media": ("audio", "video"), "video": VideoParams(data_opt=4, codec=6)}, products=SEEN),
    "film": Choice(options={"media": ("video",), "video": VideoParams(codec=7, fps=15)}, products=SEEN, codec=Codec.H264),
    "screen": Choice(options={"media": ("audio", "deskshare")}, scopes=("audio", "transcript", "deskshare")),
    "slides": Choice(options={"media": ("deskshare",), "deskshare": DeskshareParams(codec=6)}, products=SEEN),
    "chat": Choice(options={"media": ("audio", "chat")}, products=SEEN),
    "all": Choice(options={"media": ("audio", "video", "deskshare", "transcript", "chat"), "unified": True}, products=SEEN),
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Faults, and how the stream must end for a client that suffers them."""

    faults: tuple[str, ...]
    kind: str = "normal"
    reason: int | None = 6
    whole: bool = True
    """All audio that was sent is heard."""
    down: bool = False
    """A link is lost and comes back: what is not audio may be lost with it."""
    more_events: int = 0
    """Beside those of the script and event 1."""
    counted: str | None = None
    """What the client's counters must name."""
    refused: bool = False
    """A media type is given up."""
    options: dict[str, Any] = {}
    products: tuple[str, ...] = PRODUCTS
    choices: tuple[str, ...] = ()
    """Only for these choices of media; none: for all."""
    media: str | None = None
    """Only for a choice with this media type on a link of its own."""
    closes: bool = False
    """The client ends the stream."""


def row(*faults: str, **outcome: Any) -> Row:
    return Row(faults=faults, **outcome)


NOT_MEETING = ("contact_center", "phone", "webinar", "video_sdk")
"""Products whose id has a key of its own, so that another can be tried (5.1)."""
ROWS = (
    row(),
    # Links
    row("drop-media@0.05", down=True),
    row("drop-media:audio@0.05", down=True, media="audio"),
    row("drop-media:transcript@0.05", down=True, media="transcript"),
    row("drop-media:video@0.05", down=True, media="video"),
    row("drop-signaling@0.05", down=True),
    row("drop-all@0.05", down=True),
    row("drop-all@0.03", "drop-media@0.15", "drop-signaling@0.18", down=True),
    row("failover@0.05", down=True),
    row("half-open", options={"limits": IMPATIENT}),
    row("half-open:media", options={"limits": IMPATIENT}),
    row("slow-reader:20"),
    row("binary-frames"),
    row("garbage@0.05", counted="garbage"),
    row("garbage@0.02", "binary-frames", counted="unknown message 98"),
    # Handshakes
    row("bad-status:8", counted="signaling status 8"),
    row("bad-status:45", counted="signaling status 45"),
    row("bad-status:media=45", counted="media status 45"),
    row("bad-status:16", counted="media status 16"),
    row("bad-status:17", counted="media status 17"),
    row("bad-status:media=2", counted="media status 2"),
    row("bad-status:23", counted="media status 23", media="audio"),
    row("bad-status:22", counted="media status 22", choices=("8k", "stereo", "a-law", "g722", "opus")),
    row("bad-status:22", refused=True, choices=("plain", "screen", "chat")),  # this was the baseline already
    row("bad-status:43", counted="media status 43", choices=("words",)),
    row("bad-status:43", refused=True, choices=("plain",)),  # there was no language to leave out
    row("bad-status:30", counted="media status 30", media="video"),
    row("bad-status:2", counted="signaling status 2", products=NOT_MEETING),
    row("bad-status:4", counted="signaling status 4", products=NOT_MEETING),
    row("bad-status:2", kind="refused", reason=None, products=("meeting",)),
    row("bad-status:3", kind="refused", reason=None),
    row("bad-status:99", counted="signaling status 99"),
    row("bad-status:12", refused=True, media="transcript"),
    row("bad-status:13", refused=True, media="chat"),
    row("bad-status:11", refused=True, media="deskshare"),
    row("legacy-status-key"),
    row("legacy-status-key", "bad-status:8", counted="signaling status 8"),
    row("message-2-for-4", "bad-status:media=45", counted="media status 45"),
    row("no-ready-needed"),
    row("media-before-handshake-answer", options={"tolerant": True}),
    # Keep-alives
    row("no-keep-alives"),
    row("keep-alive-without-timestamp"),
    # Media
    row("late-packets"),
    row("reorder"),
    row("duplicate-packets"),
    row("late-packets", "drop-all@0.05", down=True),
    row("gap:400@0.05"),
    row("unknown-language"),
    row("late-tags:400"),
    row("wrong-tag:2=de"),
    row("no-tags"),
    row("no-transcript"),
    row("chat-in-json"),
    # Events and states
    row("no-first-packet", more_events=-1),
    row("no-stream-state", reason=6),
    row("misspelt-participant-info"),
    row("channel-before-event:400"),
    row("event-30-34@0.05", more_events=5),
    row("seconds-for-milliseconds"),
    row("string-numbers"),
    row("unknown-fields"),
    row("unknown-fields", "string-numbers", "seconds-for-milliseconds", "misspelt-participant-info", "binary-frames"),
    # The stream
    row("pause:0.1@0.05"),
    row("pause:9@0.02", "resume@0.08"),
    row("pause:0.2@0.02", "drop-signaling@0.05", down=True),
    row("stop:1@0.05", reason=1),
    row("stop:21@0.05", reason=21),
    row("stop:14@0.05", kind="fault", reason=14),
    row("stop:24@0.05", kind="fault", reason=24),
    row("revoke@0.05", kind="revoked", reason=8, whole=False),
    row("no-close-answer", kind="closed", reason=20, whole=False, closes=True),
    row(kind="closed", reason=20, whole=False, closes=True),
    # Webhooks
    row("duplicate-webhook@0.05", counted="started repeated"),
    row("late-webhook:0.1"),
    row("interrupted-webhook@0.05"),
    row("nested-webhook"),
    row("damaged-names"),
    row("loose-base64"),
    row("event-at-top-level"),
    row("media-server-url"),
    row("payload-encryption-key"),
    row("named-states"),
    row("unsubscribed-events"),
    row("clean-close", kind="refused", reason=None),
    row("started-again@0.05", counted="started again for a link that seems healthy"),
    row("bare-media-urls"),
    row("event-time-key"),
    row("session-id-alias"),
    row("any-sequence", "no-length"),
    row("webinar-as-meeting", products=("webinar",)),
    row("phone-alias", products=("phone",)),
    row("custom-fields", products=CALLS),
    row("user-id-first", products=CALLS, whole=False),
    row("half-packets", whole=False, choices=("plain",)),
    row("half-rate", whole=False, choices=("plain",)),
    row("audio-in-seconds", whole=False, choices=("plain",)),
    row("crowd:20", whole=False, choices=("plain",)),
    row("numeric-ids"),
    row("server-urls-list"),
    row("server-urls-object"),
    row("server-urls-commas"),
    row("webhook-signature"),
)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the matrix."""

    product: str
    choice: str
    row: Row

    @property
    def name(self) -> str:
        return f"{self.product}-{self.choice}-{'+'.join(self.row.faults) or 'nothing'}{'-close' if self.row.closes else ''}"

    @property
    def makes_sense(self) -> bool:
        choice, row = CHOICES[self.choice], self.row
        # Without its only type a stream is refused altogether; a link for everything adapts instead.
        alone = row.media is None or (row.media in choice.media and not choice.options.get("unified"))
        spare = not row.refused or len(choice.media) > 1
        chosen = not row.choices or self.choice in row.choices
        return self.product in choice.products and self.product in row.products and chosen and alone and spare


def every_case() -> Iterator[Case]:
    for product in PRODUCTS:
        for choice in CHOICES:
            cells = (Case(product=product, choice=choice, row=row) for row in ROWS)
            yield from (case for case in cells if case.makes_sense)


def representative_cases() -> Iterator[Case]:
    """Every row once, taking turns with product and media, and each product with each choice of media once."""
    cases = list(every_case())
    for number, row in enumerate(ROWS):
        fitting = [case for case in cases if case.row == row]
        yield fitting[number * 7 % len(fitting)]
    for number, (product, choice) in enumerate((product, choice) for product in PRODUCTS for choice in CHOICES):
        fitting = [case for case in cases if (case.product, case.choice) == (product, choice)]
        if fitting and number % 2:
            yield fitting[0]


# Playing one -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One short call with words for each product."""
    folder: Path = tmp_path_factory.mktemp("scenarios")
    time = np.arange(DURATION_MS * 16) / 16_000
    tones = np.stack([np.sin(2 * np.pi * pitch * time) * (time % 0.8 < 0.6) for pitch in (220, 330)], axis=1)
    soundfile.write(folder / "tones.flac", (tones * 12_000).astype(np.int16), 16_000)
    for product in PRODUCTS:
        (folder / f"{product}.json").write_text(json.dumps(scenario(product)))
        (folder / f"{product}.flac").symlink_to(folder / "tones.flac")
    return folder


def scenario(product: str) -> dict[str, Any]:
    by_channel = product in CALLS
    keys = ("ch-a1", "ch-c1") if by_channel else ("16778240", "16779264")
    key = "channel_id" if by_channel else "user_id"
    begins, ends = ((10, 8), (11, 9)) if by_channel else ((3, 3), (4, 4))
    parties = ("agent", "customer")
    events = [{"at_ms": 0, "event_type": number, key: who} for number, who in zip(begins, keys, strict=True)]
    events += [{"at_ms": DURATION_MS, "event_type": number, key: who} for number, who in zip(ends, keys, strict=True)]
    lines = [{"start_ms": at, "end_ms": at + 300, "text": f"line {at}", key: keys[at // 400 % 2]} for at in (0, 400, 800)]
    return {
        "name": product,
        "title": product,
        "product": product,
        "duration_ms": DURATION_MS,
        "audio": f"{product}.flac",
        "channels": [
            {"party": party, key: who, "name": party.title()} | ({"user_id": f"u-{party}"} if by_channel else {})
            for party, who in zip(parties, keys, strict=True)
        ],
        "events": events if product != "phone" else [],
        "lines": lines,
        "stop_reason": 6,
    }


class Receiver:
    """Our side: an endpoint for webhooks, the client that the first one starts, and what it hears."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.client: StreamClient | None = None
        self.events: list[Event] = []
        self.url = ""
        self._started = asyncio.Event()
        self._served: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield self
        server.close()
        for writer in self._served.values():
            writer.close()
        await asyncio.gather(*(task for task in self._served if task is not None))

    async def hear(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._started.wait()
            assert self.client is not None
            async for event in self.client:
                self.events.append(event)
                if isinstance(event, PlatformEvent) and event.name == "participant_video_on":
                    with suppress(MisuseError):  # signaling may be lost again by now
                        self.client.subscribe_video(int(event.participants[0].user_id or 0))
                if self.case.row.closes and len(self.events) == 5:
                    self.client.close()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def _take(self, body: bytes) -> None:
        webhook = parse_webhook(body)
        if self.client is not None:
            self.client.notify(webhook)
        elif isinstance(webhook, Started):
            options = {"allow_insecure": True, "limits": LIMITS} | CHOICES[self.case.choice].options | self.case.row.options
            self.client = StreamClient(StreamTarget.of(webhook), CREDENTIALS, options=ClientOptions(**options))
            self._started.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served[asyncio.current_task()] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                self._take(await reader.readexactly(length))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def play(case: Case, scenarios: Path) -> tuple[Receiver, CallStatus]:
    # What was sent within `replay_s` of a loss may lie unread in the client, which closes media with signaling: it comes again.
    # Three unanswered in a row are the end of a link: who reads megabytes of garbage on a busy machine cannot answer at once.
    keep_alive_s = 0.25 if any("keep-alive" in fault for fault in case.row.faults) else 2.0
    config = SimulatorConfig(scenarios_dir=scenarios, keep_alive_s=keep_alive_s, replay_s=1.0, linger_s=0.25)
    scopes = CHOICES[case.choice].scopes
    request = CallRequest(scenario=case.product, speed=SPEED, faults=case.row.faults, media=scopes)
    async with (
        Receiver(case).listening() as receiver,
        Simulator(msgspec.structs.replace(config, webhook_url=receiver.url)) as zoom,
    ):
        call = await zoom.start_call(request)
        await receiver.hear()
        return receiver, zoom.call(call.call)


def sha256(parts: list[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def judge(case: Case, receiver: Receiver, status: CallStatus) -> None:
    """Compare what was heard with what was sent, and the end with the row."""
    row = case.row
    assert status.violations == ()
    *before, end = receiver.events
    assert isinstance(end, Ended)
    assert not any(isinstance(event, Ended) for event in before)
    assert (end.kind, end.reason) == (row.kind, row.reason)
    # In the end Zoom closes all links at once: which one we read first is a matter of luck.
    lasting = takewhile(lambda event: not (isinstance(event, SessionStateChanged) and event.state == SessionState.STOPPED), before)
    assert any(isinstance(event, LinkDown) for event in lasting) is row.down
    assert bool(receiver.of(MediaRefused)) is row.refused
    assert receiver.client is not None
    assert row.counted is None or receiver.client.counters[row.counted] > 0
    if row.kind == "refused":
        return
    assert len(receiver.of(AudioFormat)) <= 2
    if row.whole:
        judge_audio(receiver, status)
    if row.kind == "normal" and not row.down and not row.closes:
        judge_the_rest(row, receiver, status)


def judge_audio(receiver: Receiver, status: CallStatus) -> None:
    heard: dict[str, dict[int, bytes]] = {}
    for packet in receiver.of(Audio):
        heard.setdefault(packet.source, {})[packet.timestamp_ms] = packet.pcm
    sent = {channel.channel: channel.sha256 for channel in status.channels if channel.packets}
    assert {source: sha256([packets[at] for at in sorted(packets)]) for source, packets in heard.items()} == sent


def judge_the_rest(row: Row, receiver: Receiver, status: CallStatus) -> None:
    first_packet = 1 if receiver.of(Audio) else 0
    assert len(receiver.of(PlatformEvent)) == status.events_sent + max(-first_packet, first_packet + row.more_events)
    assert len(receiver.of(Transcript)) == status.transcripts_sent
    assert len(receiver.of(Chat)) == status.chats_sent
    pictures = {"video": [event.data for event in receiver.of(Video)], "deskshare": [event.data for event in receiver.of(Share)]}
    assert {kind: sha256(data) for kind, data in pictures.items() if data} == {
        sent.kind: sent.sha256 for sent in status.pictures if sent.pictures
    }


async def check(case: Case, scenarios: Path) -> None:
    codec = CHOICES[case.choice].codec
    if codec is not None and codec not in encodable():
        pytest.skip("needs the extra codecs")
    receiver, status = await play(case, scenarios)
    judge(case, receiver, status)


# The matrix ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", tuple(representative_cases()), ids=lambda case: case.name)
async def test_representative(case: Case, scenarios: Path) -> None:
    await check(case, scenarios)


@pytest.mark.matrix
@pytest.mark.parametrize("case", tuple(every_case()), ids=lambda case: case.name)
async def test_every_combination(case: Case, scenarios: Path) -> None:
    await check(case, scenarios)
