"""Products: what differs between Zoom's products on the wire (README 2.5, section 3, 5.3, section 11): one row each."""

from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Literal

import msgspec

from .enums import EventType, VoiceEventType

ProductName = Literal["contact_center", "meeting", "webinar", "video_sdk", "phone"]
FALLBACK_KEY = "meeting_uuid"
"""Older Zoom code used this key in handshakes of every product (12, row 4)."""
ID_KEYS = ("meeting_uuid", "webinar_uuid", "session_id", "engagement_id", "call_id")
"""Instance ids in order of precedence (section 3)."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product."""

    name: ProductName
    prefixes: tuple[str, ...]
    """Webhook names are one of these + `started`, `stopped`, `interrupted`."""
    id_keys: tuple[str, ...]
    """Keys the instance id comes under, its own first; the key that came is the key to send."""
    events: Mapping[int, str]
    """Event numbers and what we call them: Zoom's names in lower case."""
    subscriptions: tuple[tuple[int, ...], ...]
    """One subscription message each: a number the server does not know spoils only its own (5.3)."""

    def event_name(self, number: int) -> str:
        """Return the event's name; `event_<number>` where Zoom has published none."""
        return self.events.get(number, f"event_{number}")


def _names(kind: type[IntEnum]) -> Mapping[int, str]:
    return {member.value: member.name.lower() for member in kind if member.value}


_MEETING_EVENTS = _names(EventType)
_VOICE_EVENTS = _names(VoiceEventType)
# Phone's own events come with `event_code`, whose values are not published (section 10): only the two universal ones have names.
_PHONE_EVENTS = {number: _MEETING_EVENTS[number] for number in (1, 7)}

PRODUCTS: Mapping[str, Product] = {
    product.name: product
    for product in (
        Product(
            name="contact_center",
            prefixes=("contact_center.voice_rtms_",),
            # Some Zoom code falls back to session_id here, hence it comes after the engagement's id, not before (section 3).
            id_keys=("engagement_id", *(key for key in ID_KEYS if key != "engagement_id")),
            events=_VOICE_EVENTS,
            subscriptions=(tuple(range(8, 30)), tuple(range(30, 35))),
        ),
        Product(
            name="meeting",
            prefixes=("meeting.rtms_",),
            id_keys=ID_KEYS,
            events=_MEETING_EVENTS,
            subscriptions=((2, 3, 4),),
        ),
        Product(
            name="webinar",
            prefixes=("webinar.rtms_",),
            id_keys=ID_KEYS,
            events=_MEETING_EVENTS,
            subscriptions=((2, 3, 4),),
        ),
        Product(
            name="video_sdk",
            prefixes=("session.rtms_",),
            id_keys=("session_id", *(key for key in ID_KEYS if key != "session_id")),
            events=_MEETING_EVENTS,
            subscriptions=((2, 3, 4),),
        ),
        Product(
            name="phone",
            # The second is an alias that was seen in the field (2.5).
            prefixes=("phone.rtms_", "phone.call_rtms_"),
            id_keys=("call_id", *(key for key in ID_KEYS if key != "call_id")),
            events=_PHONE_EVENTS,
            subscriptions=(),
        ),
    )
}


def product_of(event: str) -> tuple[Product, str] | None:
    """Return the product of a webhook's name and what follows its prefix (`started`, …); None for other webhooks."""
    for product in PRODUCTS.values():
        for prefix in product.prefixes:
            if event.startswith(prefix):
                return product, event.removeprefix(prefix)
    return None


def subscriptions(product: Product, media: Collection[str]) -> tuple[tuple[int, ...], ...]:
    """Return the subscription messages to send for a product and the media wanted; 1 and 7 come unasked (5.3)."""
    if product.name not in ("meeting", "webinar"):
        return product.subscriptions
    wanted = {"deskshare": (5, 6), "video": (8, 9), "chat": (10, 11, 12, 13, 14)}
    return product.subscriptions + tuple(numbers for name, numbers in wanted.items() if name in media)
