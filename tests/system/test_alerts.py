"""Alerts from sound to receiver: a simulated call in which nobody speaks, the board, and a program that is told of it."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_voice.config.settings import Settings
from cc_voice.simulator.report import CallRequest
from cc_voice.simulator.server import Simulator
from tests.system.conftest import APP, Appliance, announce

pytestmark = pytest.mark.system
KEY = b"cc_voice-test-signing-key-0001!!"
SILENT = {
    "parties": [{"party": "customer"}, {"party": "agent"}],
    "events": [
        {"at_ms": 0, "event": "consumer_answered", "party": "customer"},
        {"at_ms": 200, "event": "user_answered", "party": "agent"},
        {"at_ms": 38_000, "event": "user_end", "party": "agent"},
    ],
    "duration_ms": 40_000,
    "lines": [],
}


class Receiver:
    """A program of somebody else's, on this machine."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    """An appliance that may send to this machine, and has one receiver of webhooks nowhere in its configuration."""
    (tmp_path / "data").mkdir()
    site = Settings(
        data_dir=tmp_path / "data",
        listen="127.0.0.1:0",
        apps=(APP,),
        workers=1,
        allow_test_model=True,
        allow_insecure_links=True,
        webhook_hosts=("127.0.0.1",),
    )
    built = Appliance(site)
    built.start()
    yield built
    built.stop()


async def test_silence_is_raised_and_told_with_a_right_signature(
    tmp_path: Path, receiver: Receiver, appliance: Appliance, zoom: Simulator
) -> None:
    secret, script = tmp_path / "desk.secret", tmp_path / "silent.json"
    secret.write_text("whsec_" + base64.b64encode(KEY).decode())
    script.write_text(json.dumps(SILENT))
    text = f'format = 1\n[[webhooks]]\nurl = "{receiver.url}"\nsecret_file = "{secret}"\nevents = ["alert.*", "call.measured"]\n'
    await asyncio.to_thread(appliance.ask, "policies.set", kind="webhooks", text=text, seen=None)
    call = await zoom.start_call(CallRequest(script=str(script), speed=4.0))
    assert await asyncio.to_thread(announce, appliance, call) == 200
    await asyncio.to_thread(appliance.until, lambda: len(receiver.taken) >= 4, "four events are told")
    for headers, body in receiver.taken:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    told = [json.loads(body) for _, body in receiver.taken]
    assert sorted(each["type"] for each in told) == ["alert.closed", "alert.raised", "alert.raised", "call.measured"]
    raised = sorted((each["data"] for each in told if each["type"] == "alert.raised"), key=lambda each: each["level"])
    assert [(each["reason"], each["level"]) for each in raised] == [("dead_air", 1), ("dead_air", 2)]
    assert len({each["data"]["alert_id"] for each in told if each["type"] != "call.measured"}) == 1
    answered = await asyncio.to_thread(appliance.ask, "webhooks", limit=10)
    assert [each["state"] for each in answered["deliveries"]] == ["sent"] * 4
    assert "whsec_" not in appliance.log()
