"""Audio in other people's encodings, turned into int16 PCM: recordings (any WAV, FLAC …), block by block, and A-law bytes.

A call may last for hours and a small file may unpack to gigabytes, so nobody needs all of a file in memory, and what is no call –
dozens of channels, days of sound – is refused before it is read.

Not here: sample rates (sample_rates.py), and packets of live streams (packets.py), some of whose codecs need state.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from cc_voice.speech import audio_headers, containers
from cc_voice.speech.errors import AudioFileError

Samples = npt.NDArray[np.int16]
"""One channel of PCM, host order."""

WIRE_SAMPLES = np.dtype("<i2")
"""PCM as bytes is little endian everywhere: Zoom's L16, our recordings, Vosk's input."""

_ACCEPTED = "give a WAV, FLAC, MP3 or Ogg file"
_UNRECOGNISED = 7
"""libsndfile's "file does not exist", which `_check_present` has ruled out: libmpg123 found nothing to decode."""
_STDERR = 2
_BLOCK_FRAMES = 1 << 16
MOST_CHANNELS = 16
LEAST_RATE_HZ, MOST_RATE_HZ = 4_000, 192_000
MOST_HOURS = 12
_UNTOLD_FRAMES = 1 << 60
"""More than this is libsndfile's way to say that a file does not tell its length."""


class AudioFile(msgspec.Struct, frozen=True, kw_only=True):
    """A recording in memory: one array per channel, all of one length."""

    sample_rate_hz: int
    channels: tuple[Samples, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.channels[0]) * 1000 // self.sample_rate_hz


class OpenAudio(msgspec.Struct, frozen=True, kw_only=True):
    """A recording, open to be read once."""

    sample_rate_hz: int
    channel_count: int
    blocks: Iterator[npt.NDArray[np.int16]]
    """Frames × channels. Raises AudioFileError where the file turns out to be damaged, cut short or endless."""
    note: str | None = None
    """What the person should know about the file."""


@contextlib.contextmanager
def open_audio(path: Path) -> Iterator[OpenAudio]:
    """Open a recording: WAV (8 to 32 bit, float, mu-law, A-law, GSM, ADPCM), FLAC, MP3, Ogg and whatever else libsndfile knows;
    M4A, WebM and AMR by the extra `codecs`.

    Raises AudioFileError for a file that is absent, unreadable, not audio, beyond all bounds, or shorter than its header announces.
    """
    _check_present(path)
    try:
        with path.open("rb") as file:
            kind = containers.kind_of(file.read(128))
        header = audio_headers.examine(path)
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    if header.missing:
        raise AudioFileError(
            f"{path} is cut short: {header.missing} bytes of the audio its header announces are missing; copy it again"
        )
    if kind is not None:
        with containers.open_container(path, kind) as container:
            _check_bounds(path, container.channel_count, container.sample_rate_hz, 0)
            yield OpenAudio(
                sample_rate_hz=container.sample_rate_hz,
                channel_count=container.channel_count,
                blocks=_whole(path, container),
            )
        return
    with _silent_decoders(), _sound_file(path, header) as file:
        _check_bounds(path, file.channels, file.samplerate, file.frames)
        blocks = _bounded(path, file.samplerate, _blocks(path, file, header.samples))
        yield OpenAudio(sample_rate_hz=file.samplerate, channel_count=file.channels, blocks=blocks, note=header.note)


def read_audio(path: Path) -> AudioFile:
    """Read a whole recording into memory. Raises AudioFileError, as `open_audio`."""
    with open_audio(path) as audio:
        data = np.concatenate([np.zeros((0, audio.channel_count), np.int16), *audio.blocks])
        rate = audio.sample_rate_hz
    if not len(data):
        raise AudioFileError(f"{path} holds no audio")
    return AudioFile(sample_rate_hz=rate, channels=tuple(np.ascontiguousarray(data[:, one]) for one in range(data.shape[1])))


@contextlib.contextmanager
def _sound_file(path: Path, header: audio_headers.Header) -> Iterator[Any]:
    """Open a file with libsndfile. By the bytes of its name, which need not be text. Raises AudioFileError."""
    with path.open("rb") as file:
        try:
            opened = soundfile.SoundFile(_Patched(file, header.patches) if header.patches else os.fsencode(path))
        except soundfile.LibsndfileError as error:
            reason = "" if error.code == _UNRECOGNISED else f" ({error.error_string})"
            raise AudioFileError(f"{path} cannot be read as audio{reason}; {_ACCEPTED}") from error
        except (soundfile.SoundFileError, ValueError, TypeError) as error:
            raise AudioFileError(f"{path} cannot be read as audio ({error}); {_ACCEPTED}") from error
        with opened:
            yield opened


class _Patched(io.RawIOBase):
    """A file with other bytes in a few places: the lengths that its recorder did not write. What is on disk stays."""

    def __init__(self, file: Any, patches: tuple[tuple[int, bytes], ...]) -> None:
        self._file = file
        self._patches = patches
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        start = self.tell()
        view = memoryview(buffer).cast("B")
        count = int(self._file.readinto(view))
        for at, data in self._patches:
            first, last = max(at, start), min(at + len(data), start + count)
            if first < last:
                view[first - start : last - start] = data[first - at : last - at]
        return count


def _blocks(path: Path, file: Any, samples: int | None) -> Iterator[npt.NDArray[np.int16]]:
    """Yield what libsndfile decodes. Raises AudioFileError."""
    floating = file.subtype in ("FLOAT", "DOUBLE")
    expected = file.frames if file.format == "FLAC" and file.frames < _UNTOLD_FRAMES else 0  # lossy formats only estimate theirs
    # A block codec fills its last block up; the header knows how much of it is meant
    left = samples if samples is not None and 0 < file.frames - samples < _PADDED_SAMPLES else None
    read = 0
    try:
        while len(data := file.read(_BLOCK_FRAMES, dtype="float32" if floating else "int16", always_2d=True)):
            read += len(data)
            pcm = int16_from_float(data) if floating else data
            yield pcm if left is None else pcm[: max(0, left - (read - len(data)))]
    except (soundfile.SoundFileError, ValueError) as error:
        raise AudioFileError(
            f"{path} is damaged or cut short after {read / file.samplerate:.1f} s ({error}); copy it again"
        ) from error
    if read < expected:
        raise AudioFileError(f"{path} is cut short: {read} of {expected} samples could be read; copy it again")


_PADDED_SAMPLES = 4_096


def _whole(path: Path, container: containers.Container) -> Iterator[npt.NDArray[np.int16]]:
    read = 0
    for block in _bounded(path, container.sample_rate_hz, container.blocks):
        read += len(block)
        yield block
    read_ms, announced_ms = read * 1000 // container.sample_rate_hz, container.announced_ms or 0
    if containers.is_short(announced_ms, read_ms):
        told = f"{read_ms / 1000:.1f} of {announced_ms / 1000:.1f} s"
        raise AudioFileError(f"{path} is cut short: {told} could be read; copy it again")


def _bounded(path: Path, rate_hz: int, blocks: Iterator[npt.NDArray[np.int16]]) -> Iterator[npt.NDArray[np.int16]]:
    """Yield blocks up to the longest call there is; some files tell their length nowhere. Raises AudioFileError."""
    read = 0
    for block in blocks:
        read += len(block)
        if read > MOST_HOURS * 3_600 * rate_hz:
            raise AudioFileError(f"{path} goes on for more than {MOST_HOURS} hours, which is no call; cut it into calls")
        yield block


def _check_bounds(path: Path, channels: int, rate_hz: int, frames: int) -> None:
    if channels > MOST_CHANNELS:
        raise AudioFileError(f"{path} has {channels} channels; at most {MOST_CHANNELS} are read, and two are needed")
    if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
        raise AudioFileError(f"{path} has {rate_hz} samples a second; {LEAST_RATE_HZ} to {MOST_RATE_HZ} are read")
    if frames < _UNTOLD_FRAMES and frames > MOST_HOURS * 3_600 * rate_hz:
        hours = frames / rate_hz / 3_600
        raise AudioFileError(f"{path} is {hours:.0f} hours long, which is no call; at most {MOST_HOURS} hours are read, cut it")


@contextlib.contextmanager
def _silent_decoders() -> Iterator[None]:
    """Keep libmpg123 from writing its notes about a damaged file to standard error, which it does whatever it is told.

    The descriptor is the process's: for the time of reading one file nobody else may have anything to say on it. Recordings are
    read by commands, which say nothing while they read; the service reads none.
    """
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(silence)


def _check_present(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    if not path.is_file():
        raise AudioFileError(f"{path} is not a file")
    if not size:
        raise AudioFileError(f"{path} is empty")


def int16_from_float(samples: npt.NDArray[np.floating]) -> Samples:
    """Scale −1 … 1 to int16, clipped; NaN becomes 0. (libsndfile reads floats as int16 without scaling: nearly all zeros.)"""
    scaled = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0) * 32768.0
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)


def int16_from_bytes(pcm: bytes | bytearray | memoryview) -> Samples:
    """Read little-endian PCM bytes; a trailing odd byte is the caller's mistake and raises ValueError."""
    return np.frombuffer(pcm, dtype=WIRE_SAMPLES).astype(np.int16, copy=False)


def bytes_from_int16(samples: Samples) -> bytes:
    """Write samples as little-endian PCM bytes."""
    return samples.astype(WIRE_SAMPLES, copy=False).tobytes()


def _alaw_table() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    step, exponent = (code & 0x0F) << 4, (code >> 4) & 0x07
    magnitude = np.where(exponent == 0, step + 8, (step + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_ALAW = _alaw_table()


def decode_alaw(data: bytes) -> Samples:
    """Decode G.711 A-law, one byte a sample (ITU-T G.711 table 1a)."""
    return _ALAW[np.frombuffer(data, dtype=np.uint8)]
