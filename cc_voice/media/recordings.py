"""Recordings on disk: raw PCM per stream and channel, placed by packet time, beside an index of what really arrived.

    <recordings>/<call_id>/<stream folder>/
        stream.json        StreamHeader: what was announced, t0, sample rate
        channels.json      file number → channel id
        <n>.pcm            int16 little-endian mono; sample position = (timestamp − t0) · rate; holes are sparse zeros
        <n>.idx            append-only records (first sample, sample count): a hole is not silence
        journal.jsonl      events, Zoom's words, link up and down, in order of arrival
        analysis.msgpack   StreamAnalysis, once everything was heard
        <n>.flac           replaces <n>.pcm after the call was measured
        share/, video/     pictures, where the site keeps them (pictures.py)

Every packet is two small writes straight to the kernel, the samples before their index record: a process killed at any
point loses nothing it had received, and never believes samples that were not written. This module is not the place that
decides what a hole means; `sessions/` does, with the journal.
"""

import errno
import hashlib
import os
import shutil
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
import numpy as np

from cc_voice.call.analysis import Interval, StreamAnalysis
from cc_voice.media.ranges import Ranges
from cc_voice.media.sound_files import read_sound, write_sound

_RECORD = struct.Struct("<QI")
_JITTER_MS = 20
"""A packet whose time is less than a frame off the end of its predecessor continues it (rtms/README.md 6.4). A whole frame is a
lost packet, and a packet that is repeated is off by its own length."""
BYTES_PER_SAMPLE = 2
_FLAC_BLOCK_SAMPLES = 1 << 18
Entry = TypeVar("Entry")


class RecordingError(Exception):
    """A recording cannot be read or written; the message names the call and what to do."""


class StreamHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stream; written when its session starts and once more when its clock does."""

    call_id: str
    stream_id: str
    product: str
    instance_id: str
    language: str
    sample_rate_hz: int
    t0_unix_ms: int | None = None
    """Start of the stream's clock: Zoom's first-packet event, else the first packet; None until one of them came."""
    started_event_ms: int | None = None
    """When Zoom announced the stream."""


# Decoders are made here, once: msgspec crashes the process when two threads are the first to decode a type (seen with 0.22).
_HEADER = msgspec.json.Decoder(StreamHeader)
_CHANNELS = msgspec.json.Decoder(list[str])
_ANALYSIS = msgspec.msgpack.Decoder(StreamAnalysis)


class ChannelFile:
    """The audio of one channel, open for writing by the session and for reading by whoever listens."""

    def __init__(self, folder: Path, number: int, channel_id: str, rate_hz: int, writable: bool) -> None:
        self.channel_id = channel_id
        self.rate_hz = rate_hz
        self.path = folder / f"{number}.pcm"
        self.flac_path = self.path.with_suffix(".flac")
        self.index_path = folder / f"{number}.idx"
        self.ranges = Ranges()
        self.duplicate_samples = 0
        self._expected: int | None = None
        self._pcm_fd, self._index_fd = -1, -1
        had_samples = self.path.exists()
        if writable or self.path.exists():
            flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
            self._pcm_fd = open_file(self.path, flags)
        if writable:
            self._index_fd = open_file(self.index_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            if not had_samples:
                os.ftruncate(self._index_fd, 0)  # they became FLAC: whoever writes again (a repeated import) starts over
        self._load_index()

    def _load_index(self) -> None:
        if not self.index_path.exists():
            return
        data = read_file(self.index_path)
        whole = len(data) - len(data) % _RECORD.size
        if self._index_fd >= 0 and whole != len(data):
            os.truncate(self.index_path, whole)  # a record cut by a crash would shift every later one
        for start, count in _RECORD.iter_unpack(data[:whole]):
            self.ranges.add(start, start + count)
        self._expected = self.ranges.end if self.ranges.total else None

    def write(self, at_ms: float, pcm: bytes) -> int:
        """Place one packet at `at_ms` after t0 and return how many of its samples are new; what lies before t0 is cut off.

        What is there stays: a repeat may be cut or decoded otherwise, and somebody may have heard the first one already.
        Raises OSError (disk full); then the packet does not count.
        """
        count = len(pcm) // BYTES_PER_SAMPLE
        start = self._place(round(at_ms * self.rate_hz / 1000), count)
        first, end = max(start, 0), start + count
        if first >= end:
            return 0
        new = 0
        for a, b in self.ranges.missing(first, end):
            _write_at(self._pcm_fd, pcm[(a - start) * BYTES_PER_SAMPLE : (b - start) * BYTES_PER_SAMPLE], a * BYTES_PER_SAMPLE)
            append_record(self._index_fd, _RECORD.pack(a, b - a))
            new += self.ranges.add(a, b)
        self.duplicate_samples += end - first - new
        self._expected = end
        return new

    def _place(self, start: int, count: int) -> int:
        """Return the first sample's place: where the last packet ended, if that is within jitter."""
        expected = self._expected
        if expected is not None and abs(start - expected) < min(count, _JITTER_MS * self.rate_hz // 1000):
            return expected
        return start

    def read(self, start: int, end: int) -> bytes:
        """Return samples [start, end) as PCM; holes and what lies past the end are zeros. Raises OSError."""
        wanted = (end - start) * BYTES_PER_SAMPLE
        if self._pcm_fd >= 0:
            data = os.pread(self._pcm_fd, wanted, start * BYTES_PER_SAMPLE)
        elif start < self.ranges.end and self.flac_path.exists():
            data = read_sound(self.flac_path, start, end - start).astype("<i2").tobytes()
        else:
            data = b""
        return data + bytes(wanted - len(data))

    def received(self) -> tuple[Interval, ...]:
        """Return what arrived as millisecond intervals, rounded outwards and joined."""
        joined: list[Interval] = []
        for start, end in self.ranges.pairs():
            a, b = start * 1000 // self.rate_hz, -(-end * 1000 // self.rate_hz)
            if joined and a <= joined[-1][1]:
                joined[-1] = (joined[-1][0], b)
            else:
                joined.append((a, b))
        return tuple(joined)

    def sync(self) -> None:
        for fd in (self._pcm_fd, self._index_fd):
            if fd >= 0:
                os.fsync(fd)

    def close(self) -> None:
        for fd in (self._pcm_fd, self._index_fd):
            if fd >= 0:
                os.close(fd)
        self._pcm_fd = self._index_fd = -1


class Recording:
    """The recording of one stream: its header, channels and journal. Opened by one process for writing, by any for reading."""

    def __init__(self, folder: Path, header: StreamHeader, writable: bool) -> None:
        self.folder = folder
        self.header = header
        self.channels: dict[str, ChannelFile] = {}
        self._writable = writable
        self._journal_fd = _open_journal(folder / "journal.jsonl") if writable else -1
        for number, channel_id in enumerate(channel_names(folder)):
            self.channels[channel_id] = ChannelFile(folder, number, channel_id, header.sample_rate_hz, writable)

    def start_clock(self, t0_unix_ms: int) -> None:
        """Fix t0, once: every sample's place depends on it."""
        if self.header.t0_unix_ms is None:
            self.header = msgspec.structs.replace(self.header, t0_unix_ms=t0_unix_ms)
            write_atomically(self.folder / "stream.json", msgspec.json.encode(self.header))

    def set_format(self, sample_rate_hz: int) -> None:
        """Take the sample rate that was negotiated. Raises RecordingError when audio of another rate is already here."""
        if sample_rate_hz == self.header.sample_rate_hz:
            return
        if self.channels:
            held = self.header.sample_rate_hz
            raise RecordingError(
                f"call {self.header.call_id}: audio came at {held} Hz and now at {sample_rate_hz} Hz; one stream, one rate"
            )
        self.header = msgspec.structs.replace(self.header, sample_rate_hz=sample_rate_hz)
        write_atomically(self.folder / "stream.json", msgspec.json.encode(self.header))

    def channel(self, channel_id: str) -> ChannelFile:
        """Return the file of a channel, new on its first packet."""
        found = self.channels.get(channel_id)
        if found is None:
            names = [*self.channels, channel_id]
            write_atomically(self.folder / "channels.json", msgspec.json.encode(names))
            found = ChannelFile(self.folder, len(self.channels), channel_id, self.header.sample_rate_hz, writable=True)
            self.channels[channel_id] = found
        return found

    def note(self, entry: Any) -> None:
        """Append one struct to the journal, straight to the kernel. Raises OSError (disk full)."""
        append_record(self._journal_fd, msgspec.json.encode(entry) + b"\n")

    def journal(self, decoder: "msgspec.json.Decoder[Entry]") -> "Iterator[Entry]":
        """Yield the journal's entries; a line cut by a crash is skipped."""
        path = self.folder / "journal.jsonl"
        for line in read_file(path).splitlines() if path.exists() else ():
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError:
                continue

    @property
    def duration_ms(self) -> int:
        """How far the recording reaches, from t0."""
        return max((-(-c.ranges.end * 1000 // c.rate_hz) for c in self.channels.values()), default=0)

    def close(self) -> None:
        """Flush to disk and close; call again freely."""
        for channel in self.channels.values():
            if self._writable:
                channel.sync()
            channel.close()
        if self._journal_fd >= 0:
            os.fsync(self._journal_fd)
            os.close(self._journal_fd)
            self._journal_fd = -1


def stream_folder(recordings_dir: Path, call_id: str, stream_id: str) -> Path:
    """Return the folder of a stream; Zoom's id may hold `/ + =`, so a digest stands for it."""
    return recordings_dir / call_id / hashlib.sha256(stream_id.encode()).hexdigest()[:16]


def create(recordings_dir: Path, header: StreamHeader) -> Recording:
    """Start a recording, or continue the one that a killed process left behind: then the header it wrote (t0) holds."""
    folder = stream_folder(recordings_dir, header.call_id, header.stream_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    existing = _read_json(folder / "stream.json", _HEADER)
    if existing is None:
        write_atomically(folder / "stream.json", msgspec.json.encode(header))
    return Recording(folder, existing or header, writable=True)


def open_recording(folder: Path, writable: bool = False) -> Recording | None:
    """Open a stream's recording, or return None where its session never started."""
    header = _read_json(folder / "stream.json", _HEADER)
    return Recording(folder, header, writable) if header is not None else None


def save_analysis(recordings_dir: Path, analysis: StreamAnalysis) -> None:
    """Keep what was heard beside the audio; replaces an earlier analysis."""
    folder = stream_folder(recordings_dir, analysis.call_id, analysis.stream_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(folder / "analysis.msgpack", msgspec.msgpack.encode(analysis))


def load_analyses(recordings_dir: Path, call_id: str) -> list[StreamAnalysis]:
    """Return the analyses of all streams of a call, earliest first."""
    files = sorted((recordings_dir / call_id).glob("*/analysis.msgpack"))
    analyses = [_ANALYSIS.decode(read_file(path)) for path in files]
    return sorted(analyses, key=lambda analysis: (analysis.t0_unix_ms, analysis.stream_id))


def compress(folder: Path) -> None:
    """Replace the stream's PCM files by FLAC (a third of the size); the index stays. Interrupted, it can be repeated.

    Raises OSError (disk full); then the PCM stays.
    """
    header = _read_json(folder / "stream.json", _HEADER)
    if header is None:
        return
    for pcm in sorted(folder.glob("*.pcm")):
        with beside(pcm.with_suffix(".flac")) as part, os.fdopen(open_file(pcm, os.O_RDONLY), "rb") as samples:
            frames = pcm.stat().st_size // BYTES_PER_SAMPLE
            write_sound(part, _blocks(samples), rate_hz=header.sample_rate_hz, channels=1, frames=frames, form="FLAC")
        pcm.unlink()


def decompress(folder: Path) -> None:
    """Put PCM files back where FLAC replaced them, so that a stream which comes back is written on. Raises OSError (disk full)."""
    for flac in sorted(folder.glob("*.flac")):
        pcm = flac.with_suffix(".pcm")
        if pcm.exists():
            continue
        with beside(pcm) as part, part.open("wb") as samples:
            at = 0
            while len(block := read_sound(flac, at, _FLAC_BLOCK_SAMPLES)):
                samples.write(block.astype("<i2").tobytes())
                at += len(block)


def _blocks(samples: BinaryIO) -> Iterator[Any]:
    while block := samples.read(_FLAC_BLOCK_SAMPLES * BYTES_PER_SAMPLE):
        yield np.frombuffer(block, dtype="<i2")


def started_streams(call_folder: Path) -> list[tuple[Path, StreamHeader]]:
    """Return folder and header of every stream of a call that got media, earliest first."""
    headers = [(path.parent, _read_json(path, _HEADER)) for path in call_folder.glob("*/stream.json")]
    found = [(folder, header) for folder, header in headers if header is not None and header.t0_unix_ms is not None]
    return sorted(found, key=lambda stream: (stream[1].t0_unix_ms, stream[0]))


def channel_names(folder: Path) -> list[str]:
    """Return the channel of each file of a stream, by number."""
    names: list[str] | None = _read_json(folder / "channels.json", _CHANNELS)
    return names or []


def calls_of_stream(recordings_dir: Path, stream_id: str) -> list[str]:
    """Return the calls that have a recording of a stream: one, but for files that were imported more than once."""
    folder = stream_folder(recordings_dir, "*", stream_id).name
    return sorted(path.parent.name for path in recordings_dir.glob(f"*/{folder}"))


def delete_call(recordings_dir: Path, call_id: str) -> bool:
    """Remove everything received of a call; False where there is nothing. Raises OSError, ValueError for what is no call's id."""
    if Path(call_id).name != call_id or call_id in ("", ".", ".."):
        raise ValueError(f"{call_id!r} is no call id")
    folder = recordings_dir / call_id
    if not folder.is_dir():
        return False
    shutil.rmtree(folder)
    return True


def delete_stream(recordings_dir: Path, call_id: str, stream_id: str) -> None:
    """Remove everything received of a stream (Zoom revoked it: stop reason 8); other streams of its call stay."""
    folder = stream_folder(recordings_dir, call_id, stream_id)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # not empty: the call has other streams; not there: nothing was received
        folder.parent.rmdir()


def recorded_calls(recordings_dir: Path) -> Iterator[str]:
    """Yield the ids of all calls of which something was received."""
    for folder in sorted(recordings_dir.glob("*")):
        if next(folder.glob("*/stream.json"), None) is not None:
            yield folder.name


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


def _write_at(fd: int, data: bytes, position: int) -> None:
    """Write all of `data`: a disk that is nearly full takes a part, and only says why when it is given the rest."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], position + done)


def _open_journal(path: Path) -> int:
    """Open a journal to go on with it; a line that a crash cut is ended, so that it does not take the next one with it."""
    fd = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        append_record(fd, b"\n")
    return fd


def append_record(fd: int, record: bytes) -> None:
    """Append a record, or nothing: a part of it would be taken for the beginning of the next one."""
    done = os.write(fd, record)
    if done < len(record):
        os.ftruncate(fd, os.fstat(fd).st_size - done)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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


def _read_json(path: Path, decoder: "msgspec.json.Decoder[Entry]") -> "Entry | None":
    try:
        return decoder.decode(read_file(path))
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path} is damaged ({error}); move the folder {path.parent} aside to continue without it") from error
