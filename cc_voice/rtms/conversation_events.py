"""Conversation events: what message 6 tells, events of the conversation, and who they are about (README 5.4, 5.5).

A part of `messages.py` by nature, with the same rule: the quirks of the wire end here.
"""

import msgspec

from . import salvage
from .errors import FrameError
from .media import Id
from .messages import UNREADABLE, EventUpdate, milliseconds


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """`participant_info` of Contact Center, or an element of a meeting's `participants` (5.4, 5.5)."""

    channel_id: Id | None = None
    participant_mode: str | None = None
    queue_id: Id | None = None
    queue_name: str | None = None
    account_id: Id | None = None
    division_id: Id | None = None
    phone_number: Id | None = None
    user_id: Id | None = None
    display_name: str | None = None
    user_name: str | None = None


class EventHead(msgspec.Struct, frozen=True, kw_only=True):
    """Which event, and when. `event_code` is version 2's number (section 10)."""

    event_type: int | None = None
    event_code: int | None = None
    timestamp: int | None = None
    event_ts: int | None = None

    @property
    def number(self) -> int | None:
        return self.event_code if self.event_type is None else self.event_type

    @property
    def at_unix_ms(self) -> int | None:
        """Contact Center says `event_ts`, the others `timestamp` (12, row 22)."""
        return milliseconds(self.timestamp if self.event_ts is None else self.event_ts)


class EventBody(EventHead, frozen=True, kw_only=True):
    """What an event tells about people; everything else stays in its raw bytes."""

    user_id: Id | None = None
    user_name: str | None = None
    participants: tuple[Person, ...] = ()
    participant_info: Person | None = None
    paticipant_info: Person | None = None
    """Sic: so Zoom's first documents and its shipped sample spell it (12, row 21)."""

    @property
    def people(self) -> tuple[Person, ...]:
        """Everyone the event names."""
        named = self.participant_info or self.paticipant_info
        if named is not None:
            return (named, *self.participants)
        if self.participants or self.user_id is None:
            return self.participants
        return (Person(user_id=self.user_id, user_name=self.user_name),)


_BODY = msgspec.json.Decoder(EventBody, strict=False)


def event_of(message: EventUpdate, frame: bytes) -> tuple[EventBody, bytes]:
    """Return an event and its JSON. Without `event` the fields are at the top level (5.4). Raises FrameError.

    What is malformed about people is left out: that something happened matters more.
    """
    given = frame if bytes(message.event) in (b"null", b"") else bytes(message.event)
    raw = salvage.sound(given)
    try:
        return _BODY.decode(raw), raw
    except UNREADABLE as error:
        fields = salvage.document(raw)
        if not isinstance(fields, dict):
            raise FrameError(f"message 6 has no event: {error}") from error
        return salvage.fitted(EventBody, fields), msgspec.json.encode(fields)
