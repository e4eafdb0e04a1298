"""Specification: what a session is given when it starts, in a form that crosses a process border and survives a restart."""

import msgspec

from cc_voice.call.batch import OpenStage
from cc_voice.media.recordings import StreamHeader
from cc_voice.rtms.client import StreamTarget

AUDIO_RATE_HZ = 16_000


class SessionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One stream to serve. `app` names the Zoom app whose credentials sign for it; secrets stay in the settings."""

    call_id: str
    stream_id: str
    product: str
    instance_id: str
    app: str
    target: StreamTarget
    language: str
    epoch: int
    stage: OpenStage = "received"
    """Where to go on: received (media), recorded (listen), transcribed (measure)."""
    started_event_ms: int | None = None
    policies: tuple[tuple[str, str], ...] = ()
    """The policies that the call began with (`config/policies.py`); none: a program took it that knew none."""
    resumed: bool = False
    """An earlier session of this stream existed: reconnect at once, its recording continues."""

    def header(self) -> StreamHeader:
        """Return what stands at the head of the stream's recording."""
        return StreamHeader(
            call_id=self.call_id,
            stream_id=self.stream_id,
            product=self.product,
            instance_id=self.instance_id,
            language=self.language,
            sample_rate_hz=AUDIO_RATE_HZ,
            started_event_ms=self.started_event_ms,
        )
