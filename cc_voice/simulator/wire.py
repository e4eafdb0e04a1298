"""Wire: Zoom's side of RTMS, as literal dicts: what is announced, signed, answered and sent.

Not shared with `rtms/`, on purpose: the two sides are written twice from `rtms/README.md`, so that a mistake in
one cannot hide in the other. Numbers are Zoom's (rtms/README.md section 7). Nothing here does I/O or reads a clock.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum, IntFlag
from typing import Any

import msgspec

Message = dict[str, Any]
"""One JSON object, ready to encode."""


class Msg(IntEnum):
    """RTMS_MESSAGE_TYPE, the ones this side reads or writes (7.1)."""

    SIGNALING_REQ = 1
    SIGNALING_RESP = 2
    MEDIA_REQ = 3
    MEDIA_RESP = 4
    SUBSCRIBE = 5
    EVENT = 6
    READY = 7
    STREAM_STATE = 8
    SESSION_STATE = 9
    SESSION_STATE_REQ = 10
    SESSION_STATE_RESP = 11
    KEEP_ALIVE_REQ = 12
    KEEP_ALIVE_RESP = 13
    AUDIO = 14
    VIDEO = 15
    SHARE = 16
    TRANSCRIPT = 17
    CHAT = 18
    STREAM_STATE_REQ = 19
    STREAM_STATE_RESP = 20
    CLOSE_REQ = 21
    CLOSE_RESP = 22
    VIDEO_REQ = 28
    VIDEO_RESP = 29


class Media(IntFlag):
    """MEDIA_DATA_TYPE (7.3). ALL is its own flag, not the sum of the others."""

    AUDIO = 1
    VIDEO = 2
    DESKSHARE = 4
    TRANSCRIPT = 8
    CHAT = 16
    ALL = 32


class WireCodec(IntEnum):
    """MEDIA_PAYLOAD_TYPE (7.4)."""

    L16 = 1
    G711 = 2
    G722 = 3
    OPUS = 4
    JPG = 5
    PNG = 6
    H264 = 7


class WireStatus(IntEnum):
    """RTMS_STATUS_CODE, the ones the simulator answers (7.8)."""

    OK = 0
    INVALID_MESSAGE_TYPE = 1
    INVALID_RTMS_STREAM_ID = 2
    INVALID_SIGNATURE = 3
    INVALID_PAYLOAD = 4
    DUPLICATE_SIGNAL_REQUEST = 8
    AUDIO_NOT_SUPPORT = 9
    VIDEO_NOT_SUPPORT = 10
    DESKSHARE_NOT_SUPPORT = 11
    TRANSCRIPT_NOT_SUPPORT = 12
    CHAT_NOT_SUPPORT = 13
    MEDIA_TYPE_INVALID_VALUE = 14
    MEDIA_DATA_ALL_CONNECTION_EXIST = 15
    DUPLICATE_MEDIA_DATA_CONNECTION = 16
    INVALID_MEDIA_PARAMS = 17
    INVALID_MEDIA_AUDIO_PARAMS = 18
    INVALID_MEDIA_AUDIO_CONTENT_TYPE = 19
    INVALID_MEDIA_AUDIO_SAMPLE_RATE = 20
    INVALID_MEDIA_AUDIO_CHANNEL = 21
    INVALID_MEDIA_AUDIO_CODEC = 22
    INVALID_MEDIA_AUDIO_DATA_OPT = 23
    INVALID_MEDIA_AUDIO_SEND_RATE = 24
    INVALID_MEDIA_VIDEO_PARAMS = 25
    INVALID_MEDIA_VIDEO_CONTENT_TYPE = 26
    INVALID_MEDIA_VIDEO_CODEC = 27
    INVALID_MEDIA_VIDEO_RESOLUTION = 28
    INVALID_MEDIA_VIDEO_DATA_OPT = 29
    INVALID_MEDIA_VIDEO_FPS = 30
    INVALID_MEDIA_DESKSHARE_PARAMS = 31
    INVALID_MEDIA_DESKSHARE_CONTENT_TYPE = 32
    INVALID_MEDIA_DESKSHARE_CODEC = 33
    INVALID_MEDIA_DESKSHARE_RESOLUTION = 34
    INVALID_MEDIA_DESKSHARE_FPS = 35
    INVALID_MEDIA_TRANSCRIPT_PARAMS = 36
    INVALID_MEDIA_TRANSCRIPT_CONTENT_TYPE = 37
    INVALID_MEDIA_CHAT_PARAMS = 38
    INVALID_MEDIA_CHAT_CONTENT_TYPE = 39
    INVALID_MEDIA_TRANSCRIPT_SOURCE_LANGUAGE = 43
    DUPLICATE_VIDEO_SUBSCRIPTION = 44


class WireStreamState(IntEnum):
    """RTMS_STREAM_STATE (7.7)."""

    INACTIVE = 0
    ACTIVE = 1
    INTERRUPTED = 2
    TERMINATING = 3
    TERMINATED = 4
    PAUSED = 5
    RESUMED = 6


class WireSessionState(IntEnum):
    """RTMS_SESSION_STATE (7.6)."""

    INACTIVE = 0
    STARTED = 2
    PAUSED = 3
    RESUMED = 4
    STOPPED = 5


class Stop(IntEnum):
    """RTMS_STOP_REASON, the ones the simulator itself gives (7.9); a control request may give any 0–26."""

    UNDEFINED = 0
    MEETING_ENDED = 6
    STREAM_REVOKED = 8
    CONNECTION_TIMEOUT = 11
    SIGNAL_CONNECTION_INTERRUPTED = 13
    DATA_CONNECTION_INTERRUPTED = 14
    EXIT_SIGNAL = 17
    AWAIT_RECONNECTION_TIMEOUT = 19
    RECEIVER_REQUEST_CLOSE = 20
    CUSTOMER_DISCONNECTED = 21


FIRST_PACKET_TIMESTAMP = 1
MEDIA_CONNECTION_INTERRUPTED = 7
AUTOMATIC_EVENTS = frozenset({FIRST_PACKET_TIMESTAMP, MEDIA_CONNECTION_INTERRUPTED})
"""Always sent; a client must never subscribe to them (5.3)."""
CONSUMER_ANSWERED, CONSUMER_END, USER_ANSWERED, USER_END, MONITOR_STARTED, MONITOR_ENDED = 8, 9, 10, 11, 14, 16
PARTICIPANT_JOIN, PARTICIPANT_LEAVE, SHARING_START, SHARING_STOP = 3, 4, 5, 6
VIDEO_ON, VIDEO_OFF = 8, 9
"""The numbers of two events of Contact Center as well: what a number means depends on the product (5.4)."""


_ALL_MEDIA = Media.AUDIO | Media.VIDEO | Media.DESKSHARE | Media.TRANSCRIPT | Media.CHAT


class WireProduct(msgspec.Struct, frozen=True):
    """How one product names things on the wire (2.5, 3)."""

    name: str
    prefix: str
    """Webhook event names are this + `started`, `stopped`, `interrupted`."""
    id_key: str
    """The instance id's key in webhooks and handshakes."""
    by_channel: bool
    """Media names its source by `channel_id`, not by `user_id` and `user_name`."""
    last_event: int
    """Highest event number that may be subscribed to."""
    media: Media = Media.AUDIO | Media.TRANSCRIPT
    """What an app usually has scopes for (section 11); a call may be given others."""


PRODUCTS: Mapping[str, WireProduct] = {
    product.name: product
    for product in (
        WireProduct("contact_center", "contact_center.voice_rtms_", "engagement_id", True, 34),
        WireProduct("meeting", "meeting.rtms_", "meeting_uuid", False, 14, _ALL_MEDIA),
        WireProduct("webinar", "webinar.rtms_", "webinar_uuid", False, 14, _ALL_MEDIA),
        WireProduct("video_sdk", "session.rtms_", "session_id", False, 14),
        WireProduct("phone", "phone.rtms_", "call_id", True, 34),
    )
}

# RTMS_TRANSCRIPT_LANGUAGE in number order, as BCP-47 (7.10).
LANGUAGES = (
    *("ar", "bn", "yue", "ca", "zh-Hans", "zh-Hant", "cs", "da", "nl", "en", "et", "fi", "fr-CA", "fr-FR", "de", "he", "hi", "hu"),
    *("id", "it", "ja", "ko", "ms", "fa", "pl", "pt", "ro", "ru", "es", "sv", "fil", "ta", "te", "th", "tr", "uk", "vi"),
)


def language_number(tag: str) -> int:
    """Return Zoom's number for a BCP-47 tag, by exact tag, then by primary subtag; -1 (NONE) when Zoom has none."""
    if tag in LANGUAGES:
        return LANGUAGES.index(tag)
    primary = tag.split("-")[0].lower()
    return next((number for number, known in enumerate(LANGUAGES) if known.split("-")[0] == primary), -1)


# Signatures ----------------------------------------------------------------------------------------------------------


def handshake_signature(client_id: str, client_secret: str, instance_id: str, stream_id: str) -> str:
    """Return the signature both handshakes of a stream must carry (section 3)."""
    text = f"{client_id},{instance_id},{stream_id}"
    return hmac.new(client_secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def webhook_headers(secret_token: str, body: bytes, now_s: int) -> dict[str, str]:
    """Return the headers of a signed webhook (2.2); `now_s` is Unix time in seconds."""
    signed = b"v0:" + str(now_s).encode() + b":" + body
    signature = hmac.new(secret_token.encode(), signed, hashlib.sha256).hexdigest()
    stamped = {"x-zm-request-timestamp": str(now_s), "x-zm-signature": f"v0={signature}"}
    return {"content-type": "application/json; charset=utf-8"} | stamped


# Webhook bodies, flat (2.4, 2.6) -------------------------------------------------------------------------------------


def webhook_body(event: str, event_ts: int, payload: Message) -> bytes:
    """Return the exact bytes to sign and post."""
    return msgspec.json.encode({"event": event, "event_ts": event_ts, "payload": payload})


def started(product: WireProduct, instance_id: str, stream_id: str, server_urls: str, event_ts: int) -> bytes:
    """Announce a stream. Optional fields are filled where the product documents them (2.6)."""
    payload: Message = {product.id_key: instance_id, "rtms_stream_id": stream_id, "server_urls": server_urls}
    if product.name in ("meeting", "webinar"):
        payload |= {"account_id": "acct_Simulated", "operator_id": "usr_Simulated", "is_original_host": True}
        payload["webinar_id" if product.name == "webinar" else "meeting_id"] = "98765432101"
    elif product.name == "video_sdk":
        payload |= {"account_id": "acct_Simulated", "session_key": "simulated"}
    return webhook_body(product.prefix + "started", event_ts, payload)


def stopped(product: WireProduct, instance_id: str, stream_id: str, reason: int, event_ts: int) -> bytes:
    payload: Message = {product.id_key: instance_id, "rtms_stream_id": stream_id, "stop_reason": reason}
    if product.name == "video_sdk":
        payload["session_key"] = "simulated"
    return webhook_body(product.prefix + "stopped", event_ts, payload)


def respelt(body: bytes, asked: Callable[[str], bool]) -> bytes:
    """Return a webhook in the shapes that its faults give it (2.5, 2.6; 12, rows 1, 2, 3, 5, 40)."""
    webhook = msgspec.json.decode(body)
    payload: Message = webhook["payload"]
    event: str = webhook["event"]
    if asked("webinar-as-meeting") and "webinar_uuid" in payload:
        payload = {"meeting_uuid" if key == "webinar_uuid" else key: value for key, value in payload.items()}
    if asked("phone-alias"):
        event = event.replace("phone.rtms_", "phone.call_rtms_")
    if asked("custom-fields") and event.endswith("started"):
        payload |= {"customFields": {"sip": {"X-Caller": "simulated"}}, "custom fields": ["simulated"]}
    if asked("numeric-ids"):
        payload |= {"meeting_id": 98765432101, "account_id": 4711}
    if asked("webhook-signature"):
        payload["signature"] = "0" * 64
    if (url := payload.get("server_urls")) is not None:
        if asked("server-urls-list"):
            payload["server_urls"] = [url]
        if asked("server-urls-object"):
            payload["server_urls"] = {"signaling": url}
        if asked("server-urls-commas"):
            payload["server_urls"] = f"srt://127.0.0.1:1, {url}"
    return webhook_body(event, webhook["event_ts"], {"object": payload} if asked("nested-webhook") else payload)


def interrupted(product: WireProduct, instance_id: str, stream_id: str, event_ts: int) -> bytes:
    return webhook_body(product.prefix + "interrupted", event_ts, {product.id_key: instance_id, "rtms_stream_id": stream_id})


# Answers and notices on the links ------------------------------------------------------------------------------------


def signaling_response(sequence: int, status: int, reason: str, urls: Mapping[str, str] | None) -> Message:
    """Message 2. `urls` by media type name, absent when refused."""
    message: Message = {"msg_type": 2, "protocol_version": 1, "sequence": sequence, "status_code": int(status), "reason": reason}
    if urls is not None:
        message["media_server"] = {"server_urls": dict(urls)}
    return message


def media_response(sequence: int, status: int, reason: str, params: Message | None) -> Message:
    """Message 4. `params` is what will really be sent."""
    message: Message = {"msg_type": 4, "protocol_version": 1, "sequence": sequence, "status_code": int(status), "reason": reason}
    if params is not None:
        message |= {"payload_encrypted": False, "media_params": params}
    return message


def event_update(event: Message) -> Message:
    return {"msg_type": 6, "event": event}


def plain_event(event_type: int, timestamp: int, **fields: Any) -> Message:
    """An event of the meeting family, or one of the two automatic ones: its time key is `timestamp` (5.4)."""
    return {"event_type": event_type, "timestamp": timestamp, **fields}


def zcc_event(event_type: int, event_ts: int, participant: Message) -> Message:
    """An event of Contact Center: its time key is `event_ts`, its party `participant_info` (5.5)."""
    return {"event_type": event_type, "event_ts": event_ts, "participant_info": participant}


def stream_state(state: int, reason: int, timestamp: int) -> Message:
    """Message 8, the number under both keys that clients look for."""
    return {"msg_type": 8, "state": int(state), "reason": int(reason), "stop_reason": int(reason), "timestamp": timestamp}


def session_state(session_id: str, state: int, timestamp: int, stop_reason: int | None = None) -> Message:
    message: Message = {"msg_type": 9, "rtms_session_id": session_id, "state": int(state)}
    if stop_reason is not None:
        message["stop_reason"] = int(stop_reason)
    return message | {"timestamp": timestamp}


def session_state_response(session_id: Any, state: int, timestamp: int) -> Message:
    return {"msg_type": 11, "rtms_session_id": session_id, "state": int(state), "timestamp": timestamp}


def stream_state_response(stream_id: str, state: int, timestamp: int) -> Message:
    return {"msg_type": 20, "rtms_stream_id": stream_id, "state": int(state), "timestamp": timestamp}


def close_response(stream_id: Any, status: int, reason: str, timestamp: int) -> Message:
    return {"msg_type": 22, "rtms_stream_id": stream_id, "status_code": int(status), "reason": reason, "timestamp": timestamp}


def video_response(user_id: Any, status: int, reason: str, timestamp: int) -> Message:
    return {"msg_type": 29, "user_id": user_id, "status_code": int(status), "reason": reason, "timestamp": timestamp}


def keep_alive(timestamp: int, sequence: int) -> Message:
    """Message 12. Some clients answer by `sequence`, ours by `timestamp`: both are always there."""
    return {"msg_type": 12, "timestamp": timestamp, "sequence": sequence}


# Media ---------------------------------------------------------------------------------------------------------------


def audio(source: Message, pcm: bytes, timestamp: int) -> Message:
    """Message 14. `source` is `{"channel_id": str}`, `{"user_id": int, "user_name": str}`, or `{"user_id": 0}` for mixed."""
    return {"msg_type": 14, "content": {**source, "data": b64encode(pcm).decode(), "length": len(pcm), "timestamp": timestamp}}


def transcript(source: Message, text: str, start_time: int, end_time: int, language: int, attribute: int = 1) -> Message:
    """Message 17. Times are Unix ms; `timestamp` marks when the utterance began (6.4)."""
    content = {**source, "start_time": start_time, "end_time": end_time, "timestamp": start_time, "language": language}
    return {"msg_type": 17, "content": {**content, "attribute": attribute, "data": text}}


def picture(msg_type: int, source: Message, data: bytes, timestamp: int) -> Message:
    """Message 15 (a camera) or 16 (a shared screen). `source` is `{"user_id": int, "user_name": str}`."""
    content = {**source, "data": b64encode(data).decode(), "length": len(data), "timestamp": timestamp}
    return {"msg_type": int(msg_type), "content": content}


def chat(sender: Message, text: str, timestamp: int, message_id: str, operation: int) -> Message:
    """Message 18, to everyone. `operation`: 1 new, 2 deleted, 3 changed (7.12)."""
    where = {"type": 1, "id": "everyone"}
    said = {"timestamp": timestamp, "data": text, "chat_session": where, "operation_type": operation, "message_id": message_id}
    rest: Message = {"parent_message_id": None, "sender": sender, "receiver": None, "files": [], "delete_file_id_list": []}
    return {"msg_type": 18, "content": said | rest}


def encode(message: Message) -> str:
    """Return a message as the text of one frame."""
    return msgspec.json.encode(message).decode()


def participants(users: Sequence[tuple[int, str]], *, names: bool = True) -> list[Message]:
    """Return `participants` of events 3 (with names) and 4 (without)."""
    return [{"user_id": user, "user_name": name} if names else {"user_id": user} for user, name in users]
