"""Reports of Zoom's and rosters: told by their columns, read whole or not at all."""

from pathlib import Path

import pytest

from cc_voice.store import zoom_reports
from cc_voice.store.zoom_reports import (
    Agent,
    AgentLeg,
    AgentStatus,
    Engagement,
    FlowRun,
    Queue,
    QueueInterval,
    ReportError,
    ReportRecords,
    TimelineStep,
)

ZONE = "Europe/Berlin"
AT = 1_793_610_000_000
"""2026-11-02 10:00 in Berlin."""


def read(tmp_path: Path, name: str, text: str | bytes, **options: object) -> ReportRecords:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
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


# -- as spreadsheets write them --------------------------------------------------------------------------------------

ROSTER = [
    ["user_id", "display_name", "team_name", "hire_date", "spoken_languages"],
    ["u002", "Bérénice Ölmann", "Billing", "2024-05-01", "de en"],
]
BERENICE = Agent(
    user_id="u002", display_name="Bérénice Ölmann", team_name="Billing", hire_date="2024-05-01", spoken_languages="de en"
)


def roster(separator: str = ",", end: str = "\r\n") -> str:
    return "".join(separator.join(line) + end for line in ROSTER)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (roster(";").encode("utf-8-sig"), "semicolons"),
        (roster(";").encode("cp1252"), "Windows-1252"),
        (roster("\t").encode("utf-16"), "tabs"),
        (b"\xfe\xff" + roster("\t").encode("utf-16-be"), "UTF-16"),
        (roster("\t").encode("utf-16-le"), "UTF-16-LE"),
        (roster("\t").encode("utf-16-be"), "UTF-16-BE"),
        (roster("|").encode(), "bars"),
        (("sep=;\r\n" + roster(";")).encode("utf-8-sig"), "semicolons"),
        (("sep=,\n" + roster()).encode(), None),
        (roster(end="\r").encode(), None),
        (("Agents of Billing\r\n\r\n" + roster()).encode(), "headings found in line 3"),
        ((roster() + ",,,,\r\n\r\n , ,,,\r\n").encode(), "2 empty rows"),
        (roster().replace("u002", '="u002"').encode(), None),
        (roster().replace("u002", '"=""u002"""').encode(), None),
        (roster().replace("2024-05-01", "2024-05-01 00:00:00").encode(), None),
        (roster().replace("2024-05-01", "2024-05-01T00:00:00Z").encode(), None),
        ((roster() + "Total,,,,\r\n").encode(), "rows of totals left out: 2"),
        ((roster() + ",Gesamt:,,,\r\n").encode(), "rows of totals left out: 2"),
        ((roster() + "u9,,,,\r\n").encode(), "nothing but an id left out: 2"),
    ],
)
def test_a_roster_in_the_dialects_of_spreadsheets(tmp_path: Path, data: bytes, told: str | None) -> None:
    found = read(tmp_path, "a.csv", data)
    assert found.records == (BERENICE,)
    assert (told in " | ".join(found.notes)) if told else found.notes == ()


def test_json_with_marks_and_under_any_name(tmp_path: Path) -> None:
    page = '{"engagements":[{"engagement_id":"e9","waiting_duration":3}],"next_page_token":""}'
    for name, data in (("a.json", page.encode("utf-8-sig")), ("a.json", page.encode("utf-16")), ("a.txt", page.encode())):
        assert read(tmp_path, name, data).records == (Engagement(engagement_id="e9", queue_wait_ms=3_000),)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ('queue_id,start_time,offered_count\nQ,2026-11-02T10:00:00Z,"1,205"\n', 1205),
        ('queue_id,start_time,offered_count\nQ,2026-11-02T10:00:00Z,"1,234,205"\n', 1_234_205),
        ("queue_id,start_time,offered_count\nQ,2026-11-02T10:00:00Z,1\u202f205\n", 1205),
        ("queue_id,start_time,offered_count\nQ,2026-11-02T10:00:00Z,1'205\n", 1205),
        ("queue_id;start_time;offered_count\nQ;2026-11-02T10:00:00Z;1.205\n", 1205),
        ("queue_id;start_time;offered_count\nQ;2026-11-02T10:00:00Z;1.234.205,00\n", 1_234_205),
        ("queue_id,start_time,offered_count\nQ,2026-11-02T10:00:00Z,7.0\n", 7),
    ],
)
def test_counts_as_people_write_them(tmp_path: Path, text: str, offered: int) -> None:
    (record,) = read(tmp_path, "q.csv", text).records
    assert isinstance(record, QueueInterval)
    assert record.offered == offered


@pytest.mark.parametrize(
    ("cell", "percent"), [("80", 80.0), ("80%", 80.0), ("80 %", 80.0), ("0%", 0.0), ("0.5%", 0.5), ("92.5", 92.5)]
)
def test_percentages(tmp_path: Path, cell: str, percent: float) -> None:
    assert read(tmp_path, "q.csv", f"queue_id,sl_target_pct\nQ,{cell}\n").records == (Queue(queue_id="Q", sl_target_pct=percent),)


def test_decimal_commas_go_with_semicolons(tmp_path: Path) -> None:
    found = read(tmp_path, "e.csv", "engagement_id;waiting_duration\nE1;12,5\nE2;1.205\n")
    assert [record.queue_wait_ms for record in found.records if isinstance(record, Engagement)] == [12_500, 1_205_000]
    assert "decimals after a comma" in found.notes
    doubtful = read(tmp_path, "e.csv", "engagement_id;waiting_duration\nE2;1.205\n")
    assert "a comma is read as the decimal mark, a point as that of thousands" in doubtful.notes


def test_languages_by_the_codes_of_older_programs(tmp_path: Path) -> None:
    (agent,) = read(tmp_path, "a.csv", 'user_id,languages\nu1,"iw en, in-ID"\n').records
    assert isinstance(agent, Agent)
    assert agent.spoken_languages == "he en id-ID"


QUARTERS = "queue_id,start_time,offered_count\n"


def instants(found: ReportRecords) -> list[int]:
    return [
        (record.interval_unix_ms - 1_792_886_400_000) // 60_000 for record in found.records if isinstance(record, QueueInterval)
    ]


@pytest.mark.parametrize("step", [1, -1])
def test_the_hour_that_comes_twice_is_told_by_the_order(tmp_path: Path, step: int) -> None:
    """2026-10-25 in Berlin; minutes since midnight UTC."""
    times = ["01:45", "02:00", "02:30", "02:00", "02:30", "03:00"]
    rows = [f"Q,2026-10-25 {time}:00,{number}\n" for number, time in enumerate(times)]
    found = read(tmp_path, "q.csv", QUARTERS + "".join(rows[::step]))
    assert instants(found)[::step] == [-15, 0, 30, 60, 90, 120]
    assert any("told apart by the order" in note for note in found.notes)


@pytest.mark.parametrize(
    "times",
    [
        ["02:00"],
        ["02:00", "02:15"],
        ["01:00", "02:30", "03:00"],
        ["02:00", "02:00", "02:00"],
        ["02:30", "02:00"],
        ["02:00", "02:00"],
    ],
)
def test_an_hour_that_may_be_either_is_refused(tmp_path: Path, times: list[str]) -> None:
    with pytest.raises(ReportError, match="showed that hour twice"):
        read(tmp_path, "q.csv", QUARTERS + "".join(f"Q,2026-10-25 {time}:00,{n}\n" for n, time in enumerate(times)))


def test_a_zone_tells_the_hour_and_queues_are_apart(tmp_path: Path) -> None:
    rows = "Q,2026-10-25T02:00:00+02:00,1\nQ,2026-10-25T02:00:00+01:00,2\n"
    assert instants(read(tmp_path, "q.csv", QUARTERS + rows)) == [0, 60]
    two = "".join(f"{queue},2026-10-25 02:{minute}:00,1\n" for minute in ("00", "30") for queue in ("A", "B"))
    with pytest.raises(ReportError, match="showed that hour twice"):
        read(tmp_path, "q.csv", QUARTERS + two)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "queue_id,sl_seconds\nQ,99999999999\n", "row 1: sl_seconds is '99999999999', which is no count"),
        ("a.csv", "queue_id,sl_seconds\nQ,1e400\n", "no count"),
        ("a.csv", "queue_id,sl_seconds\nQ,inf\n", "no count"),
        ("a.csv", "queue_id,sl_seconds\nQ,-5\n", "no count"),
        ("a.csv", "queue_id,sl_target_pct\nQ,NaN\n", "row 1: sl_target_pct is 'NaN', which is no percentage"),
        ("a.csv", "queue_id,sl_target_pct\nQ,Infinity\n", "no percentage"),
        ("a.csv", "queue_id,sl_target_pct\nQ,180\n", "no percentage"),
        ("a.csv", "queue_id,sl_target_pct\nQ,0.8\n", "is it 80 %?"),
        ("a.csv", "engagement_id,Waiting Duration (sec)\nE1,1e300\n", "Waiting Duration (sec) is '1e300', which is no duration"),
        ("a.csv", "engagement_id,abandoned_count\nE1,inf\n", "no flag"),
        ("a.csv", "engagement_id,abandoned\n1.23457E+17,1\n", "a spreadsheet rounded it"),
        ("a.csv", "engagement_id;abandoned\n1,23457E+17;1\n", "a spreadsheet rounded it"),
        ("a.json", '[{"engagement_id": 1.23457e+17, "abandoned": 1}]', "a spreadsheet rounded it"),
        ("a.csv", "engagement_id,abandoned\n123457000000000000,1\n", "a spreadsheet rounded them"),
        ("a.csv", "engagement_id,abandoned\n#NAME?,1\n", "an error of the spreadsheet"),
        ("a.csv", "user_id,hire_date\nu1,0024-05-01\n", "outside the years"),
        ("a.csv", "user_id,languages\nu1,en quatsch de\n", "'quatsch' is no language tag"),
        ("a.csv", "queue_id,start_time,offered_count\nQ,2026-03-29 02:30:00,1\n", "left that hour out"),
        (
            "a.csv",
            "queue_id,start_time,offered_count\nQ,2026-11-02 10:00,1\nQ,2026-11-02 10:00,2\n",
            "row 1 is of the same queue_id",
        ),
        ("a.csv", "user_id,team\nu1,Blue,Green\n", "3 cells below 2 headings"),
        ("a.csv", "user_id,team,team\nu1,Blue,Green\n", "two columns 'team'"),
        ("a.xlsx", b"PK\x03\x04....", "an Excel workbook"),
        ("a.csv", "user_id,team\nu1,Служба\n".encode("cp1251"), "save it as “CSV UTF-8"),
        ("a.csv", "user_id,team\nu1,課金\n".encode("shift-jis"), "save it as “CSV UTF-8"),
        ("a.csv", b"user_id,team\nu1,\x00\n", "NUL characters"),
    ],
)
def test_what_a_spreadsheet_spoilt_is_refused(tmp_path: Path, name: str, text: str | bytes, told: str) -> None:
    with pytest.raises(ReportError) as error:
        read(tmp_path, name, text)
    assert told in str(error.value)


def test_the_same_row_twice_is_no_harm(tmp_path: Path) -> None:
    row = "Q,2026-11-02 10:00,1\n"
    assert len(read(tmp_path, "q.csv", QUARTERS + row + row).records) == 2


def test_ids_as_our_own_exports_guard_them(tmp_path: Path) -> None:
    (agent,) = read(tmp_path, "a.csv", "user_id,team\n'-AbC,Blue\n").records
    assert isinstance(agent, Agent)
    assert agent.user_id == "-AbC"


# -- further reports of Zoom's ---------------------------------------------------------------------------------------


def test_time_cards(tmp_path: Path) -> None:
    page = """{"users": [{"work_session_id": "w1", "user_id": "u1", "user_name": "Ana", "user_status": "Occupied",
        "start_time": "2026-11-02T09:00:00Z", "end_time": "2026-11-02T09:05:00Z", "occupied_duration": 300}],
        "next_page_token": ""}"""
    found = read(tmp_path, "t.json", page)
    status = AgentStatus(user_id="u1", start_unix_ms=AT, end_unix_ms=AT + 300_000, status="Occupied", occupied_ms=300_000)
    assert (found.dataset, found.records) == ("agent_timecard", (status,))
    assert found.left_out == ("user_name", "work_session_id")


@pytest.mark.parametrize(("unit", "ms"), [(None, 300_000), (True, 300_000), (False, 300_000_000)])
def test_milliseconds_betray_themselves_by_the_times_of_their_row(tmp_path: Path, unit: bool | None, ms: int) -> None:
    text = (
        "user_id,start_time,end_time,user_status,occupied_duration\nu1,2026-11-02T09:00:00Z,2026-11-02T09:05:00Z,Occupied,300000\n"
    )
    found = read(tmp_path, "t.csv", text, durations_in_ms=unit)
    (status,) = found.records
    assert isinstance(status, AgentStatus)
    assert status.occupied_ms == ms
    assert any("read as milliseconds" in note for note in found.notes) == (unit is None)


def test_long_wrap_up_after_a_short_leg_stays_seconds(tmp_path: Path) -> None:
    text = "engagement_id,user_id,start_time,end_time,wrap_up_duration\nE,u,2026-11-02T09:00:00Z,2026-11-02T09:00:30Z,600\n"
    (leg,) = read(tmp_path, "l.csv", text).records
    assert isinstance(leg, AgentLeg)
    assert leg.acw_ms == 600_000


def test_flows(tmp_path: Path) -> None:
    text = "Engagement ID,Flow ID,Flow Name,Enter Time,Flow Duration (ms)\nE1,f1,Main menu,2026-11-02T09:00:00Z,1500\n"
    run = FlowRun(engagement_id="E1", flow_id="f1", flow_name="Main menu", enter_unix_ms=AT, flow_ms=1_500)
    found = read(tmp_path, "f.csv", text)
    assert (found.dataset, found.records) == ("flow_performance", (run,))


def test_each_step_of_a_time_line_is_a_row(tmp_path: Path) -> None:
    page = """{"engagements": [{"engagement_id": "E1", "timelines": [
        {"event": "queue_entered", "start_time": "2026-11-02T09:00:00Z", "queue_id": "q1", "duration": 12},
        {"event": "agent_answered", "start_time": "2026-11-02T09:00:12Z", "user_id": "u1"}]}], "next_page_token": ""}"""
    found = read(tmp_path, "t.json", page)
    assert (found.dataset, found.records) == (
        "engagement_timelines",
        (
            TimelineStep(engagement_id="E1", start_unix_ms=AT, step="queue_entered", queue_id="q1", duration_ms=12_000),
            TimelineStep(engagement_id="E1", start_unix_ms=AT + 12_000, step="agent_answered", user_id="u1"),
        ),
    )


SAMPLES = Path(__file__).parents[2] / "deploy" / "enrich"


def test_every_kind_of_file_has_a_sample(tmp_path: Path) -> None:
    found = {path.stem: zoom_reports.read(path, ZONE) for path in SAMPLES.glob("*.[cj]s*")}
    assert {name: report.dataset for name, report in found.items()} == {name: name for name in zoom_reports.RECORDS}
    assert all(report.records and not report.notes for report in found.values())
