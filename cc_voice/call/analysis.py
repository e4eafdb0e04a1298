"""Analysis: what is known of one stream when its audio has been recognised, the input of the metrics, and the file a restart
resumes from."""

from typing import Literal

import msgspec

from cc_voice.call.events import CallEvent
from cc_voice.call.language_policy import LanguagePolicy
from cc_voice.call.redactions import Redaction
from cc_voice.call.utterances import Utterance

Interval = tuple[int, int]
"""(start_ms, end_ms), start inclusive, end exclusive."""


class SecondLevel(msgspec.Struct, frozen=True, array_like=True):
    """How loud one second of a channel is. A centibel (cb) is a tenth of a decibel; 0 is full scale."""

    speech_ms: int = 0
    """How much of the second the voice detector called speech."""
    level_cb: int | None = None
    """Root mean square of that speech; None without speech."""
    clipped_us: int = 0
    """Samples of that speech at full scale, as time (µs), so that sampling rates do not matter."""
    noise_cb: int | None = None
    """Median level of what lies 200 ms and more away from speech and is not exactly zero; None where there is too little of it."""


class SegmentComparison(msgspec.Struct, frozen=True, array_like=True):
    """A segment that recognisers of several languages heard, because nothing else told which was spoken."""

    start_ms: int
    end_ms: int
    confs: tuple[tuple[str, float], ...]
    """(BCP-47 tag, mean word confidence 0–1 weighted by duration, reduced where words are too few for so much speech)."""


ECHO_BLOCK_MS = 2_000
"""Length of what is compared at once when an echo is looked for."""


class Echo(msgspec.Struct, frozen=True, array_like=True):
    """A channel's speech may come back on another one, `on`, after `delay_ms`."""

    on: str
    delay_ms: int
    blocks: tuple[tuple[int, int], ...]
    """(start_ms, correlation in percent, −100 … 100) of every block in which the party mostly speaks."""


Doubt = Literal["party_not_joined", "clock_in_seconds", "packets_odd"]
"""Why what is measured of a channel would be wrong, though its audio is there; codes of `call/reasons.py`."""


class ChannelAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """The audio of one party, heard.

    `party` is set where the source knows it (an imported file's options); on a live stream it is None and follows from events.
    `speech` are tight intervals of speech: sorted, disjoint, gaps of 200 ms and less already closed. `music` and `tones` are
    what is no speech (hold music, ringback, DTMF); empty where the detector cannot tell.
    """

    channel_id: str
    party: str | None = None
    name: str | None = None
    user_id: str | None = None
    speech: tuple[Interval, ...] = ()
    music: tuple[Interval, ...] = ()
    tones: tuple[Interval, ...] = ()
    levels: tuple[SecondLevel, ...] = ()
    """Of every second of the stream's clock, the first one first; empty where an earlier version heard the audio."""
    echoes: tuple[Echo, ...] = ()
    """Where this party's voice may come back; nothing is listed where there is no sign of it."""
    received_ms: int = 0
    """How much audio arrived, duplicates not counted."""
    first_packet_ms: int | None = None
    doubt: Doubt | None = None
    compared: tuple[SegmentComparison, ...] = ()


class LostAudio(msgspec.Struct, frozen=True, kw_only=True):
    """Audio of one party that arrived and is not in the recording."""

    channel_id: str
    start_ms: int
    """Where its own time puts it, or about where it came."""
    end_ms: int
    lost_ms: float
    """How much of it; more than its interval where several packets claim the same time."""
    why: str


class RedactedSound(msgspec.Struct, frozen=True, kw_only=True):
    """What of a stream nobody shall hear, and whether that is so."""

    policy: tuple[str, ...]
    """The classes of numbers that were looked for (`config/redaction_settings.py`)."""
    outcome: Literal["silenced", "text_only", "withheld"]
    """`text_only`: the site keeps the sound as it is; `withheld`: redaction failed, and nothing of the stream is played."""
    failure: str | None = None
    """Why it is withheld."""
    spans: tuple[tuple[str, tuple[Interval, ...]], ...] = ()
    """Of each channel of the recording (its own id, not a party's that was found out later): when it is silenced."""


class StreamAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, heard. Times count from `t0_unix_ms`, the stream's first packet."""

    call_id: str
    stream_id: str
    product: str
    """contact_center, meeting, webinar, video_sdk, phone or import."""
    instance_id: str
    t0_unix_ms: int
    duration_ms: int
    channels: tuple[ChannelAnalysis, ...]
    events: tuple[CallEvent, ...] = ()
    utterances: tuple[Utterance, ...] = ()
    media_gaps: tuple[Interval, ...] = ()
    """Time the media link was down or paused and that no later delivery filled."""
    lost: tuple[LostAudio, ...] = ()
    language: str = "en"
    """The configured language of the call."""
    policy: LanguagePolicy | None = None
    """Which languages it may be in; None (analyses of earlier versions): whatever Zoom tagged, else the configured one."""
    served: tuple[str, ...] | None = None
    """Which of the languages met have a local model (primary subtags); None: no local recogniser is in use, or it is not known."""
    mixed_audio: bool = False
    """All parties on one channel: two-party metrics cannot be measured."""
    same_audio: bool = False
    """The parties' channels carry the same sound: as mixed as one channel."""
    detector: str = "webrtcvad-3"
    asr_model: str | None = None
    stop_reason: int | None = None
    host_id: str | None = None
    """The account's id of the meeting's host, where the announcement told it."""
    epoch: int = 1
    redactions: tuple[Redaction, ...] | None = None
    """What was hidden in the words, which are here without it; None: nobody looked (policy `off`, or an earlier version)."""
    redacted: RedactedSound | None = None
    """None as above."""
