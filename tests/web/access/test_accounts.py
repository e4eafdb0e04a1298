"""Accounts: passwords, sessions, limits and tokens, with time as an argument."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_voice.web.access import accounts as module
from cc_voice.web.access.accounts import AccountError, Accounts, SignInRefused, TooManyTries
from cc_voice.web.access.first_login import FILE, ensure_account, forget_password
from cc_voice.web.access.passwords import hash_password, objection, verify_password
from tests.web.conftest import CHEAP, PASSWORD

NEW = "another long password"
HERE, THERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    opened = Accounts(tmp_path / "auth.sqlite", CHEAP)
    opened.create("rosa", PASSWORD, "admin", must_change=False)
    yield opened
    opened.close()


def test_a_hash_fits_its_password_only_and_is_never_the_same_twice() -> None:
    first, second = hash_password("secret", CHEAP), hash_password("secret", CHEAP)
    assert first != second
    assert "secret" not in first
    assert verify_password("secret", first)
    assert not verify_password("Secret", first)


def test_a_session_is_its_visitor_until_it_is_idle_for_too_long(accounts: Accounts) -> None:
    token = accounts.sign_in("rosa", PASSWORD, HERE, 0)
    visitor = accounts.visitor(token, 10)
    assert visitor is not None
    assert (visitor.account, visitor.role, visitor.must_change) == ("rosa", "admin", False)
    assert accounts.visitor(token, module.IDLE_S - 1) is not None
    assert accounts.visitor(token, 2 * module.IDLE_S - 100) is not None, "use keeps a session alive"
    assert accounts.visitor(token, 3 * module.IDLE_S) is None


def test_a_session_ends_after_a_week_however_much_it_is_used(accounts: Accounts) -> None:
    token = accounts.sign_in("rosa", PASSWORD, HERE, 0)
    for now_s in range(0, module.SESSION_S, module.IDLE_S // 2):
        assert accounts.visitor(token, now_s + 1) is not None
    assert accounts.visitor(token, module.SESSION_S + 1) is None


def test_signing_out_ends_one_session(accounts: Accounts) -> None:
    first, second = (accounts.sign_in("rosa", PASSWORD, HERE, 0) for _ in range(2))
    accounts.sign_out(first)
    assert accounts.visitor(first, 1) is None
    assert accounts.visitor(second, 1) is not None


def test_five_wrong_tries_lock_an_account_for_a_quarter_of_an_hour(accounts: Accounts) -> None:
    for second in range(module.TRIES_PER_ACCOUNT):
        with pytest.raises(SignInRefused):
            accounts.sign_in("rosa", "wrong", HERE, second)
    with pytest.raises(TooManyTries):
        accounts.sign_in("rosa", PASSWORD, THERE, 10)
    assert accounts.sign_in("rosa", PASSWORD, THERE, module.WINDOW_S + 10)


def test_a_name_nobody_has_is_locked_like_one_somebody_has(accounts: Accounts) -> None:
    for name in ("rosa", "nobody"):
        seen = []
        for second in range(module.TRIES_PER_ACCOUNT + 1):
            with pytest.raises(AccountError) as refused:
                accounts.sign_in(name, "wrong", f"{name}-{second}", second)
            seen.append((type(refused.value), str(refused.value)))
        assert [kind for kind, _ in seen] == [SignInRefused] * module.TRIES_PER_ACCOUNT + [TooManyTries]
        assert name not in "".join(text for _, text in seen)


def test_an_address_that_tries_many_names_is_locked(accounts: Accounts) -> None:
    for number in range(module.TRIES_PER_ADDRESS):
        with pytest.raises(SignInRefused):
            accounts.sign_in(f"name-{number}", "wrong", HERE, 0)
    with pytest.raises(TooManyTries):
        accounts.sign_in("rosa", PASSWORD, HERE, 1)
    assert accounts.sign_in("rosa", PASSWORD, THERE, 1)


def test_success_forgets_the_tries_before_it(accounts: Accounts) -> None:
    for _ in range(3):
        for _ in range(module.TRIES_PER_ACCOUNT - 1):
            with pytest.raises(SignInRefused):
                accounts.sign_in("rosa", "wrong", HERE, 0)
        accounts.sign_in("rosa", PASSWORD, HERE, 0)


def test_a_new_password_ends_every_session_and_opens_one(accounts: Accounts) -> None:
    old = [accounts.sign_in("rosa", PASSWORD, HERE, 0) for _ in range(2)]
    fresh = accounts.change_password("rosa", PASSWORD, NEW, 1)
    assert [accounts.visitor(token, 2) for token in old] == [None, None]
    assert accounts.visitor(fresh, 2) is not None
    with pytest.raises(SignInRefused):
        accounts.sign_in("rosa", PASSWORD, HERE, 3)
    assert accounts.sign_in("rosa", NEW, HERE, 4)


@pytest.mark.parametrize(
    ("old", "new"), [("wrong", NEW), (PASSWORD, PASSWORD), (PASSWORD, "short"), (PASSWORD, "Rosa is my name"), (PASSWORD, "a" * 20)]
)
def test_a_password_is_not_changed_when_it_must_not_be(accounts: Accounts, old: str, new: str) -> None:
    with pytest.raises(AccountError):
        accounts.change_password("rosa", old, new, 0)
    assert accounts.sign_in("rosa", PASSWORD, HERE, 1)


def test_the_limits_of_a_password_are_exact() -> None:
    assert objection("rosa", "abcdefghijk") is not None
    assert objection("rosa", "abcdefghijkl") is None
    assert objection("rosa", "abcdefgh" * 32) is None
    assert objection("rosa", "abcdefgh" * 32 + "i") is not None


def test_a_token_speaks_for_its_account_until_revoked(accounts: Accounts) -> None:
    token = accounts.create_token("rosa", "export", 5)
    visitor = accounts.program(token)
    assert visitor is not None
    assert (visitor.account, visitor.session) == ("rosa", None)
    [listed] = accounts.tokens("rosa")
    assert (listed.label, listed.created_s) == ("export", 5)
    accounts.revoke_token("somebody else", listed.token_id)
    assert accounts.program(token) is not None
    accounts.revoke_token("rosa", listed.token_id)
    assert accounts.program(token) is None
    assert accounts.program("") is None


def test_the_file_holds_no_secret_and_is_private(accounts: Accounts, tmp_path: Path) -> None:
    secrets = [accounts.sign_in("rosa", PASSWORD, HERE, 0), accounts.create_token("rosa", "export", 0), PASSWORD]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("auth.sqlite*"))
    assert not any(secret.encode() in content for secret in secrets)
    assert (tmp_path / "auth.sqlite").stat().st_mode & 0o077 == 0


def test_accounts_outlive_their_process(accounts: Accounts, tmp_path: Path) -> None:
    token = accounts.sign_in("rosa", PASSWORD, HERE, 0)
    accounts.set_theme("rosa", "dark")
    accounts.close()
    again = Accounts(tmp_path / "auth.sqlite", CHEAP)
    visitor = again.visitor(token, 1)
    assert visitor is not None
    assert visitor.theme == "dark"
    with pytest.raises(sqlite3.IntegrityError):
        again.create("rosa", PASSWORD, "admin", must_change=False)
    again.close()


def test_the_first_account_is_made_once_with_a_password_in_a_private_file(tmp_path: Path) -> None:
    opened = Accounts(tmp_path / "auth.sqlite", CHEAP)
    ensure_account(opened, tmp_path)
    path = tmp_path / FILE
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    fields = dict(line.split(": ") for line in text.splitlines())
    token = opened.sign_in(fields["user name"], fields["password"], HERE, 0)
    visitor = opened.visitor(token, 1)
    assert visitor is not None
    assert visitor.must_change
    ensure_account(opened, tmp_path)
    assert path.read_text() == text
    forget_password(tmp_path)
    forget_password(tmp_path)
    assert not path.exists()
    opened.close()
