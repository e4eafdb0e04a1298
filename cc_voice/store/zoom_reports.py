"""Zoom's reports: what Zoom knows and the stream does not, exported reports of Zoom Contact Center, the JSON of its historical
datasets, and a site's own rosters of agents and queues.

A file is taken as a whole or not at all. Its kind is told by its columns, which may have the names of Zoom's API or those of the
web portal's CSV (`Wrap-up Duration (sec)`); further columns are left out, as are numbers and names of customers.
Durations are seconds where neither the heading nor the value (`0:01:23`) says otherwise. Zoom's documents do not give their unit.
"""

import csv
import datetime
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from cc_voice.config import languages

Dataset = Literal["agent_performance", "engagement", "queue_performance", "disposition", "agents", "queues"]


class ReportError(Exception):
    """A file cannot be taken; the message names the row and what to do. Nothing of the file is stored."""


class AgentLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's handling of one engagement, as Zoom booked it."""

    engagement_id: str
    user_id: str
    start_unix_ms: int
    acw_ms: int | None = None
    origin_method: str | None = None


class Engagement(msgspec.Struct, frozen=True, kw_only=True):
    """One engagement."""

    engagement_id: str
    direction: str | None = None
    channel_source: str | None = None
    queue_wait_ms: int | None = None
    abandoned: bool | None = None
    disposition_id: str | None = None
    disposition_name: str | None = None


class QueueInterval(msgspec.Struct, frozen=True, kw_only=True):
    """A queue in a quarter of an hour (or whatever the report's interval is)."""

    queue_id: str
    queue_name: str | None = None
    interval_unix_ms: int
    offered: int | None = None
    answered: int | None = None
    answered_in_sl: int | None = None
    abandoned: int | None = None
    short_abandoned: int | None = None
    flow_out: int | None = None
    wait_ms_total: int | None = None


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent can say about how an engagement ended."""

    disposition_id: str
    name: str
    level1: str | None = None
    level2: str | None = None
    is_resolved: bool | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the roster: what is true of an agent from a day on."""

    user_id: str
    display_name: str | None = None
    team_id: str | None = None
    team_name: str | None = None
    hire_date: str | None = None
    """ISO date."""
    spoken_languages: str | None = None
    """BCP-47 tags, separated by spaces."""
    valid_from: str | None = None
    """ISO date, local to the site; None: from the day of the import."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of a queue from a day on."""

    queue_id: str
    queue_name: str | None = None
    queue_group: str | None = None
    sl_seconds: int | None = None
    sl_target_pct: float | None = None
    valid_from: str | None = None


Record = AgentLeg | Engagement | QueueInterval | Disposition | Agent | Queue

RECORDS: dict[Dataset, type[Record]] = {
    "agent_performance": AgentLeg,
    "engagement": Engagement,
    "queue_performance": QueueInterval,
    "disposition": Disposition,
    "agents": Agent,
    "queues": Queue,
}


class _Field(msgspec.Struct, frozen=True):
    """A field of a record: how its text is read, and the headings it may have, without units."""

    kind: str
    headings: tuple[str, ...]


def _field(kind: str, *headings: str) -> _Field:
    return _Field(kind, headings)


_FIELDS: dict[Dataset, dict[str, _Field]] = {
    "agent_performance": {
        "engagement_id": _field("text", "engagement_id"),
        "user_id": _field("text", "user_id", "agent_id"),
        "start_unix_ms": _field("instant", "start_time", "leg_start_time"),
        "acw_ms": _field("duration", "wrap_up_duration", "wrapup_duration", "acw_duration"),
        "origin_method": _field("text", "origin_method"),
    },
    "engagement": {
        "engagement_id": _field("text", "engagement_id"),
        "direction": _field("lower", "direction"),
        "channel_source": _field("text", "channel_source", "enter_channel_source"),
        "queue_wait_ms": _field("duration", "waiting_duration", "queue_wait_duration", "wait_duration"),
        "abandoned": _field("flag", "abandoned_count", "abandoned"),
        "disposition_id": _field("text", "disposition_id"),
        "disposition_name": _field("text", "disposition_name", "disposition"),
    },
    "queue_performance": {
        "queue_id": _field("text", "queue_id", "cc_queue_id"),
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
        "disposition_id": _field("text", "disposition_id"),
        "name": _field("text", "disposition_name", "name"),
        "level1": _field("text", "level_1", "level1", "disposition_set_name"),
        "level2": _field("text", "level_2", "level2", "sub_disposition_name"),
        "is_resolved": _field("flag", "is_resolved", "resolved"),
    },
    "agents": {
        "user_id": _field("text", "user_id", "agent_id"),
        "display_name": _field("text", "display_name", "user_name", "agent_name", "name"),
        "team_id": _field("text", "team_id"),
        "team_name": _field("text", "team_name", "team"),
        "hire_date": _field("date", "hire_date", "hired"),
        "spoken_languages": _field("languages", "spoken_languages", "languages"),
        "valid_from": _field("date", "valid_from", "since"),
    },
    "queues": {
        "queue_id": _field("text", "queue_id", "cc_queue_id"),
        "queue_name": _field("text", "queue_name", "name"),
        "queue_group": _field("text", "queue_group", "group"),
        "sl_seconds": _field("count", "sl_seconds", "service_level_threshold_in_seconds"),
        "sl_target_pct": _field("number", "sl_target_pct", "service_level_target_in_percentage"),
        "valid_from": _field("date", "valid_from", "since"),
    },
}
"""Headings after `_heading`. Zoom's names: analytics reference 3.1, and the changes that Zoom lists for its reports."""

_TOLD_BY: tuple[tuple[Dataset, tuple[str, ...]], ...] = (
    ("agent_performance", ("engagement_id", "user_id", "acw_ms")),
    ("engagement", ("engagement_id",)),
    ("queue_performance", ("queue_id", "interval_unix_ms", "offered")),
    ("disposition", ("disposition_id", "name")),
    ("agents", ("user_id",)),
    ("queues", ("queue_id",)),
)
"""The fields that tell a kind of file, the most particular first."""

_UNIT = re.compile(r"_(ms|milliseconds|s|sec|secs|seconds|hh_mm_ss)$")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_FLAGS = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}
_ROWS = msgspec.json.Decoder(Any)


class ReportRecords(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds."""

    dataset: Dataset
    records: tuple[Record, ...]
    left_out: tuple[str, ...]
    """Headings that are not known: their columns were left out."""


def read(path: Path, timezone: str, dataset: Dataset | None = None, durations_in_ms: bool = False) -> ReportRecords:
    """Read a file; times without a zone are the site's. Raises ReportError, OSError."""
    rows = list(_json_rows(path) if path.suffix.lower() in (".json", ".jsonl", ".ndjson") else _csv_rows(path))
    if not rows:
        raise ReportError(f"{path} has no rows")
    known = {_heading(name)[0]: name for row in rows for name in row}
    kind = dataset or _kind(path, known)
    columns = {name: next((h for h in field.headings if h in known), None) for name, field in _FIELDS[kind].items()}
    reader = _Reader(kind, timezone, durations_in_ms)
    records = []
    for number, row in enumerate(rows, start=1):
        plain = {_heading(name)[0]: (value, _heading(name)[1]) for name, value in row.items()}
        try:
            records.append(reader.record({name: plain.get(heading or "", (None, None)) for name, heading in columns.items()}))
        except ValueError as error:
            raise ReportError(f"{path}, row {number}: {error}; nothing was taken, correct it and repeat") from error
    left_out = tuple(sorted(set(known) - set(filter(None, columns.values()))))
    return ReportRecords(dataset=kind, records=tuple(records), left_out=left_out)


def _kind(path: Path, known: Mapping[str, str]) -> Dataset:
    for dataset, needed in _TOLD_BY:
        if all(set(_FIELDS[dataset][name].headings).intersection(known) for name in needed):
            return dataset
    raise ReportError(
        f"{path} has the columns {', '.join(sorted(known))[:200]}, which are those of no report that is known; see "
        "analytics/README.md, or name what it is with --dataset"
    )


def _heading(text: str) -> tuple[str, str | None]:
    """Return a heading in one spelling, and the unit it names."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    if plain in ("sl_seconds", "service_level_threshold_in_seconds"):  # the unit is part of the name
        return plain, None
    unit = _UNIT.search(plain)
    return (plain[: unit.start()], unit[1]) if unit else (plain, None)


class _Reader:
    """Makes records of rows of text."""

    def __init__(self, dataset: Dataset, timezone: str, durations_in_ms: bool) -> None:
        self._dataset = dataset
        self._zone = zoneinfo.ZoneInfo(timezone)
        self._in_ms = durations_in_ms
        self._kinds: dict[str, Callable[[str, str | None], Any]] = {
            "text": lambda text, _: text,
            "lower": lambda text, _: text.lower(),
            "instant": lambda text, _: self._instant(text),
            "date": lambda text, _: datetime.date.fromisoformat(text).isoformat(),
            "duration": self._duration,
            "count": lambda text, _: _count(text),
            "number": lambda text, _: float(text),
            "flag": lambda text, _: _flag(text),
            "languages": lambda text, _: " ".join(languages.tag(tag) for tag in re.split(r"[\s,;|]+", text) if tag),
        }

    def record(self, values: Mapping[str, tuple[Any, str | None]]) -> Record:
        """Return a row's record. Raises ValueError with what is wrong."""
        found: dict[str, Any] = {}
        for name, (value, unit) in values.items():
            text = "" if value is None else str(value).strip()
            field = _FIELDS[self._dataset][name]
            if text in ("", "-", "--", "N/A"):
                continue
            try:
                found[name] = self._kinds[field.kind](text, unit)
            except ValueError as error:
                raise ValueError(f"{field.headings[0]} is {text[:40]!r}, which is no {field.kind}") from error
        kind = RECORDS[self._dataset]
        needed = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in found]
        if needed:
            raise ValueError(f"{_FIELDS[self._dataset][needed[0]].headings[0]} is missing")
        return kind(**found)

    def _instant(self, text: str) -> int:
        at = datetime.datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=self._zone)).timestamp() * 1000)

    def _duration(self, text: str, unit: str | None) -> int:
        if clock := _CLOCK.fullmatch(text):
            return round((int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])) * 1000)
        number = float(text)
        if not 0 <= number < 1e12:  # also what is no number
            raise ValueError(text)
        in_ms = unit in ("ms", "milliseconds") or (unit is None and self._in_ms)
        return round(number if in_ms else number * 1000)


def _count(text: str) -> int:
    number = float(text)
    if number < 0 or number != int(number):
        raise ValueError(text)
    return int(number)


def _flag(text: str) -> bool:
    return _FLAGS[text.lower()] if text.lower() in _FLAGS else _count(text) > 0


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, strict=True, restkey="", restval="")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"{path} is no CSV in UTF-8: {error}") from error


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a page of Zoom's, of a list of pages or of rows, or of a file with one of them on each line."""
    data = path.read_bytes()
    try:
        pages: Sequence[Any] = [_ROWS.decode(data)]
    except msgspec.DecodeError:
        try:
            pages = [_ROWS.decode(line) for line in data.splitlines() if line.strip()]
        except msgspec.DecodeError as error:
            raise ReportError(f"{path} is no JSON: {error}") from error
    for page in pages:
        yield from _rows_of(page)


def _rows_of(page: Any) -> Iterator[dict[str, Any]]:
    if isinstance(page, list):
        for item in page:
            yield from _rows_of(item)
    elif isinstance(page, dict):
        listed = [value for value in page.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        if "next_page_token" in page or (listed and "engagement_id" not in page and "queue_id" not in page):
            for rows in listed:
                yield from _rows_of(rows)
        elif "next_page_token" not in page:
            yield _flat(page)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with what its lists of objects (`queues`, `agents`, `channels`) tell of the first one beside its own fields."""
    plain = {name: value for name, value in row.items() if not isinstance(value, list | dict)}
    for value in row.values():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            plain = {name: one for name, one in inner.items() if not isinstance(one, list | dict)} | plain
    return plain
