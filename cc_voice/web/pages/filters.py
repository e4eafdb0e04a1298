"""The filters of the list of calls, as they stand in an address: read for the store, and written back into links and fields."""

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from cc_voice.store.call_list import CallFilter

PAGE_SIZE = 50
LAST_PAGE = 10_000
_WORDS = re.compile(r'["“”]([^"“”]+)["“”]|([^\s"“”]+)')


class CallListRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. `problems` are sentences for the person who asked; what they are about does not restrict."""

    chosen: CallFilter
    page: int
    fields: dict[str, str]
    """The fields as they were given, empty ones left out."""
    problems: tuple[str, ...]

    def within(self, calls: int) -> "CallListRequest":
        """Return the same for a list of so many calls: beyond its last page lies the last page."""
        last = max(1, -(-calls // PAGE_SIZE))
        return msgspec.structs.replace(self, page=min(self.page, last))

    def link(self, page: int) -> str:
        """Return the query of another page of the same list."""
        return "?" + urlencode({**self.fields, **({"page": page} if page > 1 else {})})


MEANINGS = {
    "from": "first day of the site, such as 2026-11-23",
    "to": "last day of the site, that day included",
    "agent": "name of an agent, exactly",
    "queue": "name of a queue, exactly",
    "product": "contact_center, meeting, webinar, video_sdk, phone or import",
    "language": "language most of the call is in, such as en",
    "min_length": "calls at least so long, as m:ss or seconds",
    "words": "words or “phrases” that one utterance holds: whole words, in any case, accents aside",
}
"""Filters by name, in the order of the form."""


def parse(query: Mapping[str, str], zone: zoneinfo.ZoneInfo) -> CallListRequest:
    """Read the filters of a query; dates are days of the site."""
    fields = {name: query.get(name, "").strip() for name in MEANINGS}
    problems: list[str] = []
    since = _day(fields["from"], zone, problems)
    until = _day(fields["to"], zone, problems, after=True)
    if since and until and until <= since:
        problems.append("“To” lies before “From”: no call can match.")
    chosen = CallFilter(
        since=since,
        until=until,
        agent=fields["agent"] or None,
        queue=fields["queue"] or None,
        product=fields["product"] or None,
        language=fields["language"] or None,
        min_duration_ms=_length(fields["min_length"], problems),
        words=tuple(phrase or word for phrase, word in _WORDS.findall(fields["words"])),
    )
    return CallListRequest(
        chosen=chosen,
        page=_page(query.get("page", "1")),
        fields={name: value for name, value in fields.items() if value},
        problems=tuple(problems),
    )


def _day(text: str, zone: zoneinfo.ZoneInfo, problems: list[str], after: bool = False) -> datetime.datetime | None:
    """Return the start of a day of the site, or of the day after it, as a moment."""
    if not text:
        return None
    try:
        day = datetime.date.fromisoformat(text) + datetime.timedelta(days=1 if after else 0)
        return datetime.datetime.combine(day, datetime.time(), zone).astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # the first and last days there are begin outside of time in some zones
        problems.append(f"“{text}” is not a date such as 2026-11-23.")
        return None


def _length(text: str, problems: list[str]) -> int | None:
    """Return `m:ss` or whole seconds as milliseconds."""
    if not text:
        return None
    found = re.fullmatch(r"(?:(\d{1,4}):)?(\d{1,5})", text)
    if found is None or (found[1] is not None and int(found[2]) > 59):
        problems.append(f"“{text}” is not a length such as 1:30.")
        return None
    return (int(found[1] or 0) * 60 + int(found[2])) * 1000


def _page(text: str) -> int:
    return min(max(1, int(text)), LAST_PAGE) if text.isascii() and text.isdigit() and len(text) < 9 else 1
