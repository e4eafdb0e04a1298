"""The whole appliance as its users run it: `cc-voice serve` in a process of its own, the simulator as Zoom."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_voice.config import settings
from cc_voice.config.settings import Secret, Settings, ZoomApp
from cc_voice.query import operations
from cc_voice.simulator.report import SimulatorConfig, StartedCall
from cc_voice.simulator.server import Simulator
from tests.conftest import PATIENCE_S

POLL_S = 0.1


class Appliance:
    """`cc-voice serve` on a data folder; may be killed and started again."""

    def __init__(self, site: Settings) -> None:
        self.site = site
        self.process: subprocess.Popen[bytes] | None = None
        self._config = site.data_dir / "site.json"
        self._config.write_bytes(settings.dumps(site))

    @property
    def address(self) -> str:
        return (self.site.data_dir / "address").read_text().strip()

    def start(self) -> None:
        (self.site.data_dir / "address").unlink(missing_ok=True)
        log = (self.site.data_dir / "service.log").open("ab")
        command = [sys.executable, "-m", "cc_voice", "serve", "--config", str(self._config)]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        log.close()
        process = self.process
        self.until(lambda: process.poll() is not None or (self.site.data_dir / "address").exists(), "the service listens")
        assert process.poll() is None, self.log()

    def kill(self) -> None:
        """`kill -9`: no handler of ours runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM, as systemd does; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_S)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.terminate()

    def ask(self, question: str, **arguments: Any) -> Any:
        return operations.ask(self.site, question, **arguments)

    def stages(self) -> dict[str, Any]:
        return {row["stream_id"]: row for row in self.ask("streams")}

    def children(self) -> list[int]:
        """Return the process ids of the service's descendants, itself left out."""
        assert self.process is not None
        return session_members(self.process.pid)

    def log(self) -> str:
        return (self.site.data_dir / "service.log").read_text(errors="replace")[-4000:]

    def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait for a condition, or fail with what was waited for and the end of the service's log."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, f"waited in vain until {what}\n{self.log()}"
            time.sleep(POLL_S)


def session_members(leader: int) -> list[int]:
    """Return the living processes of the session that `leader` started, except itself."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != leader:
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found


APP = ZoomApp(name="test", client_id="testClient", client_secret=Secret("testSecret"), webhook_secret=Secret("testToken"))


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    """A running appliance with the test model and loopback links allowed."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    built = Appliance(
        Settings(
            data_dir=data_dir,
            listen="127.0.0.1:0",
            apps=(APP,),
            workers=2,
            allow_test_model=True,
            allow_insecure_links=True,
            cust_speech_on_hold=True,
        )
    )
    built.start()
    yield built
    built.stop()


@pytest.fixture
async def zoom(appliance: Appliance) -> AsyncIterator[Simulator]:
    """The simulator; tests deliver its webhooks themselves, so that they can repeat or delay them."""
    config = SimulatorConfig(
        client_id=APP.client_id, client_secret=str(APP.client_secret), webhook_secret=str(APP.webhook_secret), keep_alive_s=5.0
    )
    async with Simulator(config) as simulator:
        yield simulator


def announce(appliance: Appliance, call: StartedCall) -> int:
    """Post a call's webhook to the appliance and return the HTTP status."""
    import httpx

    answer = httpx.post(f"{appliance.address}/webhooks/zoom", content=call.body.encode(), headers=call.headers, timeout=PATIENCE_S)
    return answer.status_code


def require_free_cores() -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two cores to keep up with the calls it plays")
