"""Shares: what is exported may be read by whoever may read its folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_voice.exports.folder import Options, export
from cc_voice.exports.lake import export_lake
from cc_voice.query import datasets
from cc_voice.query.scope import EVERYTHING
from tests.stored_calls import SITE, Connection, golden_call, new_store, write


@pytest.fixture
def con() -> Iterator[Connection]:
    before = os.umask(0o077)  # as `cc-voice` sets it
    with new_store() as store:
        write(store, golden_call())
        yield store
    os.umask(before)


def share(tmp_path: Path, mode: int) -> Path:
    folder = tmp_path / "share"
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
    return folder


def write_out(con: Connection, folder: Path, options: Options) -> None:
    with datasets.exported(con, EVERYTHING) as source:
        export(source, folder, options)


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """The modes of the files and of the folders below."""
    found = list(folder.rglob("*"))
    assert len(found) > 10
    files = {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()}
    return files, {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()}


BY_DAY = Options(since_last=True)


@pytest.mark.parametrize(
    ("mode", "files", "folders"), [(0o700, 0o600, 0o700), (0o2750, 0o640, 0o2750), (0o755, 0o644, 0o755), (0o770, 0o640, 0o750)]
)
def test_files_are_as_open_as_their_folder(con: Connection, tmp_path: Path, mode: int, files: int, folders: int) -> None:
    folder = share(tmp_path, mode)
    write_out(con, folder, BY_DAY)
    assert modes(folder) == ({files}, {folders})


def test_a_folder_that_the_export_makes_is_private(con: Connection, tmp_path: Path) -> None:
    write_out(con, tmp_path / "a" / "b", Options())
    assert modes(tmp_path / "a") == ({0o600}, {0o700})


def test_a_share_that_is_opened_later_opens_what_is_there(con: Connection, tmp_path: Path) -> None:
    write_out(con, share(tmp_path, 0o700), BY_DAY)
    folder = share(tmp_path, 0o750)
    (folder / "of-somebody-else.txt").write_text("no file of an export")
    write_out(con, folder, BY_DAY)  # no day changed
    assert stat.S_IMODE((folder / "of-somebody-else.txt").stat().st_mode) == 0o600
    (folder / "of-somebody-else.txt").unlink()
    assert modes(folder) == ({0o640}, {0o750})


def test_delta_tables_are_as_open_as_their_folder(con: Connection, tmp_path: Path) -> None:
    folder = share(tmp_path, 0o2750)
    with datasets.exported(con, EVERYTHING) as source:
        export_lake(source, str(folder), SITE.name)
    assert modes(folder) == ({0o640}, {0o2750})
