"""Reports of Zoom Contact Center, the JSON of its historical datasets, and a site's own rosters: the records in them.

A file is taken as a whole or not at all. Its kind is told by its columns, which may have the names of Zoom's API or those of the
web portal's CSV (`Wrap-up Duration (sec)`); further columns are left out, as are numbers and names of customers.
Durations are seconds where neither the heading nor the value (`0:01:23`) says otherwise. Zoom's documents do not give their unit.

How a file becomes rows is `report_rows`, what columns there are `report_headings`, what a cell means `report_values`.
"""

import datetime
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from cc_voice.config import languages
from cc_voice.store import report_values
from cc_voice.store.report_headings import FIELDS, KNOWN, TOLD_BY, heading
from cc_voice.store.report_headings import Dataset as Dataset
from cc_voice.store.report_rows import FileError, Row, Rows, read_rows


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


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A time for which an agent had a status; of the durations the status has one."""

    user_id: str
    start_unix_ms: int
    end_unix_ms: int | None = None
    status: str
    sub_status: str | None = None
    ready_ms: int | None = None
    occupied_ms: int | None = None
    not_ready_ms: int | None = None


class FlowRun(msgspec.Struct, frozen=True, kw_only=True):
    """An engagement's way through a flow (menus, announcements), before or between queues."""

    engagement_id: str
    flow_id: str
    flow_name: str | None = None
    run_id: str | None = None
    """Zoom's id of this run; None: flow and time tell it."""
    enter_unix_ms: int
    exit_unix_ms: int | None = None
    flow_ms: int | None = None


class TimelineStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of an engagement: entered a flow, waited in a queue, was answered, transferred …, in Zoom's words."""

    engagement_id: str
    start_unix_ms: int
    step: str
    end_unix_ms: int | None = None
    duration_ms: int | None = None
    user_id: str | None = None
    queue_id: str | None = None
    flow_id: str | None = None


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


Record = AgentLeg | Engagement | QueueInterval | Disposition | AgentStatus | FlowRun | TimelineStep | Agent | Queue

RECORDS: dict[Dataset, type[Record]] = {
    "agent_performance": AgentLeg,
    "engagement": Engagement,
    "queue_performance": QueueInterval,
    "disposition": Disposition,
    "agent_timecard": AgentStatus,
    "flow_performance": FlowRun,
    "engagement_timelines": TimelineStep,
    "agents": Agent,
    "queues": Queue,
}


_NOTHING = frozenset({"", "-", "--", "–", "—", "n/a", "null", "none"})
_TOTALS = re.compile(
    r"(grand |sub ?)?(totals?|sums?|averages?)|"
    r"(zwischen|gesamt)?summe|gesamt|insgesamt|durchschnitt|total (général|general)|totale|"
    r"moyenne|media|promedio|合計|小計|总计|합계",
    re.IGNORECASE,
)
"""What spreadsheets and portals write into the first cell of a row that adds up the others."""
_SAYS_NOTHING = {"agents": ("user_id", "valid_from"), "queues": ("queue_id", "valid_from")}
"""Fields that alone say nothing of anybody."""
_SERIES: dict[Dataset, tuple[str, ...]] = {"queue_performance": ("queue_id", "interval_unix_ms")}
"""Datasets in which a thing has one row for each time, and which: two would replace each other."""
_REPEATED_SHOWN = 3


class ReportRecords(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds."""

    dataset: Dataset
    records: tuple[Record, ...]
    left_out: tuple[str, ...]
    """Headings that are not known: their columns were left out."""
    notes: tuple[str, ...] = ()
    """How the file was understood where it was not plain, and which rows were left out."""


def read(path: Path, timezone: str, dataset: Dataset | None = None, durations_in_ms: bool | None = None) -> ReportRecords:
    """Read a file; times without a zone are the site's. Raises ReportError, OSError.

    `durations_in_ms` is the unit where a heading names none; None: seconds, unless the times of the rows say otherwise.
    """
    try:
        found = read_rows(path, lambda text: heading(text)[0] in KNOWN)
    except FileError as error:
        raise ReportError(str(error)) from error
    if not found.rows:
        raise ReportError(f"{path} has no rows")
    known = {heading(name)[0]: name for row in found.rows for name in row.values}
    kind = dataset or _kind(path, known)
    columns = {name: next((h for h in field.headings if h in known), None) for name, field in FIELDS[kind].items()}
    zone = zoneinfo.ZoneInfo(timezone)
    fit_ms = durations_in_ms is None and report_values.fit_ms_only(list(_lengths(found, zone)))
    reader = _Reader(path, kind, zone, durations_in_ms or fit_ms, found.decimal)
    records, notes = reader.records(found, columns)
    if fit_ms:
        notes.append("durations are read as milliseconds: as seconds they would be longer than what they are parts of")
    left_out = tuple(sorted(set(known) - set(filter(None, columns.values()))))
    return ReportRecords(dataset=kind, records=tuple(records), left_out=left_out, notes=(*found.notes, *notes))


def _kind(path: Path, known: Mapping[str, str]) -> Dataset:
    for dataset, needed in TOLD_BY:
        if all(set(FIELDS[dataset][name].headings).intersection(known) for name in needed):
            return dataset
    raise ReportError(
        f"{path} has the columns {', '.join(sorted(known))[:200]}, which are those of no report that is known; see "
        "analytics/README.md, or name what it is with --dataset"
    )


def _lengths(found: Rows, zone: zoneinfo.ZoneInfo) -> Iterator[tuple[float, float]]:
    """Yield durations whose heading names no unit, with the seconds between begin and end of their row."""
    for row in found.rows:
        plain = {heading(name): str(value) for name, value in row.values.items() if value is not None}
        try:
            times = [report_values.local_time(plain[name, None], zone) for name in (_begin(plain), _end(plain))]
            span_s = (times[1] - times[0]).total_seconds()
        except (KeyError, ValueError):
            continue
        for (name, unit), text in plain.items():
            if name.endswith("duration") and unit is None:
                with suppress(ValueError):
                    yield report_values.number(text, found.decimal), span_s


def _begin(plain: Mapping[tuple[str, str | None], str]) -> str:
    return "enter_time" if ("enter_time", None) in plain else "start_time"


def _end(plain: Mapping[tuple[str, str | None], str]) -> str:
    return "exit_time" if ("exit_time", None) in plain else "end_time"


class _Cell(msgspec.Struct, frozen=True):
    """A cell that says something: its text, the heading as it stands in the file, and the unit that names."""

    text: str
    heading: str
    unit: str | None


class _Reader:
    """Makes records of the rows of one file."""

    def __init__(self, path: Path, dataset: Dataset, zone: zoneinfo.ZoneInfo, durations_in_ms: bool, decimal: str) -> None:
        self._path = path
        self._dataset = dataset
        self._fields = FIELDS[dataset]
        self._zone = zone
        values = report_values
        self._kinds: dict[str, Callable[[_Cell], Any]] = {
            "text": lambda cell: cell.text,
            "id": lambda cell: values.identifier(cell.text),
            "lower": lambda cell: cell.text.lower(),
            "instant": lambda cell: values.local_time(cell.text, self._zone),
            "date": lambda cell: values.day(cell.text),
            "duration": lambda cell: values.duration_ms(cell.text, cell.unit, durations_in_ms, decimal),
            "count": lambda cell: values.count(cell.text, decimal),
            "percentage": lambda cell: values.percent(cell.text, decimal),
            "flag": lambda cell: values.flag(cell.text, decimal),
            "languages": lambda cell: " ".join(languages.tag(tag) for tag in re.split(r"[\s,;|]+", cell.text) if tag),
        }

    def records(self, found: Rows, columns: Mapping[str, str | None]) -> tuple[list[Record], list[str]]:
        """Return the records of all rows, and notes on rows that were left out. Raises ReportError."""
        read: list[tuple[Row, dict[str, Any]]] = []
        totals: list[int] = []
        silent: list[int] = []
        for row in found.rows:
            cells = self._cells(row, columns)
            if self._adds_up(row, cells):
                totals.append(row.number)
            elif self._dataset in _SAYS_NOTHING and cells and set(cells) <= set(_SAYS_NOTHING[self._dataset]):
                silent.append(row.number)
            else:
                read.append((row, self._values(row, cells)))
        self._check_ids(read)
        notes = self._place(read)
        records = [self._record(values) for _, values in read]
        self._check_repeats(read, records)
        if totals:
            notes.append(f"rows of totals left out: {_listed(totals)}")
        if silent:
            notes.append(f"rows that say nothing but an id left out: {_listed(silent)}")
        return records, notes

    def _cells(self, row: Row, columns: Mapping[str, str | None]) -> dict[str, _Cell]:
        """Return field → cell of what a row says. An error of the spreadsheet is refused."""
        plain = {heading(name)[0]: (value, name) for name, value in row.values.items()}
        cells: dict[str, _Cell] = {}
        for name, column in columns.items():
            value, told = plain.get(column or "", (None, ""))
            text = "" if value is None else str(value).strip()
            if text.lower() in _NOTHING:
                continue
            if report_values.spreadsheet_error(text):
                raise self._wrong(row, f"{told} is {text!r}, an error of the spreadsheet that the file comes from")
            cells[name] = _Cell(text, told, heading(told)[1])
        return cells

    def _adds_up(self, row: Row, cells: Mapping[str, _Cell]) -> bool:
        """Whether a row is the sum of the others: it says so where its id should be, or has no id and says so elsewhere."""
        first = next(iter(self._fields))
        if first in cells:
            return _TOTALS.fullmatch(cells[first].text.rstrip(": ")) is not None
        return any(isinstance(value, str) and _TOTALS.fullmatch(value.strip().rstrip(": ")) for value in row.values.values())

    def _values(self, row: Row, cells: Mapping[str, _Cell]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, cell in cells.items():
            kind = self._fields[name].kind
            try:
                values[name] = self._kinds[kind](cell)
            except (ValueError, OverflowError) as error:
                why = "" if str(error) == cell.text else f" ({error})"
                raise self._wrong(row, f"{cell.heading} is {cell.text[:40]!r}, which is no {kind}{why}") from error
        kinds = msgspec.structs.fields(RECORDS[self._dataset])
        missing = [field.name for field in kinds if field.required and field.name not in values]
        if missing:
            raise self._wrong(row, f"{self._fields[missing[0]].headings[0]} is missing")
        return values

    def _check_ids(self, read: Sequence[tuple[Row, dict[str, Any]]]) -> None:
        for name in (name for name, field in self._fields.items() if field.kind == "id"):
            if report_values.is_cut_off([values[name] for _, values in read if name in values]):
                row, values = next((row, values) for row, values in read if len(values.get(name, "")) > 15)
                raise self._wrong(
                    row,
                    f"{self._fields[name].headings[0]} is {values[name]!r}, and every long one ends in zeros: a spreadsheet "
                    "rounded them; export again and do not open the file in between",
                )

    def _place(self, read: Sequence[tuple[Row, dict[str, Any]]]) -> list[str]:
        """Turn times into instants (Unix ms), those of the hour that comes twice by the order of rows, and return notes on them."""
        times = [name for name, field in self._fields.items() if field.kind == "instant"]
        doubtful = [(row, values) for row, values in read for name in times if name in values and self._is_twofold(values[name])]
        notes: list[str] = []
        if doubtful:
            notes = [self._place_series(read, doubtful[0][0]) if self._dataset in _SERIES else self._first_of_both(doubtful)]
        for _, values in read:
            for name in times:
                if name in values:
                    values[name] = int(values[name].timestamp() * 1000)
        return notes

    def _is_twofold(self, at: datetime.datetime) -> bool:
        return report_values.is_twofold(at, self._zone)

    def _first_of_both(self, doubtful: Sequence[tuple[Row, dict[str, Any]]]) -> str:
        return f"times in the hour that comes twice in {self._zone.key} were taken as the first of both: {len(doubtful)}"

    def _place_series(self, read: Sequence[tuple[Row, dict[str, Any]]], first: Row) -> str:
        natural, time = _SERIES[self._dataset]
        series: dict[str, list[dict[str, Any]]] = {}
        for _, values in read:
            series.setdefault(values[natural], []).append(values)
        for of_one in series.values():
            if not any(self._is_twofold(values[time]) for values in of_one):
                continue
            placed = report_values.in_order([values[time] for values in of_one], self._zone)
            if placed is None:
                raise self._wrong(
                    first,
                    f"clocks in {self._zone.key} showed that hour twice, and the order of rows does not tell which is "
                    "meant; give times with a zone (2026-10-25T02:00:00+02:00)",
                )
            for values, at in zip(of_one, placed, strict=True):
                values[time] = at
        return f"the hour that comes twice in {self._zone.key} was told apart by the order of rows"

    def _check_repeats(self, read: Sequence[tuple[Row, dict[str, Any]]], records: Sequence[Record]) -> None:
        """Refuse rows that would replace each other. The same row again is no harm."""
        if self._dataset not in _SERIES:
            return
        names = _SERIES[self._dataset]
        seen: dict[tuple[Any, ...], tuple[int, Record]] = {}
        for (row, values), record in zip(read, records, strict=True):
            number, other = seen.setdefault(tuple(values[name] for name in names), (row.number, record))
            if other != record:
                raise self._wrong(
                    row, f"row {number} is of the same {names[0]} and time; one row for each, of all channels together"
                )

    def _record(self, values: Mapping[str, Any]) -> Record:
        return RECORDS[self._dataset](**values)

    def _wrong(self, row: Row, why: str) -> ReportError:
        return ReportError(f"{self._path}, row {row.number}: {why}; nothing was taken, correct it and repeat")


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_REPEATED_SHOWN]))
    return shown if len(numbers) <= _REPEATED_SHOWN else f"{shown} … ({len(numbers)})"
