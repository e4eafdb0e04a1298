"""Pictures of a stream – a shared screen, a camera – kept beside its sound, where a site wants them.

    <stream folder>/share/  and  <stream folder>/video/
        index.jsonl            a Picture per line, append-only: a picture that is not in it does not exist
        <n>-<Unix ms>.jpg      one file per picture, `.png` likewise; n counts the sources
        <n>.h264               what came as H.264, one piece after the other; `films.py` makes <n>.mp4 of it after the call

What a picture is, it says itself: a server may grant another codec than was asked for, and its answer names none reliably.
They are deleted with the stream's folder, when the call is or Zoom revokes the stream.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from cc_voice.media.files import append_record, write_atomically

Kind = Literal["share", "video"]
Form = Literal["jpg", "png", "h264"]
KINDS: tuple[Kind, ...] = ("share", "video")
_STARTS: tuple[tuple[bytes, Form], ...] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\0\0\0\1", "h264"),
    (b"\0\0\1", "h264"),
)


class StoredPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, or a piece of H.264: where it lies in which file of the folder, from whom and of when it is."""

    source: str
    at_unix_ms: int
    file: str
    offset: int
    size: int


_PICTURE = msgspec.json.Decoder(StoredPicture)


class PictureWriter:
    """The pictures of one kind of one stream, on their way to the disk. No file stays open: they are few and large."""

    def __init__(self, stream_folder: Path, kind: Kind) -> None:
        self.folder = stream_folder / kind
        self._numbers: dict[str, int] = {}
        self._films: set[str] = set()
        for picture in read_pictures(self.folder):
            self._numbers.setdefault(picture.source, len(self._numbers))

    def keep(self, source: str, at_unix_ms: int, data: bytes) -> bool:
        """Keep a picture; False for data that is none. One that is here already is not kept again. Raises OSError (disk full)."""
        form = self._form(source, data)
        if form is None:
            return False
        self.folder.mkdir(mode=0o700, exist_ok=True)
        number = self._numbers.setdefault(source, len(self._numbers))
        path = self.folder / (f"{number}.h264" if form == "h264" else f"{number}-{at_unix_ms}.{form}")
        if form == "h264" or not path.exists():
            offset = _append(path, data)
            entry = StoredPicture(source=source, at_unix_ms=at_unix_ms, file=path.name, offset=offset, size=len(data))
            # The line break first: a line that a crash cut must not take the next one with it
            _append(self.folder / "index.jsonl", b"\n" + msgspec.json.encode(entry))
        return True

    def _form(self, source: str, data: bytes) -> Form | None:
        form = next((form for start, form in _STARTS if data.startswith(start)), None)
        if form == "h264":
            self._films.add(source)
        # A piece need not begin where a unit of H.264 does
        return "h264" if form is None and data and source in self._films else form


def read_pictures(folder: Path) -> list[StoredPicture]:
    """Return what an index holds, in order of arrival; a line cut by a crash is skipped."""
    try:
        lines = (folder / "index.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(_PICTURE.decode(line))
        except msgspec.DecodeError:
            continue
    return found


def drop(stream_folder: Path, times: Sequence[tuple[int, int]]) -> int:
    """Remove what was seen at certain times (Unix ms) and return how many pictures that were; a film that has some goes as a whole.

    H.264 tells what changes: without some of its pieces the rest still shows them, or nothing. Can be repeated. Raises OSError.
    """
    count = 0
    for folder in (stream_folder / kind for kind in KINDS):
        found = read_pictures(folder)
        gone = {one.file for one in found if any(start <= one.at_unix_ms < end for start, end in times)}
        if not gone:
            continue
        write_atomically(
            folder / "index.jsonl", b"".join(b"\n" + msgspec.json.encode(one) for one in found if one.file not in gone)
        )
        for name in gone:
            for path in (folder / name, (folder / name).with_suffix(".mp4") if name.endswith(".h264") else folder / name):
                path.unlink(missing_ok=True)
        count += sum(one.file in gone for one in found)
    return count


def _append(path: Path, data: bytes) -> int:
    """Append all of `data`, or nothing; return where it begins."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        offset = os.fstat(fd).st_size
        append_record(fd, data)
        return offset
    finally:
        os.close(fd)
