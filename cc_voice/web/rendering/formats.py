"""Formats: how values are written on a page: times, lengths, percentages, and the dash with its reason."""

import datetime
import zoneinfo
from typing import Any

from cc_voice.call.batch import MediaRefusal
from cc_voice.store.streams import SessionFailure

NOT_MEASURABLE = "—"
MINUS = "−"


def clock(ms: float) -> str:
    """Return a length or a position: `m:ss` under an hour, `h:mm:ss` above; minus sign where negative."""
    sign = MINUS if ms <= -1000 else ""
    seconds = int(abs(ms) // 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{sign}{minutes}:{seconds:02d}"


def seconds(ms: float) -> str:
    """Return milliseconds as seconds with one decimal."""
    return number(ms / 1000, 1)


def number(value: float, decimals: int = 0) -> str:
    """Return a number with thousands commas and a real minus sign."""
    text = f"{value:,.{decimals}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) != 0 else text.replace("-", "")


def percent(value: float | None) -> str:
    """Return a percentage with one decimal below 100, or the dash."""
    return NOT_MEASURABLE if value is None else number(value, 1 if abs(value) < 99.95 else 0)


def count(value: int | None, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 call`, `2 calls`."""
    return f"{number(value or 0)} {singular if value == 1 else plural or singular + 's'}"


def moment(at: datetime.datetime, zone: zoneinfo.ZoneInfo, exact: bool = False) -> str:
    """Return a time in the site's zone: `23 Nov 09:41`, with weekday and seconds where `exact`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}" if exact else f"{local.day} {local:%b %H:%M}"


PRODUCTS = {
    "contact_center": "Contact center",
    "meeting": "Meeting",
    "webinar": "Webinar",
    "video_sdk": "Video session",
    "phone": "Phone",
    "import": "Recording",
}


def product(name: str) -> str:
    """Return the name of a product for people."""
    return PRODUCTS.get(name, name)


def refusal(told: MediaRefusal) -> str:
    """Return what a stream is without, and why."""
    media = {"deskshare": "screen", "all": "media"}.get(told.media, told.media)
    return f"No {media} from Zoom: {told.error}"


def session_failure(told: SessionFailure) -> str:
    """Return that a session was replaced, and why."""
    return f"A session of this call failed and was replaced: {told.error}"


def cell(value: Any, decimals: int = 1) -> str:
    """Return a value of a report's table."""
    match value:
        case None:
            return NOT_MEASURABLE
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value, decimals)
        case int():
            return number(value)
        case datetime.datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)
