"""The warm copy: there before anybody asks, renewed when something changed, ended with the service."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_voice.config.settings import Settings
from cc_voice.query.sql import runner, snapshot, warm_copy
from cc_voice.store import batches
from cc_voice.store.database import Database
from tests.conftest import PATIENCE_S
from tests.store.conftest import SITE, golden
from tests.stored_calls import new_database


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def database(site: Settings) -> Iterator[Database]:
    opened = new_database(site.database_path)
    opened.write_now(lambda con: batches.write_batch(con, golden(), SITE))
    yield opened
    opened.close()


async def test_a_copy_is_there_before_anybody_asks(site: Settings, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_copy, "FIRST_AFTER_S", 0.01)
    draining = asyncio.Event()
    keeping = asyncio.create_task(warm_copy.keep(site, database, draining))
    async with asyncio.timeout(PATIENCE_S):
        while not (site.sql_dir / "snapshot.json").exists():
            await asyncio.sleep(0.01)
    draining.set()
    await asyncio.wait_for(keeping, PATIENCE_S)
    assert snapshot.database(site.sql_dir).is_file()


def test_whoever_asks_goes_first(site: Settings, database: Database) -> None:
    with runner.turn(site.sql_dir, 0), pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm_copy, "PATIENCE_S", 0.0)
        warm_copy.renew(site, database, asyncio.Event())
    assert not (site.sql_dir / "snapshot.json").exists()
    warm_copy.renew(site, database, asyncio.Event())
    assert (site.sql_dir / "snapshot.json").exists()
