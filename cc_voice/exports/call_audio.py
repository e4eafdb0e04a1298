"""A call's recording as one file: two channels, agent left, customer right.

Whoever is neither (a supervisor, an IVR, a mixed channel) is heard on both sides.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cc_voice.media.playback import CallAudio
from cc_voice.media.sound_files import write_sound

SIDES = ("agent", "customer")
BLOCK_SAMPLES = 1 << 20
"""About a minute: bounds the memory that a call of hours takes."""
FORMS = {"flac": "FLAC", "wav": "WAV"}


def write_call(
    path: Path, audio: CallAudio, parties: Mapping[str, str | None], form: str, window_ms: tuple[int, int] | None = None
) -> None:
    """Write a file in a form of `FORMS`, beside its target and then renamed. `parties` says who speaks on which channel.

    `window_ms` is the part of the call to write, on its clock; None: all of it.
    """
    part = path.with_name(f"{path.name}.part")
    first, last = (min(at * audio.sample_rate_hz // 1000, audio.length) for at in window_ms) if window_ms else (0, audio.length)
    starts = range(first, last, BLOCK_SAMPLES)
    blocks = (stereo(audio, parties, start, min(start + BLOCK_SAMPLES, last)) for start in starts)
    try:
        write_sound(part, blocks, rate_hz=audio.sample_rate_hz, channels=2, frames=last - first, form=FORMS[form])
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def stereo(audio: CallAudio, parties: Mapping[str, str | None], start: int, end: int) -> Any:
    """Return samples [start, end) as int16 of shape (samples, 2)."""
    mixed = np.zeros((end - start, 2), dtype=np.int32)
    for channel_id, samples in zip(audio.channel_ids, audio.read(start, end), strict=True):
        party = parties.get(channel_id)
        for side, name in enumerate(SIDES):
            if party == name or party not in SIDES:
                mixed[:, side] += samples
    return np.clip(mixed, -32768, 32767).astype(np.int16)
