"""Files of a recording: opened only where they are files, written whole or not at all.

A recording's folder is open to whoever administers the machine. A pipe, a device or a folder in the place of a file is told; opened
as a file it would be waited for.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RecordingError(Exception):
    """A recording cannot be read or written; the message names the call or file and what to do."""


def open_file(path: Path, flags: int) -> int:
    """Open one file of a recording. Raises RecordingError where a pipe, a device or a folder stands in its place, OSError."""
    # Not blocking: to open a pipe is to wait for whoever writes into it, which may be for ever. It changes nothing about files
    try:
        fd = os.open(path, flags | os.O_NONBLOCK, 0o600)
    except (IsADirectoryError, NotADirectoryError) as error:
        raise no_file(path) from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise no_file(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise no_file(path)
    return fd


def read_file(path: Path) -> bytes:
    """Return the content of one file of a recording. Raises RecordingError, OSError."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        return file.read()


def no_file(path: Path) -> RecordingError:
    """Return what is said of a pipe, a device or a folder in the place of a file."""
    return RecordingError(
        f"{path} is no file but a pipe, a folder or a device; move the folder {path.parent} aside to go on without it"
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it. Raises OSError (disk full)."""
    with beside(path) as part:
        part.write_bytes(data)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Yield the path of a file to write; it is flushed to disk and becomes `target`, or vanishes when that fails."""
    # Two threads of one process may write the same target, so the process id alone would not do
    part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def append_record(fd: int, record: bytes) -> None:
    """Append a record, or nothing: a part of it would be taken for the beginning of the next one."""
    done = os.write(fd, record)
    if done < len(record):
        os.ftruncate(fd, os.fstat(fd).st_size - done)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
