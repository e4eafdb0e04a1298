"""Audio in other people's encodings, turned into int16 PCM: recordings (any WAV, FLAC …) and A-law bytes.

Not here: sample rates (sample_rates.py), and packets of live streams (packets.py), some of whose codecs need state.
"""

import contextlib
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from cc_voice.speech.errors import AudioFileError

Samples = npt.NDArray[np.int16]
"""One channel of PCM, host order."""

WIRE_SAMPLES = np.dtype("<i2")
"""PCM as bytes is little endian everywhere: Zoom's L16, our recordings, Vosk's input."""

_ACCEPTED = "give a WAV, FLAC, MP3 or Ogg file"
_UNRECOGNISED = 7
"""libsndfile's "file does not exist", which `_check_present` has ruled out: libmpg123 found nothing to decode."""
_STDERR = 2
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""What programs writing to a pipe leave in a RIFF length they never came back to fill in."""


class AudioFile(msgspec.Struct, frozen=True, kw_only=True):
    """A recording in memory: one array per channel, all of one length."""

    sample_rate_hz: int
    channels: tuple[Samples, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.channels[0]) * 1000 // self.sample_rate_hz


def read_audio(path: Path) -> AudioFile:
    """Read a whole recording: WAV (8 to 32 bit, float, mu-law, A-law), FLAC, MP3, Ogg and whatever else libsndfile knows.

    Raises AudioFileError for a file that is absent, unreadable, not audio, empty, or shorter than its header announces.
    """
    _check_present(path)
    missing = _missing_wav_bytes(path)
    if missing:
        raise AudioFileError(f"{path} is cut short: {missing} bytes of the audio its header announces are missing; copy it again")
    try:
        with _silent_decoders(), soundfile.SoundFile(path) as file:
            rate, floating = file.samplerate, file.subtype in ("FLOAT", "DOUBLE")
            frames = file.frames if file.format == "FLAC" else 0  # lossy formats only estimate theirs
            data = file.read(dtype="float32" if floating else "int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = "" if error.code == _UNRECOGNISED else f" ({error.error_string})"
        raise AudioFileError(f"{path} cannot be read as audio{reason}; {_ACCEPTED}") from error
    except (soundfile.SoundFileError, ValueError, MemoryError) as error:
        raise AudioFileError(f"{path} cannot be read as audio ({error}); {_ACCEPTED}") from error
    if len(data) < frames:
        raise AudioFileError(f"{path} is cut short: {len(data)} of {frames} samples could be read; copy it again")
    if not len(data):
        raise AudioFileError(f"{path} holds no audio")
    pcm = int16_from_float(data) if floating else data
    return AudioFile(sample_rate_hz=rate, channels=tuple(np.ascontiguousarray(pcm[:, channel]) for channel in range(pcm.shape[1])))


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


def _missing_wav_bytes(path: Path) -> int:
    """Return how many bytes a WAV file lacks; 0 for a whole one and for anything that is not RIFF.

    libsndfile shortens such a file in silence, and a call cut in the middle of a copy would be measured as a short call.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
                return 0
            while len(header := file.read(8)) == 8:
                kind, length = struct.unpack("<4sI", header)
                if kind == b"data":
                    return 0 if length in _UNKNOWN_LENGTHS else max(0, file.tell() + length - size)
                file.seek(length + length % 2, 1)
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
    return 0


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
