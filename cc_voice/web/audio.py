"""A call's audio as browsers play it: two channels, agent left, customer right; made from the recording when asked for, and kept
for a while.

Whoever is neither (a supervisor, an IVR, a mixed channel) is heard on both sides. The cache is bounded, holds nothing that cannot
be made again, and forgets a call as soon as its recording is gone: what Zoom revoked must not live on in a copy.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from cc_voice.store import recordings

CACHE_BYTES = 4 << 30
PEAKS = 1200
"""Points of a lane: about one per pixel of a wide screen."""
SIDES = ("agent", "customer")
_FORMATS = {"flac": "FLAC", "wav": "WAV"}


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

    async def find(self, call_id: str, parties: Mapping[str, str | None], form: str) -> Path | None:
        """Return the file of a call: `flac`, `wav` or `peaks`; None where nothing is recorded. Raises RecordingError, OSError.

        `parties` says who speaks on which channel.
        """
        version = await asyncio.to_thread(_version, self._recordings_dir / call_id, parties)
        if version is None:
            return None
        path = self._folder / call_id / f"{version}.{form}"
        if not path.exists():
            async with self._making:
                if not path.exists():
                    await asyncio.to_thread(self._make, call_id, parties, path)
        os.utime(path)
        return path

    async def exists(self, call_id: str) -> bool:
        """Whether anything of a call is recorded."""
        return await asyncio.to_thread(lambda: any((self._recordings_dir / call_id).glob("*/stream.json")))

    def sweep(self) -> None:
        """Remove what belongs to no recording any more, then the longest unused beyond the limit."""
        if not self._folder.is_dir():
            return
        for entry in self._folder.iterdir():
            if not (self._recordings_dir / entry.name).is_dir():
                shutil.rmtree(entry, ignore_errors=True)
        files = sorted(
            ((path.stat(), path) for path in self._folder.glob("*/*")), key=lambda found: found[0].st_mtime, reverse=True
        )
        used = 0
        for number, (facts, path) in enumerate(files):
            used += facts.st_size
            if used > self._limit_bytes and number > 0:
                path.unlink(missing_ok=True)

    def _make(self, call_id: str, parties: Mapping[str, str | None], path: Path) -> None:
        audio = recordings.call_audio(self._recordings_dir, call_id)
        if audio is None:
            raise recordings.RecordingError(f"the recording of call {call_id} disappeared while it was read")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for older in path.parent.iterdir():
            if older.stem != path.stem:
                older.unlink(missing_ok=True)
        stereo = _stereo(audio, parties)
        if path.suffix == ".peaks":
            duration_ms = len(stereo) * 1000 // audio.sample_rate_hz
            recordings.write_atomically(path, msgspec.json.encode(_peaks(stereo, duration_ms)))
        else:
            part = path.with_suffix(".part")
            soundfile.write(part, stereo, audio.sample_rate_hz, format=_FORMATS[path.suffix[1:]], subtype="PCM_16")
            part.replace(path)
        self.sweep()


def _version(folder: Path, parties: Mapping[str, str | None]) -> str | None:
    """Return a name for the state of a recording, or None when there is none; it changes whenever a file of it does."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.glob("*/*"))
    if not files:
        return None
    return hashlib.sha256(repr((files, sorted(parties.items()))).encode()).hexdigest()[:20]


def _stereo(audio: recordings.CallAudio, parties: Mapping[str, str | None]) -> Any:
    """Return int16 samples of shape (samples, 2)."""
    mixed = np.zeros((audio.samples.shape[1], 2), dtype=np.int32)
    for channel_id, samples in zip(audio.channel_ids, audio.samples, strict=True):
        party = parties.get(channel_id)
        for side, name in enumerate(SIDES):
            if party == name or party not in SIDES:
                mixed[:, side] += samples
    return np.clip(mixed, -32768, 32767).astype(np.int16)


def _peaks(stereo: Any, duration_ms: int) -> Peaks:
    return Peaks(duration_ms=duration_ms, agent=_side(stereo[:, 0]), customer=_side(stereo[:, 1]))


def _side(samples: Any) -> list[int]:
    count = min(PEAKS, len(samples))
    if count == 0:
        return []
    edges = np.linspace(0, len(samples), count, endpoint=False).astype(np.int64)
    loudest = np.maximum.reduceat(np.abs(samples.astype(np.int32)), edges)
    found: list[int] = np.minimum(255, loudest // 128).tolist()
    return found
