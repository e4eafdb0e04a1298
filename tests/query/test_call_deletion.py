"""A call that somebody wants gone is gone: from the store, from search, from recordings, copies and the next export."""

import json
from pathlib import Path

import pytest

from cc_voice.call.batch import StageReached
from cc_voice.config.settings import Settings
from cc_voice.media import recordings, spool
from cc_voice.media.recordings import StreamHeader
from cc_voice.query import operations
from cc_voice.query.service_client import QuestionError
from cc_voice.store import batches, streams
from cc_voice.store.database import Database
from tests.call.golden import T0
from tests.store.conftest import SITE, announce, golden


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """A site with the golden call, whose stream was announced, another call, a recording of each, and a copy for SQL."""
    made = Settings(data_dir=tmp_path / "data")
    database = Database.open(made.database_path)
    announce(database)
    database.write_now(lambda con: streams.take(con, "s1"))
    for call_id, stream_id in (("golden", "s1"), ("other", "s2")):
        batch = golden(call_id=call_id, stream_id=stream_id)
        database.write_now(lambda con, batch=batch: batches.write_batch(con, batch, SITE))  # type: ignore[misc]
        kept = StreamHeader(
            call_id=call_id,
            stream_id=stream_id,
            product="contact_center",
            instance_id="E1",
            language="en",
            sample_rate_hz=16_000,
            t0_unix_ms=T0,
        )
        recording = recordings.create(made.recordings_dir, kept)
        recording.channel("a").write(0, bytes(3_200))
        recording.close()
    database.close()
    operations.ask(made, "sql", text="select count(*) from v_call", format="csv")
    return made


def count(site: Settings, sql: str) -> int:
    database = Database.open(site.database_path)
    try:
        return int(database.read_now(lambda con: con.execute(sql).fetchall()[0][0]))
    finally:
        database.close()


def exported(site: Settings, **options: bool) -> str:
    folder = site.data_dir / "out"
    operations.ask(site, "export", folder=str(folder), options={"formats": ["csv"], **options})
    return (folder / "calls.csv").read_text() + (folder / "utterances.csv").read_text()


def test_a_deleted_call_is_nowhere_and_others_stay(site: Settings) -> None:
    assert "golden" in exported(site, since_last=True)
    spool.put(site.spool_dir, golden())
    operations.ask(site, "calls.delete", call_id="golden")
    for table in ("fact_call", "fact_leg", "fact_utterance", "fact_event", "fact_channel"):
        assert count(site, f"select count(*) from {table} where call_id = 'golden'") == 0
    assert count(site, "select count(*) from fact_interval where leg_id like 'golden%'") == 0
    assert not (site.recordings_dir / "golden").exists()
    assert list(site.sql_dir.glob("snapshot*")) == []
    assert list(spool.waiting(site.spool_dir)) == []
    found = operations.ask(site, "search", query="refund OR help OR the OR you", chosen={}, limit=50, after=None)
    assert "golden" not in json.dumps(found)
    out = exported(site, since_last=True)
    assert ("golden" in out, "other" in out) == (False, True)
    assert (site.recordings_dir / "other").exists()


def test_nothing_that_comes_late_brings_it_back(site: Settings) -> None:
    operations.ask(site, "calls.delete", call_id="golden")
    database = Database.open(site.database_path)
    assert not database.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    assert not announce(database)
    database.close()
    [stream] = operations.ask(site, "streams")
    assert (stream["stage"], stream["failure"]) == ("revoked", "deleted on request: everything received was deleted")
    with pytest.raises(QuestionError, match="there is no call 'golden'"):
        operations.ask(site, "calls.delete", call_id="golden")


def test_a_deletion_that_was_stopped_can_be_repeated(site: Settings) -> None:
    operations.ask(site, "calls.delete", call_id="other")
    (site.recordings_dir / "other" / "x").mkdir(parents=True)
    operations.ask(site, "calls.delete", call_id="other")
    assert not (site.recordings_dir / "other").exists()


@pytest.mark.parametrize("call_id", ["gone", "..", "../data", "", "."])
def test_what_is_no_call_is_told(site: Settings, call_id: str) -> None:
    with pytest.raises(QuestionError, match="no call"):
        operations.ask(site, "calls.delete", call_id=call_id)
    assert site.database_path.exists()


def test_a_call_in_progress_is_refused(site: Settings) -> None:
    database = Database.open(site.database_path)
    announce(database, "s9", "golden", T0 + 1)
    database.close()
    with pytest.raises(QuestionError, match="in progress"):
        operations.ask(site, "calls.delete", call_id="golden")
    assert count(site, "select count(*) from fact_call where call_id = 'golden'") == 1
    database = Database.open(site.database_path)
    database.write_now(lambda con: streams.take(con, "s9"))
    failed = StageReached(call_id="golden", stream_id="s9", epoch=1, stage="failed", reason="no media")
    database.write_now(lambda con: batches.write_batch(con, failed, SITE))
    database.close()
    operations.ask(site, "calls.delete", call_id="golden")
