"""Translation from messages to events: media content, and what happened in the conversation (README 5.4, 5.5, 6.4)."""

from collections import deque
from typing import assert_never

from . import events, messages
from .conversation_events import EventBody, Person, event_of
from .counters import Counters
from .enums import StreamState, language_tag
from .errors import FrameError
from .media import AudioContent, PictureContent, TranscriptContent, text_id
from .products import Product

MIXED = "0"
"""Source of mixed audio; also of media that names nobody."""
FIRST_PACKET = "first_packet_timestamp"
INTERRUPTED = "media_connection_interrupted"
_REMEMBERED = 4096
"""Timestamps per source: more than the 60 s of 20 ms packets that Zoom replays after a reconnect."""
_MAX_SOURCES = 256
_MAX_NAME = 256
"""Letters of a name. Zoom allows 64; a peer may send a megabyte in each packet."""


class Replays:
    """Knows which packets were here before: after a reconnect Zoom sends the last ones again, same source, time and content.

    Other content with a known time is no replay: a server's clock was set back, and the consumer must hear of it.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[set[tuple[int, int]], deque[tuple[int, int]]]] = {}

    def is_new(self, source: str, timestamp_ms: int, content: bytes) -> bool:
        """Tell whether a packet is new, and remember it."""
        if source not in self._known and len(self._known) >= _MAX_SOURCES:
            return True  # rather a repeat than a loss
        known, order = self._known.setdefault(source, (set(), deque()))
        packet = timestamp_ms, hash(content)
        if packet in known:
            return False
        known.add(packet)
        order.append(packet)
        if len(order) > _REMEMBERED:
            known.discard(order.popleft())
        return True


class Translator:
    """Makes events of what comes; counts what cannot be one."""

    def __init__(self, product: Product, counters: Counters) -> None:
        self._product = product
        self._counters = counters
        self._replays = Replays()

    def media(self, message: messages.Media, now_unix_ms: int) -> events.Event | None:
        """Return a media message as an event; None when it has no time, or was here before. Raises FrameError."""
        event: events.Event | None
        match message:
            case messages.MediaAudio(content=content):
                event = self._audio(content)
            case messages.MediaTranscript(content=said):
                event = transcript(said)
                if said.language is not None and said.language >= 0 and language_tag(said.language) is None:
                    self._counters.add(f"unknown language {said.language}")
            case messages.MediaVideo(content=seen):
                event = picture(events.Video, seen)
            case messages.MediaShare(content=seen):
                event = picture(events.Share, seen)
            case messages.MediaChat():
                event = chat(message, now_unix_ms)
            case _ as never:
                assert_never(never)
        if event is None:
            self._counters.add("media without a time")
        elif isinstance(event, events.Audio) and self._is_replayed(event):
            self._counters.add("replayed audio")
            return None
        return event

    def _is_replayed(self, packet: events.Audio) -> bool:
        """Whether a packet was here before. Digital silence is the same in every packet: of one second nothing tells them apart."""
        if packet.whole_seconds and packet.pcm == packet.pcm[:2] * (len(packet.pcm) // 2):
            return False
        return not self._replays.is_new(packet.source, packet.timestamp_ms, packet.pcm)

    def _audio(self, content: AudioContent) -> events.Audio | None:
        if content.length is not None and content.length != len(content.data):
            self._counters.add("audio of another length than told")
        return audio(content)

    def stream_state(self, message: messages.StreamStateUpdate | messages.StreamStateResponse) -> events.StreamStateChanged | None:
        """Return messages 8 and 20 as an event; None when they name no state. A number nobody knows is one, and counted."""
        state = message.number
        if state is None or not 0 <= state <= max(StreamState):
            self._counters.add(f"unknown stream state {state}")
        if state is None:
            return None
        return events.StreamStateChanged(state=state, reason=message.why, at_unix_ms=message.at_unix_ms)

    def session_state(
        self, message: messages.SessionStateUpdate | messages.SessionStateResponse
    ) -> events.SessionStateChanged | None:
        """Return messages 9 and 11 as an event; None when they name no state."""
        if message.number is None:
            self._counters.add("session state without a state")
            return None
        at, reason = message.at_unix_ms, message.why
        return events.SessionStateChanged(session_id=message.session, state=message.number, reason=reason, at_unix_ms=at)

    def event(self, message: messages.EventUpdate, frame: bytes, now_unix_ms: int) -> events.PlatformEvent:
        """Return message 6 as an event. Raises FrameError."""
        head, raw = event_of(message, frame)
        event = platform_event(self._product, head, raw, now_unix_ms)
        if event.name == FIRST_PACKET and head.at_unix_ms is None:
            raise FrameError("event 1 has no time, and says nothing else")
        if event.name.startswith("event_"):
            self._counters.add(f"unknown event {event.event_type}")
        return event


def audio(content: AudioContent) -> events.Audio | None:
    """Return a packet as an event; None when its time cannot be one."""
    at = messages.milliseconds(content.timestamp)
    if at is None:
        return None
    return events.Audio(
        source=_source(content.channel_id, content.user_id),
        timestamp_ms=at,
        pcm=content.data,
        user_id=text_id(content.user_id),
        user_name=_name(content.user_name),
        channel_id=text_id(content.channel_id),
        whole_seconds=messages.is_seconds(content.timestamp),
    )


def picture(kind: type[events.Video] | type[events.Share], content: PictureContent) -> events.Video | events.Share | None:
    """Return a picture as an event of the kind; None when its time cannot be one."""
    at = messages.milliseconds(content.timestamp)
    if at is None:
        return None
    return kind(
        source=_source(None, content.user_id),
        timestamp_ms=at,
        data=content.data,
        user_name=_name(content.user_name),
    )


def transcript(content: TranscriptContent) -> events.Transcript | None:
    """Return a piece of transcript as an event; None when it has no time at all."""
    start = messages.milliseconds(content.start_time)
    at = messages.milliseconds(content.timestamp) or start
    if at is None:
        return None
    return events.Transcript(
        source=_source(content.channel_id, content.user_id),
        text=content.data,
        timestamp_ms=at,
        start_ms=start,
        end_ms=messages.milliseconds(content.end_time),
        language=language_tag(content.language),
        attribute=content.attribute,
        user_id=text_id(content.user_id),
        user_name=_name(content.user_name),
        channel_id=text_id(content.channel_id),
    )


def chat(message: messages.MediaChat, now_unix_ms: int) -> events.Chat:
    """Return a chat message as an event. Raises FrameError."""
    content = message.chat
    sender = content.sender
    user_id = sender.user_id if sender is not None and sender.user_id is not None else content.user_id
    return events.Chat(
        source=_source(None, user_id),
        text=content.data,
        timestamp_ms=messages.milliseconds(content.timestamp) or now_unix_ms,
        user_name=_name((sender.user_name if sender is not None else None) or content.user_name),
        message_id=text_id(content.message_id),
        operation=content.operation_type,
        raw=bytes(message.content),
    )


def platform_event(product: Product, event: EventBody, raw: bytes, now_unix_ms: int) -> events.PlatformEvent:
    """Return an event named by product. Without a time of its own it happened now. Raises FrameError: it has no number."""
    number = event.number
    if number is None:
        raise FrameError("message 6 has neither event_type nor event_code")
    # Version 2's codes are unique across products and of no published value: they must not be read as version 1's (section 10).
    name = product.event_name(number) if event.event_type is not None or product.name != "phone" else f"event_{number}"
    return events.PlatformEvent(
        name=name,
        event_type=number,
        at_unix_ms=event.at_unix_ms or now_unix_ms,
        participants=tuple(_participant(person) for person in event.people),
        raw=raw,
    )


def _participant(person: Person) -> events.ParticipantInfo:
    return events.ParticipantInfo(
        channel_id=text_id(person.channel_id),
        user_id=text_id(person.user_id),
        display_name=_name(person.display_name or person.user_name),
        queue_id=text_id(person.queue_id),
        queue_name=_name(person.queue_name),
        phone_number=text_id(person.phone_number),
        participant_mode=person.participant_mode,
        account_id=text_id(person.account_id),
        division_id=text_id(person.division_id),
    )


def _name(given: str | None) -> str | None:
    return given if given is None or len(given) <= _MAX_NAME else given[: _MAX_NAME - 1] + "…"


def _source(channel_id: int | str | None, user_id: int | str | None) -> str:
    return text_id(channel_id) or text_id(user_id) or MIXED
