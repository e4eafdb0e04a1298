"""Media parameters and media content as structs (README 6.2 to 6.4). Defaults are those of the wire, not of Zoom's SDK."""

from collections.abc import Set as AbstractSet

import msgspec
from msgspec import UNSET, UnsetType

from .enums import Channels, Codec, ContentType, DataOption, MediaType, Resolution, SampleRate
from .events import LinkName

Id = int | str
"""Ids are numbers in some products and documents, strings in others (12, row 40); `text_id` makes one kind of them."""


def text_id(value: Id | None) -> str | None:
    """Return an id as text; None for a missing or empty one."""
    return str(value) if value is not None and value != "" else None


# Parameters (6.2) ----------------------------------------------------------------------------------------------------


class AudioParams(msgspec.Struct, frozen=True, kw_only=True):
    """How audio is to be, or will be, sent. `send_rate` is in ms."""

    content_type: int = ContentType.RAW_AUDIO
    sample_rate: int = SampleRate.SR_16K
    channel: int = Channels.MONO
    codec: int = Codec.L16
    data_opt: int = DataOption.AUDIO_MIXED_STREAM
    send_rate: int = 20

    @property
    def sample_rate_hz(self) -> int:
        """The rate in Hz; 16 kHz, the wire's default, for a number Zoom has not published."""
        return SampleRate(self.sample_rate).hz if self.sample_rate in SampleRate._value2member_map_ else SampleRate.SR_16K.hz


class VideoParams(msgspec.Struct, frozen=True, kw_only=True):
    """Camera pictures: JPG or PNG up to 5 fps, H264 above, up to 30."""

    content_type: int = ContentType.RAW_VIDEO
    codec: int = Codec.JPG
    resolution: int = Resolution.HD
    data_opt: int = DataOption.VIDEO_SINGLE_ACTIVE_STREAM
    fps: int = 5


class DeskshareParams(msgspec.Struct, frozen=True, kw_only=True):
    """A shared screen: JPG or PNG up to 1 fps (12, row 17), H264 above, up to 30."""

    content_type: int = ContentType.RAW_VIDEO
    codec: int = Codec.JPG
    resolution: int = Resolution.FHD
    fps: int = 1


class TranscriptParams(msgspec.Struct, frozen=True, kw_only=True):
    """Transcript. `language`, the obsolete name of `src_language`, is never sent; −1 (NONE) is sent by leaving it out."""

    content_type: int = ContentType.TEXT
    src_language: int | UnsetType = UNSET
    enable_lid: bool | UnsetType = UNSET


class ChatParams(msgspec.Struct, frozen=True, kw_only=True):
    """Chat has nothing to choose."""

    content_type: int = ContentType.TEXT


class MediaParams(msgspec.Struct, frozen=True, kw_only=True):
    """`media_params` of messages 3 and 4."""

    audio: AudioParams | UnsetType = UNSET
    video: VideoParams | UnsetType = UNSET
    deskshare: DeskshareParams | UnsetType = UNSET
    transcript: TranscriptParams | UnsetType = UNSET
    chat: ChatParams | UnsetType = UNSET


BASELINE = AudioParams(data_opt=DataOption.AUDIO_MULTI_STREAMS)
"""The audio row every server takes (6.2): L16, 16 kHz, mono, 20 ms; per participant."""


class AudioRow(msgspec.Struct, frozen=True):
    """A valid combination of audio parameters; a request must match one whole row."""

    content_type: int
    codec: int
    sample_rates: AbstractSet[int]
    channels: AbstractSet[int]
    send_rates_ms: AbstractSet[int]

    def matches(self, params: AudioParams) -> bool:
        return (
            (params.content_type, params.codec) == (self.content_type, self.codec)
            and params.sample_rate in self.sample_rates
            and params.channel in self.channels
            and params.send_rate in self.send_rates_ms
        )


_MONO, _ANY_CHANNELS = frozenset({1}), frozenset({1, 2})
_STEPS = frozenset(range(20, 1001, 20))
_20 = frozenset({20})
AUDIO_ROWS = (
    AudioRow(ContentType.RAW_AUDIO, Codec.L16, frozenset({0, 1, 2, 3}), _ANY_CHANNELS, _STEPS),
    AudioRow(ContentType.RAW_AUDIO, Codec.OPUS, frozenset({3}), _ANY_CHANNELS, _20),
    AudioRow(ContentType.RAW_AUDIO, Codec.G711, frozenset({0}), _MONO, _20),
    AudioRow(ContentType.RAW_AUDIO, Codec.G722, frozenset({1}), _MONO, _20),
    AudioRow(ContentType.RTP, Codec.OPUS, frozenset({3}), _ANY_CHANNELS, _20),
    AudioRow(ContentType.RTP, Codec.G711, frozenset({0}), _MONO, _20),
    AudioRow(ContentType.RTP, Codec.G722, frozenset({1}), _MONO, _20),
)


def is_valid_audio(params: AudioParams) -> bool:
    """Tell whether Zoom documents this combination."""
    return params.data_opt in (1, 2) and any(row.matches(params) for row in AUDIO_ROWS)


def is_valid_video(params: VideoParams) -> bool:
    """Tell whether codec, frame rate, size and choice of stream go together."""
    pictures = params.codec in (Codec.JPG, Codec.PNG) and 1 <= params.fps <= 5
    film = params.codec == Codec.H264 and 5 < params.fps <= 30
    chosen = params.data_opt in (DataOption.VIDEO_SINGLE_ACTIVE_STREAM, DataOption.VIDEO_SINGLE_INDIVIDUAL_STREAM)
    return params.content_type == ContentType.RAW_VIDEO and (pictures or film) and params.resolution in (1, 2, 3, 4) and chosen


def is_valid_deskshare(params: DeskshareParams) -> bool:
    """Tell whether codec, frame rate and size go together."""
    pictures = params.codec in (Codec.JPG, Codec.PNG) and params.fps == 1
    film = params.codec == Codec.H264 and 1 < params.fps <= 30
    return params.content_type == ContentType.RAW_VIDEO and (pictures or film) and params.resolution in (1, 2, 3, 4)


# Kinds of media ------------------------------------------------------------------------------------------------------


class MediaKind(msgspec.Struct, frozen=True, kw_only=True):
    """One type of media and how its link is addressed."""

    name: LinkName
    """Also the name of its link."""
    media_type: int
    url_names: tuple[str, ...]
    """Keys of `server_urls` in order of preference (5.2)."""
    not_supported: int | None
    """The status that says the app has no scope for it."""


MEDIA_KINDS = {
    kind.name: kind
    for kind in (
        MediaKind(name="audio", media_type=MediaType.AUDIO, url_names=("audio", "all"), not_supported=9),
        MediaKind(name="video", media_type=MediaType.VIDEO, url_names=("video", "all"), not_supported=10),
        MediaKind(
            name="deskshare", media_type=MediaType.DESKSHARE, url_names=("deskshare", "sharescreen", "all"), not_supported=11
        ),
        MediaKind(name="transcript", media_type=MediaType.TRANSCRIPT, url_names=("transcript", "all"), not_supported=12),
        MediaKind(name="chat", media_type=MediaType.CHAT, url_names=("chat", "all"), not_supported=13),
        MediaKind(name="all", media_type=MediaType.ALL, url_names=("all", "audio"), not_supported=None),
    )
}


# Content of messages 14 to 18 (6.4) ----------------------------------------------------------------------------------


class AudioContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One packet. msgspec decodes base64 into `data` on the way in: the one hot path of the package."""

    data: bytes
    timestamp: int
    channel_id: Id | None = None
    user_id: Id | None = None
    user_name: str | None = None
    length: int | None = None


class PictureContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A camera or screen picture, or a piece of H.264."""

    data: bytes
    timestamp: int
    user_id: Id | None = None
    user_name: str | None = None
    length: int | None = None


class TranscriptContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of what was said; plain text, not base64. `timestamp` is when the utterance began."""

    data: str
    timestamp: int | None = None
    start_time: int | None = None
    end_time: int | None = None
    language: int | None = None
    attribute: int | None = None
    channel_id: Id | None = None
    user_id: Id | None = None
    user_name: str | None = None


class ChatPerson(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who sent or received a chat message."""

    user_id: Id | None = None
    user_name: str | None = None


class ChatSession(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a chat message was written."""

    type: int | None = None
    id: Id | None = None


class ChatFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file attached to a chat message; its content does not come with it."""

    file_id: Id | None = None
    file_name: str | None = None
    file_size: int | None = None


class ChatContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A chat message or what happened to one."""

    data: str = ""
    timestamp: int | None = None
    chat_session: ChatSession | None = None
    operation_type: int | None = None
    message_id: Id | None = None
    parent_message_id: Id | None = None
    sender: ChatPerson | None = None
    receiver: ChatPerson | None = None
    files: tuple[ChatFile, ...] = ()
    delete_file_id_list: tuple[Id, ...] = ()
    user_id: Id | None = None
    user_name: str | None = None
    attribute: int | None = None
