"""`cc-voice audit`: whether the audit log is what was written, for whoever holds the data folder."""

from datetime import UTC, datetime
from pathlib import Path

import click

from cc_voice.commands.terminal import load_settings, local_time, print_json, print_table, site_options


@click.group("audit")
def audit() -> None:
    """Search who saw, played, took and changed what, and verify the log."""


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


@audit.command()
@site_options
@click.argument("text", required=False, default="")
@click.option("--call", "call_id", metavar="CALL_ID", help="Only entries about this call.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many.")
@click.option("--details", is_flag=True, help="With what was asked or changed exactly, where it was not erased.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def search(
    text: str, call_id: str | None, limit: int, details: bool, as_json: bool, config: Path | None, data_dir: Path | None
) -> None:
    """List the newest entries with TEXT in person, action, object, call or address. Looking is an entry too."""
    import msgspec

    from cc_voice.web.access.audit import FILE, AuditLog, AuditUnavailable, write_command

    settings = load_settings(config, data_dir)
    if not (settings.data_dir / FILE).is_file():
        raise click.ClickException(
            f"there is no audit log in {settings.data_dir}; name the site's folder with --data-dir or --config"
        )
    try:
        write_command(settings.data_dir, "view", "audit log", call_id=call_id, detail=text)
        log = AuditLog(settings.data_dir / FILE)
        try:
            found = log.entries(newest=True, like=text, call_id=call_id, limit=limit)
            told = {entry.seq: log.detail(entry.seq) for entry in found} if details else {}
        finally:
            log.close()
    except AuditUnavailable as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        more = [{**msgspec.to_builtins(entry), **({"detail": told[entry.seq]} if details else {})} for entry in found]
        print_json(more)
        return
    rows = []
    for entry in found:
        at = datetime.fromtimestamp(entry.at_us / 1_000_000, UTC)
        row = [str(entry.seq), local_time(at, settings.timezone), entry.actor, entry.action, entry.object, entry.call_id or "–"]
        rows.append([*row, entry.address, *([told[entry.seq] or "–"] if details else [])])
    columns = ["entry", f"time, {settings.timezone}", "who", "did", "what", "call", "address", *(["detail"] if details else [])]
    print_table(columns, rows, empty="no entry has this text")
