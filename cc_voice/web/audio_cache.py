"""A call's audio as browsers play it: two channels, agent left, customer right; made from the recording when asked for, and kept
for a while.

What is on which side is told in `exports/call_audio.py`. The cache is bounded, holds nothing that cannot
be made again, and forgets a call as soon as its recording is gone: what Zoom revoked must not live on in a copy.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np

from cc_voice.exports.call_audio import BLOCK_SAMPLES, stereo, write_call
from cc_voice.media import playback, recordings
from cc_voice.media.files import write_atomically
from cc_voice.media.playback import CallAudio

CACHE_BYTES = 4 << 30
Spans = tuple[tuple[int, int], ...]
"""Parts of a call, in ms of its clock."""
PEAKS = 1200
"""Points of a lane: about one per pixel of a wide screen."""


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """The loudest sample of each slice of a call per party, 0–255; what a lane is drawn from."""

    duration_ms: int
    agent: list[int]
    customer: list[int]


class AudioCache:
    """Files made from recordings. `find` makes one call's at a time: a long call takes memory."""

    def __init__(self, folder: Path, recordings_dir: Path, limit_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._recordings_dir = recordings_dir
        self._limit_bytes = limit_bytes
        self._making = asyncio.Lock()

    async def find(self, call_id: str, parties: Mapping[str, str | None], form: str, only_ms: Spans | None = None) -> Path | None:
        """Return the file of a call: `flac`, `wav` or `peaks`; None where nothing is recorded.

        `parties` says who speaks on which channel, `only_ms` which parts of it may be heard, where that is not all. Raises
        SoundWithheld, RecordingError, OSError.
        """
        await asyncio.to_thread(playback.check_released, self._recordings_dir, call_id)
        version = await asyncio.to_thread(_version, self._recordings_dir / call_id, parties)
        if version is None:
            return None
        part = "" if only_ms is None else f"-{hashlib.sha256(repr(only_ms).encode()).hexdigest()[:12]}"
        path = self._folder / call_id / f"{version}{part}.{form}"
        if not await asyncio.to_thread(_touch, path):
            async with self._making:
                if not await asyncio.to_thread(_touch, path):
                    await asyncio.to_thread(self._make, call_id, parties, path, only_ms)
        return path

    async def exists(self, call_id: str) -> bool:
        """Whether anything of a call is recorded that may be heard."""
        return await asyncio.to_thread(playback.is_released, self._recordings_dir, call_id)

    def sweep(self) -> None:
        """Remove what belongs to no recording any more, then the longest unused beyond the limit."""
        if not self._folder.is_dir():
            return
        for entry in self._folder.iterdir():
            if not (self._recordings_dir / entry.name).is_dir():
                shutil.rmtree(entry, ignore_errors=True)
        used = 0
        for number, (used_at_ns, size, path) in enumerate(sorted(_files(self._folder), reverse=True)):
            used += size
            if used > self._limit_bytes and number > 0 and _last_used(path) == used_at_ns:  # not since asked for again
                path.unlink(missing_ok=True)

    def _make(self, call_id: str, parties: Mapping[str, str | None], path: Path, only_ms: Spans | None) -> None:
        audio = playback.call_audio(self._recordings_dir, call_id)
        if audio is None:
            raise recordings.RecordingError(f"the recording of call {call_id} disappeared while it was read")
        audio = msgspec.structs.replace(audio, only_ms=only_ms)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for older in path.parent.iterdir():
            if older.stem.partition("-")[0] != path.stem.partition("-")[0]:
                older.unlink(missing_ok=True)
        if path.suffix == ".peaks":
            write_atomically(path, msgspec.json.encode(_peaks(audio, parties)))
        else:
            write_call(path, audio, parties, path.suffix[1:])
        self.sweep()


def _touch(path: Path) -> bool:
    """Note that a file is used now; False where there is none. One call, as the file may be swept away between two."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _last_used(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield when each file was last used (ns), its size in bytes, and where it is."""
    for path in folder.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            yield facts.st_mtime_ns, facts.st_size, path


def _version(folder: Path, parties: Mapping[str, str | None]) -> str | None:
    """Return a name for the state of a recording, or None when there is none; it changes whenever a file of it does."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.glob("*/*"))
    if not files:
        return None
    return hashlib.sha256(repr((files, sorted(parties.items()))).encode()).hexdigest()[:20]


def _peaks(audio: CallAudio, parties: Mapping[str, str | None]) -> Peaks:
    count = min(PEAKS, audio.length)
    edges = np.linspace(0, audio.length, count + 1).astype(np.int64)
    at_once = max(1, BLOCK_SAMPLES * count // max(1, audio.length))
    loudest: list[list[int]] = []
    for first in range(0, count, at_once):
        around = edges[first : first + at_once + 1]
        samples = np.abs(stereo(audio, parties, int(around[0]), int(around[-1])).astype(np.int32))
        slices = np.maximum.reduceat(samples, around[:-1] - around[0], axis=0)
        loudest += np.minimum(255, slices // 128).tolist()
    return Peaks(
        duration_ms=audio.length * 1000 // audio.sample_rate_hz,
        agent=[agent for agent, _ in loudest],
        customer=[customer for _, customer in loudest],
    )
