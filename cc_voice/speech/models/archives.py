"""A model's zip archive, unpacked as if its sender meant harm: whoever answered the download chose every byte of it.

The table of contents is judged as a whole before the first file is written (`contents`), so that what is refused leaves nothing
behind. Files are then written by us under names that were judged, never by `ZipFile.extract`, which mends bad names silently.
Sizes may be lies: zipfile stops at the declared size and compares the checksum, so no file grows beyond what was judged.
"""

import contextlib
import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from cc_voice.speech.errors import FetchError

MOST_FILES = 10_000
"""Models have some thirty."""
LARGEST_RATIO = 25
"""Declared size to the archive's. Models shrink to a half or a third, the sparsest files of them to a tenth."""
FREE_RATIO_BYTES = 32_000_000
"""Below this no ratio is suspicious."""
_BLOCK_BYTES = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, ArithmeticError, struct.error)
"""What zipfile raises on bytes that are no archive, depending on where the damage is."""

Progress = Callable[[int, int | None], None]
"""(bytes done, bytes in all where known), of one step."""


class Entry(msgspec.Struct, frozen=True):
    """One file to be written. `index` is its place in the archive, `path` where it goes, the folder around all taken off."""

    index: int
    path: str
    size_bytes: int


class Contents(msgspec.Struct, frozen=True):
    """What an archive holds. `folder` is the one that everything is in; None: there is none."""

    folder: str | None
    entries: tuple[Entry, ...]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)


def contents(archive: Path) -> Contents:
    """Judge an archive by its table of contents. Raises FetchError, OSError."""
    with _opened(archive) as opened:
        return _judged(archive, opened.infolist())


def unpack(archive: Path, found: Contents, into: Path, progress: Progress) -> None:
    """Write the files of an archive that `contents` has judged into a new folder. Raises FetchError, OSError (disk full)."""
    total, done = found.size_bytes, 0
    into.mkdir(parents=True)
    with _opened(archive) as opened:
        infos = opened.infolist()
        for entry in found.entries:
            target = into / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(infos[entry.index]) as source, target.open("xb") as file:
                while block := source.read(_BLOCK_BYTES):
                    file.write(block)
                    done += len(block)
                    progress(done, total)
    if done != total:
        raise FetchError(f"{archive.name} is damaged: it promises {total} bytes and holds {done}")


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; what zipfile raises on damaged bytes meanwhile becomes a FetchError."""
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except _DAMAGE as error:
        raise FetchError(f"{archive.name} is damaged or no zip archive: {error}") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # zipfile was led to a place before the start of the file
            raise FetchError(f"{archive.name} is damaged or no zip archive") from error
        raise


def _judged(archive: Path, infos: list[zipfile.ZipInfo]) -> Contents:
    if len(infos) > MOST_FILES:
        raise FetchError(f"{archive.name} holds {len(infos)} files, which no model does; nothing was unpacked")
    for info in infos:
        _check_entry(archive, info)
    files = [(index, info) for index, info in enumerate(infos) if not info.is_dir()]
    if not files:
        raise FetchError(f"{archive.name} holds no file")
    _check_clashes(archive, infos)
    declared, packed = sum(info.file_size for _, info in files), archive.stat().st_size
    if declared > max(FREE_RATIO_BYTES, LARGEST_RATIO * packed):
        raise FetchError(f"{archive.name} would unpack from {packed} to {declared} bytes; nothing was unpacked")
    tops = {info.filename.partition("/")[0] for _, info in files}
    folder = tops.pop() if len(tops) == 1 and all("/" in info.filename for _, info in files) else None
    skip = len(folder) + 1 if folder else 0
    return Contents(folder, tuple(Entry(index, info.filename[skip:], info.file_size) for index, info in files))


def _check_entry(archive: Path, info: zipfile.ZipInfo) -> None:
    """Refuse an entry that is not a plain file or folder below the folder it is unpacked into."""
    shown = ascii(info.orig_filename[:80])
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise FetchError(f"{archive.name} holds {shown}, which is a link or a device; nothing was unpacked")
    if info.flag_bits & 1 or info.compress_type not in _METHODS:
        raise FetchError(f"{archive.name} holds {shown} encrypted or packed in an unusual way; nothing was unpacked")
    name = info.orig_filename
    parts = name.removesuffix("/").split("/")
    if "\\" in name or not name.isprintable() or any(part in ("", ".", "..") or len(part.encode()) > 200 for part in parts):
        raise FetchError(f"{archive.name} holds {shown}, which would not lie inside the model; nothing was unpacked")
    if len(parts) > 12:
        raise FetchError(f"{archive.name} holds {shown}, deeper than any model; nothing was unpacked")


def _check_clashes(archive: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse two files of one name, also where only case differs, and a file where another entry needs a folder."""
    files = [info.filename.casefold() for info in infos if not info.is_dir()]
    folders = {"/".join(parts[:depth]) for parts in (name.split("/") for name in files) for depth in range(1, len(parts))}
    folders |= {info.filename.removesuffix("/").casefold() for info in infos if info.is_dir()}
    seen: set[str] = set()
    for name in files:
        if name in seen or name in folders:
            raise FetchError(f"{archive.name} holds {name[:80]!a} twice; nothing was unpacked")
        seen.add(name)
