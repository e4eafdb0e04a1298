"""Accounts: passwords, sessions, limits and tokens, with time as an argument."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.query.scope import EVERYTHING
from cc_voice.web.access import account_file, common_passwords, failed_tries
from cc_voice.web.access import accounts as module
from cc_voice.web.access.accounts import (
    AccountError,
    Accounts,
    AccountsUnreadable,
    NoSuchAccount,
    SignInRefused,
    TooManyTries,
)
from cc_voice.web.access.first_login import FILE, ensure_account, forget_password
from cc_voice.web.access.passwords import MAX_LENGTH, MIN_LENGTH, hash_password, is_outdated, objection, verify_password
from tests.web.conftest import ALL, CHEAP, PASSWORD

NEW = "another long password"
OLD_HASH = "scrypt$16$1$1$c2FsdHNhbHRzYWx0c2FsdA==$nd5aVtw0KCQVTjA/uX78SviBgTEUzBdfkl2DFC+upyo="
"""Of PASSWORD, as the version before wrote it."""
EVERYTHING_BUT_WHOLE = msgspec.structs.replace(EVERYTHING, whole_call=False)
HERE, THERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    opened = Accounts(tmp_path / "auth.sqlite", CHEAP)
    opened.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
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


def guess(accounts: Accounts, name: str, address: str, now_s: float, password: str = "wrong") -> float:
    """Try a password; return how long the next try has to wait, 0 where it was looked at."""
    try:
        accounts.sign_in(name, password, address, now_s)
    except TooManyTries as error:
        return error.wait_s
    except SignInRefused:
        return 0
    raise AssertionError("the guess was right")


def test_guessing_is_slowed_down_where_it_happens_and_nobody_is_locked(accounts: Accounts) -> None:
    waits = []
    now_s = 0.0
    for _ in range(40):
        wait = guess(accounts, "rosa", HERE, now_s)
        waits.append(wait)
        now_s += wait
    assert waits[: failed_tries.FREE_HERE] == [0] * failed_tries.FREE_HERE
    slow = [wait for wait in waits if wait]
    assert slow == sorted(slow), "each failure makes the next wait longer"
    assert max(slow) == failed_tries.LONGEST_WAIT_S
    assert accounts.sign_in("rosa", PASSWORD, THERE, now_s), "somebody else's failures are nobody's"
    assert accounts.sign_in("rosa", PASSWORD, HERE, now_s + failed_tries.LONGEST_WAIT_S)


def test_tries_that_come_too_early_prolong_nothing(accounts: Accounts) -> None:
    for _ in range(failed_tries.FREE_HERE):
        guess(accounts, "rosa", HERE, 0)
    for tenth in range(1, 10):
        assert guess(accounts, "rosa", HERE, tenth / 10) == 1
    assert accounts.sign_in("rosa", PASSWORD, HERE, 1)


def test_a_name_nobody_has_is_slowed_down_like_one_somebody_has(accounts: Accounts) -> None:
    for name in ("rosa", "nobody"):
        seen = []
        for _ in range(failed_tries.FREE_HERE + 1):
            with pytest.raises(AccountError) as refused:
                accounts.sign_in(name, "wrong", name, 0)
            seen.append((type(refused.value), str(refused.value)))
        assert [kind for kind, _ in seen] == [SignInRefused] * failed_tries.FREE_HERE + [TooManyTries]
        assert name not in "".join(text for _, text in seen)


def test_an_address_that_tries_many_names_is_slowed_down(accounts: Accounts) -> None:
    for number in range(failed_tries.FREE_ADDRESS):
        assert guess(accounts, f"name-{number}", HERE, 0) == 0
    assert guess(accounts, "rosa", HERE, 0, PASSWORD) == 1
    assert accounts.sign_in("rosa", PASSWORD, THERE, 0)


def test_many_addresses_that_guess_one_name_do_not_keep_its_owner_out(accounts: Accounts) -> None:
    accounts.sign_in("rosa", PASSWORD, HERE, 0)
    for number in range(failed_tries.FREE_ACCOUNT + 8):
        guess(accounts, "rosa", f"203.0.113.{number}", 1 + number * failed_tries.LONGEST_WAIT_S / 10)
    now_s = 1 + (failed_tries.FREE_ACCOUNT + 8) * failed_tries.LONGEST_WAIT_S / 10
    assert guess(accounts, "rosa", "203.0.113.250", now_s) > 0
    assert accounts.sign_in("rosa", PASSWORD, HERE, now_s)


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 5000, "x" * 64),
    ],
)
def test_an_address_counts_as_the_line_it_belongs_to(address: str, counts_as: str) -> None:
    assert failed_tries.place(address) == counts_as


def test_the_current_password_cannot_be_guessed_quickly_either(accounts: Accounts) -> None:
    for _ in range(failed_tries.FREE_HERE):
        with pytest.raises(SignInRefused):
            accounts.change_password("rosa", "wrong", NEW, 0)
    with pytest.raises(TooManyTries):
        accounts.change_password("rosa", PASSWORD, NEW, 0)
    assert accounts.change_password("rosa", PASSWORD, NEW, 1)


def test_success_forgets_the_tries_before_it(accounts: Accounts) -> None:
    for _ in range(3):
        for _ in range(failed_tries.FREE_HERE - 1):
            assert guess(accounts, "rosa", HERE, 0) == 0
        accounts.sign_in("rosa", PASSWORD, HERE, 0)


def test_failures_that_no_longer_count_are_not_kept(accounts: Accounts, tmp_path: Path) -> None:
    for number in range(20):
        guess(accounts, f"name-{number}", f"10.1.1.{number}", 0)
    guess(accounts, "rosa", HERE, failed_tries.WINDOW_S + 1)
    with closing(sqlite3.connect(tmp_path / "auth.sqlite")) as con:
        assert con.execute("select count(*) from failure where at_s < 1").fetchone() == (0,)


def test_an_administrator_lets_an_account_in_again(accounts: Accounts) -> None:
    for _ in range(failed_tries.FREE_HERE):
        guess(accounts, "rosa", HERE, 0)
    assert guess(accounts, "rosa", HERE, 0) > 0
    accounts.unlock("rosa")
    session = accounts.sign_in("rosa", PASSWORD, HERE, 0)
    accounts.reset("rosa", "one-time")
    assert accounts.visitor(session, 1) is None
    visitor = accounts.visitor(accounts.sign_in("rosa", "one-time", HERE, 1), 2)
    assert visitor is not None
    assert visitor.must_change
    for work in (lambda: accounts.unlock("ros"), lambda: accounts.reset("ros", "x")):
        with pytest.raises(NoSuchAccount, match="there are: rosa"):
            work()


def test_accounts_of_the_version_before_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "auth.sqlite"
    with closing(sqlite3.connect(path)) as con:
        con.executescript(account_file._SCHEMA)
        con.execute("insert into account values ('rosa', ?, 'admin', 0, null)", [OLD_HASH])
        con.commit()
    opened = Accounts(path, CHEAP)
    visitor = opened.visitor(opened.sign_in("rosa", PASSWORD, HERE, 0), 1)
    assert visitor is not None
    assert visitor.scope == EVERYTHING_BUT_WHOLE
    assert {"words", "play", "unredacted", "export", "administer"} <= visitor.rights, "what they could do they still can"
    opened.close()


def test_an_old_hash_is_made_anew_at_sign_in(accounts: Accounts) -> None:
    stored = partial(accounts.ask_now, lambda con: con.execute("select password from account").fetchone()[0])
    accounts.ask_now(lambda con: con.execute("update account set password = ?", [OLD_HASH]))
    with pytest.raises(SignInRefused):
        accounts.sign_in("rosa", "wrong", HERE, 0)
    assert stored() == OLD_HASH
    assert accounts.sign_in("rosa", PASSWORD, HERE, 0)
    assert stored().startswith("$argon2id$")
    newer = stored()
    assert accounts.sign_in("rosa", PASSWORD, HERE, 1)
    assert stored() == newer


def test_a_new_password_costs_what_is_recommended() -> None:
    assert hash_password("secret").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_outdated(hash_password("secret", CHEAP))
    assert not verify_password("", "")


def test_an_account_without_a_password_is_entered_by_none(accounts: Accounts) -> None:
    accounts.create("sso", "", "analyst", must_change=False)
    for password in ("", "x"):
        with pytest.raises(SignInRefused):
            accounts.sign_in("sso", password, HERE, 0)


def spoil(path: Path) -> None:
    """Write garbage over everything behind the header."""
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(reversed(data[100:])))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(b"garbage" * 1000), "damaged"),
        (spoil, "damaged"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be used"),
    ],
    ids=["garbage", "spoilt", "folder"],
)
def test_accounts_that_cannot_be_read_are_told_in_a_sentence(tmp_path: Path, damage: Any, told: str) -> None:
    path = tmp_path / "auth.sqlite"
    opened = Accounts(path, CHEAP)
    opened.create("rosa", PASSWORD, "admin", must_change=False, access=ALL)
    opened.close()
    damage(path)
    with pytest.raises(AccountsUnreadable, match=told) as raised:
        Accounts(path, CHEAP)
    assert str(path) in str(raised.value)


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
    letters = "".join(chr(0x4E00 + number * 7) for number in range(MAX_LENGTH + 1))
    for length, accepted in ((MIN_LENGTH - 1, False), (MIN_LENGTH, True), (MAX_LENGTH, True), (MAX_LENGTH + 1, False)):
        assert (objection("rosa", letters[:length]) is None) == accepted, length


COMMON = (
    *(
        "password1234",
        "Password123!",
        "qwertyuiop12",
        "123456789012",
        "abcdefghijkl",
        "P@ssw0rd2026!",
        "Summer2026!!",
        "letmein12345",
    ),
    *("iloveyou2026", "administrator1", "1qaz2wsx3edc", "1q2w3e4r5t6y", "trustno1trustno1", "changeme1234", "monkey-dragon-77"),
    *("passwordpassword", "asdfghjkl;12", "Berlin2024!!!", "zxcvbnm12345", "qwer1234qwer", "x9Kx9Kx9Kx9K"),
)


@pytest.mark.parametrize("password", COMMON)
def test_common_passwords_are_refused(password: str) -> None:
    assert objection("maria", password) is not None


@pytest.mark.parametrize(
    "password", [PASSWORD, NEW, "a much better one", "kT9#qLw2!mZp", "Hausboot-Tinte-Wolke", "my dog ate 7 pies"]
)
def test_passwords_that_are_not_common_are_accepted(password: str) -> None:
    assert objection("maria", password) is None


def test_words_of_the_account_are_common_for_it() -> None:
    assert objection("leeds.office", "Leeds2026!!x") is not None


@given(st.text(min_size=1, max_size=300))
def test_a_password_has_no_more_parts_than_characters_and_at_least_one(password: str) -> None:
    assert 1 <= common_passwords.parts(password) <= max(len(password), len(password.casefold())) + 1


def test_a_token_speaks_for_its_account_until_revoked(accounts: Accounts) -> None:
    token = accounts.create_token("rosa", "export", 5)
    visitor = accounts.program(token, 5)
    assert visitor is not None
    assert (visitor.account, visitor.session) == ("rosa", None)
    [listed] = accounts.tokens("rosa")
    assert (listed.label, listed.created_s) == ("export", 5)
    accounts.revoke_token("somebody else", listed.token_id)
    assert accounts.program(token, 5) is not None
    accounts.revoke_token("rosa", listed.token_id)
    assert accounts.program(token, 5) is None
    assert accounts.program("", 5) is None


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
    with pytest.raises(AccountError, match="already"):
        again.create("Rosa", PASSWORD, "admin", must_change=False, access=ALL)
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
