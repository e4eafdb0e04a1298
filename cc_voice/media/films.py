"""Films: H.264 as it came, made into MP4 after the call; the pieces as they are, each at its own time; nothing is coded anew.

Needs PyAV (the extra `codecs`). Without it, or where FFmpeg finds no picture in what came, the pieces stay as they are.
"""

import bisect
import importlib.util
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from cc_voice.media.files import beside
from cc_voice.media.pictures import KINDS, StoredPicture, read_pictures

_MS = Fraction(1, 1000)


def make_films(stream_folder: Path) -> list[str]:
    """Replace the H.264 of a stream by MP4s; return why that was not possible, one sentence per file. Can be repeated.

    Raises OSError (disk full); then the H.264 stays.
    """
    problems = []
    for folder in (stream_folder / kind for kind in KINDS):
        for raw in sorted(folder.glob("*.h264")):
            pieces = [picture for picture in read_pictures(folder) if picture.file == raw.name]
            problem = _make_film(raw, pieces)
            if problem is None:
                raw.unlink()
            else:
                problems.append(f"{folder.name}/{raw.name}: {problem}")
    return problems


def _make_film(raw: Path, pieces: list[StoredPicture]) -> str | None:
    """Return why there is no film."""
    if importlib.util.find_spec("av") is None:
        return "needs PyAV to become MP4; install cc-voice with the extra `codecs`"
    if not pieces:
        return "has no times; its index is missing or empty"
    import av

    try:
        with av.open(str(raw), format="h264") as source, beside(raw.with_suffix(".mp4")) as part:
            if not source.streams.video or not source.streams.video[0].width:
                raise ValueError("holds no picture")
            _mux(source, part, pieces)
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        return f"cannot become MP4 ({error})"
    return None


def _mux(source: Any, target: Path, pieces: list[StoredPicture]) -> None:
    import av

    stream = source.streams.video[0]
    with av.open(str(target), "w", format="mp4") as film:
        track = film.add_stream_from_template(stream)
        track.time_base = _MS
        for packet, at_ms, length_ms in _timed(source.demux(stream), pieces):
            packet.stream, packet.time_base = track, _MS
            packet.pts = packet.dts = at_ms
            packet.duration = length_ms
            film.mux(packet)


def _timed(packets: Iterator[Any], pieces: list[StoredPicture]) -> Iterator[tuple[Any, int, int]]:
    """Yield every picture with its time since the first one and its length (ms): it is as old as the piece it begins in."""
    offsets = [piece.offset for piece in pieces]
    waiting: tuple[Any, int] | None = None
    for packet in packets:
        if not packet.size:
            continue  # FFmpeg says that the file is over
        piece = pieces[max(0, bisect.bisect_right(offsets, packet.pos or 0) - 1)]
        at_ms = piece.at_unix_ms - pieces[0].at_unix_ms
        if waiting is not None:
            at_ms = max(at_ms, waiting[1] + 1)  # MP4 wants times that grow, whatever Zoom's did
            yield *waiting, at_ms - waiting[1]
        waiting = packet, at_ms
    if waiting is not None:
        yield *waiting, 1
