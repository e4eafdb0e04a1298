"""Audio files, written whole or not at all: FLAC and WAV from blocks of int16 samples; and read piece by piece."""

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import soundfile


def read_sound(path: Path, start: int, count: int) -> Any:
    """Return up to `count` frames from frame `start` on, as int16. Raises OSError (damaged)."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise OSError(errno.EINVAL, "this is no file but a pipe, a folder or a device", str(path))
    try:
        return soundfile.read(path, count, start, dtype="int16")[0]
    except soundfile.LibsndfileError as error:
        raise OSError(errno.EIO, f"cannot read the audio file ({error})", str(path)) from error


def write_sound(path: Path, blocks: Iterable[Any], *, rate_hz: int, channels: int, frames: int, form: str) -> None:
    """Write `blocks` (int16; frames, or frames × channels), `frames` in all, as `FLAC` or `WAV`. Raises OSError (disk full)."""
    try:
        with soundfile.SoundFile(path, "w", rate_hz, channels, "PCM_16", format=form) as out:
            for block in blocks:
                out.write(block)
        # libsndfile tells nobody when its last block does not fit; then the head still says that the length is unknown
        whole = soundfile.info(path).frames == frames
    except soundfile.LibsndfileError as error:
        raise OSError(errno.EIO, f"cannot write the audio file ({error}); is the disk full?", str(path)) from error
    if not whole:
        raise OSError(errno.ENOSPC, "no room for the audio file", str(path))
