"""Process limits: what a process can no longer do behind the walls, tried by one that tries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cc_voice.query.sql import process_limits
from tests.conftest import PATIENCE_S

TRIES = """
import ctypes, json, os, resource, signal, socket, sys, threading
sys.path.insert(0, sys.argv[1])
import process_limits
libc = ctypes.CDLL(None, use_errno=True)
held, parent = open("/etc/hostname", "rb"), os.getppid()
process_limits.take_share(memory_bytes=256 << 20, cpu_s=30)
process_limits.close_doors()
def system(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
tries = {
    "read an open file": lambda: held.read(),
    "start a thread": lambda: (t := threading.Thread(target=lambda: 1 + 1), t.start(), t.join()),
    "open to read": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open to write": lambda: os.open("/tmp/walls-were-open", os.O_CREAT | os.O_WRONLY),
    "list a folder": lambda: os.listdir("/"),
    "look at a file": lambda: os.stat("/etc/passwd"),
    "remove": lambda: os.unlink("/tmp/walls-were-open"),
    "socket": lambda: socket.socket(),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "fork": lambda: os.fork(),
    "vfork": lambda: system(58),
    "execute": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(parent, 0),
    "kill by thread": lambda: system(234, parent, parent, 0),
    "kill by thread of itself": lambda: system(234, os.getpid(), os.getpid(), 0),
    "ptrace": lambda: system(101, 0, 0, 0, 0),
    "io_uring": lambda: system(425, 1, 0),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000)),
    "memory": lambda: bytearray(512 << 20),
}
told = {}
def attempt(name):
    try:
        tries[name]()
    except (OSError, MemoryError, ValueError) as error:
        told[name] = type(error).__name__
    else:
        told[name] = "done"
for name in tries:
    attempt(name)
in_thread = threading.Thread(target=attempt, args=["socket"])
in_thread.start(); in_thread.join()
os.write(1, json.dumps(told).encode())
os._exit(0)
"""


def test_behind_the_walls_nothing_is_left_but_to_compute() -> None:
    folder = Path(process_limits.__file__).parent
    done = subprocess.run([sys.executable, "-I", "-c", TRIES, folder], capture_output=True, timeout=PATIENCE_S, check=True)
    told = json.loads(done.stdout)
    assert {name for name, how in told.items() if how == "done"} == {
        *("read an open file", "start a thread", "kill by thread of itself"),
    }
    assert told["open to read"] == told["socket"] == told["fork"] == told["execute"] == "PermissionError"
    assert told["memory"] == "MemoryError"


def test_a_machine_that_is_not_known_gets_no_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_limits.platform, "machine", lambda: "aarch64")
    with pytest.raises(process_limits.LimitsUnavailable, match="aarch64 is not known here"):
        process_limits.close_doors()
