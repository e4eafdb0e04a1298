"""An appliance without workers around a real store with the golden call in it, and clients that are signed in or not."""

import asyncio
import hashlib
import hmac
import math
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from litestar import Litestar

from cc_voice.call.batch import CallMeasured
from cc_voice.call.measure import measure
from cc_voice.config.settings import Secret, Settings, ZoomApp
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.fleet.worker_plan import plan
from cc_voice.media import recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.speech.machine import Machine
from cc_voice.store import batches
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.audit import FILE, AuditLog
from cc_voice.web.access.passwords import HashCost
from cc_voice.web.access.roles import AccountAccess
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.audio_cache import AudioCache
from cc_voice.web.service import Server, configuration
from cc_voice.web.sockets import address, listen_owner, listen_tcp
from cc_voice.web.systemd import Notifier
from cc_voice.web.write_probe import WriteProbe
from tests.call.golden import AGENT, CUSTOMER, T0, THRESHOLDS, golden_stream, golden_stream_heard_twice
from tests.stored_calls import new_database

CHEAP = HashCost(passes=1, memory_kib=8, lanes=1)
"""A hash that takes no time: what it costs is not what these tests are about."""
ORIGIN = "http://appliance.test"
PASSWORD = "correct horse battery"
ALL = AccountAccess(grants=frozenset({"words", "play", "unredacted", "export"}), site=True)
"""All that an administrator can be given; with the role alone they hear and read no call."""
RATE_HZ = 8000
NOW_S = T0 / 1000 + 3600

APPS = (
    ZoomApp(name="sales", client_id="c1", client_secret=Secret("s1"), webhook_secret=Secret("first token")),
    ZoomApp(name="service", client_id="c2", client_secret=Secret("s2"), webhook_secret=Secret("second token")),
)


class Clock:
    """The appliance's time, moved by hand."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, apps=APPS, workers=1, site_name="Leeds <site>", timezone="Europe/Berlin")


@pytest.fixture
async def appliance(site: Settings, clock: Clock) -> AsyncIterator[Appliance]:
    """An appliance whose workers were never started: streams are recorded and served by nobody."""
    database = new_database(site.database_path)
    inbox = Inbox.open(site.inbox_path, clock)
    accounts = Accounts(site.data_dir / "auth.sqlite", CHEAP)
    accounts.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
    audit = AuditLog(site.data_dir / FILE)
    made = Appliance(
        settings=site,
        database=database,
        inbox=inbox,
        dispatcher=Dispatcher(site, database, inbox, plan(site, Machine(2, None))),
        accounts=accounts,
        audit=audit,
        probe=WriteProbe(database, inbox, site.data_dir),
        audio=AudioCache(site.data_dir / "cache", site.recordings_dir),
        draining=asyncio.Event(),
        now=clock,
    )
    yield made
    await made.jobs.close()
    audit.close()
    accounts.close()
    inbox.close()
    database.close()


_MADE: list[Litestar] = []
"""The application, made once in a process, as making it takes longer than most tests."""


def application(appliance: Appliance) -> Litestar:
    """Return the application, serving this appliance from now on: whose it is, is a part of its state, and a test has one."""
    if not _MADE:
        _MADE.append(create_app(appliance))
    _MADE[0].state.appliance = appliance
    return _MADE[0]


@pytest.fixture
async def stranger(appliance: Appliance) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in; its requests come from a page of the appliance."""
    transport = httpx.ASGITransport(application(appliance), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


@pytest.fixture
async def rosa(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same browser, signed in."""
    answer = await stranger.post("/login", data={"account": "rosa", "password": PASSWORD})
    assert answer.status_code == 303
    return stranger


@pytest.fixture
def golden(appliance: Appliance) -> str:
    """The golden call, measured and stored with its recording; its id."""
    store_golden(appliance.database, appliance.settings)
    return "golden"


class Served:
    """An appliance behind its real sockets."""

    def __init__(self, url: str, owner_socket: Path) -> None:
        self.url = url
        self.owner_socket = owner_socket


@pytest.fixture
async def served(appliance: Appliance) -> AsyncIterator[Served]:
    """The appliance served by uvicorn over TCP and the owner's socket, as the service does it."""
    socks = [listen_tcp("127.0.0.1", 0), listen_owner(appliance.settings.owner_socket)]
    listening = asyncio.Event()
    server = Server(configuration(appliance, Notifier({})), listening.set)
    serving = asyncio.create_task(server.serve(sockets=socks))
    await listening.wait()
    yield Served(address(socks[0]), appliance.settings.owner_socket)
    appliance.draining.set()
    server.should_exit = True
    await serving


def store_golden(
    database: Database,
    site: Settings,
    call_id: str = "golden",
    start_ms: int = T0,
    recorded: bool = True,
    heard_twice: bool = False,
) -> None:
    """Store the golden call; its recording has tones where its parties speak."""
    whole = golden_stream_heard_twice() if heard_twice else golden_stream()
    events = tuple(msgspec.structs.replace(e, at_unix_ms=e.at_unix_ms - T0 + start_ms) for e in whole.events)
    stream = msgspec.structs.replace(whole, call_id=call_id, stream_id=f"{call_id}-s", t0_unix_ms=start_ms, events=events, epoch=1)
    batch = CallMeasured(
        call_id=call_id, stream_id=stream.stream_id, epoch=1, revision=1, thresholds=THRESHOLDS, call=measure([stream], THRESHOLDS)
    )
    database.write_now(lambda con: batches.write_batch(con, batch, site.site))
    if recorded:
        record(site.recordings_dir, call_id, stream.stream_id, start_ms)


def record(recordings_dir: Path, call_id: str, stream_id: str, start_ms: int) -> None:
    """Write the recording of the golden call: a tone of its own for each party while it speaks."""
    header = StreamHeader(
        call_id=call_id,
        stream_id=stream_id,
        product="contact_center",
        instance_id="E1",
        language="en",
        sample_rate_hz=RATE_HZ,
        t0_unix_ms=start_ms,
    )
    recording = recordings.create(recordings_dir, header)
    for channel_id, spans, pitch_hz in (("c", CUSTOMER, 330), ("a", AGENT, 220)):
        recording.channel(channel_id).write(0, tone(spans, pitch_hz).tobytes())
    recording.close()


def tone(spans: tuple[tuple[int, int], ...], pitch_hz: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """A minute of samples that sounds in some spans (ms) only."""
    samples = np.zeros(60 * RATE_HZ, dtype=np.int16)
    wave = (8000 * np.sin(2 * math.pi * pitch_hz * np.arange(60 * RATE_HZ) / RATE_HZ)).astype(np.int16)
    for start, end in spans:
        piece = slice(start * RATE_HZ // 1000, end * RATE_HZ // 1000)
        samples[piece] = wave[piece]
    return samples


def sign(body: bytes, secret: str, timestamp: float) -> dict[str, str]:
    """Return the headers Zoom would send with a webhook."""
    stamp = str(int(timestamp))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-zm-request-timestamp": stamp, "x-zm-signature": f"v0={digest}", "content-type": "application/json"}
