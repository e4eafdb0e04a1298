"""`cc-voice accounts`: who may come in, for whoever holds the data folder; a running service needs no restart.

Each change is in the audit log under `os:NAME` before it is made.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from cc_voice.commands.terminal import load_settings, print_json, print_table, site_options

if TYPE_CHECKING:
    from cc_voice.web.access.accounts import Accounts
    from cc_voice.web.access.roles import Right, Role

ROLES = ("admin", "supervisor", "analyst", "agent", "auditor")


@click.group("accounts")
def accounts() -> None:
    """List accounts, make and disable them, give one-time passwords. A running service needs no restart."""


@accounts.command("list")
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array with everything that is known of each account.")
def list_accounts(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """List the accounts: role, what each was given, when it was last used."""
    from cc_voice.web.access import account_records

    with _opened(config, data_dir) as opened:
        records = opened.ask_now(account_records.load_all)
    if as_json:
        print_json(records)
        return
    columns = ["account", "name", "role", "rows", "granted", "second factor", "last seen", "state"]
    rows = []
    for each in records:
        given = each.access
        seen = "–" if each.seen_s is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(each.seen_s))
        shown = [each.name, each.display_name or "–", each.role, _rows(given.site, given.teams, given.queues, given.user_id)]
        factor, state = "on" if each.has_second_factor else "off", "disabled" if each.disabled_s else "–"
        rows.append([*shown, ", ".join(sorted(given.grants)) or "–", factor, seen, state])
    print_table(columns, rows)


def _rows(site: bool, teams: frozenset[str], queues: frozenset[str], user_id: str | None) -> str:
    told = ["site"] if site else []
    told += [f"team {each}" for each in sorted(teams)] + [f"queue {each}" for each in sorted(queues)]
    return ", ".join([*told, *([f"agent {user_id}"] if user_id else [])]) or "–"


@accounts.command()
@site_options
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it may do by itself.")
@click.option("--display-name", metavar="TEXT", help="The name that is shown.")
@click.option("--grant", "grants", multiple=True, metavar="RIGHT", help="A right beside those of the role; again for more.")
@click.option("--site", is_flag=True, help="It sees every row of the site.")
@click.option("--team", "teams", multiple=True, metavar="ID", help="It sees the legs of a team; again for more.")
@click.option("--queue", "queues", multiple=True, metavar="ID", help="It sees the legs of a queue; again for more.")
@click.option("--user-id", metavar="ID", help="Zoom's id of the agent that it is.")
def add(
    name: str,
    role: str,
    display_name: str | None,
    grants: tuple[str, ...],
    site: bool,
    teams: tuple[str, ...],
    queues: tuple[str, ...],
    user_id: str | None,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Make account NAME, and print its one-time password."""
    from cc_voice.web.access.roles import AccountAccess

    password = secrets.token_urlsafe(12)
    access = AccountAccess(
        grants=frozenset(cast("tuple[Right, ...]", grants)),
        site=site,
        teams=frozenset(teams),
        queues=frozenset(queues),
        user_id=user_id,
    )
    detail = f"{role}; {_rows(site, access.teams, access.queues, user_id)}; {', '.join(sorted(grants)) or 'nothing granted'}"
    with _opened(config, data_dir, f"account {name} made", detail) as opened:
        opened.create(name, password, cast("Role", role), True, access, display_name, time.time())
    click.echo(f"user name: {name}\npassword: {password}")
    click.echo("It works once: the first sign-in asks for another.", err=True)


@accounts.command()
@site_options
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let it in again.")
def disable(name: str, undo: bool, config: Path | None, data_dir: Path | None) -> None:
    """Let nobody in as NAME any more, person or program; its sessions end. What was done under the name stays."""
    from cc_voice.web.access import account_records

    with _opened(config, data_dir, f"account {name} {'enabled' if undo else 'disabled'}") as opened:
        if undo:
            opened.ask_now(account_records.enable, name)
        else:
            opened.ask_now(account_records.disable, name, time.time())
    click.echo(f"{name} is {'enabled' if undo else 'disabled'}")


@accounts.command()
@site_options
@click.argument("name")
def reset(name: str, config: Path | None, data_dir: Path | None) -> None:
    """Give account NAME a one-time password, and print it. Its sessions and second factor end; its API tokens stay."""
    password = secrets.token_urlsafe(12)
    with _opened(config, data_dir, f"account {name}: reset") as opened:
        opened.reset(name, password)
    click.echo(f"user name: {name}\npassword: {password}")
    click.echo("It works once: the first sign-in asks for another.", err=True)


@accounts.command()
@site_options
@click.argument("name")
def unlock(name: str, config: Path | None, data_dir: Path | None) -> None:
    """Forget the failed tries of account NAME and of all addresses: the next sign-in is looked at now."""
    with _opened(config, data_dir, f"account {name}: unlock") as opened:
        opened.unlock(name)
    click.echo(f"failed tries of {name} are forgotten")


@contextmanager
def _opened(config: Path | None, data_dir: Path | None, change: str | None = None, detail: str = "") -> "Iterator[Accounts]":
    """Open the accounts of a site; what is about to be changed is in the audit log before."""
    from cc_voice.web.access.accounts import AccountError, Accounts, AccountsUnreadable
    from cc_voice.web.access.audit import AuditUnavailable, write_command

    path = load_settings(config, data_dir).data_dir / "auth.sqlite"
    if not path.is_file():
        raise click.ClickException(f"there are no accounts in {path.parent}; name the site's folder with --data-dir or --config")
    try:
        opened = Accounts(path)
    except AccountsUnreadable as error:
        raise click.ClickException(str(error)) from error
    try:
        if change is not None:
            write_command(path.parent, "change", change, detail=detail)
        yield opened
    except (AccountError, AuditUnavailable) as error:
        raise click.ClickException(str(error)) from error
    finally:
        opened.close()
