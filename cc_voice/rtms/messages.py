"""The 29 messages of the wire, both directions, and the quirks of those who send them (README sections 5, 6, 12).

Decoding has two ways. The fast one is a strict msgspec union over `msg_type`; all that Zoom's own documents promise takes
it. What fails there is tried once more field by field (`salvage.py`): numbers in quotes, a quoted `msg_type`, explicit nulls,
bytes that are no text, base64 without padding. So liberality costs nothing while it is not needed. What is no message in either
way raises FrameError, which the core counts.
"""

from enum import IntEnum
from typing import Any, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from . import salvage
from .enums import MessageType, SessionState, Status, StopReason, StreamState
from .errors import FrameError
from .media import AudioContent, ChatContent, Id, MediaParams, PictureContent, TranscriptContent, text_id

NO_STATUS = -1
"""Stands for a status that is missing or unreadable."""
_SECONDS_FROM, _SECONDS_BELOW = 1_000_000_000, 100_000_000_000
"""Unix times between these are seconds: the published example of message 20 has them (5.7)."""
_MICROSECONDS_FROM, _NANOSECONDS_FROM = 10**14, 1_420_000_000 * 10**9
_ABSENT = Raw(b"null")


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="msg_type"):
    """What the messages share: `msg_type` is the tag."""


class _Answer(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """An answer with a status. `status` is the key of an older library (12, row 8); `reason` is text for people."""

    status_code: int | str | None = None
    status: int | str | None = None
    reason: int | str | None = None

    @property
    def code(self) -> int:
        """RTMS_STATUS_CODE; NO_STATUS where there is none."""
        value = self.status if self.status_code is None else self.status_code
        number = number_of(Status, value, "STATUS_")
        return NO_STATUS if number is None else number

    @property
    def why(self) -> str:
        return str(self.reason or "")


class _Handshake(_Message, frozen=True, kw_only=True):
    """What both handshakes carry. The instance id goes under the product's own key (12, row 4)."""

    protocol_version: int = 1
    sequence: int = 1
    meeting_uuid: str | UnsetType = UNSET
    webinar_uuid: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    engagement_id: str | UnsetType = UNSET
    call_id: str | UnsetType = UNSET
    rtms_stream_id: str
    signature: str

    def under(self, key: str, instance_id: str) -> Any:
        """Return the same handshake with the instance id under `key`."""
        return msgspec.structs.replace(self, **{key: instance_id})


class SignalingRequest(_Handshake, frozen=True, kw_only=True, tag=1):
    buffer_data: bool | UnsetType = UNSET


class SignalingResponse(_Answer, frozen=True, kw_only=True, tag=2):
    protocol_version: int | None = None
    sequence: int | None = None
    media_server: Raw = _ABSENT
    media_server_url: str | None = None
    """Seen in snippets instead of `media_server` (12, row 9)."""
    media_params: Raw = _ABSENT
    """Only where this message answers a media handshake (12, row 13)."""

    @property
    def media_urls(self) -> dict[str, str]:
        """The offered URLs by media name; a bare string serves everything (5.2)."""
        server = _plain(self.media_server)
        urls = server.get("server_urls") if isinstance(server, dict) else server
        if isinstance(urls, dict):
            return {str(name): url for name, url in urls.items() if isinstance(url, str) and url}
        if isinstance(urls, str) and urls:
            return {"all": urls}
        return {"all": self.media_server_url} if self.media_server_url else {}


class MediaRequest(_Handshake, frozen=True, kw_only=True, tag=3):
    media_type: int
    payload_encryption: bool = False
    media_params: MediaParams | UnsetType = UNSET


class MediaResponse(_Answer, frozen=True, kw_only=True, tag=4):
    protocol_version: int | None = None
    sequence: int | None = None
    media_params: Raw = _ABSENT
    payload_encrypted: bool | None = None
    payload_encryption: bool | None = None
    """The same flag, as the table spells it (12, row 11)."""

    @property
    def encrypted(self) -> bool:
        return bool(self.payload_encrypted or self.payload_encryption)


class Subscription(msgspec.Struct, frozen=True):
    """One event to switch on or off."""

    event_type: int
    subscribe: bool = True


class EventSubscription(_Message, frozen=True, kw_only=True, tag=5):
    events: tuple[Subscription, ...]


class EventUpdate(_Message, frozen=True, kw_only=True, tag=6):
    event: Raw = _ABSENT


class ClientReady(_Message, frozen=True, kw_only=True, tag=7):
    rtms_stream_id: str


class _State(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """A state and why. The mock server writes names for numbers, the tables and examples two keys for the reason."""

    state: int | str | None = None
    reason: int | str | None = None
    stop_reason: int | str | None = None
    timestamp: int | None = None

    @property
    def why(self) -> int | None:
        """RTMS_STOP_REASON (5.8; 12, row 23); None where there is none, or 0, which means the same."""
        first = number_of(StopReason, self.stop_reason, "STOP_BC_")
        return first or number_of(StopReason, self.reason, "STOP_BC_") or None

    @property
    def at_unix_ms(self) -> int | None:
        return milliseconds(self.timestamp)


class StreamStateUpdate(_State, frozen=True, kw_only=True, tag=8):
    rtms_stream_id: Id | None = None

    @property
    def number(self) -> int | None:
        """RTMS_STREAM_STATE."""
        return number_of(StreamState, self.state)


class SessionStateUpdate(_State, frozen=True, kw_only=True, tag=9):
    rtms_session_id: Id | None = None
    session_id: Id | None = None
    """What the mock server calls it (5.8)."""

    @property
    def session(self) -> str | None:
        return text_id(self.rtms_session_id) or text_id(self.session_id)

    @property
    def number(self) -> int | None:
        """RTMS_SESSION_STATE."""
        return number_of(SessionState, self.state)


class SessionStateRequest(_Message, frozen=True, kw_only=True, tag=10):
    rtms_session_id: str


class SessionStateResponse(_State, frozen=True, kw_only=True, tag=11):
    rtms_session_id: Id | None = None
    session_id: Id | None = None
    status_code: int | str | None = None

    @property
    def session(self) -> str | None:
        return text_id(self.rtms_session_id) or text_id(self.session_id)

    @property
    def number(self) -> int | None:
        """RTMS_SESSION_STATE."""
        return number_of(SessionState, self.state)


class KeepAliveRequest(_Message, frozen=True, kw_only=True, tag=12):
    timestamp: int | float | str | None = None
    sequence: Any = None


class KeepAliveResponse(_Message, frozen=True, kw_only=True, tag=13):
    """The same timestamp that was sent, or none when none was."""

    timestamp: int | float | str | UnsetType = UNSET


class MediaAudio(_Message, frozen=True, kw_only=True, tag=14):
    content: AudioContent


class MediaVideo(_Message, frozen=True, kw_only=True, tag=15):
    content: PictureContent


class MediaShare(_Message, frozen=True, kw_only=True, tag=16):
    content: PictureContent


class MediaTranscript(_Message, frozen=True, kw_only=True, tag=17):
    content: TranscriptContent


class MediaChat(_Message, frozen=True, kw_only=True, tag=18):
    content: Raw

    @property
    def chat(self) -> ChatContent:
        """The chat message. Some servers put all fields as JSON text into `data`: they win (6.4). Raises FrameError."""
        content = _plain(self.content)
        if not isinstance(content, dict):
            raise FrameError("message 18 has no content")
        inner = _plain(content["data"].encode()) if isinstance(content.get("data"), str) else content.get("data")
        if isinstance(inner, dict):
            content = content | {"data": ""} | inner
        return salvage.fitted(ChatContent, content)


class StreamStateRequest(_Message, frozen=True, kw_only=True, tag=19):
    rtms_stream_id: str


class StreamStateResponse(_State, frozen=True, kw_only=True, tag=20):
    rtms_stream_id: Id | None = None
    status_code: int | str | None = None

    @property
    def number(self) -> int | None:
        """RTMS_STREAM_STATE."""
        return number_of(StreamState, self.state)


class StreamCloseRequest(_Message, frozen=True, kw_only=True, tag=21):
    rtms_stream_id: str


class StreamCloseResponse(_Answer, frozen=True, kw_only=True, tag=22):
    rtms_stream_id: Id | None = None
    timestamp: int | None = None


class MetadataAudio(_Message, frozen=True, kw_only=True, tag=23):
    """Exists, but its JSON is not published; 24 to 27 are reserved (6.4)."""

    content: Raw = _ABSENT


class MetadataVideo(_Message, frozen=True, kw_only=True, tag=24):
    content: Raw = _ABSENT


class MetadataShare(_Message, frozen=True, kw_only=True, tag=25):
    content: Raw = _ABSENT


class MetadataTranscript(_Message, frozen=True, kw_only=True, tag=26):
    content: Raw = _ABSENT


class MetadataChat(_Message, frozen=True, kw_only=True, tag=27):
    content: Raw = _ABSENT


class VideoSubscriptionRequest(_Message, frozen=True, kw_only=True, tag=28):
    """`user_id` must be the number from event 8, `timestamp` is Unix ms."""

    user_id: int
    subscribe: bool
    timestamp: int


class VideoSubscriptionResponse(_Answer, frozen=True, kw_only=True, tag=29):
    user_id: Id | None = None
    timestamp: int | None = None


class UnknownMessage(msgspec.Struct, frozen=True):
    """A message whose number nobody knows yet."""

    msg_type: int
    raw: bytes


Handshake = SignalingRequest | MediaRequest
Media = MediaAudio | MediaVideo | MediaShare | MediaTranscript | MediaChat
Metadata = MetadataAudio | MetadataVideo | MetadataShare | MetadataTranscript | MetadataChat
NeverSent = (
    Handshake
    | EventSubscription
    | ClientReady
    | SessionStateRequest
    | KeepAliveResponse
    | StreamStateRequest
    | StreamCloseRequest
    | VideoSubscriptionRequest
    | Metadata
)
"""What only clients say, and what is documented but was never seen."""
Control = (
    NeverSent
    | SignalingResponse
    | MediaResponse
    | EventUpdate
    | StreamStateUpdate
    | SessionStateUpdate
    | SessionStateResponse
    | StreamStateResponse
    | StreamCloseResponse
    | VideoSubscriptionResponse
)
"""What neither carries media nor asks for a sign of life."""
Message = Control | KeepAliveRequest | Media


_STRICT: "msgspec.json.Decoder[Message]" = msgspec.json.Decoder(Message)
_KINDS = {kind.__struct_config__.tag: kind for kind in get_args(Message)}
_PARAMS = msgspec.json.Decoder(MediaParams, strict=False)
_ENCODER = msgspec.json.Encoder()
UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError)
"""What msgspec raises on any bytes: malformed, of other types, nested without end, not UTF-8."""


def encode(message: Message) -> bytes:
    """Return a message as the bytes of one text frame."""
    return _ENCODER.encode(message)


def decode(frame: bytes) -> Message | UnknownMessage:
    """Return what a frame says, be it text or binary. Raises FrameError, and nothing else, whatever the bytes are."""
    try:
        return _STRICT.decode(salvage.sound(frame))
    except UNREADABLE:
        return _decode_leniently(frame)


def _decode_leniently(frame: bytes) -> Message | UnknownMessage:
    fields = salvage.document(frame)
    if not isinstance(fields, dict):
        raise FrameError("not a message: no JSON object")
    number = number_of(MessageType, _whole(fields.get("msg_type")))
    if number is None:
        raise FrameError("not a message: no msg_type")
    kind = _KINDS.get(number)
    return UnknownMessage(number, frame) if kind is None else salvage.fitted(kind, fields)


def _whole(value: Any) -> int | str | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def params_of(message: MediaResponse | SignalingResponse) -> MediaParams | None:
    """Return the echoed media parameters; None where there are none that can be understood."""
    try:
        return _PARAMS.decode(message.media_params)
    except UNREADABLE:
        return None


def number_of(kind: type[IntEnum], value: int | str | None, prefix: str = "") -> int | None:
    """Return the number of a value that may be spelt out, with or without Zoom's prefix; None where nobody knows it."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text[:10])
    known = kind.__members__.get(text.upper().removeprefix(prefix))
    return None if known is None else known.value


def is_seconds(timestamp: int) -> bool:
    """Whether a time must be in seconds: in ms it would lie between 1970 and 1973, in seconds after 2001."""
    return _SECONDS_FROM <= timestamp < _SECONDS_BELOW


def milliseconds(timestamp: int | None) -> int | None:
    """Return a Unix time in ms that may have come in seconds, µs or ns; None where it is missing or none (0, negative, absurd).

    Too little for seconds is what a clock counts that began with the stream: left as it is.
    """
    if timestamp is None or not 0 < timestamp < 1 << 63:
        return None
    if timestamp >= _NANOSECONDS_FROM:
        return timestamp // 1_000_000
    if timestamp >= 1 << 53:
        return None
    if timestamp >= _MICROSECONDS_FROM:
        return timestamp // 1_000
    return timestamp * 1000 if is_seconds(timestamp) else timestamp


def unknown_fields(frame: bytes, message: Message) -> tuple[str, ...]:
    """Return the top-level names in a frame that its message does not have. For control messages: it decodes twice."""
    document = _plain(salvage.sound(frame))
    names = document if isinstance(document, dict) else {}
    return tuple(name for name in names if name not in message.__struct_fields__ and name != "msg_type")


def _plain(data: bytes | Raw) -> Any:
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return salvage.document(bytes(data))
