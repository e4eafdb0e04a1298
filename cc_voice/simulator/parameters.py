"""Parameters: `media_params` of one media type (6.2), what will really be sent, or the status number that refuses it. Pure.

The answer echoes what is sent, which clients must take for the truth. Where a request names a codec but not a row of
Zoom's table, the nearest row is served and the mistake named: several of Zoom's own samples ask for L16 as RTP. A codec
this installation cannot encode is refused as one Zoom does not have.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeGuard

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.media.sound import SoundEncoding
from cc_voice.simulator.wire import Message, WireCodec, WireStatus

AUDIO_DEFAULTS: Mapping[str, int] = {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 1, "send_rate": 20}
VIDEO_DEFAULTS: Mapping[str, int] = {"content_type": 3, "codec": 5, "resolution": 2, "data_opt": 3, "fps": 5}
DESKSHARE_DEFAULTS: Mapping[str, int] = {"content_type": 3, "codec": 5, "resolution": 3, "fps": 1}
SAMPLE_RATES_HZ = (8000, 16_000, 32_000, 48_000)
RESOLUTIONS: Mapping[int, tuple[int, int]] = {1: (640, 360), 2: (1280, 720), 3: (1920, 1080), 4: (2560, 1440)}
MAX_SEND_RATE_MS = 1000
PICTURE_FPS, FILM_FPS = 5, 30
"""Most pictures per second as single images, and as H.264."""

_Rules = Mapping[str, tuple[AbstractSet[int], WireStatus]]
_AUDIO_RULES: _Rules = {
    "content_type": ({1, 2}, WireStatus.INVALID_MEDIA_AUDIO_CONTENT_TYPE),
    "sample_rate": ({0, 1, 2, 3}, WireStatus.INVALID_MEDIA_AUDIO_SAMPLE_RATE),
    "channel": ({1, 2}, WireStatus.INVALID_MEDIA_AUDIO_CHANNEL),
    "codec": ({1, 2, 3, 4}, WireStatus.INVALID_MEDIA_AUDIO_CODEC),
    "data_opt": ({1, 2}, WireStatus.INVALID_MEDIA_AUDIO_DATA_OPT),
}
_VIDEO_RULES: _Rules = {
    "content_type": ({3}, WireStatus.INVALID_MEDIA_VIDEO_CONTENT_TYPE),
    "codec": ({5, 6, 7}, WireStatus.INVALID_MEDIA_VIDEO_CODEC),
    "resolution": (RESOLUTIONS.keys(), WireStatus.INVALID_MEDIA_VIDEO_RESOLUTION),
    "data_opt": ({3, 4}, WireStatus.INVALID_MEDIA_VIDEO_DATA_OPT),
    "fps": (set(range(1, FILM_FPS + 1)), WireStatus.INVALID_MEDIA_VIDEO_FPS),
}
_DESKSHARE_RULES: _Rules = {
    "content_type": ({3}, WireStatus.INVALID_MEDIA_DESKSHARE_CONTENT_TYPE),
    "codec": ({5, 6, 7}, WireStatus.INVALID_MEDIA_DESKSHARE_CODEC),
    "resolution": (RESOLUTIONS.keys(), WireStatus.INVALID_MEDIA_DESKSHARE_RESOLUTION),
    "fps": (set(range(1, FILM_FPS + 1)), WireStatus.INVALID_MEDIA_DESKSHARE_FPS),
}


class HandshakeRefusal(msgspec.Struct, frozen=True):
    """A handshake that is answered with a status other than 0. `violation` names the client's mistake, if it is one."""

    status: WireStatus | int
    reason: str
    violation: str | None = None


class AudioTerms(msgspec.Struct, frozen=True):
    """How audio will be sent."""

    encoding: SoundEncoding
    send_rate_ms: int
    mixed: bool


class PictureTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How camera pictures or a shared screen will be sent."""

    codec: WireCodec
    width: int
    height: int
    fps: int
    individual: bool = False
    """Only the participant that was subscribed to with message 28."""


class TranscriptTerms(msgspec.Struct, frozen=True):
    """`language`: the number asked for. Unless it `identifies` languages, every line gets it."""

    language: int
    identifies: bool


class Agreed(msgspec.Struct, frozen=True):
    """Accepted parameters: what the answer says, what it means, and what was wrong with the request all the same."""

    echo: Message
    terms: AudioTerms | PictureTerms | TranscriptTerms | None
    violations: tuple[str, ...] = ()


def check(name: str, params: Any, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    """Judge the parameters of the media type `name`; None asks for the server's defaults."""
    judge, bad = _JUDGES[name]
    if params is None:
        params = {}
    if not isinstance(params, dict):
        return HandshakeRefusal(bad, f"{name} parameters are not an object", "bad media_params")
    return judge(params, codecs)


def is_int(value: Any) -> TypeGuard[int]:
    """Tell whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _audio(params: Message, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    asked = _asked(params, AUDIO_DEFAULTS)
    if (refusal := _broken("audio", asked, _AUDIO_RULES)) is not None:
        return refusal
    every = asked["send_rate"]
    if not is_int(every) or every < 20 or every % 20:
        return HandshakeRefusal(
            WireStatus.INVALID_MEDIA_AUDIO_SEND_RATE, f"send_rate {every!r} is not a multiple of 20", "bad audio send_rate"
        )
    if asked["codec"] not in codecs:
        return HandshakeRefusal(
            WireStatus.INVALID_MEDIA_AUDIO_CODEC, f"codec {WireCodec(asked['codec']).name} is not to be had here"
        )
    row = _nearest_row(asked)
    echo = {**row, "content_type": 2, "data_opt": asked["data_opt"]}
    encoding = SoundEncoding(codec=WireCodec(row["codec"]), rate_hz=SAMPLE_RATES_HZ[row["sample_rate"]], channels=row["channel"])
    wished = {**asked, "send_rate": min(every, MAX_SEND_RATE_MS)}
    exact = all(wished[key] == value for key, value in row.items()) and (asked["content_type"], asked["codec"]) != (
        1,
        WireCodec.L16,
    )
    odd = () if exact else ("audio parameters outside the documented combinations",)
    return Agreed(echo, AudioTerms(encoding, row["send_rate"], asked["data_opt"] == 1), odd)


def _nearest_row(asked: Message) -> dict[str, int]:
    """Return the row of the table that a codec allows: only L16 leaves a choice of everything."""
    codec, rate, channels = asked["codec"], asked["sample_rate"], asked["channel"]
    match codec:
        case WireCodec.L16:
            return {"codec": 1, "sample_rate": rate, "channel": channels, "send_rate": min(asked["send_rate"], MAX_SEND_RATE_MS)}
        case WireCodec.OPUS:
            return {"codec": 4, "sample_rate": 3, "channel": channels, "send_rate": 20}
        case WireCodec.G711:
            return {"codec": 2, "sample_rate": 0, "channel": 1, "send_rate": 20}
        case _:
            return {"codec": 3, "sample_rate": 1, "channel": 1, "send_rate": 20}


def _video(params: Message, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    asked = _asked(params, VIDEO_DEFAULTS)
    if params.get("codec") is None and is_int(asked["fps"]) and asked["fps"] > PICTURE_FPS:
        asked["fps"] = PICTURE_FPS  # falls back to JPG at 5 pictures a second (6.2)
    if (refusal := _broken("video", asked, _VIDEO_RULES)) is not None:
        return refusal
    film = asked["codec"] == WireCodec.H264
    if film != (asked["fps"] > PICTURE_FPS):
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_VIDEO_FPS, "pictures up to 5 fps, H264 above", "bad video fps")
    if asked["codec"] not in codecs:
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_VIDEO_CODEC, "H264 is not to be had here")
    return Agreed(asked, _picture_terms(asked, individual=asked["data_opt"] == 4))


def _deskshare(params: Message, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    asked = _asked(params, DESKSHARE_DEFAULTS)
    if (refusal := _broken("deskshare", asked, _DESKSHARE_RULES)) is not None:
        return refusal
    # Documents say 1 as well as 5 for images (12, row 17): both are taken.
    fits = asked["fps"] > 1 if asked["codec"] == WireCodec.H264 else asked["fps"] <= PICTURE_FPS
    if not fits:
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_DESKSHARE_FPS, "pictures up to 1 fps, H264 above", "bad deskshare fps")
    if asked["codec"] not in codecs:
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_DESKSHARE_CODEC, "H264 is not to be had here")
    return Agreed(asked, _picture_terms(asked))


def _picture_terms(asked: Message, *, individual: bool = False) -> PictureTerms:
    width, height = RESOLUTIONS[asked["resolution"]]
    return PictureTerms(codec=WireCodec(asked["codec"]), width=width, height=height, fps=asked["fps"], individual=individual)


def _transcript(params: Message, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    if params.get("content_type", 5) not in (5, None):
        return HandshakeRefusal(
            WireStatus.INVALID_MEDIA_TRANSCRIPT_CONTENT_TYPE, "content_type must be 5", "bad transcript content_type"
        )
    language = params.get("src_language")
    language = params.get("language") if language is None else language  # obsolete name, still sent by old clients
    if language is not None and (not is_int(language) or not -1 <= language < len(wire.LANGUAGES)):
        return HandshakeRefusal(
            WireStatus.INVALID_MEDIA_TRANSCRIPT_SOURCE_LANGUAGE, f"src_language {language!r} is unknown", "bad src_language"
        )
    source = 9 if language in (None, -1) else language
    detect = params.get("enable_lid") is not False
    echo = {"content_type": 5, "src_language": source, "enable_lid": detect}
    return Agreed(echo, TranscriptTerms(source, detect))


def _chat(params: Message, codecs: frozenset[WireCodec]) -> Agreed | HandshakeRefusal:
    if params.get("content_type", 5) not in (5, None):
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_CHAT_CONTENT_TYPE, "content_type must be 5", "bad chat content_type")
    return Agreed({"content_type": 5}, None)


def _asked(params: Message, defaults: Mapping[str, int]) -> dict[str, Any]:
    return {**defaults, **{key: value for key, value in params.items() if value is not None and key in defaults}}


def _broken(name: str, asked: Message, rules: _Rules) -> HandshakeRefusal | None:
    """Return the first rule that the parameters break."""
    for key, (allowed, status) in rules.items():
        if not is_int(asked[key]) or asked[key] not in allowed:
            return HandshakeRefusal(status, f"{name} {key} {asked[key]!r} is not valid", f"bad {name} {key}")
    return None


_Judge = Callable[[Message, frozenset[WireCodec]], Agreed | HandshakeRefusal]
_JUDGES: Mapping[str, tuple[_Judge, WireStatus]] = {
    "audio": (_audio, WireStatus.INVALID_MEDIA_AUDIO_PARAMS),
    "video": (_video, WireStatus.INVALID_MEDIA_VIDEO_PARAMS),
    "deskshare": (_deskshare, WireStatus.INVALID_MEDIA_DESKSHARE_PARAMS),
    "transcript": (_transcript, WireStatus.INVALID_MEDIA_TRANSCRIPT_PARAMS),
    "chat": (_chat, WireStatus.INVALID_MEDIA_CHAT_PARAMS),
}
