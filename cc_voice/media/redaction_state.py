"""Redaction state of a stream's recording: whether its sound may be played, beside it in `redaction.json`.

    pending     the stream is recorded, or not completed: the sound is as it was spoken. Nothing of it is played
    silenced    what was hidden in the words is silent; the sound as it was spoken is gone
    text_only   the site hides words only (`audio = "keep"`)
    off         the policy of its queue hides nothing
    withheld    redaction failed: nothing is played until `cc-voice redact` has succeeded

A recording without the file is of a version before, or of a site that hides nothing, and may be played.
"""

from pathlib import Path
from typing import Literal

import msgspec

from cc_voice.media.files import RecordingError, read_file, write_atomically

SoundState = Literal["pending", "silenced", "text_only", "off", "withheld"]
_NAME = "redaction.json"


class RedactionState(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the sound of one stream."""

    state: SoundState
    policy: tuple[str, ...] = ()
    """Classes of numbers that were looked for."""
    failure: str | None = None


_STATE = msgspec.json.Decoder(RedactionState)


def read(folder: Path) -> RedactionState | None:
    """Return the state of a stream's recording, None where there is none. One that cannot be read is withheld. Raises OSError."""
    try:
        return _STATE.decode(read_file(folder / _NAME))
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, RecordingError):
        return RedactionState(state="withheld", failure=f"{_NAME} cannot be read")


def write(folder: Path, state: RedactionState) -> None:
    """Set the state of a stream's recording. Raises OSError."""
    write_atomically(folder / _NAME, msgspec.json.encode(state))


def may_be_played(folder: Path) -> bool:
    """Tell whether somebody may hear the sound of a stream. Raises OSError."""
    found = read(folder)
    return found is None or found.state in ("silenced", "text_only", "off")
