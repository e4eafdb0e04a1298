"""Scoped views: what stands before the tables of the copy when somebody asks it in SQL who may not see all of it.

The copy (`snapshot.py`) has every published view as a table, of the whole site. The sandbox makes these views before its doors
close and the text of a person is looked at; a name without a schema, and no other is let through, means them. Views that are made
of other views are made anew of the filtered ones, so that a day's numbers are those of the legs in scope. A view that no rule here
knows is empty.

Each ends in a LIMIT that no table reaches: DuckDB moves no condition below it. Without, it may try a person's condition on rows
that are then left out, and tell of them by an error (`where text::int > 0`: "could not convert 'my card is …'"). It avoids that by
itself for what it knows to fail; that is its choice and may change.
"""

import re
from collections.abc import Mapping

import msgspec

from cc_voice.query import reports
from cc_voice.query.scope import RowScope, listed, quoted

COPY = "snapshot.main"
_ALL = "limit 9223372036854775807"
_SOURCE = re.compile(r"\b(?:from|join)\s+(\w+)")
_NAMED = re.compile(r"\b(\w+) as (?:not )?(?:materialized )?\(")
_TOLD_OF_LEGS = (("first", "1"), ("last", "t.leg_count"))


def definitions(scope: RowScope, columns: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return view → the SELECT that stands before it, in an order in which they can be made; none for a scope of everything."""
    if scope.site and scope.words and scope.unredacted:
        return {}
    order = ["v_leg", *(name for name in columns if name != "v_leg")]
    found = {name: _definition(scope, name, columns[name]) for name in order if name in columns}
    return {name: sql for name, sql in found.items() if sql is not None}


def _definition(scope: RowScope, name: str, columns: frozenset[str]) -> str | None:
    """Return the view before a table of the copy, None where all of it may be seen."""
    has_words = bool(columns & {"text", "word", "matched_text"})
    if has_words and not scope.words:
        return _filtered(name, "false")
    if has_words and not scope.unredacted:
        found = _definition(msgspec.structs.replace(scope, unredacted=True), name, columns)
        return _looked_into(name, columns, found)
    if scope.site:
        return None
    seen_call = "t.call_id in (select call_id from v_leg)"
    if name == "v_leg":
        return _filtered(name, _of_leg(scope))
    if name == "v_call":
        return f"select t.* replace ({_told_of_legs()}) from {COPY}.v_call as t where {seen_call} {_ALL}"
    if name == "v_level":
        return _filtered(name, seen_call if scope.whole_call else _INSIDE)
    if name in _NAMED_ROWS:
        return _filtered(name, _NAMED_ROWS[name].format(teams=listed(scope.teams), queues=listed(scope.queues), own=_own(scope)))
    if name in SHARED_VIEWS:
        return None
    text = reports.view_text(name)
    if all(source.startswith("v_") for source in set(_SOURCE.findall(text)) - set(_NAMED.findall(text))):
        return text
    if scope.whole_call and "call_id" in columns and (has_words or "leg_id" not in columns):
        return _filtered(name, seen_call)
    return _filtered(name, "t.leg_id in (select leg_id from v_leg)" if "leg_id" in columns else "false")


def _looked_into(name: str, columns: frozenset[str], seen: str | None) -> str:
    """Return a view of words without those in which nobody looked for what should be hidden."""
    source = f"{COPY}.{name}" if seen is None else f"({seen})"
    if "redaction_count" in columns:
        return f"select t.* from {source} as t where t.redaction_count is not null {_ALL}"
    lines = "v_unused_utterance" if name.startswith("v_unused") else "v_utterance"
    known = f"select l.utterance_id from {COPY}.{lines} as l where l.redaction_count is not null"
    return f"select t.* from {source} as t where t.utterance_id in ({known}) {_ALL}"


_INSIDE = """
    exists (select 1 from v_leg as l where l.call_id = t.call_id and t.start_ms < l.end_ms and t.end_ms > l.start_ms)
"""


SHARED_VIEWS = frozenset({"v_form_item", "v_rule"})
"""Views that tell of no call, agent or queue."""
_NAMED_ROWS = {
    "v_agent": """
        t.team_id in {teams} or t.user_id = {own}
        or (t.user_id, t.agent_name, coalesce(t.team_id, '')) in (select user_id, agent_name, coalesce(team_id, '') from v_leg)
    """,
    "v_threshold_set": "t.threshold_set_id in (select threshold_set_id from v_leg)",
    "v_queue": "t.queue_id in {queues} or t.queue_id in (select queue_id from v_leg)",
}
"""Names: those that are granted, and those of legs in scope. A set of thresholds is often named for its queue."""


def _own(scope: RowScope) -> str:
    return quoted(scope.user_id) if scope.user_id else "null"


def _filtered(name: str, condition: str) -> str:
    return f"select t.* from {COPY}.{name} as t where {condition} {_ALL}"


def _of_leg(scope: RowScope) -> str:
    return f"(t.team_id in {listed(scope.teams)} or t.queue_id in {listed(scope.queues)} or t.user_id = {_own(scope)})"


def _told_of_legs() -> str:
    """Return what replaces a call's columns about legs that are not in scope."""
    return ", ".join(
        f"if((t.call_id, {number}) in (select call_id, leg_no from v_leg), t.{place}_{column}, null) as {place}_{column}"
        for place, number in _TOLD_OF_LEGS
        for column in ("user_id", "agent_name", "queue_id", "queue_name")
    )
