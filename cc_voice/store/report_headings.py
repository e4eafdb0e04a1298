"""Headings of reports: which columns each dataset has, how their cells are read, and which columns tell what a file is.

Of `agent_timecard`, `flow_performance` and `engagement_timelines` we found the requests documented and not the answers: names of
the first are those of programs that read it, of the second those of its request and of the engagement API; those of the third are
inferred from the engagement API and its webhooks.
"""

import re
from typing import Literal

import msgspec

Dataset = Literal[
    "agent_performance",
    "engagement",
    "queue_performance",
    "disposition",
    "agent_timecard",
    "flow_performance",
    "engagement_timelines",
    "agents",
    "queues",
]


class Field(msgspec.Struct, frozen=True):
    """A field of a record: how its text is read, and the headings it may have, without units."""

    kind: str
    headings: tuple[str, ...]


def _field(kind: str, *headings: str) -> Field:
    return Field(kind, headings)


FIELDS: dict[Dataset, dict[str, Field]] = {
    "agent_performance": {
        "engagement_id": _field("id", "engagement_id"),
        "user_id": _field("id", "user_id", "agent_id"),
        "start_unix_ms": _field("instant", "start_time", "leg_start_time"),
        "acw_ms": _field("duration", "wrap_up_duration", "wrapup_duration", "acw_duration"),
        "origin_method": _field("text", "origin_method"),
    },
    "engagement": {
        "engagement_id": _field("id", "engagement_id"),
        "direction": _field("lower", "direction"),
        "channel_source": _field("text", "channel_source", "enter_channel_source"),
        "queue_wait_ms": _field("duration", "waiting_duration", "queue_wait_duration", "wait_duration"),
        "abandoned": _field("flag", "abandoned_count", "abandoned"),
        "disposition_id": _field("id", "disposition_id"),
        "disposition_name": _field("text", "disposition_name", "disposition"),
    },
    "queue_performance": {
        "queue_id": _field("id", "queue_id", "cc_queue_id"),
        "queue_name": _field("text", "queue_name"),
        "interval_unix_ms": _field("instant", "start_time", "start_time_interval", "interval_start"),
        "offered": _field("count", "offered_count", "total_offered", "total_offered_count", "offered"),
        "answered": _field("count", "answered_count", "handled_count", "total_answered_users", "total_handled_count", "answered"),
        "answered_in_sl": _field("count", "answered_in_service_level_count", "in_service_level_count", "answered_in_sl"),
        "abandoned": _field("count", "abandoned_count", "total_abandoned", "total_abandoned_count", "abandoned"),
        "short_abandoned": _field("count", "short_abandoned_count", "short_abandoned"),
        "flow_out": _field("count", "overflow_count", "flow_out_count", "overflowed_count", "flow_out"),
        "wait_ms_total": _field("duration", "total_queue_wait_duration", "total_waiting_duration", "waiting_duration"),
    },
    "disposition": {
        "disposition_id": _field("id", "disposition_id"),
        "name": _field("text", "disposition_name", "name"),
        "level1": _field("text", "level_1", "level1", "disposition_set_name"),
        "level2": _field("text", "level_2", "level2", "sub_disposition_name"),
        "is_resolved": _field("flag", "is_resolved", "resolved"),
    },
    "agent_timecard": {
        "user_id": _field("id", "user_id", "agent_id"),
        "start_unix_ms": _field("instant", "start_time", "status_start_time"),
        "end_unix_ms": _field("instant", "end_time", "status_end_time"),
        "status": _field("text", "user_status", "agent_status", "status"),
        "sub_status": _field("text", "user_sub_status", "agent_sub_status", "sub_status"),
        "ready_ms": _field("duration", "ready_duration"),
        "occupied_ms": _field("duration", "occupied_duration"),
        "not_ready_ms": _field("duration", "not_ready_duration"),
    },
    "flow_performance": {
        "engagement_id": _field("id", "engagement_id"),
        "flow_id": _field("id", "flow_id"),
        "flow_name": _field("text", "flow_name"),
        "run_id": _field("id", "flow_execution_id"),
        "enter_unix_ms": _field("instant", "enter_time", "flow_enter_time", "start_time"),
        "exit_unix_ms": _field("instant", "exit_time", "flow_exit_time", "end_time"),
        "flow_ms": _field("duration", "flow_duration", "duration"),
    },
    "engagement_timelines": {
        "engagement_id": _field("id", "engagement_id"),
        "start_unix_ms": _field("instant", "start_time", "event_time", "time"),
        "step": _field("text", "event", "event_name", "event_type", "timeline_type", "type", "step"),
        "end_unix_ms": _field("instant", "end_time"),
        "duration_ms": _field("duration", "duration"),
        "user_id": _field("id", "user_id", "agent_id"),
        "queue_id": _field("id", "queue_id", "cc_queue_id"),
        "flow_id": _field("id", "flow_id"),
    },
    "agents": {
        "user_id": _field("id", "user_id", "agent_id"),
        "display_name": _field("text", "display_name", "user_name", "agent_name", "name"),
        "team_id": _field("id", "team_id"),
        "team_name": _field("text", "team_name", "team"),
        "hire_date": _field("date", "hire_date", "hired"),
        "spoken_languages": _field("languages", "spoken_languages", "languages"),
        "valid_from": _field("date", "valid_from", "since"),
    },
    "queues": {
        "queue_id": _field("id", "queue_id", "cc_queue_id"),
        "queue_name": _field("text", "queue_name", "name"),
        "queue_group": _field("text", "queue_group", "group"),
        "sl_seconds": _field("count", "sl_seconds", "service_level_threshold_in_seconds"),
        "sl_target_pct": _field("percentage", "sl_target_pct", "service_level_target_in_percentage"),
        "valid_from": _field("date", "valid_from", "since"),
    },
}
"""Headings as `heading` spells them. Zoom's names: analytics reference 3.1, and the changes that Zoom lists for its reports."""

TOLD_BY: tuple[tuple[Dataset, tuple[str, ...]], ...] = (
    ("agent_timecard", ("user_id", "start_unix_ms", "status")),
    ("engagement_timelines", ("engagement_id", "start_unix_ms", "step")),
    ("flow_performance", ("engagement_id", "flow_id", "enter_unix_ms")),
    ("agent_performance", ("engagement_id", "user_id", "acw_ms")),
    ("engagement", ("engagement_id",)),
    ("queue_performance", ("queue_id", "interval_unix_ms", "offered")),
    ("disposition", ("disposition_id", "name")),
    ("agents", ("user_id",)),
    ("queues", ("queue_id",)),
)
"""The fields that tell a kind of file, the most particular first."""

KNOWN = frozenset(heading for fields in FIELDS.values() for field in fields.values() for heading in field.headings)

_UNIT = re.compile(r"_(ms|milliseconds|s|sec|secs|seconds|hh_mm_ss)$")


def heading(text: str) -> tuple[str, str | None]:
    """Return a heading in one spelling, and the unit it names."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    if plain in ("sl_seconds", "service_level_threshold_in_seconds"):  # the unit is part of the name
        return plain, None
    unit = _UNIT.search(plain)
    return (plain[: unit.start()], unit[1]) if unit else (plain, None)
