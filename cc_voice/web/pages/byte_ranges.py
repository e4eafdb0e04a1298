"""Parts of a file over HTTP (RFC 9110, section 14): what a player asks for when it seeks."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from litestar.response import Stream

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
"""No file is as long as eighteen digits say; Python refuses to read thousands of them."""
_BLOCK_BYTES = 1 << 16


class ByteRange(msgspec.Struct, frozen=True):
    """Bytes `start` to before `end` of a file."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The file has no such part."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the part a Range header asks for; None for all: no header, several parts, or a header not understood.

    Raises Unsatisfiable when the part lies beyond the file.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.group() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return ByteRange(start, end)


def file_answer(path: Path, media_type: str, header: str | None, file_name: str) -> Stream:
    """Answer with a file, or with the part of it that `header` asks for."""
    size = path.stat().st_size
    headers = {
        "accept-ranges": "bytes",
        "etag": f'"{path.stem}"',
        "cache-control": "private, no-cache",  # the browser may keep it while it plays, and asks each time
        "content-disposition": f'inline; filename="{file_name}"',
    }
    try:
        part = parse_range(header, size)
    except Unsatisfiable:
        headers |= {"content-range": f"bytes */{size}", "content-length": "0"}
        return Stream(iter(()), status_code=416, headers=headers, media_type=media_type)
    if part is None:
        headers["content-length"] = str(size)
        return Stream(_read(path, ByteRange(0, size)), status_code=200, headers=headers, media_type=media_type)
    headers |= {"content-range": f"bytes {part.start}-{part.end - 1}/{size}", "content-length": str(part.end - part.start)}
    return Stream(_read(path, part), status_code=206, headers=headers, media_type=media_type)


def _read(path: Path, part: ByteRange) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(part.start)
        left = part.end - part.start
        while left > 0 and (block := file.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block
