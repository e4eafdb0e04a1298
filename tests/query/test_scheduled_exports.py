"""Exports by schedule: when they are due, how they went, that they end with the service."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl
import pytest

from cc_voice.config import settings
from cc_voice.config.schedules import ExportJob, problem
from cc_voice.config.settings import Settings
from cc_voice.query import scheduled_exports
from cc_voice.query.scheduled_exports import State, failing, is_due, run, state
from cc_voice.store import batches
from cc_voice.store.database import Database
from tests.conftest import PATIENCE_S
from tests.store.conftest import SITE, golden
from tests.stored_calls import new_database

NOW_S = 1_790_000_000.0


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    jobs = (
        ExportJob(name="files", to=str(tmp_path / "files"), every_minutes=60, formats=("parquet",)),
        ExportJob(name="lake", to=str(tmp_path / "lake"), delta=True),
        ExportJob(name="broken", to="/proc/nowhere"),
    )
    return Settings(data_dir=tmp_path / "data", exports=jobs)


@pytest.fixture
def database(site: Settings) -> Iterator[Database]:
    opened = new_database(site.database_path)
    opened.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    yield opened
    opened.close()


def never() -> bool:
    return False


def test_an_export_is_due_at_first_and_after_its_time(site: Settings) -> None:
    job = site.exports[0]
    last = State(name="files", started_s=NOW_S, took_s=1, error=None, done_s=NOW_S)
    assert is_due(None, job, NOW_S)
    assert not is_due(last, job, NOW_S + 3599)
    assert is_due(last, job, NOW_S + 3600)
    assert is_due(last, job, NOW_S - 1), "a clock that was set back"


def test_files_and_delta_tables_are_made_and_written_down(site: Settings, database: Database, tmp_path: Path) -> None:
    for job in site.exports[:2]:
        told = run(site, database, job, NOW_S, never)
        assert (told.error, told.done_s) == (None, NOW_S)
        assert state(site, job) == told
    assert len(pl.read_parquet(tmp_path / "files" / "legs")) == 1
    assert len(pl.read_delta(str(tmp_path / "lake" / "legs"))) == 1
    assert failing(site) == 0


def test_a_failure_is_told_until_the_next_success(site: Settings, database: Database) -> None:
    told = run(site, database, site.exports[2], NOW_S, never)
    assert told.error is not None
    assert "/proc/nowhere" in told.error
    assert told.done_s is None
    assert failing(site) == 1
    mended = msgspec.structs.replace(site.exports[2], to=str(site.data_dir / "mended"))
    assert run(site, database, mended, NOW_S + 1, never).done_s == NOW_S + 1
    assert failing(site) == 0


def test_an_export_ends_when_the_service_does(site: Settings, database: Database, tmp_path: Path) -> None:
    told = run(site, database, site.exports[0], NOW_S, lambda: True)
    assert told.error == "the service stopped; the next start begins again"
    assert not (tmp_path / "files" / "manifest.json").exists()


async def test_what_is_due_is_done_while_the_service_runs(site: Settings, database: Database) -> None:
    draining = asyncio.Event()
    keeping = asyncio.create_task(scheduled_exports.keep(site, database, draining, lambda name, to: None))
    async with asyncio.timeout(PATIENCE_S):
        while any(state(site, job) is None for job in site.exports):
            await asyncio.sleep(0)
    draining.set()
    await keeping
    assert [(found := state(site, job)) and found.error is None for job in site.exports] == [True, True, False]


@pytest.mark.parametrize(
    ("job", "wrong"),
    [
        (ExportJob(name="A b", to="x"), "is no name"),
        (ExportJob(name="../x", to="x"), "is no name"),
        (ExportJob(name="a", to="x", every_minutes=0), "it is 1 or more"),
        (ExportJob(name="a", to="ftp://x"), "can go to a folder"),
        (ExportJob(name="a", to=" "), "needs a place to go"),
        (ExportJob(name="a", to="x", formats=()), "needs a place to go"),
    ],
)
def test_what_cannot_be_done_is_refused_at_the_start(job: ExportJob, wrong: str) -> None:
    told = problem([job])
    assert told is not None
    assert wrong in told


def test_names_are_unique_and_the_configuration_is_read(tmp_path: Path) -> None:
    assert problem([ExportJob(name="a", to="x"), ExportJob(name="a", to="y")]) is not None
    path = tmp_path / "cc-voice.toml"
    path.write_text('[[exports]]\nname = "bi"\nto = "s3://bucket/site"\nevery_minutes = 15\nformats = ["parquet"]\n')
    assert settings.load(path).exports == (ExportJob(name="bi", to="s3://bucket/site", every_minutes=15, formats=("parquet",)),)
    path.write_text('[[exports]]\nname = "bi"\nto = "ftp://x"\n')
    with pytest.raises(settings.SettingsError, match="can go to a folder"):
        settings.load(path)
