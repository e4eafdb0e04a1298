"""`cc-voice policies`: what people decide while the service runs (languages of queues, thresholds, claims, redaction), for whoever
holds the data folder. Calls that begin from then on are under it; nothing is restarted."""

import datetime
import hashlib
import sys
from pathlib import Path
from typing import Any

import click

from cc_voice.commands.terminal import ask, load_settings, local_time, print_json, print_table, site_options

KINDS = ("language", "thresholds", "claims", "redaction", "webhooks")


@click.group("policies")
def policies() -> None:
    """List, show and change what people decide: languages of queues, thresholds, roles by claims, redaction.

    Each is a text in TOML, the table that cc-voice.toml would hold. A table that stands there pins its policy.
    """


@policies.command("list")
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """List the policies: where each is from, since when, by whom, and whether its file says something else by now."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "policies")
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["kind"],
            each["source"] if not each["source"].isdecimal() else f"version {each['source']}",
            local_time(each["since"], settings.timezone) if each["since"] else "–",
            each["actor"] or "–",
            "edited, not in force" if each["is_edited"] else "–",
        ]
        for each in found
    ]
    print_table(["policy", "from", f"since, {settings.timezone}", "by", "file"], rows)


@policies.command()
@site_options
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--version", "number", type=click.IntRange(1), help="Of a published version.  [default: what is in force]")
@click.option("--history", is_flag=True, help="List the versions, and what each changed.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known as one JSON object.")
def show(kind: str, number: int | None, history: bool, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Print the text of policy KIND; on standard error its SHA-256, which `set --seen` takes."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "policies", kind=kind)
    state, versions = found["state"], found["versions"]
    if as_json:
        print_json(found)
    elif history:
        from cc_voice.query.policies import difference

        for each in versions:
            click.echo(f"version {each['version']}, {local_time(each['at_ts'], settings.timezone)}, {each['actor']}")
            click.echo(difference(each["before_text"], each["after_text"]))
    elif number is not None:
        text = next((each["after_text"] for each in versions if each["version"] == number), None)
        if text is None:
            raise click.ClickException(f"policy {kind} has no version {number}; `--history` lists them")
        click.echo(text, nl=False)
    else:
        click.echo(state["in_force"], nl=False)
        click.echo(f"{state['source']}; SHA-256 of the file: {state['digest']}", err=True)
        if state["is_edited"]:
            click.echo(f"the file says something else, which is not in force: {_file(settings.data_dir, kind)}", err=True)


@policies.command("set")
@site_options
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True), required=False)
@click.option("--seen", metavar="SHA256", help="Only if the working copy is the one with this checksum.")
@click.option("--dry-run", is_flag=True, help="Change nothing; for thresholds show what would change in the numbers of calls.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="With --dry-run: calls from this local date on.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="With --dry-run: calls up to this local date.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def set_(
    kind: str,
    file: Path | None,
    seen: str | None,
    dry_run: bool,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Put the text of FILE (- is standard input) in force as policy KIND; without FILE the working copy, as it was edited.

    Refused where the working copy is not what was seen: without --seen, what is in force. Calls that are under way keep what they
    began with; `cc-voice recompute` shows what becomes of earlier ones, and with --publish measures them under it.
    """
    settings = load_settings(config, data_dir)
    text, own = _text(settings.data_dir, kind, file)
    if dry_run:
        _try(settings, kind, text, since, until, as_json)
        return
    from cc_voice.web.access.audit import os_actor

    # What is published from the working copy itself replaces just that
    swap = seen if seen is not None else hashlib.sha256(own.encode()).hexdigest() if own is not None else None
    made = ask(settings, "policies.set", kind=kind, text=text, seen=swap, by=os_actor())
    if as_json:
        print_json(made)
    else:
        click.echo(f"policy {kind} is version {made['version']} for calls that begin from now on")


def _file(data_dir: Path, kind: str) -> Path:
    return data_dir / "policies" / f"{kind}.toml"


def _text(data_dir: Path, kind: str, file: Path | None) -> tuple[str, str | None]:
    """Return the text that is meant, and the working copy's where it is that."""
    path = file or _file(data_dir, kind)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_bytes().decode()
    except FileNotFoundError:
        raise click.ClickException(f"there is no {path}; write it, or name another FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    is_own = str(path) != "-" and path.absolute() == _file(data_dir, kind).absolute()
    return text, text if is_own else None


def _try(
    settings: Any, kind: str, text: str, since: datetime.datetime | None, until: datetime.datetime | None, as_json: bool
) -> None:
    """Check a text; show what thresholds would change. Raises ClickException."""
    from cc_voice.commands import recompute
    from cc_voice.config.policies import PolicyError, kind_of, tried

    try:
        candidate = tried(settings, kind_of(kind), text)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
    if kind != "thresholds":
        click.echo(f"this can be put in force as policy {kind}")
        return
    recompute.show_changes(candidate, since, until, as_json)
