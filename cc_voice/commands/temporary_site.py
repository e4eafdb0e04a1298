"""A site for a while, and a service of its own for it: what the demo shows and what `bench live` measures.

The service is the one that operators run, in a process of its own; only its settings are made up, and its secrets random.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cc_voice.config import settings
from cc_voice.config.settings import Secret, Settings, ZoomApp

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 45.0
POLL_S = 0.05


class TemporarySiteError(Exception):
    """The service does not start; the message says where to look."""


class Service(NamedTuple):
    """A service that runs, and where."""

    address: str
    pid: int


def temporary_site(data_dir: Path, name: str) -> Settings:
    """Return settings of a site that takes calls of a simulator on this machine, heard with the tiny model where need be."""
    app = ZoomApp(
        name=name,
        client_id=f"{name}Client",
        client_secret=Secret(secrets.token_hex(16)),
        webhook_secret=Secret(secrets.token_hex(16)),
    )
    return Settings(
        data_dir=data_dir,
        listen="127.0.0.1:0",
        site_name=f"{name.capitalize()} site",
        apps=(app,),
        allow_test_model=True,
        allow_insecure_links=True,
        customer_key_salt=Secret(secrets.token_hex(16)),
        cust_speech_on_hold=True,
    )


def log_path(site: Settings) -> Path:
    """Return where the service of a trial writes its log."""
    return site.data_dir / "service.log"


@contextlib.contextmanager
def serving(site: Settings) -> Iterator[Service]:
    """Run `cc-voice serve` for the site, whose folder exists; stop it in the end. Raises TrialError."""
    config = site.data_dir / "cc-voice.json"
    config.touch(mode=0o600)
    config.write_bytes(settings.dumps(site))
    log = log_path(site).open("wb")
    command = [sys.executable, "-m", "cc_voice", "serve", "--config", str(config)]
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True)
    try:
        yield Service(_address(site, process), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _address(site: Settings, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    path = site.data_dir / "address"
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists():
            return path.read_text().strip()
        time.sleep(POLL_S)
    raise TemporarySiteError(f"the service did not start; the end of {log_path(site)} says why")
