"""Batches: what a worker delivers to the process that owns the database: small, repeatable, safe to deliver twice."""

from typing import Literal

import msgspec

from cc_voice.call.events import CallEvent
from cc_voice.call.rows import MeasuredCall, RuleRows
from cc_voice.call.utterances import Utterance
from cc_voice.config.thresholds import ThresholdSet

OpenStage = Literal["received", "recorded", "transcribed"]
"""Stages from which a session goes on, in order."""
Stage = Literal[OpenStage, "measured", "failed", "revoked"]
"""How far a stream has come; what may follow what is told in `store/streams.py`."""


class MediaRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of media that Zoom does not send of a stream, or no longer: the rest of the stream goes on without it."""

    media: str
    """audio, video, deskshare, transcript or chat; `all` where everything was asked for on one link."""
    error: str
    """Why, and what the operator can do."""


class StreamProgress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """A live stream moved on: new utterances and events, how far media and recognition are. Replaces nothing, adds."""

    call_id: str
    stream_id: str
    epoch: int
    product: str
    t0_unix_ms: int | None = None
    media_ms: int = 0
    """How far audio has arrived, from t0."""
    recognised_ms: int = 0
    """How far recognition has come; the difference is the lag shown to supervisors."""
    utterances: tuple[Utterance, ...] = ()
    events: tuple[CallEvent, ...] = ()
    is_redacted: bool = False
    """Whether what should be hidden was looked for."""
    refused: tuple[MediaRefusal, ...] = ()
    """All that is missing at present, not only what is new; replaces what was told before."""
    rules: RuleRows | None = None
    """What rules found since the last progress; only the versions of rules that it names."""
    withdrawn: tuple[str, ...] = ()
    """Keys of hits that were told before, and whose words were revised since."""


class LiveWords(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel of a live stream is saying, in ms from t0. It is shown and forgotten: no file, no log, no table holds it.

    While `is_final` is false the words may still change and replace the channel's last ones; empty text takes those back. Final
    words come once more with the stream's next progress, which is what the store keeps.
    """

    call_id: str
    stream_id: str
    epoch: int
    channel_id: str
    start_ms: int
    end_ms: int
    """How far the channel was heard; of final words, where the last one ends."""
    text: str
    language: str
    is_final: bool
    is_redacted: bool = False
    """Whether what should be hidden was looked for."""
    left_unix_ms: int
    """When they left the worker, on this machine's clock."""


class StageReached(msgspec.Struct, frozen=True, kw_only=True, tag="stage"):
    """The stream reached a stage; `reason` tells the operator why it failed or was revoked."""

    call_id: str
    stream_id: str
    epoch: int
    stage: Stage
    reason: str | None = None
    stop_reason: int | None = None


class Oddity(msgspec.Struct, frozen=True):
    """Something of a stream that was not as it should be, or that we do not know, and how often it came."""

    name: str
    count: int


class StreamNotes(msgspec.Struct, frozen=True, kw_only=True, tag="notes"):
    """What was odd about a stream, and what was missing, once its media has ended. Replaces what an earlier session noted."""

    call_id: str
    stream_id: str
    epoch: int
    oddities: tuple[Oddity, ...]
    refused: tuple[MediaRefusal, ...] = ()


class CallMeasured(msgspec.Struct, frozen=True, kw_only=True, tag="measured"):
    """All rows of a call. Written in one transaction, replacing what was there, unless what was there has a higher revision.

    `revision` is the sum of the epochs of the streams that went in: more streams, or a later attempt at one, wins.
    """

    call_id: str
    stream_id: str
    epoch: int
    revision: int
    thresholds: ThresholdSet
    """What the metrics were measured with, but for legs that `call.thresholds` names; the store gives equal sets one id."""
    call: MeasuredCall


Batch = StreamProgress | StageReached | StreamNotes | CallMeasured


class BatchEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with its place in the order of one worker's deliveries; `batch_id` is unique over restarts."""

    batch_id: str
    batch: Batch
