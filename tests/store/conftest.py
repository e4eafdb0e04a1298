"""A real store in a temporary folder, and the golden call to put in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_voice.call.batch import CallMeasured
from cc_voice.call.measure import measure
from cc_voice.config.settings import Site
from cc_voice.store import streams
from cc_voice.store.database import Database
from tests.call.golden import T0, THRESHOLDS, golden_stream_heard_twice
from tests.stored_calls import new_database

SITE = Site(site_id=7, name="Test site", timezone="Europe/Berlin")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An open, empty store."""
    opened = new_database(tmp_path / "store.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def rows(database: Database) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask the store with SQL."""
    return lambda sql, *parameters: database.read_now(lambda con: con.execute(sql, list(parameters)).fetchall())


def golden(epoch: int = 1, revision: int | None = None, **changes: Any) -> CallMeasured:
    """The golden call as a worker delivers it; `changes` go into its stream."""
    stream = msgspec.structs.replace(golden_stream_heard_twice(), epoch=epoch, **changes)
    return CallMeasured(
        call_id=stream.call_id,
        stream_id=stream.stream_id,
        epoch=epoch,
        revision=epoch if revision is None else revision,
        thresholds=THRESHOLDS,
        call=measure([stream], THRESHOLDS),
    )


def announce(database: Database, stream_id: str = "s1", call_id: str = "golden", started_unix_ms: int = T0) -> bool:
    """Record the golden call's stream as announced; whether it was new."""
    return database.write_now(
        lambda con: streams.open_stream(
            con,
            stream_id=stream_id,
            call_id=call_id,
            product="contact_center",
            instance_id="E1",
            app="default",
            target="{}",
            language="en",
            started_unix_ms=started_unix_ms,
        )
    )
