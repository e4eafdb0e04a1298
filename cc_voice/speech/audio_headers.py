"""Headers of audio files: how much audio they announce, and whether it is there. No audio is read here.

A recorder writes its header first and comes back at the end to fill in lengths. One that was stopped, or wrote to a pipe, never
did: then the lengths are 0 or a number that stands for "unknown", and the file is read to its end. One that flushed in between left
a length that is too small: what lies behind it is audio too, if it is no chunk. One that is too large means that a copy was cut.
libsndfile believes the first two and shortens the third in silence, so all three are looked for here: WAV (RIFF, RF64, BW64),
Wave64, AU, AIFF and CAF.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

_TAIL_S = 0.1
"""What lies behind the announced end and is shorter than this is no audio worth a sentence: padding, a tag."""
_TAGS = (b"TAG", b"ID3", b"APETAGEX")
_MOST_CHUNKS = 10_000
_U32 = 0xFFFFFFFF


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about a file's lengths."""

    missing: int = 0
    """Bytes of audio that are announced and not there."""
    patches: tuple[tuple[int, bytes], ...] = ()
    """Position → bytes that have to stand there for the file to be read to its end."""
    note: str | None = None
    """What the person should know about it."""
    samples: int | None = None
    """How many samples of each channel are meant, where a block codec would give more."""


class _Length(msgspec.Struct, frozen=True, kw_only=True):
    """Where the length of the audio is written, what it says, and where the audio begins."""

    start: int
    announced: int
    bytes_per_s: int


def examine(path: Path) -> Header:
    """Look at a file's header; a kind that is not known here has nothing to say. Raises OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size
        magic = file.read(16)
        if magic[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and magic[8:12] == b"WAVE":
            return _wave(file, size, ">" if magic[:4] == b"RIFX" else "<")
        if magic == _W64_RIFF:
            return _wave64(file, size)
        if magic[:4] in (b".snd", b"dns."):
            return _au(file, size, ">" if magic[:4] == b".snd" else "<")
        if magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC"):
            return _aiff(file, size)
        if magic[:4] == b"caff":
            return _caf(file, size)
    return Header()


def is_unknown(length: int) -> bool:
    """Whether a length of 32 bits stands for "unknown": what sox, FFmpeg and recorders write when they cannot come back."""
    return 0x7FFFF000 <= length <= 0x80000000 or length >= 0xFFFFFF00


# -- WAV -------------------------------------------------------------------------------------------------------------


def _wave(file: BinaryIO, size: int, order: str) -> Header:
    bytes_per_s, samples, sizes_at, data_64 = 0, None, None, None
    for kind, start, length in _chunks(file, 12, size, order):
        if kind == b"fmt ":
            (bytes_per_s,) = struct.unpack(f"{order}I", _at(file, start + 8, 4) or bytes(4))
        elif kind == b"fact":
            (samples,) = struct.unpack(f"{order}I", _at(file, start, 4) or bytes(4))
        elif kind == b"ds64":
            sizes_at, (data_64,) = start, struct.unpack("<Q", _at(file, start + 8, 8) or bytes(8))
        elif kind == b"data":
            announced = data_64 if length == _U32 and data_64 is not None else length
            found = _judged(
                file, size, _Length(start=start, announced=announced, bytes_per_s=bytes_per_s), is_64=data_64 is not None
            )
            if not found.note:
                return msgspec.structs.replace(found, samples=samples or None)
            present = size - start
            if sizes_at is not None:
                return msgspec.structs.replace(
                    found, patches=((sizes_at, struct.pack("<Q", size - 8)), (sizes_at + 8, struct.pack("<Q", present)))
                )
            return msgspec.structs.replace(
                found,
                patches=(
                    (4, struct.pack(f"{order}I", min(size - 8, _U32))),
                    (start - 4, struct.pack(f"{order}I", min(present, _U32 - 1))),
                ),
            )
    return Header()


_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_CHUNK = 24


def _wave64(file: BinaryIO, size: int) -> Header:
    at, bytes_per_s = 40, 0
    for _ in range(_MOST_CHUNKS):
        head = _at(file, at, _W64_CHUNK)
        if head is None:
            break
        (length,) = struct.unpack("<Q", head[16:])
        if head[:4] == b"fmt ":
            (bytes_per_s,) = struct.unpack("<I", _at(file, at + _W64_CHUNK + 8, 4) or bytes(4))
        elif head[:4] == b"data":
            announced = max(0, length - _W64_CHUNK)
            start = at + _W64_CHUNK
            found = _judged(file, size, _Length(start=start, announced=announced, bytes_per_s=bytes_per_s), is_64=True)
            patches = ((16, struct.pack("<Q", size)), (at + 16, struct.pack("<Q", size - at)))
            return msgspec.structs.replace(found, patches=patches) if found.note else found
        if length < _W64_CHUNK:
            break
        at += -(-length // 8) * 8
    return Header()


# -- AU, AIFF --------------------------------------------------------------------------------------------------------

_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Encoding → bytes of a sample; of those that are missing here the seconds are not known."""


def _au(file: BinaryIO, size: int, order: str) -> Header:
    head = _at(file, 4, 20)
    if head is None:
        return Header()
    start, announced, encoding, rate_hz, channels = struct.unpack(f"{order}5I", head)
    bytes_per_s = _AU_BYTES.get(encoding, 1) * rate_hz * channels
    found = _judged(file, size, _Length(start=start, announced=announced, bytes_per_s=bytes_per_s), is_64=False)
    patch = (8, struct.pack(f"{order}I", min(size - start, _U32 - 1)))
    return msgspec.structs.replace(found, patches=(patch,)) if found.note else found


def _aiff(file: BinaryIO, size: int) -> Header:
    common = 0
    for kind, start, length in _chunks(file, 12, size, ">"):
        if kind == b"COMM":
            common = start
        elif kind == b"SSND":
            channels, _, bits = struct.unpack(">hIh", _at(file, common, 8) or bytes(8)) if common else (0, 0, 0)
            block = channels * -(-bits // 8)
            rate_hz = _extended(_at(file, common + 8, 10) or bytes(10)) if common else 0
            told = _Length(start=start + 8, announced=max(0, length - 8), bytes_per_s=block * rate_hz)
            found = _judged(file, size, told, is_64=False)
            if not found.note or not block:
                return msgspec.structs.replace(found, note=None)
            present = (size - start - 8) // block * block
            patches = (
                (4, struct.pack(">I", min(size - 8, _U32))),
                (start - 4, struct.pack(">I", present + 8)),
                (common + 2, struct.pack(">I", present // block)),
            )
            return msgspec.structs.replace(found, patches=patches)
    return Header()


def _caf(file: BinaryIO, size: int) -> Header:
    """Look at Apple's format: it says -1 where it does not know, which libsndfile understands; only a cut is to be found."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        head = _at(file, at, 12)
        if head is None:
            break
        kind, length = struct.unpack(">4sq", head)
        if kind == b"data":
            return Header(missing=max(0, at + 12 + length - size))
        if length < 0:
            break
        at += 12 + length
    return Header()


def _extended(data: bytes) -> int:
    """Return the whole part of an 80 bit float."""
    exponent, mantissa = struct.unpack(">HQ", data)
    shift = 16383 + 63 - (exponent & 0x7FFF)
    return mantissa >> shift if 0 <= shift < 64 else 0


# -- what a length says ----------------------------------------------------------------------------------------------


def _judged(file: BinaryIO, size: int, told: _Length, is_64: bool) -> Header:
    """Say what an announced length means for what is there."""
    present = size - told.start
    if present <= 0:
        return Header(missing=0 if told.announced == 0 or is_unknown(told.announced) else told.announced)
    is_open = told.announced == 0 or told.announced >= 1 << 62 or (not is_64 and is_unknown(told.announced))
    if told.announced > present and not is_open:
        return Header(missing=told.announced - present)
    behind = told.start + told.announced
    if is_open and (told.announced or not _are_chunks(file, behind, size)):
        return Header(
            note=f"its header tells no length, as of a recorder that was stopped: {_seconds(present, told)} read to its end"
        )
    tail = present - told.announced
    if not is_open and tail > _TAIL_S * max(told.bytes_per_s, 1) and not _are_chunks(file, behind, size):
        seconds = _seconds(told.announced, told), _seconds(present, told)
        return Header(note=f"its header tells {seconds[0]}, and {seconds[1]} of audio are in the file: all is read")
    return Header()


def _seconds(length: int, told: _Length) -> str:
    return f"{length / told.bytes_per_s:.1f} s" if told.bytes_per_s else f"{length} bytes"


def _are_chunks(file: BinaryIO, at: int, size: int) -> bool:
    """Whether what follows is other things than audio: chunks that end where the file does, or a tag."""
    at += at % 2
    head = _at(file, at, 8)
    if head is None:
        return True
    if head.startswith(_TAGS):
        return True
    if not all(32 <= byte < 127 for byte in head[:4]):
        return False
    ends = {order: _end_of_chunks(file, at, size, order) for order in "<>"}
    return any(size - 1 <= end <= size + 1 for end in ends.values())


def _end_of_chunks(file: BinaryIO, at: int, size: int, order: str) -> int:
    for kind, start, length in _chunks(file, at, size, order):
        if not all(32 <= byte < 127 for byte in kind):
            return -1
        at = start + length + length % 2
    return at


def _chunks(file: BinaryIO, at: int, size: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and length of each chunk."""
    for _ in range(_MOST_CHUNKS):
        head = _at(file, at, 8)
        if head is None or at >= size:
            return
        kind, length = struct.unpack(f"{order}4sI", head)
        yield kind, at + 8, length
        at += 8 + length + length % 2


def _at(file: BinaryIO, position: int, count: int) -> bytes | None:
    """Return bytes of the file, or None where it has not as many."""
    file.seek(position)
    found = file.read(count)
    return found if len(found) == count else None
