"""`reports`: headers, parameters, errors, views on a cursor, what is handed to exports."""

import base64
import contextlib
import datetime
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.config.settings import Site, bundled
from cc_voice.query import datasets, reports
from cc_voice.query.reports import QueryError
from cc_voice.query.scope import EVERYTHING
from cc_voice.store.batches import write_batch
from cc_voice.store.database import Database
from cc_voice.store.migration import migrate
from cc_voice.web.access.audit import FILE, AuditLog, os_actor
from tests.stored_calls import NOON, SITE, Connection, batch_of, call, golden_call, leg, new_store, say, write

REPORTS = reports.list_reports()
BY_NAME = {report.name: report for report in REPORTS}
NEEDED = {"date": "today-10", "text": "card", "integer": "1", "number": "1"}
"""A value for a parameter without default, by its type."""
NOVEMBER = {"since": "2026-11-01", "until": "2026-11-30"}
ALWAYS = {"since": "2000-01-01", "until": "2100-01-01"}
FIRST_LINE = {"views": "-- grain: one row per ", "reports": "-- title: ", "checks": "-- check: "}


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


def needed(report: reports.Report) -> dict[str, str]:
    return {param.name: NEEDED[param.type] for param in report.params if param.default is None}


def everything(con: Connection) -> dict[str, pl.DataFrame]:
    with datasets.exported(con, EVERYTHING) as source:
        return {name: pl.concat(source.batches(name)) for name in source.grains}


def sql_of(kind: str, name: str) -> str:
    return (bundled("analytics") / kind / f"{name}.sql").read_text()


# -- headers ---------------------------------------------------------------------------------------------------------


def test_there_are_reports_for_ten_of_the_questions() -> None:
    assert len({report.question for report in REPORTS if report.question}) >= 10


def test_a_report_declares_exactly_the_parameters_it_uses() -> None:
    for report in REPORTS:
        sql = sql_of("reports", report.name)
        body = re.sub(r"^--.*$", "", sql, flags=re.MULTILINE)
        assert {param.name for param in report.params} == set(re.findall(r"\$(\w+)", body)), report.name
        assert len(report.params) == sql.count("-- param "), f"{report.name} has a header line that the grammar does not read"
        assert report.title.endswith("?"), report.name
        assert report.summary.endswith("."), report.name


def test_the_default_of_a_choice_is_one_of_them() -> None:
    params = [(report.name, param) for report in REPORTS for param in report.params]
    assert [(name, param) for name, param in params if (param.type == "choice") != bool(param.choices)] == []
    assert [(name, param) for name, param in params if param.choices and param.default not in param.choices] == []


def keeps_the_style(path: Path) -> bool:
    text = path.read_text()
    body = re.sub(r"--.*|'[^']*'", "", text)
    plain = body == body.lower() and text.startswith(FIRST_LINE.get(path.parent.name, "-- "))
    return plain and not (path.parent.name == "views" and re.search(r"select\s+\*|\.\*", body))


def test_sql_is_written_as_the_house_writes_it(tmp_path: Path) -> None:
    files = sorted(bundled("analytics").rglob("*.sql"))
    assert len(files) > 40
    assert [path.stem for path in files if not keeps_the_style(path)] == []
    loud = tmp_path / "loud.sql"
    loud.write_text("-- title: a shouted one\nSELECT 1")
    assert not keeps_the_style(loud)


def test_views_come_before_the_views_that_use_them() -> None:
    order = list(reports.views())
    assert order.index("v_leg") < order.index("v_agent_day")
    assert set(order) >= {"v_call", "v_leg", "v_utterance", "v_word", "v_agent_day", "v_queue_day", "v_contact_lens"}


# -- running ---------------------------------------------------------------------------------------------------------


def test_a_report_of_an_empty_store_has_no_row(con: Connection) -> None:
    assert {report.name: reports.answer(con, EVERYTHING, report.name, needed(report)).height for report in REPORTS} == {
        report.name: 0 for report in REPORTS
    }


def chosen(report: reports.Report) -> list[dict[str, str]]:
    """The parameters of a report over all days: with every default, then with every choice of one parameter."""
    whole = needed(report) | {param.name: ALWAYS[param.name] for param in report.params if param.name in ALWAYS}
    return [whole, *(whole | {param.name: choice} for param in report.params for choice in param.choices)]


def test_a_report_gives_plain_columns_whatever_is_chosen(con: Connection) -> None:
    write(con, golden_call())
    plain = (pl.String, pl.Int64, pl.Int32, pl.Float64, pl.Boolean, pl.Date, pl.Datetime("us", "UTC"))
    offenders = [
        f"{report.name}.{column} is {form}"
        for report in REPORTS
        for choice in chosen(report)
        for column, form in reports.answer(con, EVERYTHING, report.name, choice).schema.items()
        if form not in plain
    ]
    assert offenders == []


def test_the_default_range_is_the_last_thirty_days_of_the_site(con: Connection) -> None:
    today = datetime.datetime.now(datetime.UTC)
    for age in (0, 30, 32):
        write(con, call(f"old{age}", leg(f"old{age}"), at=today - datetime.timedelta(days=age)))
    assert reports.answer(con, EVERYTHING, "agent-talk", {})["n_legs"].to_list() == [2]
    assert reports.answer(con, EVERYTHING, "agent-talk", {"since": "today-40"})["n_legs"].to_list() == [3]
    assert reports.answer(con, EVERYTHING, "agent-talk", {"since": "today", "until": "today"})["n_legs"].to_list() == [1]


def test_dates_are_local_and_inclusive(con: Connection) -> None:
    evening = datetime.datetime(2026, 11, 2, 23, 30, tzinfo=datetime.UTC)  # 00:30 on the 3rd in Berlin
    write(con, call("late", leg("late"), at=evening))
    assert reports.answer(con, EVERYTHING, "agent-talk", {"since": "2026-11-03", "until": "2026-11-03"}).height == 1
    assert reports.answer(con, EVERYTHING, "agent-talk", {"since": "2026-11-02", "until": "2026-11-02"}).height == 0


def test_an_empty_value_means_the_default(con: Connection) -> None:
    write(con, call("a", leg("a"), at=datetime.datetime.now(datetime.UTC)))
    assert reports.answer(con, EVERYTHING, "agent-talk", {"since": "", "queue": ""}).height == 1


def test_values_are_bound_and_never_part_of_the_question(con: Connection) -> None:
    write(con, call("a", leg("a")))
    assert reports.answer(con, EVERYTHING, "agent-talk", NOVEMBER | {"queue": "Billing"}).height == 1
    assert reports.answer(con, EVERYTHING, "agent-talk", NOVEMBER | {"queue": "' or true --"}).height == 0


def test_a_cursor_can_be_asked_again_and_others_need_nothing(con: Connection) -> None:
    for cursor in (con.cursor(), con.cursor()):
        for _ in range(2):
            assert reports.answer(cursor, EVERYTHING, "days", {}).height == 0
    assert con.execute("select count(*) from duckdb_views() where view_name = 'v_call'").fetchall() == [(0,)]


def test_a_read_only_copy_answers(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as con:
        migrate(con)
        write(con, call("a", leg("a")))
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as con:
        assert reports.answer(con, EVERYTHING, "days", NOVEMBER).height == 1


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("agent-talks", {}, "did you mean agent-talk"),
        ("???", {}, "there are: access, after-transfer, agent-talk"),
        ("../checks/partition", {}, "there is no report"),
        ("agent-talk", {"sinse": "2026-11-01"}, "no parameter 'sinse'; it takes since (date), until (date), queue (text)"),
        ("agent-talk", {"since": "1.11.2026"}, "is a date such as 2026-11-01, or today, or today-30, not '1.11.2026'"),
        ("agent-talk", {"since": "today-99999999"}, "is a date"),
        ("agent-talk", {"since": "today-99999", "until": "today-999999"}, "is a date"),
        ("greeting", {"within_ms": "soon"}, "is a whole number, 0 or more, not 'soon'"),
        ("low-confidence-words", {"below": "half"}, "is a number such as 0.6, not 'half'"),
        ("transfers", {"by": "team"}, "is one of queue, agent, not 'team'"),
        ("phrase-said", {}, "needs a value for 'phrase' (whole words in their order, in any case)"),
        ("phrase-said", {"phrase": "\udc80"}, "is text, not"),
        ("phrase-said", {"phrase": "x", "limit": "-1"}, "is a whole number, 0 or more, not '-1'"),
        ("phrase-said", {"phrase": "x", "limit": str(1 << 63)}, "is a whole number, 0 or more, not '9223372036854775808'"),
    ],
)
def test_an_error_says_what_to_ask_instead(con: Connection, name: str, params: dict[str, str], said: str) -> None:
    with pytest.raises(QueryError, match=re.escape(said)):
        reports.answer(con, EVERYTHING, name, params)


def test_after_an_error_of_the_store_the_cursor_answers_again(con: Connection) -> None:
    con.execute("begin")
    con.execute("drop table fact_utterance")
    with pytest.raises(QueryError, match="report phrase-said failed: "):
        reports.answer(con, EVERYTHING, "phrase-said", {"phrase": "x"})
    con.execute("rollback")
    assert reports.answer(con, EVERYTHING, "days", {}).height == 0


def test_a_question_that_takes_too_long_is_told_so(con: Connection) -> None:
    write(con, golden_call())
    con.execute(
        """
        insert into fact_call (call_id, customer_key, date_key, start_ts, end_ts)
        select
            i::text,
            md5((i % 1000)::text),
            20260921,
            timestamptz '2026-09-21 12:00:00+00' + to_seconds(i),
            timestamptz '2026-09-21 12:00:00+00' + to_seconds(i)
        from range(1000000) as r(i)
        """
    )
    reports.prepare(con)
    con.execute("set max_execution_time = 20")
    with pytest.raises(QueryError, match="too long; narrow the dates"):
        reports.answer(con, EVERYTHING, "repeat-calls", ALWAYS)


# -- what is handed to exports ---------------------------------------------------------------------------------------


@pytest.fixture
def three_days(con: Connection) -> Connection:
    """Four calls over three days, written newest first."""
    for day, name in ((2, "d"), (1, "c"), (0, "b"), (0, "a")):
        said = (say(name, "customer", 5_000, "two words"), say(name, "agent", 1_000, "hello"))
        write(con, call(name, leg(name), leg(name, 2), at=NOON + datetime.timedelta(days=day), said=said))
    return con


def test_datasets_come_in_order_of_day_and_keys(three_days: Connection) -> None:
    frames = everything(three_days)
    assert list(frames) == list(datasets.DATASETS)
    assert list(frames)[:6] == ["calls", "legs", "utterances", "words", "unused_utterances", "unused_words"]
    assert frames["calls"]["call_id"].to_list() == ["a", "b", "c", "d"]
    assert frames["legs"]["leg_id"].to_list() == ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2", "d-1", "d-2"]
    assert frames["utterances"]["text"].to_list() == ["hello", "two words"] * 4
    assert frames["words"].height == 12


UNDATED = ("agents", "queues", "rules", "form_items", "threshold_sets")


def test_datasets_hold_no_surrogate_keys_but_zooms_ids(three_days: Connection) -> None:
    frames = everything(three_days)
    for name, frame in frames.items():
        columns = frame.columns
        assert not {"agent_key", "queue_key", "site_id", "call_no", "interval_id", "event_id"} & set(columns)
        assert {"call_id", "local_date", "date_key"} <= set(columns) or name in UNDATED
    assert {"user_id", "queue_id", "site_name"} <= set(frames["legs"].columns)


def test_a_dataset_begins_with_its_columns(three_days: Connection) -> None:
    with datasets.exported(three_days, EVERYTHING) as source:
        for name in source.grains:
            first, *rest = list(source.batches(name))
            assert first.height == 0
            assert rest
            assert {tuple(frame.schema.items()) for frame in rest} == {tuple(first.schema.items())}


def test_days_of_a_dataset_are_the_whole_of_it(three_days: Connection) -> None:
    write(three_days, call("elsewhere", leg("elsewhere")), Site(site_id=2, name="Leeds", timezone="Europe/London"))
    before = everything(three_days)
    with datasets.exported(three_days, EVERYTHING) as source:
        days = source.days()
        for name in before.keys() - source.undated:
            whole = before[name]
            parts = pl.concat(source.rows(name, day.site, day.date) for day in days)
            assert sorted(parts.rows(), key=str) == sorted(whole.rows(), key=str)
    assert [(day.site, day.date.day) for day in days] == [("Berlin", 2), ("Leeds", 2), ("Berlin", 3), ("Berlin", 4)]


@pytest.mark.parametrize(
    "change",
    [
        "update dim_agent set display_name = 'Anna'",
        "update dim_queue set queue_name = 'Bills'",
        "update fact_leg set hold_ms = 1 where call_id = 'c'",
        "update fact_call set revision = revision + 1 where call_id = 'c'",
        "delete from fact_call where call_id = 'c'",
    ],
)
def test_the_state_of_a_day_changes_with_its_rows(three_days: Connection, change: str) -> None:
    with datasets.exported(three_days, EVERYTHING) as source:
        before = {day.date.day: day.state for day in source.days()}
    three_days.execute(change)
    with datasets.exported(three_days, EVERYTHING) as source:
        after = {day.date.day: day.state for day in source.days()}
    assert before[3] != after.get(3)
    if "'c'" in change:
        assert (before[2], before[4]) == (after[2], after[4])


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_days_are_joined_up_to_a_limit_and_none_is_lost(calls: list[int], limit: int) -> None:
    days = list(enumerate(calls, start=20261101))
    found = list(datasets.spans(days, limit))
    covered = [day for first, last in found for day in range(first, last + 1)]
    assert covered == [day for day, _ in days]
    totals = [sum(n for day, n in days if first <= day <= last) for first, last in found]
    assert all(total <= limit or first == last for total, (first, last) in zip(totals, found, strict=True))


def test_datasets_are_of_one_moment(three_days: Connection) -> None:
    reader = three_days.cursor()
    found = {}
    with datasets.exported(reader, EVERYTHING) as source:
        for name in source.grains:
            found[name] = pl.concat(source.batches(name))
            write(three_days, call(f"after {name}", leg(f"after {name}")))
    assert found["legs"].height == 8
    assert reports.answer(reader, EVERYTHING, "days", NOVEMBER)["n_calls"].sum() == 4 + len(found)


def test_datasets_left_unfinished_let_the_cursor_go(three_days: Connection) -> None:
    with contextlib.suppress(RuntimeError), datasets.exported(three_days, EVERYTHING) as source:
        next(source.batches("calls"))
        raise RuntimeError("whoever asked has failed")
    assert reports.answer(three_days, EVERYTHING, "days", NOVEMBER)["n_calls"].sum() == 4


def test_a_leg_after_midnight_is_not_lost(con: Connection) -> None:
    before_midnight = datetime.datetime(2026, 11, 2, 22, 59, 30, tzinfo=datetime.UTC)
    write(con, call("night", leg("night"), leg("night", 2), at=before_midnight))
    legs = everything(con)["legs"]
    assert legs.select("leg_id", pl.col("local_date").cast(pl.String)).rows() == [
        ("night-1", "2026-11-02"),
        ("night-2", "2026-11-03"),
    ]


def test_words_of_a_call_in_progress_are_not_published(con: Connection) -> None:
    write(con, call("done", leg("done"), said=(say("done", "agent", 0, "hello"),)))
    con.execute("insert into fact_utterance (utterance_id, call_id, text, start_ms) values ('u', 'live', 'secret', 0)")
    frames = everything(con)
    assert frames["utterances"]["call_id"].to_list() == ["done"]


def test_times_are_utc_wherever_the_site_is(con: Connection) -> None:
    write(con, call("a", leg("a")))
    con.execute("set TimeZone = 'Asia/Tokyo'")
    calls = everything(con)["calls"]
    assert calls.schema["start_ts"] == pl.Datetime("us", "UTC")
    assert calls["start_ts"].to_list() == [NOON]
    assert calls["site_name"].to_list() == [SITE.name]


# -- for analysts ----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the store of the README's example in it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "var" / "demo"
    database = Database.open(folder / "cc_voice.duckdb")
    now = datetime.datetime.now(datetime.UTC)
    for age in range(3):
        batch = batch_of(call(f"c{age}", leg(f"c{age}", transferred_out=age == 0), at=now - datetime.timedelta(days=10 * age)))
        database.write_now(lambda con, batch=batch: write_batch(con, batch, SITE))  # type: ignore[misc]
    database.close()
    return folder


def test_the_example_for_notebooks_runs(site: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", (bundled("analytics") / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    told: dict[str, object] = {}
    exec(example, told)
    weeks = told["weeks"]
    assert isinstance(weeks, pl.DataFrame)
    assert weeks["n_legs"].sum() == 3
    assert weeks["transferred_pct"].max() == 100
    assert (site.parent.parent / "transfers.csv").is_file()


def test_a_report_for_analysts_takes_values_of_python(site: Path) -> None:
    day = datetime.datetime.now(datetime.UTC).date()
    frame = reports.run("agent-talk", data_dir=site, since=day - datetime.timedelta(days=11), queue="Billing", until=None)
    assert frame["n_legs"].to_list() == [2]
    assert reports.run("sample", data_dir=site, min_ms=1, per_agent=1).height == 0


def test_what_an_analyst_asks_without_a_service_is_written_down(site: Path) -> None:
    reports.run("agent-talk", data_dir=site, queue="Billing")
    audit = AuditLog(site / FILE)
    [entry] = audit.entries(newest=True, limit=1)
    assert (entry.actor, entry.action, entry.object) == (os_actor(), "report", "command report")
    assert "Billing" in (audit.detail(entry.seq) or "")
    audit.close()
    (site / FILE).unlink()
    (site / FILE).mkdir()
    with pytest.raises(QueryError, match="audit"):
        reports.run("agent-talk", data_dir=site)


def test_an_analyst_is_warned_of_legs_that_were_measured_in_different_ways(site: Path) -> None:
    with contextlib.closing(Database.open(site / "cc_voice.duckdb")) as database:
        database.write_now(lambda con: con.execute("update fact_leg set detector = if(call_id = 'c0', 'new', 'old')"))
    with pytest.warns(UserWarning, match="2 detectors of speech: new in 1 leg, old in 2 legs") as told:
        assert reports.run("agent-talk", data_dir=site)["n_legs"].to_list() == [3]
    assert [Path(warning.filename).name for warning in told] == [Path(__file__).name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reports.run("agent-talk", data_dir=site, since="today")["n_legs"].to_list() == [1]


def test_a_mistake_of_an_analyst_is_explained(site: Path) -> None:
    with pytest.raises(QueryError, match="did you mean agent-talk"):
        reports.run("agent-tlak", data_dir=site)
    with pytest.raises(QueryError, match="there is no folder"):
        reports.run("agent-talk", data_dir=site / "gone")


def test_an_answer_of_the_service_keeps_its_types(con: Connection) -> None:
    write(con, golden_call())
    frame = reports.answer(con, EVERYTHING, "days", ALWAYS)
    assert pl.read_ipc(base64.b64decode(reports.packed(frame))).equals(frame)
