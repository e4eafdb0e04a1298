"""Questions to the store: the same answer whether a command opens the database or asks the service that holds it."""

import contextlib
import errno
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from cc_voice.call.batch import StageReached
from cc_voice.config import settings
from cc_voice.config.settings import Settings
from cc_voice.media import spool
from cc_voice.query import operations, reports, service_client
from cc_voice.query.evaluations.operations import EVALUATION_QUESTIONS
from cc_voice.query.operation_arguments import ARGUMENTS
from cc_voice.query.operations import QUESTIONS, QuestionError, ask
from cc_voice.query.rules.operations import RULE_QUESTIONS
from cc_voice.store import batches, streams
from cc_voice.store import database as store
from cc_voice.store.database import Database
from tests.conftest import PATIENCE_S
from tests.store.conftest import announce, golden

POLL_S = 0.05
REPORT: dict[str, Any] = {"name": "agent-talk", "params": {"since": "2026-01-01"}}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("calls.list", {"limit": 10}),
    ("calls.list", {"limit": "1"}),
    ("calls.show", {"call_id": "golden"}),
    *[("calls.export", {"call_id": "golden", "form": form, "leg_no": 1}) for form in ("vtt", "srt", "txt", "json")],
    ("streams", {}),
    ("streams.not_analysed", {}),
    ("webhooks", {"limit": 10}),
    ("reports", {}),
    ("checks", {"names": []}),
    ("checks", {"names": ["partition"]}),
    ("search", {"query": "okay", "chosen": {"party": "agent", "since": "2026-01-01"}, "limit": 5, "after": None}),
    ("reindex", {}),
    *[("report", REPORT | {"format": form}) for form in ("table", "csv", "json")],
    *[("sql", {"text": "select call_id, leg_no, hold_pct, '=1+1' from v_leg", "format": form}) for form in ("table", "csv")],
    ("report", {"name": "not-measured", "params": {"since": "2026-01-01"}, "format": "json"}),
]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("calls.show", {"call_id": "gone"}, "there is no call 'gone'; `cc-voice calls list` shows the ids"),
    ("calls.delete", {"call_id": "gone"}, "there is no call 'gone'"),
    ("calls.export", {"call_id": "gone", "form": "vtt", "leg_no": None}, "there is no call 'gone'"),
    ("calls.export", {"call_id": "golden", "form": "vtt", "leg_no": 2}, "call golden has 1 legs, and none is number 2"),
    ("report", {"name": "gone", "params": {}, "format": "csv"}, "gone"),
    ("report", REPORT | {"params": {"quue": "x"}, "format": "csv"}, "quue"),
    ("report", REPORT | {"params": {"since": "yesterday noon"}, "format": "csv"}, "since"),
    ("sql", {"text": "delete from v_call", "format": "csv"}, "this is DELETE; ask with one SELECT"),
    ("sql", {"text": "from fact_call", "format": "csv"}, "fact_call is not published"),
    ("sql", {"text": "select x from v_call", "format": "csv"}, '"x" not found'),
    ("checks", {"names": ["partitions"]}, "did you mean partition"),
    ("search", {"query": "OR", "chosen": {}, "limit": 5, "after": None}, "stand between two words"),
    ("enrich", {"dataset": "queues", "records": [{"queue_id": "q", "sl_seconds": 99_999_999_999}]}, "records of queues cannot be"),
    ("enrich", {"dataset": "queues", "records": [{"colour": "red"}]}, "no records of queues"),
    ("export.lake", {"uri": "/proc/nowhere"}, "cannot write the Delta table /proc/nowhere/calls"),
    ("export", {"folder": "/proc/nowhere", "options": {"formats": ["csv"]}}, "cannot export to /proc/nowhere"),
    ("export", {"folder": "/proc/nowhere", "options": {"formats": ["xls"]}}, "unknown export format 'xls'"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site with the golden call, and streams of three stages."""
    made = Settings(data_dir=tmp_path_factory.mktemp("site"), listen="127.0.0.1:0", workers=1, recogniser="none", log_level="error")
    database = Database.open(made.database_path)
    for stream_id, stage in (("s1", "measured"), ("s2", "failed"), ("s3", "revoked")):
        announce(database, stream_id, f"call-{stream_id}", int(time.time() * 1000))
        database.write_now(lambda con, stream_id=stream_id: streams.take(con, stream_id))
        reached = StageReached(call_id=f"call-{stream_id}", stream_id=stream_id, epoch=1, stage=stage, reason="ä „reason“")
        database.write_now(lambda con, reached=reached: batches.write_batch(con, reached, made.site))
    database.write_now(lambda con: batches.write_batch(con, golden(), made.site))
    database.close()
    return made


@pytest.fixture(scope="module")
def direct(site: Settings) -> list[bytes]:
    """What a command answers itself, as JSON."""
    return [msgspec.json.encode(ask(site, question, **arguments)) for question, arguments in ASKED]


@pytest.fixture(scope="module")
def direct_errors(site: Settings) -> list[str]:
    return [complaint(site, question, arguments) for question, arguments, _ in WRONG]


@pytest.fixture(scope="module")
def service(site: Settings, direct: list[bytes], direct_errors: list[str]) -> Iterator[Settings]:
    """The same site while `cc-voice serve` holds its database."""
    config = site.data_dir / "site.json"
    config.write_bytes(settings.dumps(site))
    with (site.data_dir / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "cc_voice", "serve", "--config", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE_S
    while not (site.data_dir / "address").exists():
        assert process.poll() is None, (site.data_dir / "log").read_text()
        assert time.monotonic() < deadline, "the service does not listen"
        time.sleep(POLL_S)
    yield site
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def complaint(site: Settings, question: str, arguments: dict[str, Any]) -> str:
    with pytest.raises(QuestionError) as caught:
        ask(site, question, **arguments)
    return str(caught.value)


def test_an_analyst_gets_a_frame_with_its_types_from_the_service(service: Settings) -> None:
    frame = reports.run("agent-talk", data_dir=service.data_dir, since="2026-01-01")
    assert frame["n_legs"].to_list() == [1]
    assert frame.schema["agent_talk_pct_ros"] == pl.Float64
    assert frame.schema["team_name"] == pl.String
    with pytest.raises(reports.QueryError, match="did you mean agent-talk"):
        reports.run("agent-tlak", data_dir=service.data_dir)


@pytest.mark.parametrize("number", range(len(ASKED)), ids=lambda number: ASKED[number][0])
def test_the_service_answers_byte_by_byte_as_the_command_itself(service: Settings, direct: list[bytes], number: int) -> None:
    question, arguments = ASKED[number]
    assert msgspec.json.encode(ask(service, question, **arguments)) == direct[number]
    assert len(direct[number]) > 20, "an empty answer proves nothing"


@pytest.mark.parametrize("number", range(len(WRONG)), ids=lambda number: WRONG[number][2])
def test_errors_are_worded_alike(service: Settings, direct_errors: list[str], number: int) -> None:
    question, arguments, reason = WRONG[number]
    assert reason in direct_errors[number]
    assert complaint(service, question, arguments) == direct_errors[number]


def test_the_service_exports_the_same_files(service: Settings, tmp_path: Path) -> None:
    manifest = ask(service, "export", folder=str(tmp_path / "asked"), options={"formats": ["csv"]})
    assert {file["name"]: file["rows"] for file in manifest["files"]}["calls.csv"] == 1
    assert all((tmp_path / "asked" / file["name"]).stat().st_size for file in manifest["files"])


def test_a_batch_is_stored_by_whoever_holds_the_database_once(service: Settings) -> None:
    batch_id = spool.put(service.spool_dir, golden(call_id="imported", stream_id="import-1"))
    for _ in range(2):
        assert ask(service, "store", batch_id=batch_id) is None
    assert ask(service, "calls.show", call_id="imported")["call"]["call_id"] == "imported"
    assert list(spool.waiting(service.spool_dir)) == []


def test_every_question_is_asked_here() -> None:
    of_their_commands = {"audit.copied", "store", "enrich", "recompute.before", "recompute.publish", "recompute.thresholds"}
    of_their_commands.add("redaction.audit")
    of_their_commands |= {
        *RULE_QUESTIONS,
        *EVALUATION_QUESTIONS,
        "policies",
        "policies.set",
        "webhooks.replay",
        *(f"administration.{page}" for page in ("configuration", "overview", "exports", "queues")),
    }
    assert {question for question, *_ in [*ASKED, *WRONG]} | of_their_commands == set(QUESTIONS) == set(ARGUMENTS)


def test_a_question_that_a_newer_command_knows(service: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUESTIONS, "forecast", lambda database, site, arguments: None)
    with pytest.raises(QuestionError, match="this service knows no command 'forecast'; is it older than the program that asks"):
        ask(service, "forecast")


def test_a_broken_store_is_explained(tmp_path: Path) -> None:
    site = Settings(data_dir=tmp_path)
    site.database_path.write_bytes(b"not a database" * 1000)
    assert str(site.database_path) in complaint(site, "streams", {})


def test_a_question_that_takes_too_long_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "READ_LIMIT_MS", 20)
    forever = "select count(*) from range(100000000000) where range % 7 = 3"
    monkeypatch.setitem(QUESTIONS, "forever", lambda database, *_: database.read_now(lambda con: con.execute(forever).fetchall()))
    assert "was stopped; ask for fewer days" in complaint(Settings(data_dir=tmp_path), "forever", {})


def test_an_export_that_fails_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    asked = {"folder": str(tmp_path / "exports"), "options": {"formats": ["csv"]}}
    reason = complaint(Settings(data_dir=tmp_path), "export", asked)
    assert reason == f"cannot export to {tmp_path / 'exports'}: No space left on device"
    assert list((tmp_path / "exports").iterdir()) == []


@contextlib.contextmanager
def another_command(site: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds the database until its standard input ends, and answers no questions."""
    code = f"""
from pathlib import Path
from cc_voice.store.database import Database
database = Database.open(Path({str(site.database_path)!r}))
print("open", flush=True)
input()
database.close()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    try:
        yield process
    finally:
        process.communicate(b"\n")


def test_while_nobody_can_answer_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_client, "PATIENCE_S", 0.1)
    site = Settings(data_dir=tmp_path)
    with another_command(site):
        told = complaint(site, "streams", {})
    assert told.startswith(f"another process holds {site.database_path} and does not answer on {site.owner_socket}")
    assert ask(site, "streams") == []


def test_a_command_waits_for_another_to_finish(tmp_path: Path) -> None:
    site, answers = Settings(data_dir=tmp_path), []
    with another_command(site):
        asking = threading.Thread(target=lambda: answers.append(ask(site, "streams")))
        asking.start()
        assert answers == []
    asking.join(PATIENCE_S)
    assert answers == [[]]


def test_a_socket_that_a_dead_service_left_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_client, "PATIENCE_S", 0.1)
    site = Settings(data_dir=tmp_path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(site.owner_socket))
    assert ask(site, "streams") == []
    with another_command(site):
        assert "does not answer" in complaint(site, "streams", {})


@pytest.mark.parametrize("read", [10, 65536], ids=["before it is asked", "when it was asked"])
@pytest.mark.parametrize(("answer", "reason"), [(b"", "gave no answer"), (b"HTTP/1.1 502 Bad\r\n\r\n<html>", "answered HTTP 502")])
def test_what_answers_without_being_the_service_is_told_so(tmp_path: Path, answer: bytes, reason: str, read: int) -> None:
    site = Settings(data_dir=tmp_path)
    with socket.socket(socket.AF_UNIX) as listening, another_command(site):
        listening.bind(str(site.owner_socket))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(read)  # what it leaves unread cuts the connection
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        assert reason in complaint(site, "streams", {})


def test_what_a_table_shows() -> None:
    assert [operations.cell(value) for value in (None, 1.25, 3, "x", True)] == ["–", "1.2", "3", "x", "True"]
