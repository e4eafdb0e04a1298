"""Negotiation: what a client asks for in handshakes and subscriptions. Pure: a message in, a verdict out.

Foreign clients take liberties that Zoom is known to accept; so are we: either id key, no `sequence`, media type 32 on
any URL, masks of types, `media_params` null or absent. What Zoom would refuse is refused with its status number, and
what is merely a client's mistake is named as a violation. The parameters of each media type are judged by `parameters.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cc_voice.simulator import parameters, wire
from cc_voice.simulator.parameters import AudioTerms, HandshakeRefusal, PictureTerms, TranscriptTerms, is_int
from cc_voice.simulator.wire import Media, Message, Msg, WireCodec, WireStatus

FALLBACK_ID_KEY = "meeting_uuid"
"""Older Zoom code used this key for every product (12, row 4)."""
MEDIA_NAMES: Mapping[str, Media] = {
    "audio": Media.AUDIO,
    "video": Media.VIDEO,
    "deskshare": Media.DESKSHARE,
    "transcript": Media.TRANSCRIPT,
    "chat": Media.CHAT,
}
"""Keys of `media_params` and of `server_urls`."""
ANY_MEDIA = Media.AUDIO | Media.VIDEO | Media.DESKSHARE | Media.TRANSCRIPT | Media.CHAT
_UNSUPPORTED: Mapping[Media, WireStatus] = {
    Media.AUDIO: WireStatus.AUDIO_NOT_SUPPORT,
    Media.VIDEO: WireStatus.VIDEO_NOT_SUPPORT,
    Media.DESKSHARE: WireStatus.DESKSHARE_NOT_SUPPORT,
    Media.TRANSCRIPT: WireStatus.TRANSCRIPT_NOT_SUPPORT,
    Media.CHAT: WireStatus.CHAT_NOT_SUPPORT,
}
_TYPES: Mapping[str, type] = {"protocol_version": int, "sequence": int, "timestamp": int, "buffer_data": bool}
"""Fields of a client's messages that nothing else looks at, and their types (sections 5 and 6.1). Not those of keep-alives."""


class StreamIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a stream belongs to and how its handshakes must be signed."""

    product: wire.WireProduct
    instance_id: str
    stream_id: str
    signature: str


class Supply(msgspec.Struct, frozen=True):
    """What can be had: the media types an app has scopes for, and the codecs this installation can encode."""

    scopes: Media
    codecs: frozenset[WireCodec]


class MediaTerms(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted media handshake. What is None is not carried by this link."""

    wanted: Media
    """The types that the link will carry."""
    whole: bool
    """The client asked for everything on one link (32)."""
    audio: AudioTerms | None
    video: PictureTerms | None
    deskshare: PictureTerms | None
    transcript: TranscriptTerms | None
    params: Message
    """`media_params` of the answer."""
    violations: tuple[str, ...] = ()


def check_identity(message: Message, identity: StreamIdentity) -> HandshakeRefusal | None:
    """Check what both handshakes have in common; None when it is in order."""
    if message.get("rtms_stream_id") != identity.stream_id:
        return HandshakeRefusal(WireStatus.INVALID_RTMS_STREAM_ID, "rtms_stream_id is not that of this stream", "wrong stream id")
    key = identity.product.id_key
    if identity.instance_id not in (message.get(key), message.get(FALLBACK_ID_KEY)):
        return HandshakeRefusal(WireStatus.INVALID_PAYLOAD, f"{key} is missing or wrong", "wrong instance id")
    if message.get("signature") != identity.signature:
        return HandshakeRefusal(WireStatus.INVALID_SIGNATURE, "signature does not match", "wrong signature")
    return None


def check_types(message: Message) -> Iterator[str]:
    """Yield the fields of a client's message that are not of the documented type; absent and null ones are left out."""
    for name, value in message.items():
        kind = None if message.get("msg_type") == Msg.KEEP_ALIVE_RESP else _TYPES.get(name)
        if kind is not None and value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            yield f"{name} is not of type {kind.__name__}"
    if message.get("msg_type") in (Msg.SIGNALING_REQ, Msg.MEDIA_REQ) and message.get("protocol_version", 1) != 1:
        yield "protocol_version is not 1"


def check_media(message: Message, supply: Supply) -> MediaTerms | HandshakeRefusal:
    """Judge media type and parameters of message 3."""
    number = message.get("media_type")
    if not is_int(number) or not 0 < number < 64:
        return HandshakeRefusal(WireStatus.MEDIA_TYPE_INVALID_VALUE, f"media_type {number!r} is not a media type", "bad media_type")
    asked = Media(number)
    whole = Media.ALL in asked
    wanted = supply.scopes if whole else asked & supply.scopes
    if not wanted:
        status = next((status for kind, status in _UNSUPPORTED.items() if kind in asked), WireStatus.MEDIA_TYPE_INVALID_VALUE)
        return HandshakeRefusal(status, "the app has no scope for this media type")
    params = message.get("media_params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        return HandshakeRefusal(WireStatus.INVALID_MEDIA_PARAMS, "media_params is not an object", "bad media_params")
    violations = [] if message.get("payload_encryption") in (None, False) else ["asked for payload encryption"]
    return _terms(params, wanted, whole, supply.codecs, violations)


def _terms(
    params: Message, wanted: Media, whole: bool, codecs: frozenset[WireCodec], violations: list[str]
) -> MediaTerms | HandshakeRefusal:
    """Judge the parameters type by type; the first that cannot be served refuses them all."""
    echo: Message = {}
    terms: dict[str, Any] = {}
    for name, kind in MEDIA_NAMES.items():
        if kind not in wanted:
            continue
        agreed = parameters.check(name, params.get(name), codecs)
        if isinstance(agreed, HandshakeRefusal):
            return agreed
        echo[name], terms[name] = agreed.echo, agreed.terms
        violations += agreed.violations
    return MediaTerms(
        wanted=wanted,
        whole=whole,
        audio=terms.get("audio"),
        video=terms.get("video"),
        deskshare=terms.get("deskshare"),
        transcript=terms.get("transcript"),
        params=echo,
        violations=tuple(violations),
    )


def check_subscription(message: Message, product: wire.WireProduct) -> tuple[dict[int, bool], list[str]]:
    """Return which events to switch on or off, and the violations in the message."""
    wanted: dict[int, bool] = {}
    violations: list[str] = []
    events: Any = message.get("events")
    if not isinstance(events, list):
        return {}, ["bad subscription"]
    for entry in events:
        number = entry.get("event_type") if isinstance(entry, dict) else None
        if not is_int(number) or not isinstance(entry.get("subscribe"), bool):
            violations.append("bad subscription")
        elif number in wire.AUTOMATIC_EVENTS:
            violations.append("subscribed to an automatic event")
        elif not 2 <= number <= product.last_event:
            violations.append("subscribed to an unknown event")
        else:
            wanted[number] = entry["subscribe"]
    return wanted, violations
