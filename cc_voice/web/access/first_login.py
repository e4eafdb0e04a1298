"""The first account: made at the first start, with a password that works once and must be changed.

The password goes to a file that only the owner of the data folder can read, and to the terminal if somebody sits at one; never
to a log, which is copied to more places than anybody remembers.
"""

import secrets
import sys
from pathlib import Path

import structlog

from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.private_files import write_private
from cc_voice.web.access.roles import ALL_OF_SITE, AccountAccess, Role

log = structlog.get_logger()

ACCOUNT = "admin"
ROLE: Role = "admin"
FILE = "first-login.txt"


def ensure_account(accounts: Accounts, data_dir: Path, access: AccountAccess = ALL_OF_SITE) -> None:
    """Create the first account unless there is one. It sees the site's numbers; who may read and hear calls is for it to say."""
    if not accounts.is_empty():
        return
    password = secrets.token_urlsafe(12)
    path = data_dir / FILE
    text = f"user name: {ACCOUNT}\npassword: {password}\n"
    # The file first: an account whose password nobody ever saw could not be used, nor made again.
    write_private(path, text)
    accounts.create(ACCOUNT, password, ROLE, must_change=True, access=access)
    log.info("first account made; its password is in a file", file=str(path))
    if sys.stdout.isatty():
        print(f"First sign-in (also in {path}):\n{text}", end="")


def forget_password(data_dir: Path) -> None:
    """Remove the file once the password in it is no longer good for anything."""
    (data_dir / FILE).unlink(missing_ok=True)
