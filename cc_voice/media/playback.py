"""The recording of a whole call, read piece by piece: all its streams on one clock, silence where nothing arrived.

A call may last for hours and an hour is hundreds of megabytes, so nobody gets all of it at once.
"""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import soundfile

from cc_voice.media import recordings, redaction_state
from cc_voice.media.audio_records import BYTES_PER_SAMPLE, AudioRecords
from cc_voice.media.files import RecordingError, no_file
from cc_voice.media.sound_files import read_sound


class SoundWithheld(RecordingError):
    """Nobody may hear a call, as what is to be hidden in it is not, or not yet."""


class RecordedPiece(msgspec.Struct, frozen=True, kw_only=True):
    """What one stream recorded of a channel: file `number` in `folder`, `length` samples from sample `start` of the call on."""

    folder: Path
    number: int
    start: int
    length: int


class CallAudio(msgspec.Struct, frozen=True, kw_only=True):
    """The audio of a call. Positions are samples on the call's clock, which starts with its first stream's."""

    sample_rate_hz: int
    channel_ids: tuple[str, ...]
    pieces: tuple[tuple[RecordedPiece, ...], ...]
    """Per channel, earliest first; a later one covers an earlier one."""
    only_ms: tuple[tuple[int, int], ...] | None = None
    """When somebody may hear it; all else is silence. None: all of it."""

    @property
    def length(self) -> int:
        return max((piece.start + piece.length for pieces in self.pieces for piece in pieces), default=0)

    def read(self, start: int, end: int) -> Any:
        """Return samples [start, end) as int16 of shape (channels, samples)."""
        samples = np.zeros((len(self.pieces), end - start), dtype=np.int16)
        for row, pieces in zip(samples, self.pieces, strict=True):
            for piece in pieces:
                first, last = max(start, piece.start), min(end, piece.start + piece.length)
                if first < last:
                    found = _read(piece, first - piece.start, last - first)
                    row[first - start : first - start + len(found)] = found
        if self.only_ms is not None:
            hidden = np.ones(end - start, dtype=bool)
            for begin_ms, end_ms in self.only_ms:
                first, last = (at * self.sample_rate_hz // 1000 - start for at in (begin_ms, end_ms))
                hidden[max(0, first) : max(0, last)] = False
            samples[:, hidden] = 0
        return samples


def call_audio(recordings_dir: Path, call_id: str) -> CallAudio | None:
    """Return the audio of a call, or None where nothing was recorded. Raises SoundWithheld, RecordingError, OSError."""
    streams = recordings.started_streams(recordings_dir / call_id)
    if not streams:
        return None
    check_released(recordings_dir, call_id)
    (_, first) = streams[0]
    placed: dict[str, list[RecordedPiece]] = {}
    for folder, header in streams:
        start = (_t0(header) - _t0(first)) * first.sample_rate_hz // 1000
        for number, channel_id in enumerate(recordings.channel_names(folder)):
            piece = RecordedPiece(folder=folder, number=number, start=start, length=_length(folder, number))
            placed.setdefault(channel_id, []).append(piece)
    return CallAudio(
        sample_rate_hz=first.sample_rate_hz, channel_ids=tuple(placed), pieces=tuple(tuple(pieces) for pieces in placed.values())
    )


def is_released(recordings_dir: Path, call_id: str) -> bool:
    """Tell whether something of a call is recorded, and whether somebody may hear it. Raises OSError."""
    folders = [path.parent for path in (recordings_dir / call_id).glob("*/stream.json")]
    return bool(folders) and all(map(redaction_state.may_be_played, folders))


def check_released(recordings_dir: Path, call_id: str) -> None:
    """Raise SoundWithheld where nobody may hear a call; OSError."""
    for path in (recordings_dir / call_id).glob("*/stream.json"):
        if not redaction_state.may_be_played(path.parent):
            raise SoundWithheld(f"the sound of call {call_id} is not played: it is not redacted yet, or redaction failed")


def _t0(header: recordings.StreamHeader) -> int:
    if header.t0_unix_ms is None:
        raise AssertionError("a stream that started has a clock")
    return header.t0_unix_ms


def _length(folder: Path, number: int) -> int:
    paths = _Paths.of(folder, number)
    if paths.records.exists():
        return _records(paths.records, *_version(paths.records)).ranges.end
    for path in (paths.flac, paths.pcm):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise no_file(path)
    if paths.flac.exists():
        return int(soundfile.info(paths.flac).frames)
    return paths.pcm.stat().st_size // BYTES_PER_SAMPLE if paths.pcm.exists() else 0


def _read(piece: RecordedPiece, start: int, count: int) -> Any:
    # Looked up each time: the file may be compressed meanwhile
    paths = _Paths.of(piece.folder, piece.number)
    if paths.records.exists():
        with suppress(FileNotFoundError):
            found = _records(paths.records, *_version(paths.records))
            return np.frombuffer(found.read(start, start + count), dtype="<i2")
    if paths.flac.exists():
        return read_sound(paths.flac, start, count)
    return np.fromfile(paths.pcm, dtype="<i2", count=count, offset=start * BYTES_PER_SAMPLE)


class _Paths(NamedTuple):
    """Where the audio of a channel may be, what counts first."""

    records: Path
    flac: Path
    pcm: Path

    @classmethod
    def of(cls, folder: Path, number: int) -> "_Paths":
        return cls(folder / f"{number}.rec", folder / f"{number}.flac", folder / f"{number}.pcm")


def _version(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_ino, about.st_size


@lru_cache(maxsize=16)  # a player asks for seconds, and placing an hour of packets takes most of one
def _records(path: Path, inode: int, size: int) -> AudioRecords:
    return AudioRecords(path, 0, writable=False)
