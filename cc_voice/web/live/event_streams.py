"""Live parts of a page over server-sent events: what changed since the last message, as HTML, by element.

    {"parts": {"kpis": "<div…"}, "rows": {"order": ["key", …], "changed": {"key": "<th…"}}}

A client applies what it gets and needs no state of the server's (`web/pages/static/live.js`). The server asks the store once a
second per open page (more often where words are shown), which costs a few milliseconds; nothing is sent while nothing changes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from cc_voice.call.batch import LiveWords
from cc_voice.fleet.live_transcripts import Watch
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.roles import Right
from cc_voice.web.appliance import Appliance
from cc_voice.web.live import live_scope

PERIOD_S = 1.0
SILENCE_S = 15.0
"""A comment goes out after so long without news: proxies close what is silent, and browsers learn that the link is alive."""


WORDS_PATIENCE_S = 1.0
"""How long a stream of words waits for some before it looks whether it should end."""


class LiveView(msgspec.Struct, frozen=True):
    """What a live page shows at a moment: elements by id, rows by key in order, and whether more will follow."""

    parts: dict[str, str]
    rows: dict[str, str]
    over: bool = False


class _Rows(msgspec.Struct, frozen=True):
    order: list[str]
    changed: dict[str, str]


class _Change(msgspec.Struct, frozen=True):
    parts: dict[str, str]
    rows: _Rows


def stream(
    appliance: Appliance, visitor: Visitor | None, look: Callable[[Visitor], Awaitable[LiveView]], period_s: float = PERIOD_S
) -> ServerSentEvent:
    """Return the stream of a page: what `look` shows to the visitor as of each moment, whose rights may change meanwhile.

    It ends when the picture is over, the session is, or the service stops.
    """
    return ServerSentEvent(_messages(appliance, visitor, look, period_s))


async def _messages(
    appliance: Appliance, visitor: Visitor | None, look: Callable[[Visitor], Awaitable[LiveView]], period_s: float
) -> AsyncIterator[ServerSentEventMessage]:
    sent: LiveView | None = None
    quiet_s = 0.0
    while not appliance.draining.is_set():
        # Asked before each look, and whether they may still see it after: a look takes time
        known = await by_now(appliance, visitor, "numbers")
        if known is None:
            return
        picture = await look(known)
        if await by_now(appliance, visitor, "numbers") != known:
            continue
        if (change := difference(sent, picture)) is not None:
            yield ServerSentEventMessage(data=msgspec.json.encode(change))
            sent, quiet_s = picture, 0.0
        elif quiet_s >= SILENCE_S:
            yield ServerSentEventMessage(data=None, comment="still here")
            quiet_s = 0.0
        if picture.over:
            yield ServerSentEventMessage(event="over", data="")
            return
        quiet_s += period_s
        await _pause(appliance.draining, period_s)


def difference(before: LiveView | None, now: LiveView) -> _Change | None:
    """Return what a client that has `before` needs for `now`; None when that is nothing."""
    old_parts, old_rows = (before.parts, before.rows) if before else ({}, {})
    parts = {name: html for name, html in now.parts.items() if old_parts.get(name) != html}
    changed = {key: html for key, html in now.rows.items() if old_rows.get(key) != html}
    if before is not None and not parts and not changed and list(old_rows) == list(now.rows):
        return None
    return _Change(parts, _Rows(list(now.rows), changed))


async def by_now(appliance: Appliance, visitor: Visitor | None, right: Right) -> Visitor | None:
    """Return who somebody is and what they may, None when they may be told nothing more.

    Asked for each message, so that nothing follows a sign-out, a revoked token or a right that was taken.
    """
    if visitor is None:
        return None
    accounts = appliance.accounts
    found = await accounts.look_up(accounts.again, visitor, appliance.now())
    return found if found is not None and not found.must_change and found.may(right) else None


async def words(appliance: Appliance, visitor: Visitor | None, watch: Watch) -> AsyncIterator[ServerSentEventMessage]:
    """Send words of a watch that somebody may read, as they come; end as `stream` does."""
    with watch:
        yield ServerSentEventMessage(data=None, comment="words from now on")
        while not appliance.draining.is_set():
            said: Sequence[LiveWords] = ()
            with contextlib.suppress(TimeoutError):
                said = await asyncio.wait_for(watch.take(), WORDS_PATIENCE_S)
            known = await by_now(appliance, visitor, "words")
            if known is None:
                return
            seen = await live_scope.words_seen(appliance, known, said) if said else ()
            if not seen:
                yield ServerSentEventMessage(data=None, comment="still here")
            for one in seen:
                yield ServerSentEventMessage(data=msgspec.json.encode(one))


async def _pause(draining: asyncio.Event, period_s: float) -> None:
    try:
        await asyncio.wait_for(draining.wait(), period_s)
    except TimeoutError:
        return
