"""Zoom's events as call events: names instead of numbers, phone numbers masked, customers known by a salted key."""

import hashlib
import hmac
import re
from typing import Any

import msgspec

from cc_voice.call.events import CallEvent, Participant
from cc_voice.rtms import salvage
from cc_voice.rtms.events import ParticipantInfo, PlatformEvent
from cc_voice.rtms.webhooks import Companion

_PHONE_KEYS = frozenset({"phone_number", "phone", "caller_number", "callee_number", "from", "to", "ani", "dnis"})
MAX_TEXT, MAX_KEY, DEEPEST = 10_000, 100, 32
"""Letters of a string and of a key, and levels of nesting, that the time line keeps of an event."""
_E164 = re.compile(r"\+[\d ().-]{6,24}")
"""A phone number says so itself, under whatever key it comes: ordinary webhooks have many (`consumer_number`, `callback`)."""
_ALL_BUT_TWO = re.compile(r"\d(?=(?:\D*\d){2})")
_DIGITS = re.compile(r"\d(?=\d{2})")


def call_event(event: PlatformEvent, salt: str) -> CallEvent:
    """Return the platform event as the call's time line keeps it; `at_ms` is set when the stream's t0 is known."""
    return CallEvent(
        at_ms=0,
        at_unix_ms=event.at_unix_ms,
        name=event.name,
        event_type=event.event_type,
        participants=tuple(_participant(info, salt) for info in event.participants),
        payload=masked_json(event.raw),
    )


def companion_event(webhook: Companion, at_unix_ms: int) -> CallEvent:
    """Return a companion webhook as an event of the time line."""
    person = Participant(user_id=webhook.user_id, display_name=webhook.user_name, queue_id=webhook.queue_id)
    return CallEvent(
        at_ms=0,
        at_unix_ms=at_unix_ms,
        name=webhook.name[:MAX_KEY],
        source="webhook",
        participants=(person,) if person != Participant() else (),
        payload=masked_json(webhook.raw),
    )


def _participant(info: ParticipantInfo, salt: str) -> Participant:
    return Participant(
        channel_id=info.channel_id or info.user_id,
        user_id=info.user_id,
        display_name=info.display_name,
        queue_id=info.queue_id,
        queue_name=info.queue_name,
        customer_key=customer_key(info.phone_number, salt),
    )


def customer_key(phone_number: str | None, salt: str) -> str | None:
    """Return the pseudonym of a phone number (E.164): equal numbers of one site give equal keys; None for withheld numbers."""
    digits = re.sub(r"\D", "", phone_number or "")
    if len(digits) < 3:
        return None
    return hmac.new(salt.encode(), digits.encode(), hashlib.sha256).hexdigest()[:32]


def masked_json(raw: bytes) -> str:
    """Return JSON text with all but the last two digits of phone numbers replaced by `*`; `{}` for what cannot be read.

    `raw` is sound (`rtms/salvage.py`). What lies deeper than DEEPEST is null, and strings are cut: a peer chooses both.
    """
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        found = salvage.document(raw)
    return msgspec.json.encode(_masked(found if isinstance(found, dict) else {})).decode()


def _is_phone_key(key: str) -> bool:
    return key in _PHONE_KEYS or "phone" in key or key.endswith(("_number", "_ani", "_dnis"))


def _masked(value: Any, is_phone: bool = False, depth: int = 0) -> Any:
    match value:
        case dict() | list() if depth == DEEPEST:
            return None
        case dict():
            return {key[:MAX_KEY]: _masked(item, _is_phone_key(key.lower()), depth + 1) for key, item in value.items()}
        case list():
            return [_masked(item, is_phone, depth + 1) for item in value]
        case str() | int() if is_phone and not isinstance(value, bool):
            return _DIGITS.sub("*", str(value)[:MAX_TEXT])
        case str():
            return _E164.sub(lambda found: _ALL_BUT_TWO.sub("*", found[0]), value[:MAX_TEXT])
        case int() if abs(value) >= 1 << 63:  # databases take no such numbers
            return str(value)[:MAX_TEXT]
        case _:
            return value
