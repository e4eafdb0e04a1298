"""Pipes between the service and its workers, written by a thread: `send_bytes` blocks while the other side does not read.

An event loop that waited there would miss keep-alives (in a worker, Zoom's; in the service, everybody's), because of a peer that is
stopped, or busy for a moment. So messages wait in a queue of ours, in order, and a thread writes them.

Ruled out: a pipe that does not block, with the loop as its writer. `multiprocessing.Connection` writes a message whole or raises
half-way, so partial writes would be ours to frame. The queue has no end, as what must not be lost lies in the spool and only its
name is here; what nobody misses is left out while more than `MOST_WAITING` messages wait.
"""

import contextlib
import queue
import threading
from multiprocessing.connection import Connection

MOST_WAITING = 1000


class PipeWriter:
    """The writing end of a pipe. `send` never blocks and may be called from any thread."""

    def __init__(self, pipe: Connection, name: str) -> None:
        self._pipe = pipe
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._is_dropped = False
        # A daemon: whoever ends without `close` does not wait for a peer that does not read
        self._thread = threading.Thread(target=self._write, name=name, daemon=True)
        self._thread.start()

    def send(self, message: bytes, *, is_needed: bool = True) -> bool:
        """Hand in a message; False where it was left out: it is not needed, and too many wait already."""
        if not is_needed and self._waiting.qsize() >= MOST_WAITING:
            return False
        self._waiting.put(message)
        return True

    def close(self) -> None:
        """Write what waits, then end; the pipe stays open. Blocks until the peer has taken it: not for an event loop."""
        self._waiting.put(None)
        self._thread.join()

    def drop(self) -> None:
        """The peer is gone: close the pipe as soon as nobody writes to it. Does not block.

        By the thread, as a number of a file that is closed under a write may belong to another file by then.
        """
        self._is_dropped = True
        self._waiting.put(None)

    def _write(self) -> None:
        while (message := self._waiting.get()) is not None:
            # The other side may be gone; whoever reads the pipe learns it, and acts
            with contextlib.suppress(OSError):
                self._pipe.send_bytes(message)
        if self._is_dropped:
            self._pipe.close()
