"""The owner of the file: writes in order and whole, readers beside them, one process only, damage explained."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cc_voice.store import database as store
from cc_voice.store.database import Connection, Database
from cc_voice.store.errors import DatabaseClosed, DatabaseDamaged, DatabaseLocked, ReadTooLong, StoreError
from tests.conftest import PATIENCE_S


@pytest.fixture
def table(database: Database) -> Database:
    database.write_now(lambda con: con.execute("create table number (n integer primary key)"))
    return database


def numbers(database: Database) -> list[int]:
    return [n for (n,) in database.read_now(lambda con: con.execute("select n from number order by n").fetchall())]


def put(*values: int) -> Any:
    def work(con: Connection) -> None:
        for value in values:
            con.execute("insert into number values (?)", [value])

    return work


def test_a_write_is_whole_or_not_at_all(table: Database) -> None:
    table.write_now(put(1))
    with pytest.raises(Exception, match=r"(?i)duplicate key"):
        table.write_now(put(2, 1))
    assert numbers(table) == [1]
    table.write_now(put(2))
    assert numbers(table) == [1, 2]


async def test_writes_happen_in_the_order_they_were_handed_in(table: Database) -> None:
    order: list[int] = []

    def note(number: int) -> Any:
        def work(con: Connection) -> None:
            order.append(number)

        return work

    await asyncio.gather(*(table.write(note(number)) for number in range(50)))
    assert order == list(range(50))


async def test_a_reader_sees_the_last_commit_while_a_write_goes_on(table: Database) -> None:
    await table.write(put(1))
    begun, go_on = threading.Event(), threading.Event()

    def slow(con: Connection) -> None:
        put(2)(con)
        begun.set()
        assert go_on.wait(30)

    writing = asyncio.create_task(table.write(slow))
    await asyncio.to_thread(begun.wait, PATIENCE_S)
    assert await asyncio.to_thread(numbers, table) == [1]
    go_on.set()
    await writing
    assert numbers(table) == [1, 2]


def test_a_reader_that_failed_inside_a_transaction_is_no_burden_to_the_next(table: Database) -> None:
    def snapshot_and_fail(con: Connection) -> None:
        con.begin()
        con.execute("select n from number").fetchall()
        raise OSError("the disk that the rows were to be written to is full")

    for _ in range(3):
        with pytest.raises(OSError, match="disk"):
            table.read_now(snapshot_and_fail)
    table.write_now(put(1))
    assert numbers(table) == [1]


def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "READ_LIMIT_MS", 20)
    database = Database.open(tmp_path / "store.duckdb")
    with pytest.raises(ReadTooLong, match="ask for fewer days"):
        database.read_now(lambda con: con.execute("select count(*) from range(100000000000) where range % 7 = 3").fetchall())
    database.close()


def test_many_readers_at_once_do_not_disturb_each_other(table: Database) -> None:
    table.write_now(put(*range(100)))
    results: list[list[int]] = []
    threads = [threading.Thread(target=lambda: results.append(numbers(table))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(100))] * 12


def test_what_was_handed_in_is_written_before_closing(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    database = Database.open(path)
    database.write_now(lambda con: con.execute("create table number (n integer primary key)"))
    database.write_now(put(*range(5)))
    database.close()
    database.close()
    with pytest.raises(DatabaseClosed):
        database.write_now(put(9))
    with pytest.raises(DatabaseClosed):
        numbers(database)
    again = Database.open(path)
    assert numbers(again) == [0, 1, 2, 3, 4]
    again.close()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads that give way to each other all the time: what can come between two lines does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("_again", range(5))
def test_nobody_waits_for_a_write_that_came_too_late(table: Database, impatient: None, _again: int) -> None:
    begun = threading.Event()
    ends: list[str] = []

    async def hand_in() -> None:
        try:
            await table.write(lambda con: begun.set())
            ends.append("stored")
        except DatabaseClosed:
            ends.append("refused")

    async def many() -> None:
        await asyncio.gather(*(hand_in() for _ in range(600)))

    threads = [threading.Thread(target=lambda: asyncio.run(many()), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    table.close()
    for thread in threads:
        thread.join(30)
    assert len(ends) == 4 * 600


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import pathlib; from cc_voice.store.database import Database\n"
            f"d = Database.open(pathlib.Path({str(path)!r})); print('open', flush=True); input(); d.close()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(DatabaseLocked, match="another process holds"):
        Database.open(path)
    holder.communicate("\n", timeout=PATIENCE_S)
    Database.open(path).close()


def test_a_full_disk_is_no_damage() -> None:
    with pytest.raises(StoreError, match="the disk has room") as told:
        Database.open(Path("/dev/full"))
    assert not isinstance(told.value, DatabaseDamaged)
    assert "backup" not in str(told.value)


def test_a_file_that_is_no_store_is_explained_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(DatabaseDamaged, match="Restore it from a backup"):
        Database.open(path)
    assert path.read_bytes() == b"this is no database" * 1000


def test_damage_inside_the_file_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    Database.open(path).close()
    data = bytearray(path.read_bytes())
    data[100] ^= 0xFF  # DuckDB tells of a checksum that does not match "in block at location 0"
    path.write_bytes(data)
    with pytest.raises(DatabaseDamaged, match="Restore it from a backup"):
        Database.open(path)


def test_a_damaged_log_is_explained_and_can_be_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    killed = f"""
import os, pathlib
from cc_voice.store.database import Database
database = Database.open(pathlib.Path({str(path)!r}))
database.write_now(lambda con: con.execute("create table number as select unnest(range(1000)) as n"))
database._connection.execute("checkpoint")
for start in range(10):
    database.write_now(lambda con: con.execute("insert into number select unnest(range(1000, 2000))"))
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", killed], check=False, timeout=PATIENCE_S)
    wal = Path(f"{path}.wal")
    data = bytearray(wal.read_bytes())
    data[200] ^= 0xFF  # in the first record: damage at the end of a record only loses what follows, in silence
    wal.write_bytes(data)
    with pytest.raises(DatabaseDamaged, match=r"write-ahead log .* is damaged"):
        Database.open(path)
    wal.rename(tmp_path / "aside.wal")
    again = Database.open(path)
    assert numbers(again)[:3] == [0, 1, 2]
    again.close()


def test_the_file_is_private(database: Database, tmp_path: Path) -> None:
    assert (tmp_path / "store.duckdb").stat().st_mode & 0o077 == 0


def test_time_does_not_depend_on_the_machine(database: Database) -> None:
    assert database.read_now(lambda con: con.execute("select current_setting('TimeZone')").fetchall()) == [("UTC",)]


def test_a_missing_function_is_an_error_not_a_download(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)not exist|not in the catalog|extension"):
        database.read_now(lambda con: con.execute("select * from read_xlsx('x.xlsx')").fetchall())


@pytest.mark.parametrize("name", ["cc_voice.duckdb", "cc_voice.duckdb.wal"])
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "cc_voice.duckdb"
    Database.open(path).close()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatabaseDamaged, match=f"{tmp_path / name} is no file"):
        Database.open(path)


@pytest.mark.parametrize("text", ["IO Error: Read-only file system", "IO Error: Disk quota exceeded"])
def test_what_a_disk_says_is_no_damage(text: str) -> None:
    error = store._opening_error(Path("x.duckdb"), duckdb.Error(text))
    assert not isinstance(error, DatabaseDamaged)
    assert "owns the folder" in str(error)


def test_what_was_written_does_not_stay_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CHECKPOINT_S", 0.05)
    path = tmp_path / "cc_voice.duckdb"
    database = Database.open(path)
    database.write_now(lambda con: con.execute("create table number (n integer primary key)"))
    database.write_now(put(1, 2, 3))
    log = tmp_path / "cc_voice.duckdb.wal"
    deadline = time.monotonic() + PATIENCE_S
    while log.exists() and log.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert numbers(database) == [1, 2, 3]
    database.close()
