"""`exports`: what other programs read, byte for byte the same, whole or not at all."""

import csv
import datetime
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas
import polars as pl
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice import exports
from cc_voice.config.settings import Site
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.exports import ExportError, staging
from cc_voice.exports.folder import Options, export
from cc_voice.exports.manifest import DICTIONARY, Manifest
from cc_voice.query import datasets, reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store.calls import load_call
from tests.conftest import PATIENCE_S, examples
from tests.stored_calls import NOON, SITE, Connection, call, golden_call, golden_call_heard_twice, leg, new_store, ruled, say, write

BOTH = ("csv", "parquet")
TEXTS = ("calls", "legs", "utterances", "words", "unused_utterances", "unused_words")
DATED = (
    *TEXTS,
    "intervals",
    "null_reasons",
    "leg_languages",
    "rule_hits",
    "rule_states",
    "evaluations",
    "evaluation_items",
    "events",
    "channels",
)
KEYS = ("call_id", "leg_id", "utterance_id", "word_seq")
UNDATED = ("agents", "queues", "rules", "form_items", "threshold_sets")
TABLES = (*DATED, "alerts", *UNDATED)
ALERT = """
    insert into fact_alert by name
    select
        'a1' as alert_id, 'b' as call_id, 's' as stream_id, 1 as epoch, 'dead_air' as reason, '' as rule_id, 1 as level,
        0 as weight, 'Silence for 14 s' as alert_text, 1000 as true_ms, 2000 as raised_ms, now() as raised_ts,
        true as is_shown, false as is_folded
"""


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


@pytest.fixture
def exported(con: Connection, tmp_path: Path) -> Path:
    write(con, ruled(golden_call_heard_twice()))
    said = say("b", "customer", 0, '=HYPERLINK("x"), "quoted"\nsecond line; größer')
    write(con, call("b", leg("b"), at=NOON, said=(said,)))
    con.execute(ALERT)
    stored(con, tmp_path, BOTH)
    return tmp_path


class Given(msgspec.Struct):
    """Tables made by a test."""

    tables: dict[str, Any]
    watermark_ts: None = None
    columns: dict[str, Any] = {}
    undated: frozenset[str] = frozenset()

    @property
    def grains(self) -> dict[str, str]:
        return dict.fromkeys(self.tables, "one row per test")

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        return iter(self.tables[table])

    def days(self) -> list[datasets.SiteDay]:
        raise AssertionError("only whole tables are asked for")

    def rows(self, table: str, site: str | None, date: datetime.date) -> pl.DataFrame:
        raise AssertionError("only whole tables are asked for")

    def state(self, table: str) -> str:
        raise AssertionError("only whole tables are asked for")


def stored(con: Connection, folder: Path, formats: tuple[str, ...] = BOTH, **options: Any) -> Manifest:
    with datasets.exported(con, EVERYTHING) as source:
        return export(source, folder, Options(formats=formats, **options))


def given_tables(tables: list[tuple[str, Any]], folder: Path, formats: tuple[str, ...]) -> Manifest:
    return export(Given(dict(tables)), folder, Options(formats=formats))


def texts(*values: str | None) -> list[tuple[str, list[pl.DataFrame]]]:
    return [("t", [pl.DataFrame({"text": values}, schema={"text": pl.String})])]


# -- readers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_parquet_opens_the_same_in_every_reader(exported: Path, table: str) -> None:
    path = exported / f"{table}.parquet"
    frame = pl.read_parquet(path)
    assert frame.height > 0
    assert pandas.read_parquet(path).shape == frame.shape
    assert pyarrow.parquet.read_table(path).to_pylist() == frame.to_dicts()


@pytest.mark.parametrize("table", TABLES)
def test_csv_opens_the_same_in_every_reader(exported: Path, table: str) -> None:
    path = exported / f"{table}.csv"
    frame = pl.read_parquet(exported / f"{table}.parquet")
    assert pandas.read_csv(path).shape == frame.shape
    assert pl.read_csv(path, infer_schema_length=None).shape == frame.shape
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    assert pyarrow.csv.read_csv(path, parse_options=parsing).num_rows == frame.height
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file, strict=True))
    assert header == frame.columns
    assert len(rows) == frame.height


def test_parquet_has_real_types(exported: Path) -> None:
    calls = pl.read_parquet_schema(exported / "calls.parquet")
    assert calls["start_ts"] == pl.Datetime("us", "UTC")
    assert calls["local_date"] == pl.Date
    assert calls["duration_ms"] == pl.Int64
    assert pl.read_parquet_schema(exported / "words.parquet")["conf"] == pl.Float64
    assert str(pandas.read_parquet(exported / "calls.parquet")["start_ts"].dtype).endswith(", UTC]")


def test_csv_has_plain_numbers_and_times_that_are_recognised(exported: Path) -> None:
    legs = pandas.read_csv(exported / "legs.csv")
    assert legs["agent_talk_pct"].dtype == "float64"
    assert legs["interaction_ms"].dtype == "int64"
    assert legs["qa_eligible"].iloc[0] in (True, "True")
    calls = pyarrow.csv.read_csv(exported / "calls.csv")
    assert str(calls.schema.field("start_ts").type).startswith("timestamp")
    with (exported / "calls.csv").open(newline="", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[1]
    assert row["start_ts"] == "2026-11-02T11:00:00.000Z"
    assert row["local_date"] == "2026-11-02"


# -- RFC 4180 and spreadsheets ---------------------------------------------------------------------------------------


def test_csv_is_rfc_4180(tmp_path: Path) -> None:
    given_tables(texts('a,"b"', "two\r\nlines", "größer", "", None), tmp_path, ("csv",))
    body = (tmp_path / "t.csv").read_bytes()
    assert body == 'text\r\n"a,""b"""\r\n"two\r\nlines"\r\ngrößer\r\n""\r\n\r\n'.encode()


RUN = ["=1+1", "+1", "-1", "@sum", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u3000=1", "\u00a0=1", "\x00=1+1", "\x00a", "\u200b=1"]


@pytest.mark.parametrize("text", [*RUN, "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", " \uff1d1"])
def test_csv_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    given_tables(texts(text, "a=1"), tmp_path, BOTH)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [["'" + text], ["a=1"]]
    assert pl.read_parquet(tmp_path / "t.parquet")["text"].to_list() == [text, "a=1"]


ZOOM_ID = "-AbC0123xyz_DRFQabc012"


def test_ids_are_in_csv_as_they_are(tmp_path: Path) -> None:
    ids = [ZOOM_ID, "-Qx9", "+Qx9/a==", "-", "uAbC0123xyz_DRFQ"]
    given_tables([("t", [pl.DataFrame({"user_id": ids, "id": ids})])], tmp_path, BOTH)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [[one, one] for one in ids]
    # A question in SQL may give an id another name, and anything the name of an id
    run = ["=cmd|'/c calc'!A0", "-1+cmd|' /c calc'!A0", "@SUM(A1)", "+HYPERLINK(A1)", "=1"]
    body = exports.csv_text(pl.DataFrame({"agent": [ZOOM_ID] * len(run), "user_id": run}))
    assert list(csv.DictReader(io.StringIO(body, newline=""))) == [{"agent": ZOOM_ID, "user_id": "'" + text} for text in run]


def test_csv_for_excel_begins_with_a_byte_order_mark(con: Connection, tmp_path: Path) -> None:
    write(con, ruled(golden_call_heard_twice()))
    stored(con, tmp_path / "plain")
    stored(con, tmp_path / "excel", bom=True)
    for name in ("calls.csv", "words.csv", DICTIONARY):
        assert (tmp_path / "excel" / name).read_bytes() == b"\xef\xbb\xbf" + (tmp_path / "plain" / name).read_bytes()
    assert pandas.read_csv(tmp_path / "excel" / "calls.csv").columns[0] == "call_id"


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    given_tables([("t", [pl.DataFrame({"ms": [-800], "wpm": [-1.5]})])], tmp_path, ("csv",))
    assert (tmp_path / "t.csv").read_text() == "ms,wpm\n-800,-1.5\n"


def test_a_reports_csv_follows_the_same_rules(con: Connection, tmp_path: Path) -> None:
    write(con, call("b", leg("b"), said=(say("b", "customer", 0, "=1+1 please"),)))
    frame = reports.answer(con, EVERYTHING, "phrase-said", {"phrase": "please", "since": "2026-11-01", "until": "2026-11-30"})
    given_tables([("t", [frame])], tmp_path, ("csv",))
    body = exports.csv_text(frame)
    assert "2026-11-02T11:00:00.000Z" in body
    assert "'=1+1 please\r\n" in body
    assert body.encode() == (tmp_path / "t.csv").read_bytes()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_arrives(tmp_path: Path, values: list[str]) -> None:
    given_tables(texts(*values), tmp_path, BOTH)
    assert pl.read_parquet(tmp_path / "t.parquet")["text"].to_list() == values
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        read = [row[0] for row in csv.reader(file, strict=True)][1:]
    assert [text.removeprefix("'") if text != value else text for text, value in zip(read, values, strict=True)] == values
    assert all(text != value for text, value in zip(read, values, strict=True) if value[:1] in tuple("=+-@\t\r\n") and value)


# -- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_is_there(con: Connection, tmp_path: Path) -> None:
    write(con, ruled(golden_call_heard_twice()))
    manifest = stored(con, tmp_path, BOTH)
    assert msgspec.json.decode((tmp_path / "manifest.json").read_bytes(), type=Manifest) == manifest
    assert manifest.watermark_ts == con.execute("select max(last_update_ts) from fact_call").fetchall()[0][0]
    assert {file.name for file in manifest.files} == {f"{table}.{form}" for table in TABLES for form in BOTH} | {DICTIONARY}
    for file in manifest.files:
        body = (tmp_path / file.name).read_bytes()
        assert (file.bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    rows = {file.name: file.rows for file in manifest.files}
    assert rows["calls.csv"] == rows["legs.parquet"] == 1
    assert rows["words.csv"] == rows["words.parquet"] == 115
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*rows, "manifest.json"])


def test_an_empty_store_gives_headers_and_types(con: Connection, tmp_path: Path) -> None:
    manifest = stored(con, tmp_path, BOTH)
    assert {file.rows for file in manifest.files if file.name != DICTIONARY} == {0}
    assert (tmp_path / "words.csv").read_bytes().startswith(b"utterance_id,word_seq,")
    assert pl.read_parquet_schema(tmp_path / "calls.parquet")["start_ts"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("form", BOTH)
def test_only_what_was_asked_for_is_written(con: Connection, tmp_path: Path, form: str) -> None:
    stored(con, tmp_path, (form,))
    assert {path.suffix for path in tmp_path.iterdir() if path.name != DICTIONARY} == {f".{form}", ".json"}


# -- the same again --------------------------------------------------------------------------------------------------


def test_two_exports_of_the_same_store_are_identical(con: Connection, tmp_path: Path) -> None:
    for number in range(5):
        write(con, call(f"c{number}", leg(f"c{number}"), at=NOON + datetime.timedelta(hours=13 * number)))
    first = stored(con, tmp_path / "1", BOTH)
    second = stored(con, tmp_path / "2", BOTH)
    assert first.files == second.files


def test_the_order_of_writing_does_not_show(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    manifests = []
    for order in (names, names[::-1], names[::-1]):
        with new_store() as store:
            for name in order:
                write(store, call(name, leg(name), said=(say(name, "agent", 0, f"{name} hello"),)))
            store.execute("update fact_leg set computed_at = timestamptz '2026-11-03 00:00:00+00'")
            manifests.append(stored(store, tmp_path / str(len(manifests)), BOTH))
    assert manifests[0].files == manifests[1].files


def test_how_rows_are_cut_into_batches_does_not_show(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(1000), "text": [f"word {n % 7}" for n in range(1000)]})
    cuts = {"whole": [rows], "cut": [rows.head(0), rows.head(10), rows.slice(10, 900), rows.slice(910)]}
    written = [given_tables([("t", batches)], tmp_path / name, BOTH).files for name, batches in cuts.items()]
    assert written[0] == written[1]


# -- whole or not at all ---------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_failing_source_leaves_the_old_export(exported: Path) -> None:
    def failing() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"call_id": ["half"]})
        raise RuntimeError("the store went away")

    before = contents(exported)
    with pytest.raises(RuntimeError, match="went away"):
        given_tables([("calls", [pl.DataFrame({"call_id": ["new"]})]), ("legs", failing())], exported, BOTH)
    assert contents(exported) == before


def test_a_new_export_replaces_the_old_one(exported: Path) -> None:
    given_tables([("calls", [pl.DataFrame({"call_id": ["new"]})])], exported, ("csv",))
    assert (exported / "calls.csv").read_text() == "call_id\nnew\n"
    assert [file["name"] for file in json.loads((exported / "manifest.json").read_bytes())["files"]] == ["calls.csv", DICTIONARY]
    assert {path.name for path in exported.iterdir()} == {"calls.csv", DICTIONARY, "manifest.json"}


def test_what_a_killed_export_left_is_removed(tmp_path: Path) -> None:
    for name, age_s in ((".export-killed", 2 * staging.ABANDONED_S), (".export-running", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").touch()
        then = datetime.datetime.now().timestamp() - age_s
        os.utime(tmp_path / name, (then, then))
    given_tables(texts("a"), tmp_path, ("csv",))
    assert {path.name for path in tmp_path.iterdir()} == {".export-running", "t.csv", DICTIONARY, "manifest.json"}


def test_what_cannot_be_exported_is_told(con: Connection, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="unknown export format 'xlsx'; there are csv and parquet"):
        stored(con, tmp_path / "never", ("csv", "xlsx"))
    assert not (tmp_path / "never").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="cannot export to"):
        stored(con, tmp_path / "file", BOTH)


def test_an_installed_appliance_exports_without_pyarrow(tmp_path: Path) -> None:
    """Tests install pyarrow as a foreign reader; the wheel does not depend on it."""
    program = f"""
import sys
sys.modules["pyarrow"] = sys.modules["pandas"] = None
from pathlib import Path
from cc_voice.query import datasets, reports as queries
from cc_voice.query.scope import EVERYTHING
from cc_voice.exports import folder
from tests.stored_calls import golden_call_heard_twice, new_store, ruled, write
con = new_store()
write(con, ruled(golden_call_heard_twice()))
assert queries.answer(con, EVERYTHING, "agent-talk", {{"since": "2026-09-01", "until": "2026-09-30"}}).height == 1
with datasets.exported(con, EVERYTHING) as source:
    made = folder.export(source, Path({str(tmp_path)!r}), folder.Options())
print(sum(file.rows for file in made.files if file.name.split(".")[0] in {TEXTS!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout.split() == [str(2 * (1 + 1 + 12 + 115 + 7 + 52))], done.stderr[-2000:]


# -- what columns mean -----------------------------------------------------------------------------------------------


def test_the_dictionary_has_every_column_of_every_table(exported: Path) -> None:
    told = pl.read_csv(exported / DICTIONARY)
    assert told.columns == ["table", "column", "type", "unit", "grain", "formula", "since_version"]
    for table in TABLES:
        schema = pl.read_parquet_schema(exported / f"{table}.parquet")
        rows = told.filter(pl.col("table") == table)
        assert rows.select("column", "type").rows() == [(name, str(kind)) for name, kind in schema.items()]
    assert told["formula"].null_count() == 0
    hold = told.filter((pl.col("table") == "legs") & (pl.col("column") == "hold_pct")).row(0, named=True)
    assert (hold["unit"], hold["since_version"]) == ("%", "0.1.0")
    assert hold["grain"] == "one row per leg (one agent's part of a call)"


def test_the_dictionary_tells_the_thresholds_of_the_legs(con: Connection, tmp_path: Path) -> None:
    """A site that changed one, or has one of its own for a queue, must not read the default's."""
    golden = golden_call()
    patient = ThresholdSet(name="patient", long_silence_ms=5_500)
    write(con, msgspec.structs.replace(golden, thresholds={leg.leg_id: patient for leg in golden.legs}))
    stored(con, tmp_path / "one", BOTH)
    write(con, call("b", leg("b"), at=NOON))
    stored(con, tmp_path / "two", BOTH)
    column = pl.col("column") == "long_silence_count"
    told = [pl.read_csv(tmp_path / name / DICTIONARY).filter(column)["formula"].to_list() for name in ("one", "two")]
    assert told == [["silences of 5.5 s and more"], ["silences of 3 or 5.5 s and more"]]
    assert load_call(con, golden.call.call_id).legs[0].thresholds.long_silence_ms == 5_500


# -- by site and day -------------------------------------------------------------------------------------------------

LEEDS = Site(site_id=2, name="Leeds / Süd=1", timezone="Europe/London")


@pytest.fixture
def days(con: Connection) -> Connection:
    """Two calls on each of four days, one of them at another site."""
    for day in range(4):
        for number in range(2):
            name = f"d{day}n{number}"
            said = (say(name, "agent", 0, f"hello {name}"),)
            at = NOON + datetime.timedelta(days=day, minutes=number)
            write(con, call(name, leg(name), at=at, said=said), LEEDS if day == number == 1 else SITE)
    return con


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_partitions_open_in_every_reader(days: Connection, tmp_path: Path) -> None:
    write(days, ruled(golden_call_heard_twice()))
    stored(days, tmp_path / "whole")
    stored(days, tmp_path / "parts", partition=True)
    for table in UNDATED:
        path = tmp_path / "parts" / f"{table}.parquet"
        assert path.read_bytes() == (tmp_path / "whole" / f"{table}.parquet").read_bytes()
    for table in DATED:
        whole = pl.read_parquet(tmp_path / "whole" / f"{table}.parquet")
        key = whole.columns if table not in TEXTS else [name for name in KEYS if name in whole.columns]
        parts = pl.read_parquet(tmp_path / "parts" / table)
        assert set(parts.columns) - set(whole.columns) == {"site", "date"}
        assert parts.select(whole.columns).sort(key).equals(whole.sort(key))
        assert (parts["date"] == parts["local_date"]).all()
        assert set(parts["site"]) == ({SITE.name, LEEDS.name} if table in TEXTS[:4] else {SITE.name})
        assert len(pandas.read_parquet(tmp_path / "parts" / table)) == len(whole)
        assert pyarrow.parquet.read_table(tmp_path / "parts" / table).num_rows == len(whole)


def test_csv_beside_partitions_has_all_days(days: Connection, tmp_path: Path) -> None:
    stored(days, tmp_path / "whole")
    stored(days, tmp_path / "parts", partition=True)
    for table in TABLES:
        whole, parts = (sorted((tmp_path / name / f"{table}.csv").read_text().splitlines()) for name in ("whole", "parts"))
        assert whole == parts


CHANGES = {
    "nothing": "select 1",
    "a call measured again": "update fact_leg set hold_ms = 1 where call_id = 'd2n0'",
    "a call deleted": "delete from fact_call where call_id = 'd1n0'",
    "a day deleted": "delete from fact_leg where date_key = 20261104; delete from fact_call where date_key = 20261104",
    "an agent renamed": "update dim_agent set display_name = 'Anna'",
    "words of a call recognised again": "update fact_utterance set text = 'bye' where call_id = 'd3n1'; "
    "update fact_call set revision = 2 where call_id = 'd3n1'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_continuing_equals_an_export_of_everything(days: Connection, tmp_path: Path, change: str) -> None:
    stored(days, tmp_path / "continued", since_last=True)
    before = {path: path.stat().st_ino for path in (tmp_path / "continued").rglob("*.parquet")}
    days.execute(CHANGES[change])
    stored(days, tmp_path / "continued", since_last=True)
    whole = stored(days, tmp_path / "fresh", partition=True)
    assert tree(tmp_path / "continued") == tree(tmp_path / "fresh")
    untouched = {path for path, number in before.items() if path.exists() and path.stat().st_ino == number}
    if change == "nothing":
        assert untouched == before.keys()
    elif change == "a call measured again":
        assert {path.parent.name for path in before.keys() - untouched} == {"date=2026-11-04"}
    assert all((tmp_path / "continued" / file.name).is_file() for file in whole.files)
    assert not [path for path in (tmp_path / "continued").rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_a_file_that_went_missing_comes_back(days: Connection, tmp_path: Path) -> None:
    stored(days, tmp_path, since_last=True)
    before = tree(tmp_path)
    shutil.rmtree(tmp_path / "legs" / "site=Berlin" / "date=2026-11-02")
    stored(days, tmp_path, since_last=True)
    assert tree(tmp_path) == before


def test_other_options_make_everything_new(days: Connection, tmp_path: Path) -> None:
    stored(days, tmp_path, BOTH)
    stored(days, tmp_path, ("parquet",), since_last=True)
    assert {path.name for path in tmp_path.iterdir()} == {
        *TEXTS[:4],
        *(f"{table}.parquet" for table in UNDATED),
        DICTIONARY,
        "manifest.json",
    }
    stored(days, tmp_path, BOTH)
    assert {path.name for path in tmp_path.iterdir()} == {
        *(f"{table}.{form}" for table in TABLES for form in BOTH),
        DICTIONARY,
        "manifest.json",
    }


def test_somebody_elses_files_are_left_alone(days: Connection, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("ours")
    stored(days, tmp_path, since_last=True)
    days.execute("delete from fact_leg; delete from fact_call")
    stored(days, tmp_path, since_last=True)
    assert (tmp_path / "notes.txt").read_text() == "ours"
    assert {path.stem for path in tmp_path.rglob("*.parquet")} == set(UNDATED), "agents and queues outlive their calls"


# -- killed ----------------------------------------------------------------------------------------------------------

KILLED = """
import os, sys
from pathlib import Path
from cc_voice.query import datasets, reports
from cc_voice.exports import staging
from cc_voice.query.scope import EVERYTHING
from cc_voice.exports.folder import Options, export
from tests.stored_calls import NOON, call, leg, new_store, say, write
import datetime
moment, folder = sys.argv[1], Path(sys.argv[2])
con = new_store()
for day in range(3):
    write(con, call(f"new{day}", leg(f"new{day}"), at=NOON + datetime.timedelta(days=day)))
con.execute("update fact_call set last_update_ts = timestamptz '2026-11-10 00:00:00+00'")
con.execute("update fact_leg set computed_at = timestamptz '2026-11-10 00:00:00+00'")
def kill(number):
    count = 0
    replace = Path.replace
    def counted(self, target):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), 9)
        return replace(self, target)
    Path.replace = counted
if moment == "making":
    staging.commit = None
    import cc_voice.exports.folder as made
    made.commit = lambda *_: os.kill(os.getpid(), 9)
elif moment.startswith("moving"):
    kill(int(moment.split()[1]))
with datasets.exported(con, EVERYTHING) as source:
    export(source, folder, Options(partition=True))
"""


@pytest.mark.parametrize(
    "moment",
    [
        "making",
        "moving 4",
        pytest.param("moving 1", marks=pytest.mark.nightly),
        pytest.param("moving 12", marks=pytest.mark.nightly),
    ],
)
def test_a_killed_export_leaves_the_old_or_is_finished_by_the_next(days: Connection, tmp_path: Path, moment: str) -> None:
    stored(days, tmp_path / "f", partition=True)
    before = tree(tmp_path / "f")
    program = [sys.executable, "-c", KILLED]
    assert subprocess.run([*program, moment, tmp_path / "f"], timeout=2 * PATIENCE_S, check=False).returncode == -signal.SIGKILL
    after = {name: body for name, body in tree(tmp_path / "f").items() if not name.startswith(".")}
    if moment == "making":
        assert after == before
    else:
        assert after["manifest.json"] == before["manifest.json"], "the manifest is moved last"
        staging.finish(tmp_path / "f")
        subprocess.run([*program, "never", tmp_path / "whole"], timeout=2 * PATIENCE_S, check=True)
        assert tree(tmp_path / "f") == tree(tmp_path / "whole")


def test_two_exports_to_one_folder_do_not_meet(tmp_path: Path) -> None:
    with staging.working(tmp_path), pytest.raises(ExportError, match=r"another export to .* is running"):
        given_tables(texts("a"), tmp_path, ("csv",))
