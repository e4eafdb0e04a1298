"""Media settings: in which form Zoom is asked to send sound, and what is kept beside sound and words."""

import importlib.util
from typing import Literal

import msgspec


class MediaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Zoom is asked to send, and what of it is kept beside sound and words. The server has the last word on formats."""

    codec: Literal["l16", "g711", "g722", "opus"] = "l16"
    """G.722 and Opus need the extra `codecs`."""
    sample_rate_hz: int | None = None
    """None: 16 kHz for L16, else the codec's only one."""
    channels: int = 1
    """2: each party in stereo, of which the mean is recorded."""
    send_rate_ms: int = 20
    """How much sound is in a packet."""
    mixed: bool = False
    """One stream of all parties instead of one each: what two parties are needed for cannot be measured then."""
    keep_chat: bool = False
    """Keep chat messages as Zoom sent them in the call's journal."""
    keep_share: Literal["off", "images", "video"] = "off"
    """The shared screen: a picture a second, or H.264."""
    keep_video: Literal["off", "images", "video"] = "off"
    """The same of the camera of whoever speaks."""
    video_of: str | None = None
    """Name or id, as Zoom shows it, of the one participant whose camera is kept instead; meetings and webinars."""

    @property
    def rate_hz(self) -> int:
        return self.sample_rate_hz or _AUDIO[self.codec].rates_hz[0]


class _Row(msgspec.Struct, frozen=True):
    """What Zoom offers with one codec; the first of each is what it is when nothing is said."""

    rates_hz: tuple[int, ...]
    channels: tuple[int, ...]
    send_rates_ms: tuple[int, ...]


_AUDIO = {
    "l16": _Row((16_000, 8_000, 32_000, 48_000), (1, 2), tuple(range(20, 1001, 20))),
    "g711": _Row((8_000,), (1,), (20,)),
    "g722": _Row((16_000,), (1,), (20,)),
    "opus": _Row((48_000,), (1, 2), (20,)),
}


def problem(media: MediaSettings) -> str | None:
    """Refuse what Zoom does not offer, and what cannot be decoded here."""
    row = _AUDIO[media.codec]
    for key, value, offered in (
        ("sample_rate_hz", media.rate_hz, row.rates_hz),
        ("channels", media.channels, row.channels),
        ("send_rate_ms", media.send_rate_ms, row.send_rates_ms),
    ):
        if value not in offered:
            known = " or ".join(map(str, offered)) if len(offered) < 5 else f"a multiple of {offered[0]} up to {offered[-1]}"
            return f"media.{key} is {value}; Zoom sends {media.codec} with {known}"
    if media.codec in ("g722", "opus") and importlib.util.find_spec("av") is None:
        return f"media.codec is {media.codec!r}, which needs PyAV; install cc-voice with the extra `codecs`"
    return None
