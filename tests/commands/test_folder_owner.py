"""Owner of a data folder: what a command of root leaves there is that account's, all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cc_voice.commands import folder_owner
from cc_voice.store.database import Database
from cc_voice.web import folder_check
from tests.conftest import PATIENCE_S

UID, GID = 12_345, 12_346
"""An account that this machine need not have."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of another account, below one that only root may enter."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.chown(data, UID, GID)
    return data


def owners(folder: Path) -> set[tuple[int, int]]:
    found = [folder, *folder.rglob("*")]
    assert len(found) > 3
    return {(path.stat().st_uid, path.stat().st_gid) for path in found}


def roster(tmp_path: Path) -> Path:
    path = tmp_path / "agents.csv"
    path.write_text("user_id,agent_name,team_name\nu1,Ana Ruiz,Billing\n")
    path.chmod(0o600)  # root's own
    return path


@needs_root
def test_what_root_makes_in_the_folder_of_another_account_is_that_accounts(folder: Path, tmp_path: Path) -> None:
    site = ["--data-dir", str(folder)]
    for arguments in (["enrich", str(roster(tmp_path))], ["export"], ["sql", "select count(*) from v_call"], ["report", "days"]):
        # A process of its own, as root's is: threads that polars began here before keep the rights they had
        command = [sys.executable, "-m", "cc_voice", arguments[0], *site, *arguments[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr
    assert owners(folder) == {(UID, GID)}


@needs_root
def test_programs_that_a_command_starts_write_as_that_account_too(folder: Path, tmp_path: Path) -> None:
    Database.open(folder / "cc_voice.duckdb").close()
    os.chown(folder / "cc_voice.duckdb", UID, GID)
    script = f"""
import subprocess
from pathlib import Path
from cc_voice.commands import folder_owner
back = folder_owner.become(Path({str(folder)!r}))
subprocess.run(["touch", {str(folder / "of-a-child")!r}], check=True)
back()
Path({str(tmp_path / "root-again")!r}).touch()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE_S, cwd=Path(__file__).parents[2])
    (folder / "of-a-child").rename(folder / "address")
    assert (folder / "address").stat().st_uid == UID
    assert (tmp_path / "root-again").stat().st_uid == 0


@needs_root
def test_a_folder_that_is_not_there_yet_belongs_to_whom_the_folder_around_it_does(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert folder_owner.owner(home / "var") is None  # root's
    os.chown(home, UID, GID)
    assert folder_owner.owner(home / "var") == UID
    home.chmod(0o1777)  # as /tmp, which is everybody's
    assert folder_owner.owner(home / "var") is None
    assert folder_owner.owner(Path("/var/mail/../nonexistent-for-cc-voice")) is None


@needs_root
def test_nothing_is_changed_in_a_folder_of_ones_own(tmp_path: Path) -> None:
    assert folder_owner.become(tmp_path) is None


@needs_root
def test_a_start_names_what_the_service_cannot_write(folder: Path) -> None:
    """What root left with a version that did not hand over."""
    Database.open(folder / "cc_voice.duckdb").close()
    (folder / "recordings" / "call").mkdir(parents=True)
    (folder / "lost+found").mkdir(mode=0o700)
    for path in (folder / "recordings", folder / "cc_voice.duckdb"):
        os.chown(path, UID, GID)
    back = folder_owner.become(folder)
    assert back is not None
    try:
        assert folder_check.problem(folder) == (
            f"{UID} cannot write {folder / 'recordings' / 'call'} (of root); give the folder to the service's account: "
            f"chown -R {UID}: {folder} (where it is its own already, the disk or the unit's ReadWritePaths= make it read-only)"
        )
    finally:
        back()
    os.chown(folder / "recordings" / "call", UID, GID)
    back = folder_owner.become(folder)
    assert back is not None
    try:
        assert folder_check.problem(folder) is None
    finally:
        back()


def test_a_start_in_a_folder_that_is_not_there_or_whole_is_no_problem(tmp_path: Path) -> None:
    assert folder_check.problem(tmp_path / "new") is None
    Database.open(tmp_path / "cc_voice.duckdb").close()
    assert folder_check.problem(tmp_path) is None
    assert "is no folder" in str(folder_check.problem(tmp_path / "cc_voice.duckdb"))
