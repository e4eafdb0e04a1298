"""A folder with a copy of a small store, and a way to ask it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from cc_voice.query.sql import snapshot
from cc_voice.query.sql.runner import SqlAnswer, SqlLimits, run
from tests.stored_calls import call, golden_call, leg, new_store, say, write

NOW_S = 1_790_000_000.0
QUICK = SqlLimits(time_ms=1_500)
Ask = Callable[..., SqlAnswer]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with the golden call and one whose customer tries something."""
    with new_store() as made:
        write(made, golden_call())
        said = say("b", "customer", 0, '=1+1 "quoted", \u00e4')
        write(made, call("b", leg("b"), said=(said,)))
        yield made


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of such a store; nobody writes to it."""
    made = tmp_path_factory.mktemp("sql")
    with new_store() as store:
        write(store, golden_call())
        snapshot.refresh(store, made, NOW_S)
    return made


@pytest.fixture
def ask(folder: Path) -> Ask:
    """Ask the copy."""

    def asked(sql: str, limits: SqlLimits = QUICK) -> SqlAnswer:
        kept = snapshot.kept(folder, NOW_S)
        assert kept is not None
        return run(folder, kept, {}, sql, limits, NOW_S)

    return asked
