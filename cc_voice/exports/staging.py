"""Staging: how a folder goes from one export to the next; everything is made beside it, then one rename decides, then files are
moved.

    .export-…    being made; worth nothing when whoever made it is gone
    .complete    decided: its files replace those of the folder, and those it names are removed; whoever comes next finishes it

Killed before the rename, the folder is as it was; killed after it, the next export (or `finish`) moves the rest, and until then the
manifest, which is moved last, tells by its checksums which files belong together. Exchanging whole folders lost: it needs twice the
room for every day of history, and a name that readers have open would point at nothing.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cc_voice.exports import share
from cc_voice.exports.errors import ExportError

ABANDONED_S = 86_400
"""No export takes a day; a working folder in which nothing happened for so long belongs to none."""
MANIFEST = "manifest.json"
_WORK = ".export-"
_COMPLETE = ".complete"
_REMOVED = ".removed.json"
_NAMES = msgspec.json.Decoder(list[str])


@contextlib.contextmanager
def working(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to make an export in; what is not committed in the end is removed.

    Raises ExportError when the folder cannot be written or another export of it is running.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder):
            finish(folder)
            _remove_abandoned(folder)
            work = Path(tempfile.mkdtemp(prefix=_WORK, dir=folder))
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise ExportError(f"cannot export to {folder}: {error.strerror or error}") from error


def commit(folder: Path, work: Path, removed: list[str]) -> None:
    """Replace files of a folder by those made, and remove the named ones, which may have gone already. Raises OSError."""
    (work / _REMOVED).write_bytes(msgspec.json.encode(removed))
    for path in work.rglob("*"):  # the decision must not reach the disk before what it is about
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    work.rename(folder / _COMPLETE)
    finish(folder)


def finish(folder: Path) -> None:
    """Move what was decided and not moved yet, because whoever decided it was killed. Raises OSError."""
    complete = folder / _COMPLETE
    if not complete.is_dir():
        return
    made = sorted(path.relative_to(complete) for path in complete.rglob("*") if path.is_file())
    share.open_as(folder, (complete / name for name in made))
    for name in made:
        if str(name) not in (MANIFEST, _REMOVED):
            new = [parent for parent in (folder / name).parents if not parent.exists()]
            (folder / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            share.open_as(folder, new)
            (complete / name).replace(folder / name)
    if (complete / _REMOVED).exists():
        for old in _NAMES.decode((complete / _REMOVED).read_bytes()):
            _remove(folder, folder / old)
    if (complete / MANIFEST).exists():
        (complete / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(complete)


def _remove(folder: Path, path: Path) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder:
            return
        try:
            parent.rmdir()
        except OSError:  # not empty, or gone
            return


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ExportError(f"another export to {folder} is running; repeat when it has finished") from error
    finally:
        os.close(held)


def _remove_abandoned(folder: Path) -> None:
    """Remove what an export that was killed left behind: nobody would look for transcripts there when they are to be deleted."""
    for work in folder.glob(f"{_WORK}*"):
        if time.time() - work.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(work, ignore_errors=True)
