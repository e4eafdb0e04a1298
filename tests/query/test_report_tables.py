"""Tables of reports for reading: their units and times, and why there is no row."""

import datetime
import zoneinfo
from collections.abc import Iterator

import polars as pl
import pytest

from cc_voice.query import report_tables, reports
from cc_voice.query.scope import EVERYTHING
from tests.stored_calls import Connection, golden_call, new_store, write

DAYS = {"since": "2026-09-01", "until": "2026-10-01"}


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        write(store, golden_call())
        yield store


def test_a_table_has_title_parameters_units_and_rows(con: Connection) -> None:
    found = report_tables.table(con, EVERYTHING, "agent-talk", DAYS, "Europe/Berlin")
    assert (found.title, found.timezone, found.asked) == ("Who talks how much, and how fast?", "Europe/Berlin", DAYS)
    units = dict(zip(found.columns, found.units, strict=True))
    assert (units["agent_name"], units["n_legs"], units["agent_talk_pct_ros"]) == ("", "count", "%")
    assert units["longest_monologue_ms_agent"] == "ms"
    assert len(found.rows) == 1
    assert found.no_rows is None


def test_every_number_of_every_report_has_a_unit(con: Connection) -> None:
    """By its description, or by the grammar of its name."""
    asked = {"phrase": "x", "change": "2026-09-20", "engagement": "e"}
    without = set()
    for report in reports.list_reports():
        given = {param.name: asked[param.name] for param in report.params if param.default is None}
        found = report_tables.table(con, EVERYTHING, report.name, given, "UTC")
        frame = reports.answer(con, EVERYTHING, report.name, given)
        without |= {
            name
            for name, unit, kind in zip(frame.columns, found.units, frame.dtypes, strict=True)
            if kind.is_numeric() and not unit
        }
    assert without == set()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (datetime.datetime(2026, 7, 1, 12, 0, 0, tzinfo=datetime.UTC), "2026-07-01 14:00:00"),
        (datetime.datetime(2026, 12, 1, 12, 0, 0), "2026-12-01 13:00:00"),
        (datetime.date(2026, 12, 1), "2026-12-01"),
        (1.25, "1.2"),
        (None, "–"),
    ],
)
def test_times_are_those_of_the_site(value: object, told: str) -> None:
    assert report_tables.cell(value, zoneinfo.ZoneInfo("Europe/Berlin")) == told
    assert report_tables.unit("said_ts", pl.Datetime("us", "UTC"), "Europe/Berlin") == "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        (
            "agent-talk",
            {"since": "2026-01-01", "until": "2026-01-31"},
            "no call from 2026-01-01 to 2026-01-31; what is stored (1 call) is",
        ),
        ("agent-talk", {"since": "2026-10-01", "until": "2026-09-01"}, "the period ends before it begins"),
        ("agent-talk", {**DAYS, "queue": "Biling"}, "no queue is called 'Biling'; there are: none, as no event has named one"),
        ("monologues", {**DAYS, "agent": "Anna"}, "no agent is called 'Anna'; there are: ana"),
        ("monologues", DAYS, "there is nothing in 1 call that fits what was asked: since=2026-09-01"),
        ("service-level", DAYS, "no queue_performance report of Zoom's was taken yet: cc-voice enrich FILE"),
        ("timeline", {"engagement": "e"}, "no engagement_timelines report of Zoom's was taken yet"),
    ],
)
def test_why_there_is_no_row(con: Connection, name: str, params: dict[str, str], told: str) -> None:
    found = report_tables.table(con, EVERYTHING, name, params, "UTC")
    assert found.rows == []
    assert str(found.no_rows).startswith(told)


def test_a_site_without_calls_says_so() -> None:
    with new_store() as con:
        assert "there is no measured call yet" in str(report_tables.table(con, EVERYTHING, "days", {}, "UTC").no_rows)
