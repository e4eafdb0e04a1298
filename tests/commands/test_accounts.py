"""`cc-voice accounts`: a site whose only administrator cannot sign in gets in again."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cc_voice.commands.main import main
from cc_voice.web.access import failed_tries
from cc_voice.web.access.accounts import Accounts, SignInRefused
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
