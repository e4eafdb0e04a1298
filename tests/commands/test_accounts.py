"""`cc-voice accounts`: a site whose only administrator cannot sign in gets in again."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cc_voice.commands import accounts as command
from cc_voice.commands.main import main
from cc_voice.web.access import failed_tries, roles
from cc_voice.web.access.accounts import Accounts, SignInRefused
from cc_voice.web.access.audit import FILE, AuditLog, os_actor
from tests.web.conftest import CHEAP, PASSWORD


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    opened = Accounts(tmp_path / "auth.sqlite", CHEAP)
    opened.create("rosa", PASSWORD, "admin", must_change=False)
    return opened


def run(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["accounts", *arguments, "--data-dir", str(tmp_path)])
    return result.exit_code, result.output


def test_a_reset_prints_a_password_that_opens_the_account_while_a_service_has_the_file(accounts: Accounts, tmp_path: Path) -> None:
    code, output = run(tmp_path, "reset", "rosa")
    assert code == 0
    fields = dict(line.split(": ", 1) for line in output.splitlines()[:2])
    visitor = accounts.visitor(accounts.sign_in("rosa", fields["password"], "10.0.0.1", 0), 1)
    assert visitor is not None
    assert visitor.must_change


def test_unlocked_means_looked_at_now(accounts: Accounts, tmp_path: Path) -> None:
    for _ in range(failed_tries.FREE_HERE):
        with pytest.raises(SignInRefused):
            accounts.sign_in("rosa", "wrong", "10.0.0.1", 0)
    assert run(tmp_path, "unlock", "rosa")[0] == 0
    assert accounts.sign_in("rosa", PASSWORD, "10.0.0.1", 0)


def test_what_is_not_there_is_named(accounts: Accounts, tmp_path: Path) -> None:
    code, output = run(tmp_path, "unlock", "rose")
    assert (code, output) == (1, "Error: there is no account 'rose'; there are: rosa\n")
    code, output = run(tmp_path / "elsewhere", "reset", "rosa")
    assert code == 1
    assert output.startswith(f"Error: there are no accounts in {tmp_path / 'elsewhere'}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "auth.sqlite").write_bytes(b"garbage" * 100)
    code, output = run(tmp_path / "elsewhere", "unlock", "rosa")
    assert code == 1
    assert "damaged" in output


def entries(tmp_path: Path) -> list[tuple[str, str, str]]:
    log = AuditLog(tmp_path / FILE)
    found = [(entry.actor, entry.action, entry.object) for entry in log.entries()]
    log.close()
    return found


def test_an_account_is_added_listed_disabled_and_let_in_again(accounts: Accounts, tmp_path: Path) -> None:
    given = [
        "--role",
        "supervisor",
        "--team",
        "T1",
        "--team",
        "T2",
        "--queue",
        "Q1",
        "--grant",
        "export",
        "--display-name",
        "Sam Ode",
    ]
    code, output = run(tmp_path, "add", "sam", *given)
    assert code == 0
    fields = dict(line.split(": ", 1) for line in output.splitlines()[:2])
    session = accounts.sign_in("sam", fields["password"], "10.0.0.1", 0)
    visitor = accounts.visitor(session, 1)
    assert visitor is not None
    assert (visitor.must_change, visitor.scope.teams, visitor.may("export")) == (True, {"T1", "T2"}, True)
    code, output = run(tmp_path, "list")
    assert "team T1, team T2, queue Q1" in output
    assert "Sam Ode" in output
    listed = json.loads(run(tmp_path, "list", "--json")[1])
    assert [each["name"] for each in listed] == ["rosa", "sam"]
    assert "argon2" not in str(listed)
    assert run(tmp_path, "disable", "sam") == (0, "sam is disabled\n")
    assert accounts.visitor(session, 2) is None
    assert "disabled" in run(tmp_path, "list")[1]
    assert run(tmp_path, "disable", "sam", "--undo") == (0, "sam is enabled\n")
    assert accounts.sign_in("sam", fields["password"], "10.0.0.1", 3)
    me = os_actor()
    assert entries(tmp_path) == [
        (me, "change", "account sam made"),
        (me, "change", "account sam disabled"),
        (me, "change", "account sam enabled"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "rosa", "--role", "agent"], "already"),
        (["add", "os:root", "--role", "agent"], "no colon"),
        (["add", "ana", "--role", "agent", "--grant", "export"], "cannot be granted export; what can be: play"),
        (["disable", "rosa"], "last administrator"),
        (["disable", "nobody"], "there is no account"),
    ],
)
def test_what_an_account_cannot_be_is_told(accounts: Accounts, tmp_path: Path, arguments: list[str], told: str) -> None:
    code, output = run(tmp_path, *arguments)
    assert code == 1
    assert told in output


def test_the_roles_of_the_command_are_those_of_the_table() -> None:
    assert command.ROLES == roles.ROLES


def test_what_cannot_be_written_down_is_not_done(accounts: Accounts, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    code, output = run(tmp_path, "disable", "rosa")
    assert (code, "audit log" in output) == (1, True)
    assert accounts.sign_in("rosa", PASSWORD, "10.0.0.1", 0)
