"""Alterations: what a fault does to messages on their way to the client: other spellings, other orders, more or fewer of them.

An alteration belongs to one link and sees every message that is sent on it. Most look at one message at a time and are
plain functions; those that hold something back are classes, as what they hold must come out in the end.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from cc_voice.simulator import wire
from cc_voice.simulator.audio_alterations import Halved, UserFirst, at_half_the_rate, audio_in_seconds
from cc_voice.simulator.wire import Message, Msg

CONTROL = frozenset({Msg.EVENT, Msg.STREAM_STATE, Msg.SESSION_STATE, Msg.SESSION_STATE_RESP, Msg.STREAM_STATE_RESP, Msg.CLOSE_RESP})
"""Messages whose times may come in seconds."""
MEDIA = frozenset({Msg.AUDIO, Msg.VIDEO, Msg.SHARE, Msg.TRANSCRIPT, Msg.CHAT})
UNKNOWN_LANGUAGE = 99
MIXED_CHANNEL = "ch-mixed"
EVERY = 5
"""Of so many packets one is repeated or comes late."""
LATE_BY = 3
"""So many packets overtake one that comes late."""
DAMAGED_NAMES = (
    *(b'"Mira \\ud83d"', b'"\\ude00 Mira"', b'"a\\u0000b"', b'"' + b"x" * 100_000 + b'"', b"[" * 2000 + b"]" * 2000),
    *(
        b"12345",
        b"1.5",
        b"9" * 400,
        b"true",
        b'{"first": "Mira"}',
        b'["Mira"]',
        b'"a\\ud8"',
        b'"a\\xb"',
        "\ufffd".join('""').encode(),
    ),
)
"""JSON of what stands where a name should: all of it text of a WebSocket, so no bytes that are not UTF-8."""
_URL_SAFE = str.maketrans("+/", "-_")


class Alteration(Protocol):
    """Changes the messages of one link."""

    def __call__(self, message: Message) -> list[Message]:
        """Return what is sent instead of a message: itself, others, more, or nothing."""

    def held(self) -> list[Message]:
        """Return what was held back and is due now, as nothing else will be sent."""


class Each:
    """Changes every message by itself; None: it is not sent."""

    def __init__(self, change: Callable[[Message], Message | None]) -> None:
        self._change = change

    def __call__(self, message: Message) -> list[Message]:
        changed = self._change(message)
        return [] if changed is None else [changed]

    def held(self) -> list[Message]:
        return []


class Reordered:
    """Swaps every two audio packets of a source. Whatever else is sent waits for nothing and lets go of what was held."""

    def __init__(self) -> None:
        self._waiting: dict[Any, Message] = {}

    def __call__(self, message: Message) -> list[Message]:
        if message["msg_type"] != Msg.AUDIO:
            return [message, *self.held()]
        source = message["content"].get("channel_id") or message["content"].get("user_id")
        before = self._waiting.pop(source, None)
        if before is None:
            self._waiting[source] = message
            return []
        return [message, before]

    def held(self) -> list[Message]:
        waiting = list(self._waiting.values())
        self._waiting.clear()
        return waiting


class Late:
    """Lets some audio packets be overtaken by others."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: deque[tuple[int, Message]] = deque()

    def __call__(self, message: Message) -> list[Message]:
        if message["msg_type"] != Msg.AUDIO:
            return [message]
        self._count += 1
        if self._count % EVERY == 0:
            self._waiting.append((self._count + LATE_BY, message))
            return []
        due = [self._waiting.popleft()[1]] if self._waiting and self._waiting[0][0] <= self._count else []
        return [message, *due]

    def held(self) -> list[Message]:
        waiting = [message for _, message in self._waiting]
        self._waiting.clear()
        return waiting


class Repeated:
    """Sends some audio packets twice."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, message: Message) -> list[Message]:
        if message["msg_type"] != Msg.AUDIO:
            return [message]
        self._count += 1
        return [message] * (2 if self._count % EVERY == 0 else 1)

    def held(self) -> list[Message]:
        return []


class AnswerAfterMedia:
    """Holds the media handshake's answer back until media has come."""

    def __init__(self) -> None:
        self._answer: list[Message] = []

    def __call__(self, message: Message) -> list[Message]:
        if message["msg_type"] == Msg.MEDIA_RESP and message["status_code"] == 0:
            self._answer = [message]
            return []
        return [message, *self.held()] if message["msg_type"] in MEDIA else [message]

    def held(self) -> list[Message]:
        answer, self._answer = self._answer, []
        return answer


class DamagedNames:
    """Puts one damaged name after the other into everything that may carry one (13, point 7)."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, message: Message) -> list[Message]:
        damaged = msgspec.Raw(DAMAGED_NAMES[self._count % len(DAMAGED_NAMES)])
        self._count += 1
        match message["msg_type"]:
            case Msg.AUDIO | Msg.VIDEO | Msg.SHARE | Msg.TRANSCRIPT:
                return [message | {"content": message["content"] | {"user_name": damaged}}]
            case Msg.EVENT if "participant_info" in message["event"]:
                event = message["event"]
                return [message | {"event": event | {"participant_info": event["participant_info"] | {"display_name": damaged}}}]
            case Msg.EVENT if "participants" in message["event"]:
                event = message["event"]
                return [
                    message | {"event": event | {"participants": [who | {"user_name": damaged} for who in event["participants"]]}}
                ]
            case _:
                return [message | {"x_damaged": damaged}]

    def held(self) -> list[Message]:
        return []


class LooseBase64:
    """Writes audio in base64 without padding, url-safe, or in lines, in turn."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, message: Message) -> list[Message]:
        if message["msg_type"] not in (Msg.AUDIO, Msg.VIDEO, Msg.SHARE):
            return [message]
        self._count += 1
        data = message["content"]["data"]
        lines = "\n".join(data[at : at + 76] for at in range(0, len(data), 76))
        written = (data.rstrip("="), data.translate(_URL_SAFE), data.translate(_URL_SAFE).rstrip("="), lines)[self._count % 4]
        return [message | {"content": message["content"] | {"data": written}}]

    def held(self) -> list[Message]:
        return []


# One message at a time -----------------------------------------------------------------------------------------------


def without(*numbers: int) -> Callable[[Message], Message | None]:
    """Return a change that leaves out messages of these numbers."""
    return lambda message: None if message["msg_type"] in numbers else message


def without_first_packet(message: Message) -> Message | None:
    return None if message.get("event", {}).get("event_type") == wire.FIRST_PACKET_TIMESTAMP else message


def untimed_keep_alive(message: Message) -> Message:
    return _without(message, "timestamp") if message["msg_type"] == Msg.KEEP_ALIVE_REQ else message


def misspelt(message: Message) -> Message:
    """`paticipant_info`, as Zoom's first documents and sample have it (12, row 21)."""
    event = message.get("event", {})
    if "participant_info" not in event:
        return message
    return message | {"event": _without(event, "participant_info") | {"paticipant_info": event["participant_info"]}}


def legacy_status(message: Message) -> Message:
    if "status_code" not in message:
        return message
    return _without(message, "status_code") | {"status": message["status_code"]}


def answered_as_signaling(message: Message) -> Message:
    """A media handshake that failed, answered by message 2 (12, row 13)."""
    failed = message["msg_type"] == Msg.MEDIA_RESP and message["status_code"] != 0
    return message | {"msg_type": int(Msg.SIGNALING_RESP)} if failed else message


def in_seconds(message: Message) -> Message:
    """Times of control messages in seconds, as one published example has them (5.7)."""
    if message["msg_type"] not in CONTROL:
        return message
    return {key: _seconds(key, value) for key, value in message.items()}


def as_strings(message: Message) -> Message:
    """All numbers in quotes (12, row 40)."""
    return {key: _quoted(value) for key, value in message.items()}


def mixed_with_channel(message: Message) -> Message:
    """Mixed audio under a channel of its own, as Zoom's sample for Contact Center gets it (12, row 36)."""
    if message["msg_type"] != Msg.AUDIO or message["content"].get("user_id") != 0:
        return message
    return message | {"content": message["content"] | {"channel_id": MIXED_CHANNEL}}


def event_at_top_level(message: Message) -> Message:
    """An event's fields beside `msg_type` (5.4)."""
    return message["event"] | {"msg_type": message["msg_type"]} if message["msg_type"] == Msg.EVENT else message


def bare_media_url(message: Message) -> Message:
    """`media_server_url` instead of an object of URLs (12, row 9)."""
    if message["msg_type"] != Msg.SIGNALING_RESP or "media_server" not in message:
        return message
    return _without(message, "media_server") | {"media_server_url": message["media_server"]["server_urls"]["all"]}


def bare_media_urls(message: Message) -> Message:
    """One URL in place of an object of them (5.2)."""
    if message["msg_type"] != Msg.SIGNALING_RESP or "media_server" not in message:
        return message
    return message | {"media_server": {"server_urls": message["media_server"]["server_urls"]["all"]}}


def other_time_key(message: Message) -> Message:
    """An event's time under the key of the other products (12, row 22)."""
    if message["msg_type"] != Msg.EVENT:
        return message
    keys = {"timestamp": "event_ts", "event_ts": "timestamp"}
    return message | {"event": {keys.get(key, key): value for key, value in message["event"].items()}}


def aliased_session(message: Message) -> Message:
    """`session_id` for `rtms_session_id`, as Zoom's mock server has it (5.8)."""
    if "rtms_session_id" not in message:
        return message
    return _without(message, "rtms_session_id") | {"session_id": message["rtms_session_id"]}


def any_sequence(message: Message) -> Message:
    """Handshakes answered with a sequence of the server's own (12, row 6)."""
    return message | {"sequence": 7_654_321} if message["msg_type"] in (Msg.SIGNALING_RESP, Msg.MEDIA_RESP) else message


def without_length(message: Message) -> Message:
    """Media that does not say how many bytes it holds, as before May 2026 (6.4)."""
    return message | {"content": _without(message["content"], "length")} if message["msg_type"] in MEDIA else message


def encryption_flag(message: Message) -> Message:
    """`payload_encryption`, as the table spells it (12, row 11)."""
    if "payload_encrypted" not in message:
        return message
    return _without(message, "payload_encrypted") | {"payload_encryption": message["payload_encrypted"]}


def named_states(message: Message) -> Message:
    """Names instead of numbers for states, as Zoom's mock server has them, and the other key for the reason (5.7; 12, row 23)."""
    kinds = {Msg.STREAM_STATE: wire.WireStreamState, Msg.SESSION_STATE: wire.WireSessionState}
    kind = kinds.get(message["msg_type"])
    if kind is None:
        return message
    changed = message | {"state": kind(message["state"]).name}
    keys = {"reason": "stop_reason", "stop_reason": "reason"}
    return {keys.get(key, key): value for key, value in changed.items()}


def unknown_language(message: Message) -> Message:
    if message["msg_type"] != Msg.TRANSCRIPT:
        return message
    return message | {"content": message["content"] | {"language": UNKNOWN_LANGUAGE}}


def untagged(message: Message) -> Message:
    """A transcript line that does not say its language."""
    return message | {"content": _without(message["content"], "language")} if message["msg_type"] == Msg.TRANSCRIPT else message


def chat_in_json(message: Message) -> Message:
    """Everything about a chat message as JSON text in `data` (6.4)."""
    if message["msg_type"] != Msg.CHAT:
        return message
    content = message["content"]
    return message | {"content": {"timestamp": content["timestamp"], "data": msgspec.json.encode(content).decode()}}


def with_unknown_fields(message: Message) -> Message:
    more: Message = {"x_new": {"since": 2027, "list": [None, 1.5, "x"]}}
    inner = {key: value | more for key, value in message.items() if key in ("event", "content")}
    return message | more | inner


def _without(fields: Mapping[str, Any], key: str) -> Message:
    return {name: value for name, value in fields.items() if name != key}


def _seconds(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _seconds(inner, each) for inner, each in value.items()}
    return value // 1000 if key in ("timestamp", "event_ts") else value


def _quoted(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return str(int(value))
        case dict():
            return {key: _quoted(each) for key, each in value.items()}
        case list():
            return [_quoted(each) for each in value]
        case _:
            return value


# By name -------------------------------------------------------------------------------------------------------------


def _each(change: Callable[[Message], Message | None]) -> Callable[[], Alteration]:
    return lambda: Each(change)


ALTERATIONS: Mapping[str, Callable[[], Alteration]] = {
    "legacy-status-key": _each(legacy_status),
    "message-2-for-4": _each(answered_as_signaling),
    "media-before-handshake-answer": AnswerAfterMedia,
    "keep-alive-without-timestamp": _each(untimed_keep_alive),
    "late-packets": Late,
    "reorder": Reordered,
    "duplicate-packets": Repeated,
    "unknown-language": _each(unknown_language),
    "no-tags": _each(untagged),
    "chat-in-json": _each(chat_in_json),
    "no-first-packet": _each(without_first_packet),
    "no-stream-state": _each(without(Msg.STREAM_STATE)),
    "misspelt-participant-info": _each(misspelt),
    "seconds-for-milliseconds": _each(in_seconds),
    "string-numbers": _each(as_strings),
    "damaged-names": DamagedNames,
    "loose-base64": LooseBase64,
    "mixed-channel-id": _each(mixed_with_channel),
    "user-id-first": UserFirst,
    "half-packets": Halved,
    "half-rate": _each(at_half_the_rate),
    "audio-in-seconds": _each(audio_in_seconds),
    "event-at-top-level": _each(event_at_top_level),
    "media-server-url": _each(bare_media_url),
    "bare-media-urls": _each(bare_media_urls),
    "event-time-key": _each(other_time_key),
    "session-id-alias": _each(aliased_session),
    "any-sequence": _each(any_sequence),
    "no-length": _each(without_length),
    "payload-encryption-key": _each(encryption_flag),
    "named-states": _each(named_states),
    "unknown-fields": _each(with_unknown_fields),
}
"""Every fault of kind `alteration`; each link gets one of its own."""
