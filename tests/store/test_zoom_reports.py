"""Reports of Zoom's and rosters: told by their columns, read whole or not at all."""

from pathlib import Path

import pytest

from cc_voice.store import zoom_reports
from cc_voice.store.zoom_reports import Agent, AgentLeg, Engagement, Queue, QueueInterval, ReportError, ReportRecords

ZONE = "Europe/Berlin"
AT = 1_793_610_000_000
"""2026-11-02 10:00 in Berlin."""


def read(tmp_path: Path, name: str, text: str, **options: object) -> ReportRecords:
    path = tmp_path / name
    path.write_text(text)
    return zoom_reports.read(path, ZONE, **options)  # type: ignore[arg-type]


def test_headings_of_the_portal_and_of_the_api_mean_the_same(tmp_path: Path) -> None:
    portal = "\ufeffEngagement ID,User ID,Start Time,Wrap-up Duration (sec),Consumer Number\r\n"
    portal += "E1,u1,2026-11-02 10:00:00,90,+49301\r\n"
    api = """{"from": "x", "next_page_token": "", "users": [
        {"engagement_id": "E1", "user_id": "u1", "start_time": "2026-11-02T09:00:00Z", "wrap_up_duration": 90, "queues": []}]}"""
    leg = AgentLeg(engagement_id="E1", user_id="u1", start_unix_ms=AT, acw_ms=90_000)
    for found in (read(tmp_path, "a.csv", portal), read(tmp_path, "a.json", api)):
        assert (found.dataset, found.records) == ("agent_performance", (leg,))
    assert read(tmp_path, "a.csv", portal).left_out == ("consumer_number",)


def test_what_stands_in_lists_of_one_is_found(tmp_path: Path) -> None:
    pages = """[{"next_page_token": "n", "engagements": [{"engagement_id": "E1", "direction": "Inbound", "waiting_duration": 12.5,
        "channels": [{"channel": "voice", "channel_source": "phone_number"}], "abandoned_count": 0}]},
        {"next_page_token": "", "engagements": []}]"""
    (record,) = read(tmp_path, "e.json", pages).records
    assert record == Engagement(
        engagement_id="E1", direction="inbound", channel_source="phone_number", queue_wait_ms=12_500, abandoned=False
    )


@pytest.mark.parametrize(
    ("heading", "value", "ms"),
    [
        ("waiting_duration", "1:02:03", 3_723_000),
        ("waiting_duration", "02:03", 123_000),
        ("Waiting Duration (ms)", "1500", 1_500),
        ("waiting_duration", "1.5", 1_500),
        ("waiting_duration", "", None),
        ("waiting_duration", "--", None),
    ],
)
def test_durations(tmp_path: Path, heading: str, value: str, ms: int | None) -> None:
    (record,) = read(tmp_path, "e.csv", f"engagement_id,{heading}\nE1,{value}\n").records
    assert isinstance(record, Engagement)
    assert record.queue_wait_ms == ms


def test_durations_in_milliseconds_where_the_user_says_so(tmp_path: Path) -> None:
    (record,) = read(tmp_path, "e.csv", "engagement_id,waiting_duration\nE1,1500\n", durations_in_ms=True).records
    assert isinstance(record, Engagement)
    assert record.queue_wait_ms == 1_500


def test_queue_reports_and_rosters(tmp_path: Path) -> None:
    text = "queue_id,start_time,offered_count,answered_count,abandoned_count\nQ1,2026-11-02T10:00:00+01:00,10,8,2\n"
    assert read(tmp_path, "q.csv", text).records == (
        QueueInterval(queue_id="Q1", interval_unix_ms=AT, offered=10, answered=8, abandoned=2),
    )
    roster = 'user_id,name,team,hire_date,languages\nu1,Mary Taylor,Blue,2026-01-15,"en, es_mx"\n'
    assert read(tmp_path, "a.csv", roster).records == (
        Agent(user_id="u1", display_name="Mary Taylor", team_name="Blue", hire_date="2026-01-15", spoken_languages="en es-MX"),
    )
    assert read(tmp_path, "s.csv", "queue_id,sl_seconds,sl_target_pct\nQ1,20,80\n").records == (
        Queue(queue_id="Q1", sl_seconds=20, sl_target_pct=80.0),
    )


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "engagement_id,waiting_duration\nE1,5\nE2,soon\n", "row 2: waiting_duration is 'soon', which is no duration"),
        ("a.csv", "engagement_id,waiting_duration\nE1,-5\n", "no duration"),
        ("a.csv", "engagement_id,waiting_duration\nE1,nan\n", "no duration"),
        ("a.csv", "engagement_id,waiting_duration\n,5\n", "row 1: engagement_id is missing"),
        ("a.csv", "user_id,hire_date\nu1,15.1.2026\n", "hire_date is '15.1.2026', which is no date"),
        ("a.csv", "user_id,languages\nu1,english\n", "no languages"),
        ("a.csv", "queue_id,start_time,offered_count\nQ,2026-11-02,2.5\n", "no count"),
        ("a.csv", "colour,shape\nred,round\n", "the columns colour, shape, which are those of no report"),
        ("a.csv", "engagement_id\n", "has no rows"),
        ("a.json", "{", "is no JSON"),
        ("a.csv", 'engagement_id\n"E1\n', "is no CSV"),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_row(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(ReportError) as error:
        read(tmp_path, name, text)
    assert told in str(error.value)
