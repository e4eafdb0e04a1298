"""Audio that libsndfile does not know: M4A and MP4 (Zoom's own cloud recordings), WebM, AMR, AAC, WMA, WAV with G.726, FLAC in Ogg.

PyAV decodes them; it is the extra `codecs`, and imported when such a file is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from cc_voice.speech.errors import AudioFileError

Frames = npt.NDArray[np.int16]
"""Samples of all channels: frames × channels."""

_MP4_BRANDS = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
_AMR = (b"#!AMR\n", b"#!AMR-WB\n")
_WAV_CODECS = {0x0045: "G.726", 0x0064: "G.726", 0x0083: "G.729", 0x00FF: "AAC", 0x0161: "WMA"}
"""Codecs of WAV that libsndfile does not know, by their registered number."""
_SHORT_MS = 1_000
"""Containers tell their length to within some frames of the codec."""


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """An open container."""

    sample_rate_hz: int
    channel_count: int
    blocks: Iterator[Frames]
    announced_ms: int | None


def kind_of(head: bytes) -> str | None:
    """Return what a file is by its first bytes, where it is a container of this module's; None: it is none."""
    if head[4:8] in _MP4_BRANDS:
        return "M4A or MP4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "WebM or Matroska"
    if head.startswith(_AMR):
        return "AMR"
    if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and (codec := _WAV_CODECS.get(int.from_bytes(head[20:22], "little"))):
        return f"WAV with {codec}"
    if head.startswith(b"fLaC") and len(head) >= 26 and not head[21] & 0x0F and not any(head[22:26]):
        return "FLAC without a length"  # streamed; libsndfile cannot read on behind the first block
    if head.startswith(b"\x30\x26\xb2\x75"):
        return "WMA"
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:  # MP3 has another layer
        return "AAC"
    if head.startswith(b"OggS") and b"\x7fFLAC" in head[:64]:
        return "FLAC in Ogg"
    return None


@contextmanager
def open_container(path: Path, kind: str) -> Iterator[Container]:
    """Open the first audio of a file. Raises AudioFileError, also where PyAV is not installed."""
    try:
        import av
    except ImportError as error:
        raise AudioFileError(
            f"{path} is {kind}, which needs PyAV: install the extra codecs (pip install 'cc-voice[codecs]') and repeat, or convert "
            "it to WAV or FLAC"
        ) from error
    with path.open("rb") as file:
        try:
            with av.open(file, metadata_errors="ignore") as container:
                if not container.streams.audio:
                    raise AudioFileError(f"{path} holds no audio")
                yield _container(path, container, container.streams.audio[0])
        except av.error.FFmpegError as error:
            why = error.strerror or error
            raise AudioFileError(f"{path} cannot be read as {kind} ({why}); was it cut short? Copy it again") from error


def _container(path: Path, container: Any, stream: Any) -> Container:
    stream.thread_type = "NONE"
    announced = stream.duration * stream.time_base if stream.duration and stream.time_base else None
    if not stream.rate or not stream.channels:
        raise AudioFileError(f"{path} does not tell the rate of its audio")
    return Container(
        sample_rate_hz=stream.rate,
        channel_count=stream.channels,
        blocks=_blocks(container, stream),
        announced_ms=int(announced * 1000) if announced is not None and announced > 0 else None,
    )


def _blocks(container: Any, stream: Any) -> Iterator[Frames]:
    import av

    resampler = av.AudioResampler(format="s16", layout=stream.layout.name, rate=stream.rate)
    for frame in container.decode(stream):
        for converted in resampler.resample(frame):
            yield _frames(converted, stream.channels)
    for converted in resampler.resample(None):
        yield _frames(converted, stream.channels)


def _frames(frame: Any, channels: int) -> Frames:
    found: Frames = frame.to_ndarray().reshape(-1, channels)
    return found


def is_short(announced_ms: int, read_ms: int) -> bool:
    """Whether clearly less was read than the container announced."""
    return read_ms + _SHORT_MS < announced_ms
