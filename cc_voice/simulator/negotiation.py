"""Judges what a client asks for in handshakes and subscriptions. Pure: a message in, a verdict out.

Foreign clients take liberties that Zoom is known to accept; so are we: either id key, no `sequence`, media type 32 on
any URL, masks of types, `media_params` null or absent. What Zoom would refuse is refused with its status number, and
what is merely a client's mistake is named as a violation.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.wire import Media, Message, Status

FALLBACK_ID_KEY = "meeting_uuid"
"""Older Zoom code used this key for every product (12, row 4)."""
AUDIO_DEFAULTS: Mapping[str, int] = {"content_type": 2, "sample_rate": 1, "channel": 1, "codec": 1, "data_opt": 1, "send_rate": 20}
_AUDIO_RULES: Mapping[str, tuple[frozenset[int], Status]] = {
    "content_type": (frozenset({1, 2}), Status.INVALID_MEDIA_AUDIO_CONTENT_TYPE),
    "sample_rate": (frozenset({0, 1, 2, 3}), Status.INVALID_MEDIA_AUDIO_SAMPLE_RATE),
    "channel": (frozenset({1, 2}), Status.INVALID_MEDIA_AUDIO_CHANNEL),
    "codec": (frozenset({1, 2, 3, 4}), Status.INVALID_MEDIA_AUDIO_CODEC),
    "data_opt": (frozenset({1, 2}), Status.INVALID_MEDIA_AUDIO_DATA_OPT),
}
_UNSUPPORTED: Mapping[Media, Status] = {
    Media.VIDEO: Status.VIDEO_NOT_SUPPORT,
    Media.DESKSHARE: Status.DESKSHARE_NOT_SUPPORT,
    Media.CHAT: Status.CHAT_NOT_SUPPORT,
}
SUPPORTED = Media.AUDIO | Media.TRANSCRIPT
MAX_SEND_RATE_MS = 1000


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a stream belongs to and how its handshakes must be signed."""

    product: wire.Product
    instance_id: str
    stream_id: str
    signature: str


class Refusal(msgspec.Struct, frozen=True):
    """A handshake that is answered with a status other than 0. `violation` names the client's mistake, if it is one."""

    status: Status
    reason: str
    violation: str | None = None


class AudioTerms(msgspec.Struct, frozen=True):
    """How audio will be sent; always L16 16 kHz mono."""

    send_rate_ms: int
    mixed: bool


class TranscriptTerms(msgspec.Struct, frozen=True):
    """`fixed_language`: the number to put on every line because language identification was switched off."""

    fixed_language: int | None


class MediaTerms(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted media handshake."""

    wanted: Media
    """AUDIO, TRANSCRIPT or both."""
    whole: bool
    """The client asked for everything on one link (32)."""
    audio: AudioTerms | None
    transcript: TranscriptTerms | None
    params: Message
    """`media_params` of the answer."""
    violations: tuple[str, ...] = ()


def check_identity(message: Message, identity: Identity) -> Refusal | None:
    """Check what both handshakes have in common; None when it is in order."""
    if message.get("rtms_stream_id") != identity.stream_id:
        return Refusal(Status.INVALID_RTMS_STREAM_ID, "rtms_stream_id is not that of this stream", "wrong stream id")
    key = identity.product.id_key
    if identity.instance_id not in (message.get(key), message.get(FALLBACK_ID_KEY)):
        return Refusal(Status.INVALID_PAYLOAD, f"{key} is missing or wrong", "wrong instance id")
    if message.get("signature") != identity.signature:
        return Refusal(Status.INVALID_SIGNATURE, "signature does not match", "wrong signature")
    return None


def check_media(message: Message) -> MediaTerms | Refusal:
    """Judge media type and parameters of message 3."""
    number = message.get("media_type")
    if not _is_int(number) or not 0 < number < 64:
        return Refusal(Status.MEDIA_TYPE_INVALID_VALUE, f"media_type {number!r} is not a media type", "bad media_type")
    asked = Media(number)
    whole = Media.ALL in asked
    wanted = SUPPORTED if whole else asked & SUPPORTED
    if not wanted:
        status = next(status for kind, status in _UNSUPPORTED.items() if kind in asked)
        return Refusal(status, "the app has no scope for this media type")
    params = message.get("media_params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        return Refusal(Status.INVALID_MEDIA_PARAMS, "media_params is not an object", "bad media_params")
    return _terms(params, wanted, whole, message)


def _terms(params: Message, wanted: Media, whole: bool, message: Message) -> MediaTerms | Refusal:
    answer: Message = {}
    audio: AudioTerms | None = None
    transcript: TranscriptTerms | None = None
    violations = [] if message.get("payload_encryption") in (None, False) else ["asked for payload encryption"]
    if Media.AUDIO in wanted:
        agreed = check_audio(params.get("audio"))
        if isinstance(agreed, Refusal):
            return agreed
        answer["audio"], audio = agreed
        if params.get("audio") and not _is_documented(params["audio"]):
            violations.append("audio parameters outside the documented combinations")
    if Media.TRANSCRIPT in wanted:
        heard = check_transcript(params.get("transcript"))
        if isinstance(heard, Refusal):
            return heard
        answer["transcript"], transcript = heard
    return MediaTerms(wanted=wanted, whole=whole, audio=audio, transcript=transcript, params=answer, violations=tuple(violations))


def check_audio(params: Any) -> tuple[Message, AudioTerms] | Refusal:
    """Return the echoed audio parameters, which are the truth about what follows: L16 16 kHz mono whatever was asked."""
    if params is None:
        params = {}
    if not isinstance(params, dict):
        return Refusal(Status.INVALID_MEDIA_AUDIO_PARAMS, "audio parameters are not an object", "bad media_params")
    asked = {**AUDIO_DEFAULTS, **{key: value for key, value in params.items() if value is not None and key in AUDIO_DEFAULTS}}
    for key, (allowed, status) in _AUDIO_RULES.items():
        if not _is_int(asked[key]) or asked[key] not in allowed:
            return Refusal(status, f"audio {key} {asked[key]!r} is not valid", f"bad audio {key}")
    rate = asked["send_rate"]
    if not _is_int(rate) or rate < 20 or rate % 20:
        return Refusal(Status.INVALID_MEDIA_AUDIO_SEND_RATE, f"send_rate {rate!r} is not a multiple of 20", "bad audio send_rate")
    rate = min(rate, MAX_SEND_RATE_MS)
    return {**AUDIO_DEFAULTS, "data_opt": asked["data_opt"], "send_rate": rate}, AudioTerms(rate, asked["data_opt"] == 1)


def check_transcript(params: Any) -> tuple[Message, TranscriptTerms] | Refusal:
    """Return the echoed transcript parameters."""
    if params is None:
        params = {}
    if not isinstance(params, dict):
        return Refusal(Status.INVALID_MEDIA_TRANSCRIPT_PARAMS, "transcript parameters are not an object", "bad media_params")
    if params.get("content_type", 5) not in (5, None):
        return Refusal(Status.INVALID_MEDIA_TRANSCRIPT_CONTENT_TYPE, "content_type must be 5", "bad transcript content_type")
    language = params.get("src_language")
    language = params.get("language") if language is None else language  # obsolete name, still sent by old clients
    if language is not None and (not _is_int(language) or not -1 <= language < len(wire.LANGUAGES)):
        return Refusal(Status.INVALID_MEDIA_TRANSCRIPT_SOURCE_LANGUAGE, f"src_language {language!r} is unknown", "bad src_language")
    source = 9 if language in (None, -1) else language
    detect = params.get("enable_lid") is not False
    return {"content_type": 5, "src_language": source, "enable_lid": detect}, TranscriptTerms(None if detect else source)


def check_subscription(message: Message, product: wire.Product) -> tuple[dict[int, bool], list[str]]:
    """Return which events to switch on or off, and the violations in the message."""
    wanted: dict[int, bool] = {}
    violations: list[str] = []
    events: Any = message.get("events")
    if not isinstance(events, list):
        return {}, ["bad subscription"]
    for entry in events:
        number = entry.get("event_type") if isinstance(entry, dict) else None
        if not _is_int(number) or not isinstance(entry.get("subscribe"), bool):
            violations.append("bad subscription")
        elif number in wire.AUTOMATIC_EVENTS:
            violations.append("subscribed to an automatic event")
        elif not 2 <= number <= product.last_event:
            violations.append("subscribed to an unknown event")
        else:
            wanted[number] = entry["subscribe"]
    return wanted, violations


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_documented(params: Message) -> bool:
    """Tell whether a whole row of the table in 6.2 matches."""
    asked = {**AUDIO_DEFAULTS, **{key: value for key, value in params.items() if value is not None}}
    content, codec, rate, channels, every = (asked[key] for key in ("content_type", "codec", "sample_rate", "channel", "send_rate"))
    if codec == 1:
        return bool(content == 2)
    return bool(every == 20 and {4: rate == 3, 2: rate == 0 and channels == 1, 3: rate == 1 and channels == 1}[codec])
