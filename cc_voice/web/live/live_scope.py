"""Live scope: which words of calls in progress somebody may read, by who handles each call at this moment.

Words on their way to the store are in memory (`fleet/live_transcripts.py`) and so behind no view; what the store knows of their
stream decides. Without `whole_call` what was said before the present agent joined is another's.
"""

from collections.abc import Iterable

from cc_voice.call.batch import LiveWords
from cc_voice.query.scope import RowScope
from cc_voice.store import streams
from cc_voice.store.streams import StreamRow
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.appliance import Appliance


async def words_seen(appliance: Appliance, visitor: Visitor, said: Iterable[LiveWords]) -> tuple[LiveWords, ...]:
    """Return the words among some that a visitor may read."""
    scope = visitor.scope
    if not scope.words or scope.site:
        return tuple(one for one in said if scope.words and (scope.unredacted or one.is_redacted))
    rows = {row.stream_id: row for row in await appliance.read(visitor, streams.in_progress)}
    return tuple(one for one in said if one.stream_id in rows and readable(visitor.scope, rows[one.stream_id], [one]))


def readable(scope: RowScope, row: StreamRow, said: Iterable[LiveWords]) -> tuple[LiveWords, ...]:
    """Return the words of a stream in scope that may be read: all of it with `whole_call`, else since its agent joined."""
    if not scope.words:
        return ()
    since_ms = row.agent_since_ms
    said = (one for one in said if scope.unredacted or one.is_redacted)
    return tuple(one for one in said if scope.site or scope.whole_call or (since_ms is not None and one.start_ms >= since_ms))
