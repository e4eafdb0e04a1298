"""Specification: what a session is given when it starts, in a form that crosses a process border and survives a restart."""

import msgspec

from cc_voice.call.batch import OpenStage
from cc_voice.rtms.client import StreamTarget


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
