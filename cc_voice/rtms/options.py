"""Options: what a stream is told, where it is, what is wanted of it, how long to wait for what."""

from typing import Literal, Self

import msgspec

from .media import BASELINE, AudioParams, DeskshareParams, VideoParams
from .products import ProductName
from .webhooks import Started

MediaName = Literal["audio", "video", "deskshare", "transcript", "chat"]


class StreamTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream is: all that another process needs to take it up within Zoom's window. Holds no secret."""

    product: ProductName
    instance_key: str
    """The key of the instance id in the webhook; handshakes use the same."""
    instance_id: str
    stream_id: str
    server_urls: str
    """The signaling server's URL."""
    event_ts_ms: int | None = None
    """When Zoom announced it (Unix ms): tells a stale announcement, and a failover from a repeat. None: not known."""
    meeting_id: str | None = None
    """The meeting's number; control by REST needs it."""
    webinar_id: str | None = None
    operator_id: str | None = None
    """Zoom's id of the user who triggered the stream."""
    is_original_host: bool | None = None
    """Whether that user hosts the meeting."""

    @property
    def host_id(self) -> str | None:
        """Zoom's id of the meeting's original host, if that is who triggered the stream; else nobody tells."""
        return self.operator_id if self.is_original_host else None

    @classmethod
    def of(cls, webhook: Started) -> Self:
        """Return where the stream is that a webhook announces."""
        return cls(**{name: getattr(webhook, name) for name in cls.__struct_fields__})


class TimeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds (README 8.2). Tests shorten them; nothing else should."""

    connect_s: float = 10.0
    """For TCP, TLS and the WebSocket's opening."""
    handshake_s: float = 10.0
    tolerant_s: float = 2.0
    """How long the tolerant mode waits for the answer to a media handshake that may never come."""
    watchdog_s: float = 65.0
    """A link without any frame for this long is dead."""
    suspicion_s: float = 12.0
    """The same once Zoom says that a link was interrupted; above its 10 s between keep-alives."""
    signaling_window_s: float = 60.0
    media_window_s: float = 65.0
    back_off_s: tuple[float, ...] = (3.0, 6.0, 12.0, 24.0, 30.0)
    """The last one repeats."""
    duplicate_s: tuple[float, ...] = (1.5, 3.0, 6.0)
    """Between attempts while the server still holds an older link; then by back-off."""
    close_grace_s: float = 5.0
    drain_s: float = 3.0
    """After the end: media links quiet for this long have nothing more to give."""
    drain_most_s: float = 180.0
    """After the end: media that flows is read on for this long. After an outage a minute of backlog may be on its way (5.1), to a
    host that is busy; a server that never stops must not keep a stream for ever."""
    healthy_s: float = 15.0
    """Signaling that had a frame within this time is alive (2.7)."""
    stale_s: float = 600.0
    """An announcement older than this is tried once (8.4)."""


class ClientOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to receive a stream. The defaults suit a recorder of a contact center."""

    allow_insecure: bool = False
    """Allow `ws://` and addresses of this machine: tests and demos only."""
    allowed_hosts: tuple[str, ...] = ("zoom.us", "zoomgov.com")
    """Domains whose servers may be connected to."""
    resume: bool = False
    """An earlier process had this stream: its links may linger, and the stream may be over."""
    media: tuple[MediaName, ...] = ("audio", "transcript")
    """What is wanted, the most important first."""
    unified: bool = False
    """One link for all media instead of one each, which recover independently."""
    tolerant: bool = False
    """Accept media before, and without, the answer to the media handshake, as Zoom's mock server needs it."""
    audio: AudioParams = BASELINE
    video: VideoParams = VideoParams()
    deskshare: DeskshareParams = DeskshareParams()
    src_language: int | None = None
    """Zoom's number of the language spoken first (`enums.language_number`); None: English, until it detects another."""
    enable_lid: bool | None = None
    """False keeps transcription in `src_language`; None leaves it to the server, which detects."""
    buffer_data: bool = True
    """Have the audio since the announcement delivered in a burst. False for live assistance, which only wants now."""
    max_frame_bytes: int = 32 << 20
    max_queued_bytes: int = 256 << 20
    """Media the consumer may be behind. More is dropped and counted: two hours of one channel, so it has stopped reading."""
    proxy: str | None = None
    """URL of an HTTP or SOCKS proxy; never taken from the environment."""
    limits: TimeLimits = TimeLimits()
