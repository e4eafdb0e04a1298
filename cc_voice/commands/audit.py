"""`cc-voice audit`: whether the audit log is what was written, for whoever holds the data folder."""

from pathlib import Path

import click

from cc_voice.commands.terminal import load_settings, print_json, site_options


@click.group("audit")
def audit() -> None:
    """Verify who saw, played, took and changed what."""


@audit.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Read the whole chain of the audit log, and compare its end with the copy in the store; ends with 1 where it is broken.

    An entry that was changed, left out or put between is named. Erased details are counted: that they were asked for stands.
    """
    from cc_voice.query import service_client
    from cc_voice.query.operations import ask
    from cc_voice.web.access.audit import FILE, AuditUnavailable
    from cc_voice.web.access.audit import verify as verified

    settings = load_settings(config, data_dir)
    path = settings.data_dir / FILE
    if not path.is_file():
        raise click.ClickException(f"there is no audit log {path}; name the site's folder with --data-dir or --config")
    try:
        seq, hashed = ask(settings, "audit.copied")
        found = verified(path, (seq, hashed))
    except (AuditUnavailable, service_client.QuestionError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.entries} entries, {found.erased} of them with their detail erased; last hash {found.last_hash}")
    if found.problem is not None:
        raise click.ClickException(f"the audit log is not what was written: {found.problem}")
    if not as_json:
        click.echo("the chain holds")
