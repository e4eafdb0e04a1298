"""Events: what a stream tells its consumer, in order; `Ended` is the last and comes at most once. Times are Unix ms on Zoom's
clock."""

from typing import Literal

import msgspec

from .enums import Codec

LinkName = Literal["signaling", "audio", "video", "deskshare", "transcript", "chat", "all"]
MIXED_SOURCE = "0"
"""The source of mixed audio: all parties in one."""
EndKind = Literal["normal", "revoked", "fault", "refused", "lost", "closed"]


class AudioFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How the audio that follows is encoded: what the server says, not what was asked. Codec numbers as in `enums.Codec`."""

    sample_rate_hz: int
    channels: int = 1
    codec: int = 1
    content_type: int = 2
    data_opt: int = 2
    send_rate_ms: int = 20

    @property
    def packet_bytes(self) -> int | None:
        """The size of one L16 packet (README 6.4); None for codecs that compress."""
        return self.sample_rate_hz * self.channels * 2 * self.send_rate_ms // 1000 if self.codec == Codec.L16 else None


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """One packet of one source. With L16, `pcm` is signed 16-bit little-endian; else the codec's payload."""

    source: str
    """The channel id, where there is none the user id; MIXED_SOURCE is mixed audio."""
    timestamp_ms: int
    pcm: bytes
    user_id: str | None = None
    user_name: str | None = None
    channel_id: str | None = None
    whole_seconds: bool = False
    """The time came in seconds: packets of one second are known by their order only."""


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A camera picture, or a piece of H.264."""

    source: str
    timestamp_ms: int
    data: bytes
    user_name: str | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a shared screen, or a piece of H.264."""

    source: str
    timestamp_ms: int
    data: bytes
    user_name: str | None = None


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of what was said, in Zoom's words.

    `attribute` is `enums.Attribute`: UPDATE replaces and DELETE deletes the piece that began with it.
    """

    source: str
    text: str
    timestamp_ms: int
    start_ms: int | None = None
    end_ms: int | None = None
    language: str | None = None
    """BCP-47; None where Zoom did not say, or used a number nobody knows."""
    attribute: int | None = None
    user_id: str | None = None
    user_name: str | None = None
    channel_id: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat message. `raw` is its whole content as JSON, with files and receivers."""

    source: str
    text: str
    timestamp_ms: int
    user_name: str | None = None
    message_id: str | None = None
    operation: int | None = None
    raw: bytes = b""


class ParticipantInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One party of an event, as far as the event tells."""

    channel_id: str | None = None
    user_id: str | None = None
    display_name: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    phone_number: str | None = None
    participant_mode: str | None = None
    """`caller` or `callee`; the role must not be derived from it (5.5)."""
    account_id: str | None = None
    division_id: str | None = None


class PlatformEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened in the conversation. `name` is Zoom's in lower case, decoded by product; `event_<n>` if unnamed."""

    name: str
    event_type: int
    at_unix_ms: int
    participants: tuple[ParticipantInfo, ...] = ()
    raw: bytes = b""
    """The event's JSON as it came; it may hold phone numbers."""


class LinkUp(msgspec.Struct, frozen=True, kw_only=True):
    """A link's handshake succeeded."""

    link: LinkName


class LinkDown(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was up is lost and will be tried again."""

    link: LinkName
    error: str | None = None


class MediaRefused(msgspec.Struct, frozen=True, kw_only=True):
    """A media type was given up for this stream; the others go on."""

    link: LinkName
    status: int | None
    error: str


class StreamStateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Message 8: `enums.StreamState`, with `enums.StopReason` where one was given."""

    state: int
    reason: int | None = None
    at_unix_ms: int | None = None


class SessionStateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Message 9: one session of the stream, `enums.SessionState`. The stream may outlive it."""

    session_id: str | None
    state: int
    reason: int | None = None
    at_unix_ms: int | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The stream is over.

    `normal`: the conversation or somebody ended it. `revoked`: delete what was received, at once. `fault`: Zoom or a
    connection failed; a new stream may be asked for. `refused`: Zoom would not serve us. `lost`: we could not get back in
    time. `closed`: we ended it. `reason` is `enums.StopReason`, None where nobody gave one. `error` is a sentence for the
    operator; None for a normal end.
    """

    kind: EndKind
    reason: int | None = None
    error: str | None = None


Event = (
    AudioFormat
    | Audio
    | Video
    | Share
    | Transcript
    | Chat
    | PlatformEvent
    | LinkUp
    | LinkDown
    | MediaRefused
    | StreamStateChanged
    | SessionStateChanged
    | Ended
)
