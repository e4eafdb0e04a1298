"""A site with real worker processes, and a Zoom that takes connections and never answers: its streams stay live."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cc_voice.config.settings import Secret, Settings, ZoomApp
from cc_voice.media import recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.rtms.client import StreamTarget
from cc_voice.sessions.spec import SessionSpec
from tests.conftest import PATIENCE_S

POLL_S = 0.02
APP = ZoomApp(name="default", client_id="id", client_secret=Secret("secret"), webhook_secret=Secret("token"))
T0 = 1_790_000_000_000
RATE_HZ = 16_000


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """One worker, no recogniser: what is said is not what these tests are about."""
    return Settings(data_dir=tmp_path, apps=(APP,), workers=1, recogniser="none", allow_insecure_links=True, log_level="critical")


@pytest.fixture
def silent_zoom() -> Iterator[str]:
    """URL of a server that the kernel connects to and nobody answers at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"


async def until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition, or fail with what was waited for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pytest.fail(f"waited in vain until {what}")


def spec(stream_id: str = "s1", url: str = "wss://rtms.zoom.us", **changes: Any) -> SessionSpec:
    values: dict[str, Any] = {
        "call_id": f"call-{stream_id}",
        "stream_id": stream_id,
        "product": "contact_center",
        "instance_id": "E1",
        "app": APP.name,
        "target": StreamTarget(
            product="contact_center", instance_key="engagement_id", instance_id="E1", stream_id=stream_id, server_urls=url
        ),
        "language": "en",
        "epoch": 1,
    }
    return SessionSpec(**values | changes)


def webhook(kind: str, stream_id: str = "s1", url: str = "wss://rtms.zoom.us", at_ms: int = T0, **payload: Any) -> bytes:
    """A webhook of Zoom's: started, stopped, interrupted."""
    body = {
        "event": f"contact_center.voice_rtms_{kind}",
        "event_ts": at_ms,
        "payload": {"engagement_id": f"E-{stream_id}", "rtms_stream_id": stream_id, "server_urls": url} | payload,
    }
    return json.dumps(body).encode()


def record(site: Settings, call_id: str, stream_id: str = "s1", seconds: int = 1) -> Path:
    """Leave a recording of two channels behind; its folder."""
    header = StreamHeader(
        call_id=call_id,
        stream_id=stream_id,
        product="contact_center",
        instance_id=f"E-{stream_id}",
        language="en",
        sample_rate_hz=RATE_HZ,
        t0_unix_ms=T0,
    )
    recording = recordings.create(site.recordings_dir, header)
    sound = (8000 * np.sin(np.arange(RATE_HZ * seconds) / 7)).astype("<i2").tobytes()
    for name in ("a", "c"):
        recording.channel(name).write(0, sound)
    recording.close()
    return recording.folder
