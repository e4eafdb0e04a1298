"""`cc-voice serve` as a process: what it leaves in the data folder, whom it tells, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import cc_voice
from cc_voice.config import settings as configuration
from cc_voice.config.settings import Secret, Settings
from cc_voice.media import recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.service import SaltUnreadable, with_salt
from cc_voice.web.sockets import address, listen_owner, listen_tcp
from cc_voice.web.systemd import Notifier
from tests.conftest import PATIENCE_S

SERVE = (sys.executable, "-m", "cc_voice", "serve")


class Process:
    """A service on a data folder."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        command = [
            sys.executable,
            "-m",
            "cc_voice",
            "serve",
            "--data-dir",
            str(folder),
            "--listen",
            "127.0.0.1:0",
            "--workers",
            "1",
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
            start_new_session=True,
        )

    def url(self) -> str:
        deadline = time.monotonic() + PATIENCE_S
        path = self.folder / "address"
        while not path.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return path.read_text().strip()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def service(folder: Path) -> Iterator[Process]:
    started = Process(folder)
    yield started
    if started.process.poll() is None:
        started.stop(signal.SIGKILL)


def test_a_service_from_its_first_start_to_its_end(service: Process, folder: Path) -> None:
    url = service.url()
    health = httpx.get(f"{url}/healthz", timeout=PATIENCE_S)
    assert (health.status_code, health.json()["workers"]) == (200, 1)
    for name in ("salt", "first-login.txt", "owner.sock", "auth.sqlite", "cc_voice.duckdb", "settings.json"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    fields = dict(line.split(": ") for line in (folder / "first-login.txt").read_text().splitlines())
    answer = httpx.post(
        f"{url}/login", data={"account": fields["user name"], "password": fields["password"]}, headers={"origin": url}
    )
    assert answer.status_code == 303
    assert httpx.get(f"{url}/calls", cookies=answer.cookies).headers["location"] == "/password"
    code, out, err = service.stop()
    assert code == 0
    assert fields["password"] not in out + err
    start = json.loads(err.splitlines()[0])
    assert (start["event"], start["version"], start["data_dir"]) == ("cc-voice starts", cc_voice.__version__, str(folder))
    assert (start["configuration"], start["languages"]) == ("none: environment and defaults", [])
    assert not (folder / "address").exists()
    assert not (folder / "owner.sock").exists()
    salt = (folder / "salt").read_text()
    again = Process(folder)
    again.url()
    assert again.stop(signal.SIGINT)[0] == 0
    assert (folder / "salt").read_text() == salt
    assert dict(line.split(": ") for line in (folder / "first-login.txt").read_text().splitlines()) == fields


def test_a_data_folder_has_one_service(service: Process, folder: Path) -> None:
    service.url()
    second = Process(folder)
    _, err = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert err.startswith(f"Error: another process holds {folder / 'cc_voice.duckdb'}: a service or command of this site; stop it")
    assert "--data-dir" in err
    assert httpx.get(f"{service.url()}/healthz", timeout=PATIENCE_S).status_code == 200
    assert service.stop()[0] == 0


@pytest.mark.nightly
def test_a_killed_service_is_no_obstacle_to_the_next(service: Process, folder: Path) -> None:
    service.url()
    service.stop(signal.SIGKILL)
    assert (folder / "owner.sock").exists()
    (folder / "address").write_text("stale")
    again = Process(folder)
    deadline = time.monotonic() + PATIENCE_S
    while again.url() == "stale":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert httpx.get(f"{again.url()}/healthz", timeout=PATIENCE_S).status_code == 200
    assert again.stop()[0] == 0


def test_systemd_is_told(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(PATIENCE_S)
        service = Process(folder, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="2000000")
        assert listener.recv(100) == b"READY=1"
        assert (folder / "address").exists()
        assert listener.recv(100) == b"WATCHDOG=1"
        service.process.send_signal(signal.SIGTERM)
        while (told := listener.recv(100)) == b"WATCHDOG=1":
            pass
        assert told == b"STOPPING=1"
        service.process.communicate(timeout=PATIENCE_S)


NO_WORKER = """
import sys
if "--multiprocessing-fork" in sys.argv:
    import asyncio
    def run(work):
        work.close()
        raise MemoryError("no room for the model")
    asyncio.run = run
"""


def test_a_service_without_workers_says_why_ends_when_asked_and_not_with_success(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_WORKER)
    service = Process(folder, PYTHONPATH=str(tmp_path))
    try:
        url = service.url()
        for path in ("/healthz", "/readyz", "/calls", "/webhooks/zoom"):
            answer = httpx.request("POST" if "webhooks" in path else "GET", f"{url}{path}", timeout=PATIENCE_S)
            assert answer.status_code == 503, path
            assert "MemoryError: no room for the model" in answer.json()["detail"], path
            assert answer.headers["retry-after"], path
        asked_s = time.monotonic()
        code, _, err = service.stop()
    finally:
        service.process.kill()
    assert time.monotonic() - asked_s < 10
    assert code == 1
    assert "Error: the service has served nobody: worker 1 does not start: the worker cannot go on: MemoryError" in err


def test_a_service_that_is_stopped_before_its_workers_are_up_ends_at_once(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    sleeping = f"open({str(there)!r}, 'w').close(); __import__('time').sleep(600)"
    (tmp_path / "sitecustomize.py").write_text(NO_WORKER.replace('raise MemoryError("no room for the model")', sleeping))
    service = Process(folder, PYTHONPATH=str(tmp_path))
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not there.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        asked_s = time.monotonic()
        code, _, _ = service.stop()
    finally:
        service.process.kill()
    assert (code, time.monotonic() - asked_s < 10) == (0, True)


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "too short"), (b"\xff\xfe" * 20, "no text"), (b"\0" * 64, "no text"), (None, "no file")]
)
def test_a_damaged_salt_is_told_and_never_replaced(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "salt"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    with pytest.raises(SaltUnreadable, match=f"{path} is damaged: .*{told}"):
        with_salt(Settings(data_dir=tmp_path))
    assert path.is_fifo() if content is None else path.read_bytes() == content


def test_recordings_that_the_store_does_not_know_are_told(folder: Path) -> None:
    header = StreamHeader(
        call_id="forgotten", stream_id="s", product="import", instance_id="i", language="en", sample_rate_hz=8000, t0_unix_ms=1
    )
    recordings.create(folder / "recordings", header).close()
    service = Process(folder)
    try:
        url = service.url()
        deadline = time.monotonic() + PATIENCE_S
        while httpx.get(f"{url}/healthz", timeout=PATIENCE_S).json()["recordings_missing"] != 1:
            assert time.monotonic() < deadline
        _, _, err = service.stop()
    finally:
        service.process.kill()
    [line] = [line for line in err.splitlines() if "recorded and not in the store" in line]
    assert "recompute --publish" in line
    assert '"first": ["forgotten"]' in line


def test_nobody_to_tell_is_no_trouble(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "soon"}, {"NOTIFY_SOCKET": "@nobody"}):
        notifier = Notifier(environ)
        assert notifier.watchdog_s is None
        notifier.ready()
        notifier.alive()
        notifier.stopping()


def test_the_salt_is_configured_or_kept(tmp_path: Path) -> None:
    configured = Settings(data_dir=tmp_path, customer_key_salt=Secret("mine"))
    assert with_salt(configured) is configured
    assert not (tmp_path / "salt").exists()
    kept = with_salt(Settings(data_dir=tmp_path))
    assert len(kept.customer_key_salt) == 64
    assert with_salt(Settings(data_dir=tmp_path)).customer_key_salt == kept.customer_key_salt
    assert (tmp_path / "salt").stat().st_mode & 0o777 == 0o600
    assert configuration.loads(configuration.dumps(kept)).customer_key_salt == kept.customer_key_salt


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    taken = listen_tcp("127.0.0.1", 0)
    port = taken.getsockname()[1]
    assert address(taken) == f"http://127.0.0.1:{port}"
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: .*change `listen`"):
        listen_tcp("127.0.0.1", port)
    taken.close()
    long = tmp_path / ("x" * 120) / "owner.sock"
    long.parent.mkdir()
    with pytest.raises(OSError, match="shorter path"):
        listen_owner(long)


def test_a_service_that_cannot_listen_lets_go_of_the_store(tmp_path: Path) -> None:
    taken = listen_tcp("127.0.0.1", 0)
    port = taken.getsockname()[1]
    command = [*SERVE, "--data-dir", str(tmp_path), "--listen", f"127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    taken.close()
    assert done.returncode == 1
    assert f"Error: cannot listen on 127.0.0.1:{port}: " in done.stderr
    Database.open(tmp_path / "cc_voice.duckdb").close()


def test_a_service_that_fails_while_it_starts_ends_its_workers(folder: Path) -> None:
    inbox = Inbox.open(folder / "inbox.sqlite")
    inbox.run(lambda con: con.execute("drop table webhook"))  # what it looks into once workers run
    inbox.close()
    service = Process(folder)
    try:
        _, err = service.process.communicate(timeout=PATIENCE_S)
    finally:
        service.process.kill()
    assert service.process.returncode == 1
    assert "no such table: webhook" in err
