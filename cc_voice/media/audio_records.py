"""Audio records: how the samples of one channel lie in its file while a stream runs (recording format 2).

    header    b"ccv-rec" 0x02 · sample rate (uint32 little-endian) · 4 zero bytes
    record    b"ccvr" · first sample (int64, from t0) · samples (uint32) · flags (uint8) · 3 zero bytes · int16 samples

Records are appended, one write to the kernel each, and never changed: what a process had received when it was killed is there, and
nothing that arrived is overwritten by something else that claims the same time. `first sample` is what the packet's own time says.
Where its samples stand is decided by whoever reads, by the same rules that the writer followed:

- a packet less than a frame off the end of its predecessor continues it (jitter, rtms/README.md 6.4);
- what is there stays. Samples that lie over others and are equal are a repeat, and count once; samples that differ have no place:
  they stay in the file and count as lost.

A record that was written from FLAC or format 1 is flagged: it stands where it says, as jitter was taken out before.

Format 1 (`<n>.pcm`, samples at their place, beside `<n>.idx`, records of first sample and count) was written by versions before and
is read for ever. Ruled out: to write each packet at its place, as format 1 does. Then the first of two packets with one time wins,
nobody can look at the second, and nobody knows that there was one.
"""

import mmap
import os
import struct
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cc_voice.media.files import RecordingError, append_record, open_file
from cc_voice.media.ranges import Ranges

BYTES_PER_SAMPLE = 2
HEADER = struct.Struct("<8sI4x")
RECORD = struct.Struct("<4sqIB3x")
MAGIC = b"ccv-rec\x02"
MARK = b"ccvr"
ROUGH = 1
"""Flag: decoded by a codec that remembers, so the same packet decoded by a successor differs a little."""
PLACED = 2
"""Flag: written from FLAC or format 1, so `first sample` is its very place."""
_ROUGHLY = 0.1
"""Two decodings are the same sound when their difference has no more than this part of their energy; other speech has about all."""
_QUIET = 16.0
"""Below this amplitude nobody hears a difference."""
_JITTER_MS = 20
"""A packet whose time is less than a frame off the end of its predecessor continues it (rtms/README.md 6.4). A whole frame is a
lost packet, and a packet that is repeated is off by its own length."""
_REMEMBERED = 4096
"""Packets known by their own time: more than the 65 s that Zoom replays after a reconnect."""


class AudioRecord(NamedTuple):
    """One record of a file; `offset` is where its samples are."""

    first: int
    samples: int
    flags: int
    offset: int


class _Piece:
    """Samples [start, end) of the channel, in records of `size` samples that follow one another in the file."""

    __slots__ = ("end", "offset", "size", "start")

    def __init__(self, start: int, end: int, offset: int) -> None:
        self.start, self.end, self.offset, self.size = start, end, offset, end - start

    @property
    def stride(self) -> int:
        return RECORD.size + self.size * BYTES_PER_SAMPLE

    def continues(self, start: int, end: int, offset: int) -> bool:
        """Whether samples are the next record of this piece."""
        whole = (self.end - self.start) // self.size
        return start == self.end and end - start == self.size and offset == self.offset + whole * self.stride

    def read(self, fd: int, start: int, end: int) -> bytes:
        first, last = (start - self.start) // self.size, (end - 1 - self.start) // self.size
        if first == last:  # a record of an imported file may be of minutes, and is asked for second by second
            place = self.offset + first * self.stride + (start - self.start - first * self.size) * BYTES_PER_SAMPLE
            size = (end - start) * BYTES_PER_SAMPLE
            return os.pread(fd, size, place).ljust(size, b"\0")
        wanted = (last - first) * self.stride + self.size * BYTES_PER_SAMPLE
        data = os.pread(fd, wanted, self.offset + first * self.stride).ljust(wanted, b"\0")
        rows = np.frombuffer(data + bytes(RECORD.size), dtype=np.uint8).reshape(-1, self.stride)
        samples = rows[:, : self.size * BYTES_PER_SAMPLE].tobytes()
        begin = start - self.start - first * self.size
        return samples[begin * BYTES_PER_SAMPLE : (begin + end - start) * BYTES_PER_SAMPLE]


class AudioRecords:
    """The records of one channel, placed. Written by one task; `read` may be called from any thread meanwhile."""

    def __init__(self, path: Path, rate_hz: int, writable: bool) -> None:
        """`rate_hz` is for a new file; another one says its own. Raises OSError, RecordingError (a later version's file)."""
        self.ranges = Ranges()
        self.duplicate_samples = 0
        self.lost_samples = 0
        """Received, and without a place: other audio has it already, or it lies before the stream's start."""
        self._rate_hz = rate_hz
        self._expected: int | None = None
        self._known: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._pieces: list[_Piece] = []
        self._starts: list[int] = []
        self._lock = threading.Lock()
        self._fd = -1
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND if writable else os.O_RDONLY
        self._fd = open_file(path, flags)
        self._size = os.fstat(self._fd).st_size
        if writable and self._size < HEADER.size:
            os.ftruncate(self._fd, 0)
            append_record(self._fd, HEADER.pack(MAGIC, rate_hz))
            self._size = HEADER.size
        self._read_header(path)
        self._load(writable)

    def _read_header(self, path: Path) -> None:
        data = os.pread(self._fd, HEADER.size, 0)
        if len(data) < HEADER.size:
            return  # killed before its first packet
        magic, self._rate_hz = HEADER.unpack(data)
        if magic != MAGIC:
            raise RecordingError(f"{path} is no recording of format 2; open it with the version of the appliance that wrote it")

    def _load(self, writable: bool) -> None:
        end = HEADER.size
        for record in scan(self._fd, self._size):
            end = record.offset + record.samples * BYTES_PER_SAMPLE
            self._take(record)
        if writable and end < self._size:
            os.ftruncate(self._fd, end)  # a record cut by a crash
        self._size = end if writable else self._size

    def write(self, first: int, pcm: bytes, *, is_rough: bool = False, is_placed: bool = False) -> int:
        """Keep a packet that says that it begins at sample `first`; return how many samples found a place.

        Raises OSError (disk full); then the packet does not count.
        """
        count = len(pcm) // BYTES_PER_SAMPLE
        if not count:
            return 0
        if self._is_repeat(first, pcm):
            self.duplicate_samples += count
            return 0
        flags = (ROUGH if is_rough else 0) | (PLACED if is_placed else 0)
        record = AudioRecord(first, count, flags, self._size + RECORD.size)
        data = pcm[: count * BYTES_PER_SAMPLE]
        append_record(self._fd, RECORD.pack(MARK, first, count, record.flags) + data)
        self._size += RECORD.size + len(data)
        return self._take(record)

    def clashes(self, first: int, pcm: bytes) -> bool:
        """Whether other audio has the place of most of this packet."""
        count = len(pcm) // BYTES_PER_SAMPLE
        start = self._place(first, count)
        if self.ranges.end <= start or self._is_repeat(first, pcm):
            return False
        return 2 * self._differing(max(start, 0), start + count, start, pcm, 0) > count

    def read(self, start: int, end: int) -> bytes:
        """Return samples [start, end) as PCM; holes and what lies past the end are zeros. Raises OSError."""
        with self._lock:
            at = max(0, bisect_right(self._starts, start) - 1)
            found = []
            while at < len(self._pieces) and self._starts[at] < end:
                piece = self._pieces[at]
                found.append((piece, max(start, piece.start), min(end, piece.end)))
                at += 1
        samples = bytearray((end - start) * BYTES_PER_SAMPLE)
        for piece, a, b in found:
            if a < b:
                samples[(a - start) * BYTES_PER_SAMPLE : (b - start) * BYTES_PER_SAMPLE] = piece.read(self._fd, a, b)
        return bytes(samples)

    def sync(self) -> None:
        if self._fd >= 0:
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _take(self, record: AudioRecord) -> int:
        """Place a record; return how many of its samples are new."""
        start = record.first if record.flags & PLACED else self._place(record.first, record.samples)
        self._remember(record)
        first, end = max(start, 0), start + record.samples
        if first - start > _JITTER_MS * self._rate_hz // 1000 or first >= end:
            self.lost_samples += min(first, end) - start  # else a codec's delay
        if first >= end:
            return 0
        missing = self.ranges.missing(first, end)
        new = sum(b - a for a, b in missing)
        if new < end - first:
            pcm = os.pread(self._fd, record.samples * BYTES_PER_SAMPLE, record.offset)
            differing = self._differing(first, end, start, pcm, record.flags)
            self.lost_samples += differing
            self.duplicate_samples += end - first - new - differing
        for a, b in missing:
            self._put(a, b, record.offset + (a - start) * BYTES_PER_SAMPLE)
        self._expected = end
        return new

    def __del__(self) -> None:
        self.close()

    def _put(self, start: int, end: int, offset: int) -> None:
        with self._lock:
            at = bisect_right(self._starts, start)
            if at and self._pieces[at - 1].continues(start, end, offset):
                self._pieces[at - 1].end = end
            else:
                self._pieces.insert(at, _Piece(start, end, offset))
                self._starts.insert(at, start)
        self.ranges.add(start, end)

    def _place(self, first: int, count: int) -> int:
        """Return the first sample's place: where the last packet ended, if that is within jitter."""
        expected = self._expected
        if expected is not None and abs(first - expected) < min(count, _JITTER_MS * self._rate_hz // 1000):
            return expected
        return first

    def _remember(self, record: AudioRecord) -> None:
        self._known[record.first] = record.samples, record.offset
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _is_repeat(self, first: int, pcm: bytes) -> bool:
        """Whether a packet of this very time has the same content: wherever that one was placed, this one is it again."""
        count, offset = self._known.get(first, (0, 0))
        return count * BYTES_PER_SAMPLE >= len(pcm) > 0 and os.pread(self._fd, len(pcm), offset) == pcm

    def _differing(self, first: int, end: int, start: int, pcm: bytes, flags: int) -> int:
        """Return how many samples of [first, end) are here already as others; `pcm` begins at `start`."""
        differing, at = 0, first
        for a, b in [*self.ranges.missing(first, end), (end, end)]:
            if at < a:
                mine = pcm[(at - start) * BYTES_PER_SAMPLE : (a - start) * BYTES_PER_SAMPLE]
                if not _is_same(mine, self.read(at, a), flags):
                    differing += a - at
            at = b
        return differing


def scan(fd: int, size: int) -> Iterator[AudioRecord]:
    """Yield the whole records of a file in order; what is no record (a crash, a bad block) is passed over."""
    if size <= HEADER.size:
        return
    with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as data:
        at = HEADER.size
        while 0 <= at <= size - RECORD.size:
            mark, first, count, flags = RECORD.unpack_from(data, at)
            offset = at + RECORD.size
            if mark == MARK and offset + count * BYTES_PER_SAMPLE <= size:
                yield AudioRecord(first, count, flags, offset)
                at = offset + count * BYTES_PER_SAMPLE
            else:
                at = data.find(MARK, at + 1)


def _is_same(first: bytes, second: bytes, flags: int) -> bool:
    if first == second or not flags & ROUGH:
        return first == second
    a, b = (np.frombuffer(one, dtype="<i2").astype(np.float64) for one in (first, second))
    return float(((a - b) ** 2).sum()) <= _ROUGHLY * float((a**2 + b**2).sum()) + _QUIET**2 * len(a)
