"""Standard error: what libraries print past the log; Kaldi and onnxruntime write to file descriptor 2, and so does a process that
dies.

A worker's descriptor 2 becomes the end of a pipe whose other end the service reads. There, and not in a thread of the worker: what
a process says before it dies is still in the pipe when it is dead, and a worker that prints while it holds the interpreter's lock
waits for nobody who needs that lock. The log itself, and tracebacks, go where they went before, to the old descriptor.

Lines become warnings of the log, with who printed them. They are cut, and counted where they come in masses; words that Kaldi
quotes from a vocabulary are left out.
"""

import contextlib
import faulthandler
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection

import structlog

log = structlog.get_logger()

LONGEST_CHARACTERS = 400
"""Of a line."""
BURST_LINES = 40
"""At once; a crash's stack is about as long."""
LINES_PER_S = 2.0
LAST_LINES = 3
_READ_BYTES = 65_536
_KALDI = re.compile(r"(LOG|VLOG\[\d\]|WARNING|ERROR|ASSERTION_FAILED|FATAL) \(")
_PYTHON = re.compile(r"Fatal Python error|Python runtime state|Current thread|Thread 0x|Extension modules|File \"")
_QUOTED = re.compile(r"(vocabulary:?\s).*", re.IGNORECASE)


def redirect(pipe: Connection) -> None:
    """Send what this process prints to descriptor 2 into a pipe; what Python prints to `sys.stderr` stays where it went.

    Call it first, before anything keeps `sys.stderr`.
    """
    real = os.dup(2)
    sys.stderr = os.fdopen(real, "w", buffering=1, errors="backslashreplace")
    faulthandler.enable(file=sys.stderr)
    os.dup2(pipe.fileno(), 2)
    pipe.close()


class Relay:
    """Turns what one worker prints into lines of the log. Fed by one thread; `clock` is in seconds and does not jump."""

    def __init__(self, worker: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log.bind(worker=worker)
        self._clock = clock
        self._rest = b""
        self._lines = float(BURST_LINES)
        """How many may be told now."""
        self._at_s = clock()
        self._left_out = 0
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        """What it printed at last, told or left out: a process that dies says why."""

    def run(self, pipe: Connection) -> None:
        """Relay until the other end is closed, which is when the worker has ended."""
        with contextlib.suppress(OSError):
            while data := os.read(pipe.fileno(), _READ_BYTES):
                self.feed(data)
        self.finish()
        pipe.close()

    def feed(self, data: bytes) -> None:
        """Take bytes, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._tell(line)
        if len(self._rest) > _READ_BYTES:
            self._tell(self._rest)
            self._rest = b""

    def finish(self) -> None:
        """Tell what came without an end, and how much was left out."""
        self._tell(self._rest)
        self._rest = b""
        self._tell_left_out()

    def _tell(self, line: bytes) -> None:
        text = _readable(line)
        if not text:
            return
        self.last.append(text)
        now = self._clock()
        self._lines = min(BURST_LINES, self._lines + (now - self._at_s) * LINES_PER_S)
        self._at_s = now
        if self._lines < 1:
            self._left_out += 1
            return
        self._lines -= 1
        self._tell_left_out()
        self._log.warning("printed by a library", source=_source(text), text=text)

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._log.warning("printed by libraries, too much to tell", lines=self._left_out)
            self._left_out = 0


def _readable(line: bytes) -> str:
    """Return a line without what a terminal would act on, and without words of a vocabulary."""
    text = line.decode("utf-8", "replace").strip()
    text = "".join(character if character.isprintable() else "�" for character in text)
    return _QUOTED.sub(r"\1…", text)[:LONGEST_CHARACTERS]


def _source(text: str) -> str:
    if _KALDI.match(text) or "libvosk" in text:
        return "kaldi"
    if "onnxruntime" in text:
        return "onnxruntime"
    return "python" if _PYTHON.match(text) else "unknown"
