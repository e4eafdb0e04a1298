"""`cc-voice accounts`: what an administrator does about accounts where nobody can sign in any more."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cc_voice.commands.terminal import load_settings, site_options

if TYPE_CHECKING:
    from cc_voice.web.access.accounts import Accounts


@click.group("accounts")
def accounts() -> None:
    """Give an account a new password, or forget its failed tries. A running service needs no restart."""


@accounts.command()
@site_options
@click.argument("name")
def reset(name: str, config: Path | None, data_dir: Path | None) -> None:
    """Give account NAME a one-time password, and print it. Its sessions end; its API tokens stay."""
    password = secrets.token_urlsafe(12)
    with _opened(config, data_dir) as opened:
        opened.reset(name, password)
    click.echo(f"user name: {name}\npassword: {password}")
    click.echo("It works once: the first sign-in asks for another.", err=True)


@accounts.command()
@site_options
@click.argument("name")
def unlock(name: str, config: Path | None, data_dir: Path | None) -> None:
    """Forget the failed tries of account NAME and of all addresses: the next sign-in is looked at now."""
    with _opened(config, data_dir) as opened:
        opened.unlock(name)
    click.echo(f"failed tries of {name} are forgotten")


@contextmanager
def _opened(config: Path | None, data_dir: Path | None) -> "Iterator[Accounts]":
    from cc_voice.web.access.accounts import AccountError, Accounts, AccountsUnreadable

    path = load_settings(config, data_dir).data_dir / "auth.sqlite"
    if not path.is_file():
        raise click.ClickException(f"there are no accounts in {path.parent}; name the site's folder with --data-dir or --config")
    try:
        opened = Accounts(path)
    except AccountsUnreadable as error:
        raise click.ClickException(str(error)) from error
    try:
        yield opened
    except AccountError as error:
        raise click.ClickException(str(error)) from error
    finally:
        opened.close()
