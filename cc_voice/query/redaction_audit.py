"""Redaction audit of the store: what is left in its tables of numbers that should be hidden. Told by place and kind, never by
what was said."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

from cc_voice.call.utterances import Word
from cc_voice.config.redaction_settings import RedactionSettings
from cc_voice.quality.redaction import audit_limits, redaction_policy
from cc_voice.quality.redaction.finder import SpokenLine
from cc_voice.quality.redaction.redaction_policy import RedactionPolicy
from cc_voice.store.database import Connection

_CALLS = """
    select call_id, date_key, redaction
    from fact_call
    where ? is null or date_key >= ?
    order by call_id
"""
_QUEUES = """
    select distinct unnest([q.queue_id, q.queue_name])
    from fact_leg as l
    join dim_queue as q on q.queue_key = l.queue_key
    where l.call_id = ?
"""
_LINES = """
    select utterance_id, channel_id, source, start_ms, end_ms, language_code, text
    from {table}
    where call_id = ?
    order by start_ms, utterance_id
"""
_CHIP_ENDING = re.compile(r"(\[[A-Z_]+\])[.?!…。？！؟]")
"""A chip keeps what ends its sentence; a finder knows it without."""
_TABLES = ("fact_utterance", "fact_unused_utterance")


def findings(con: Connection, settings: RedactionSettings, since: datetime.date | None) -> Iterator[dict[str, Any]]:
    """Yield what is found in the words of calls, as plain values."""
    key = int(since.strftime("%Y%m%d")) if since is not None else None
    for call_id, _, redaction in con.execute(_CALLS, [key, key]).fetchall():
        queues = [name for (name,) in con.execute(_QUEUES, [call_id]).fetchall() if name]
        policy = redaction_policy.policy_of(settings, queues)
        if not policy.is_on:
            continue
        if redaction in (None, "withheld"):
            yield _found("fact_call", call_id, 0, 0, "never redacted" if redaction is None else "withheld")
        for table in _TABLES:
            yield from _words(con, table, call_id, policy)


def _words(con: Connection, table: str, call_id: str, policy: RedactionPolicy) -> Iterator[dict[str, Any]]:
    lines = tuple(
        SpokenLine(
            key=utterance_id,
            channel_id=channel_id,
            source="local" if source == "local" else "zoom",
            start_ms=start_ms,
            end_ms=end_ms,
            language=language,
            words=tuple(Word(token) for token in _CHIP_ENDING.sub(r"\1", text).split()),
        )
        for utterance_id, channel_id, source, start_ms, end_ms, language, text in con.execute(
            _LINES.format(table=table), [call_id]
        ).fetchall()
    )
    for each in audit_limits.audit_lines(lines, policy):
        yield _found(table, call_id, each.offset, each.digits, each.kind)


def _found(place: str, call_id: str, offset: int, digits: int, kind: str) -> dict[str, Any]:
    return {"place": place, "call_id": call_id, "offset": offset, "digits": digits, "kind": kind}
