"""Cursors: places in lists that are read page by page, opaque to clients, so that how a list is ordered can change."""

import base64
import binascii
import datetime
from urllib.parse import urlencode

import msgspec

from cc_voice.store.call_list import CallPlace
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api.problems import bad_query

_LONGEST = 1 << 62
"""Beyond lies no time that a store can hold."""
_DECODER = msgspec.json.Decoder(tuple[int, str])


def written(at_us: int, key: str) -> str:
    """Return the cursor behind a row: its time in Unix microseconds, and its id."""
    return base64.urlsafe_b64encode(msgspec.json.encode((at_us, key))).decode().rstrip("=")


def read(cursor: str | None) -> tuple[int, str] | None:
    """Return what `written` wrote. Raises BadParameters."""
    if not cursor:
        return None
    try:
        at_us, key = _DECODER.decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if abs(at_us) >= _LONGEST or "\0" in key:
            raise ValueError(cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise bad_query("cursor", "this is no place in a list; take `next` of the page before") from error
    return at_us, key


def place(cursor: str | None, updated_since: datetime.datetime | None) -> CallPlace:
    """Return the place that parameters name. Raises BadParameters."""
    return CallPlace(after=read(cursor), updated_since=moment("updated_since", updated_since))


def moment(name: str, at: datetime.datetime | None) -> datetime.datetime | None:
    """Return a moment in UTC. Raises BadParameters for one without a zone: whose noon is meant nobody could tell."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise bad_query(name, "a moment needs its zone, such as 2026-11-23T00:00:00Z")
    try:
        return at.astimezone(datetime.UTC)
    except OverflowError as error:
        raise bad_query(name, "this moment is outside of time") from error


def microseconds(at: datetime.datetime | None) -> int:
    """Return Unix microseconds, exactly."""
    if at is None:
        return 0
    return (at - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(microseconds=1)


def link_headers(request: VisitorRequest, cursor: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288), for tables that are no JSON too."""
    if cursor is None:
        return {}
    query = urlencode({**request.query_params.dict(), "cursor": [cursor]}, doseq=True)
    return {"link": f'<{request.url.path}?{query}>; rel="next"'}
