"""`exports`: what other programs read, byte for byte the same, whole or not at all."""

import csv
import datetime
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pandas
import polars as pl
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice import exports, queries
from cc_voice.exports import ExportError, Manifest, export
from tests.stored_calls import NOON, Connection, call, golden_call_heard_twice, leg, new_store, say, write

BOTH = ("csv", "parquet")
TABLES = ("calls", "legs", "utterances", "words", "unused_utterances", "unused_words")


@pytest.fixture
def con() -> Iterator[Connection]:
    with new_store() as store:
        yield store


@pytest.fixture
def exported(con: Connection, tmp_path: Path) -> Path:
    write(con, golden_call_heard_twice())
    said = say("b", "customer", 0, '=HYPERLINK("x"), "quoted"\nsecond line; größer')
    write(con, call("b", leg("b"), at=NOON, said=(said,)))
    export(queries.datasets(con), tmp_path, BOTH)
    return tmp_path


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
    export(texts('a,"b"', "two\r\nlines", "größer", "", None), tmp_path, ("csv",))
    body = (tmp_path / "t.csv").read_bytes()
    assert body == 'text\r\n"a,""b"""\r\n"two\r\nlines"\r\ngrößer\r\n""\r\n\r\n'.encode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1+1", "\r=1+1", "\n=1+1"])
def test_csv_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    export(texts(text, "a=1"), tmp_path, BOTH)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [["'" + text], ["a=1"]]
    assert pl.read_parquet(tmp_path / "t.parquet")["text"].to_list() == [text, "a=1"]


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    export([("t", [pl.DataFrame({"ms": [-800], "wpm": [-1.5]})])], tmp_path, ("csv",))
    assert (tmp_path / "t.csv").read_text() == "ms,wpm\n-800,-1.5\n"


def test_a_reports_csv_follows_the_same_rules(con: Connection, tmp_path: Path) -> None:
    write(con, call("b", leg("b"), said=(say("b", "customer", 0, "=1+1 please"),)))
    frame = queries.run(con, "phrase-said", {"phrase": "please", "since": "2026-11-01", "until": "2026-11-30"})
    export([("t", [frame])], tmp_path, ("csv",))
    body = exports.csv_text(frame)
    assert "2026-11-02T11:00:00.000Z" in body
    assert "'=1+1 please\r\n" in body
    assert body.encode() == (tmp_path / "t.csv").read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_arrives(tmp_path: Path, values: list[str]) -> None:
    export(texts(*values), tmp_path, BOTH)
    assert pl.read_parquet(tmp_path / "t.parquet")["text"].to_list() == values
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        read = [row[0] for row in csv.reader(file, strict=True)][1:]
    assert read == ["'" + text if text[:1] in tuple("=+-@\t\r\n") and text else text for text in values]


# -- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_is_there(con: Connection, tmp_path: Path) -> None:
    write(con, golden_call_heard_twice())
    before = datetime.datetime.now(datetime.UTC)
    manifest = export(queries.datasets(con), tmp_path, BOTH)
    assert msgspec.json.decode((tmp_path / "manifest.json").read_bytes(), type=Manifest) == manifest
    assert before <= manifest.created_at <= datetime.datetime.now(datetime.UTC)
    assert {file.name for file in manifest.files} == {f"{table}.{form}" for table in TABLES for form in BOTH}
    for file in manifest.files:
        body = (tmp_path / file.name).read_bytes()
        assert (file.bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    rows = {file.name: file.rows for file in manifest.files}
    assert rows["calls.csv"] == rows["legs.parquet"] == 1
    assert rows["words.csv"] == rows["words.parquet"] == 115
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*rows, "manifest.json"])


def test_an_empty_store_gives_headers_and_types(con: Connection, tmp_path: Path) -> None:
    manifest = export(queries.datasets(con), tmp_path, BOTH)
    assert {file.rows for file in manifest.files} == {0}
    assert (tmp_path / "words.csv").read_bytes().startswith(b"utterance_id,word_seq,")
    assert pl.read_parquet_schema(tmp_path / "calls.parquet")["start_ts"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("form", BOTH)
def test_only_what_was_asked_for_is_written(con: Connection, tmp_path: Path, form: str) -> None:
    export(queries.datasets(con), tmp_path, (form,))
    assert {path.suffix for path in tmp_path.iterdir()} == {f".{form}", ".json"}


# -- the same again --------------------------------------------------------------------------------------------------


def test_two_exports_of_the_same_store_are_identical(con: Connection, tmp_path: Path) -> None:
    for number in range(5):
        write(con, call(f"c{number}", leg(f"c{number}"), at=NOON + datetime.timedelta(hours=13 * number)))
    first = export(queries.datasets(con), tmp_path / "1", BOTH)
    second = export(queries.datasets(con), tmp_path / "2", BOTH)
    assert first.files == second.files


def test_the_order_of_writing_does_not_show(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    manifests = []
    for order in (names, names[::-1], names[::-1]):
        with new_store() as store:
            for name in order:
                write(store, call(name, leg(name), said=(say(name, "agent", 0, f"{name} hello"),)))
            store.execute("update fact_leg set computed_at = timestamptz '2026-11-03 00:00:00+00'")
            manifests.append(export(queries.datasets(store), tmp_path / str(len(manifests)), BOTH))
    assert manifests[0].files == manifests[1].files


def test_how_rows_are_cut_into_batches_does_not_show(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(1000), "text": [f"word {n % 7}" for n in range(1000)]})
    cuts = {"whole": [rows], "cut": [rows.head(0), rows.head(10), rows.slice(10, 900), rows.slice(910)]}
    written = [export([("t", batches)], tmp_path / name, BOTH).files for name, batches in cuts.items()]
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
        export([("calls", [pl.DataFrame({"call_id": ["new"]})]), ("legs", failing())], exported, BOTH)
    assert contents(exported) == before


def test_a_new_export_replaces_the_old_one(exported: Path) -> None:
    export([("calls", [pl.DataFrame({"call_id": ["new"]})])], exported, ("csv",))
    assert (exported / "calls.csv").read_text() == "call_id\nnew\n"
    assert [file["name"] for file in json.loads((exported / "manifest.json").read_bytes())["files"]] == ["calls.csv"]


def test_what_a_killed_export_left_is_removed(tmp_path: Path) -> None:
    for name, age_s in ((".export-killed", 2 * exports.ABANDONED_S), (".export-running", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").touch()
        then = datetime.datetime.now().timestamp() - age_s
        os.utime(tmp_path / name, (then, then))
    export(texts("a"), tmp_path, ("csv",))
    assert {path.name for path in tmp_path.iterdir()} == {".export-running", "t.csv", "manifest.json"}


def test_what_cannot_be_exported_is_told(con: Connection, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="unknown export format 'xlsx'; there are csv and parquet"):
        export(queries.datasets(con), tmp_path / "never", ("csv", "xlsx"))
    assert not (tmp_path / "never").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="cannot export to"):
        export(queries.datasets(con), tmp_path / "file", BOTH)


def test_an_installed_appliance_exports_without_pyarrow(tmp_path: Path) -> None:
    """Tests install pyarrow as a foreign reader; the wheel does not depend on it."""
    program = f"""
import sys
sys.modules["pyarrow"] = sys.modules["pandas"] = None
from pathlib import Path
from cc_voice import exports, queries
from tests.stored_calls import golden_call_heard_twice, new_store, write
con = new_store()
write(con, golden_call_heard_twice())
assert queries.run(con, "agent-talk", {{"since": "2026-09-01", "until": "2026-09-30"}}).height == 1
print(sum(file.rows for file in exports.export(queries.datasets(con), Path({str(tmp_path)!r}), {exports.FORMATS!r}).files))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [str(2 * (1 + 1 + 12 + 115 + 7 + 52))], done.stderr[-2000:]
