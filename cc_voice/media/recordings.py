"""Recordings on disk: the audio of each stream and channel, placed by packet time, and the journal of everything else.

    <recordings>/<call_id>/<stream folder>/
        stream.json        StreamHeader: what was announced, t0, sample rate
        channels.json      file number → channel id
        <n>.rec            the packets of a channel as they came (audio_records.py): int16 little-endian mono
        journal.jsonl      events, Zoom's words, link up and down, in order of arrival
        analysis.msgpack   StreamAnalysis, once everything was heard
        redaction.json     whether its sound may be played (redaction_state.py)
        <n>.flac, <n>.idx  replace <n>.rec after the call was measured: samples at (timestamp − t0) · rate, and which of them
                           were received, as records (first sample, sample count): a hole is not silence
        <n>.pcm, <n>.idx   format 1, of versions before: the same, uncompressed, also while the stream runs
        share/, video/     pictures, where the site keeps them (pictures.py)

Every packet is one small write straight to the kernel: a process killed at any point loses nothing it had received. This module
is not the place that decides what a hole means; `sessions/` does, with the journal.
"""

import hashlib
import os
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import numpy as np

from cc_voice.call.analysis import Interval, StreamAnalysis
from cc_voice.media.audio_records import BYTES_PER_SAMPLE, AudioRecords
from cc_voice.media.files import RecordingError as RecordingError
from cc_voice.media.files import append_record, beside, open_file, read_file, write_atomically
from cc_voice.media.ranges import Ranges
from cc_voice.media.silenced_sound import SilencedSpans, check, sounding
from cc_voice.media.sound_files import read_sound, write_sound

_RECORD = struct.Struct("<QI")
_FLAC_BLOCK_SAMPLES = 1 << 18
_NOTHING: Mapping[str, Sequence[Interval]] = MappingProxyType({})
Entry = TypeVar("Entry")


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
    """The audio of one channel, open for writing by the session and for reading by whoever listens.

    It is audio records while the stream runs, FLAC beside the ranges received afterwards, or what format 1 left.
    """

    def __init__(self, folder: Path, number: int, channel_id: str, rate_hz: int, writable: bool) -> None:
        self.channel_id = channel_id
        self.rate_hz = rate_hz
        self.path = folder / f"{number}.rec"
        self.flac_path = self.path.with_suffix(".flac")
        self.index_path = folder / f"{number}.idx"
        self._pcm_path = folder / f"{number}.pcm"
        self._records: AudioRecords | None = None
        self._ranges = Ranges()
        if writable and self._pcm_path.exists():
            self._leave_format_1(folder, number)
        if writable or self.path.exists():
            # Records beside FLAC: compressing was interrupted, or a repeated import starts over. They are what counts.
            self._records = AudioRecords(self.path, rate_hz, writable)
        else:
            for start, end in _indexed(self.index_path):
                self._ranges.add(start, end)

    def _leave_format_1(self, folder: Path, number: int) -> None:
        """Go on with a channel that a version before left unfinished; interrupted, it is done again. Raises OSError."""
        os.close(open_file(self._pcm_path, os.O_RDONLY))
        if not self.path.exists():
            _restore(ChannelFile(folder, number, self.channel_id, self.rate_hz, writable=False))
        self._pcm_path.unlink()
        self.index_path.unlink(missing_ok=True)

    @property
    def ranges(self) -> Ranges:
        """What was received, in samples."""
        return self._ranges if self._records is None else self._records.ranges

    @property
    def duplicate_samples(self) -> int:
        """Samples that came more than once."""
        return 0 if self._records is None else self._records.duplicate_samples

    @property
    def lost_samples(self) -> int:
        """Samples that came and have no place, as other audio has it."""
        return 0 if self._records is None else self._records.lost_samples

    def write(self, at_ms: float, pcm: bytes, *, is_rough: bool = False) -> int:
        """Keep one packet that begins `at_ms` after t0 and return how many of its samples are new; what lies before t0 is cut off.

        What is there stays: a repeat may be cut or decoded otherwise (`is_rough`), and somebody may have heard the first one.
        Raises OSError (disk full); then the packet does not count.
        """
        return self._writable.write(round(at_ms * self.rate_hz / 1000), pcm, is_rough=is_rough)

    def clashes(self, at_ms: float, pcm: bytes) -> bool:
        """Whether other audio is where most of this packet says it belongs."""
        return self._writable.clashes(round(at_ms * self.rate_hz / 1000), pcm)

    @property
    def _writable(self) -> AudioRecords:
        if self._records is None:
            raise AssertionError("a recording that was opened for reading is not written")
        return self._records

    def read(self, start: int, end: int) -> bytes:
        """Return samples [start, end) as PCM; holes and what lies past the end are zeros. Raises OSError."""
        if self._records is not None:
            return self._records.read(start, end)
        wanted, data = (end - start) * BYTES_PER_SAMPLE, b""
        if self._pcm_path.exists():
            with os.fdopen(open_file(self._pcm_path, os.O_RDONLY), "rb") as samples:
                samples.seek(start * BYTES_PER_SAMPLE)
                data = samples.read(wanted)
        elif start < self._ranges.end and self.flac_path.exists():
            data = read_sound(self.flac_path, start, end - start).astype("<i2").tobytes()
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
        if self._records is not None:
            self._records.sync()

    def close(self) -> None:
        if self._records is not None:
            self._records.close()


def _indexed(path: Path) -> list[tuple[int, int]]:
    """Return the ranges of an index; a record cut by a crash is none. Raises RecordingError, OSError."""
    data = read_file(path) if path.exists() else b""
    whole = len(data) - len(data) % _RECORD.size
    return [(start, start + count) for start, count in _RECORD.iter_unpack(data[:whole])]


def _restore(file: ChannelFile) -> None:
    """Write what FLAC or format 1 has of a channel as records, every sample where it was. Raises RecordingError, OSError."""
    with beside(file.path) as part:
        records = AudioRecords(part, file.rate_hz, writable=True)
        try:
            for start, end in file.ranges.pairs():
                for at in range(start, end, file.rate_hz):
                    records.write(at, file.read(at, min(at + file.rate_hz, end)), is_placed=True)
        finally:
            records.close()


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


def compress(folder: Path, silenced: Mapping[str, Sequence[Interval]] = _NOTHING, *, is_tone: bool = False) -> None:
    """Replace the stream's audio by FLAC (a third of the size) beside what was received. Interrupted, it can be repeated.

    `silenced` are times of channels that nobody shall hear (a tone stands there if `is_tone`). The file is read back and compared
    before what was received goes. Raises OSError (disk full), RecordingError (the file is another); then the records stay.
    """
    header = _read_json(folder / "stream.json", _HEADER)
    if header is None:
        return
    for number, channel_id in enumerate(channel_names(folder)):
        file = ChannelFile(folder, number, channel_id, header.sample_rate_hz, writable=False)
        raw = [path for path in (file.path, folder / f"{number}.pcm") if path.exists()]
        spans = SilencedSpans(silenced.get(channel_id, ()), header.sample_rate_hz, is_tone=is_tone)
        if not raw and not (file.flac_path.exists() and spans.samples and sounding(file.flac_path, spans)):
            file.close()
            continue
        try:
            index = b"".join(_RECORD.pack(start, end - start) for start, end in file.ranges.pairs())
            with beside(file.flac_path) as part:
                frames = file.ranges.end
                blocks = _blocks(file, spans)
                write_sound(part, blocks, rate_hz=header.sample_rate_hz, channels=1, frames=frames, form="FLAC")
                check(part, frames, partial(_wanted, file, spans))
                write_atomically(file.index_path, index)
        finally:
            file.close()
        for path in raw:
            path.unlink()


def decompress(folder: Path) -> None:
    """Put records back where FLAC replaced them, so that a stream which comes back is written on. Interrupted, it can be repeated.

    The FLAC stays until it is written anew: where both are, records count. Raises RecordingError, OSError (disk full).
    """
    header = _read_json(folder / "stream.json", _HEADER)
    if header is None:
        return
    for number, channel_id in enumerate(channel_names(folder)):
        file = ChannelFile(folder, number, channel_id, header.sample_rate_hz, writable=False)
        if file.flac_path.exists() and not file.path.exists():
            _restore(file)
        file.close()


def _blocks(file: ChannelFile, spans: SilencedSpans) -> Iterator[Any]:
    for at in range(0, file.ranges.end, _FLAC_BLOCK_SAMPLES):
        yield spans.applied(at, _block(file, at, min(_FLAC_BLOCK_SAMPLES, file.ranges.end - at)))


def _wanted(file: ChannelFile, spans: SilencedSpans, at: int, count: int) -> Any:
    return spans.applied(at, _block(file, at, count))


def _block(file: ChannelFile, at: int, count: int) -> Any:
    return np.frombuffer(file.read(at, at + count), dtype="<i2")


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


def _open_journal(path: Path) -> int:
    """Open a journal to go on with it; a line that a crash cut is ended, so that it does not take the next one with it."""
    fd = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        append_record(fd, b"\n")
    return fd


def _read_json(path: Path, decoder: "msgspec.json.Decoder[Entry]") -> "Entry | None":
    try:
        return decoder.decode(read_file(path))
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path} is damaged ({error}); move the folder {path.parent} aside to continue without it") from error
