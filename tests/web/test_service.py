"""`cc-voice serve` as a process: what it leaves in the data folder, whom it tells, how it ends."""

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

from cc_voice.config import settings as configuration
from cc_voice.config.settings import Secret, Settings
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.service import with_salt
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
    for name in ("salt", "first-login.txt", "owner.sock", "auth.sqlite", "cc_voice.duckdb"):
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
