"""Terminal: what commands share, lazy groups, the options that say which site they are about, tables and JSON on standard
output."""

import importlib
import os
import sys
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

if TYPE_CHECKING:
    from cc_voice.config.settings import Settings


class LazyGroup(click.Group):
    """A group that imports the commands of `elsewhere` when one of them is called, not when they are listed."""

    elsewhere: ClassVar[Mapping[str, tuple[str, str, str]]] = {}
    """Commands that live beside what they run: name → module, object, line in the list of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.elsewhere])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.elsewhere:
            return click.Command(cmd_name, short_help=self.elsewhere[cmd_name][2])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.elsewhere:
            module, name, _ = self.elsewhere[args[0]]
            return args[0], getattr(importlib.import_module(module), name), args[1:]
        return super().resolve_command(ctx, args)


def site_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which site a command is about."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file.  [default: $CC_VOICE_CONFIG, else the settings that the data folder remembers]",
    )
    data = click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of all data.  [default: var]")
    return config(data(command))


def load_settings(config: Path | None, data_dir: Path | None, **overrides: Any) -> "Settings":
    """Return the settings of the site: those named, else those its data folder remembers. Raises click.ClickException."""
    from cc_voice.config import settings, site_settings

    try:
        found = site_settings.load(config, overrides={"data_dir": data_dir, **overrides})
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    as_owner(found.data_dir)
    return found


def as_owner(data_dir: Path) -> None:
    """Go on as the owner of the data folder where root runs this; until the command ends. Raises click.ClickException."""
    from cc_voice.commands import folder_owner

    try:
        back = folder_owner.become(data_dir)
    except folder_owner.CannotHandOver as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    context = click.get_current_context(silent=True)
    if back is not None and context is not None:
        context.find_root().call_on_close(back)  # whoever called `main` as a function is root again


def remember(config: Path | None, data_dir: Path, *, anew: bool = False) -> None:
    """Have the data folder remember these settings, where it does not remember others; `anew`: instead of them.

    Only where a configuration is named: defaults are nobody's decision. What options of a single command said is not among them:
    that a test model may hear is said each time.
    """
    from cc_voice.config import site_settings
    from cc_voice.media.files import write_atomically

    earlier = site_settings.remembered(data_dir)
    named = config or os.environ.get("CC_VOICE_CONFIG") or (earlier.config if earlier else None)
    if anew or (earlier is None and named):
        kept = site_settings.dumps(load_settings(config, data_dir), Path(named) if named else None)
        write_atomically(data_dir / site_settings.FILE, kept)


def site_differences(settings: "Settings", *, recognition: bool = False) -> list[str]:
    """Return what would be measured otherwise with these settings than with those that the data folder remembers."""
    from cc_voice.config import site_settings

    if site_settings.remembered(settings.data_dir) is None:
        return []
    try:
        theirs = site_settings.load(environ={}, overrides={"data_dir": settings.data_dir})
    except site_settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    return site_settings.differences(settings, theirs, recognition=recognition)


def language_tag(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return a language as everything compares it: callback of an option. Raises click.BadParameter."""
    from cc_voice.config import languages

    try:
        return None if text is None else languages.tag(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def instant(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """Return a time in UTC, which it is where it names no zone: callback of an option. Raises click.BadParameter."""
    try:
        at = None if text is None else datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-02T10:00:00, or with a zone 2026-11-02T10:00:00+01:00"
        ) from error
    if at is None:
        return None
    if not 1971 <= at.year < 2100:
        raise click.BadParameter(f"{text!r} lies outside the years 1971 to 2099")
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def printable(text: str) -> str:
    """Return text that any terminal takes: a file's name need not be text in UTF-8."""
    return os.fsencode(text).decode(errors="replace")


def reason(error: OSError) -> str:
    """Say what failed with which file, without the number that only programmers know."""
    told = error.strerror or str(error)
    return f"{error.filename}: {told}" if error.filename else told


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_table(
    columns: list[str], rows: list[list[str]], units: list[str] | None = None, *, empty: str = "nothing was found"
) -> None:
    """Print rows below their headings, and these above their units; no line is folded where the output is not a terminal.

    `empty` says why there may be no row.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, unit in zip(columns, units or [""] * len(columns), strict=True):
        table.add_column(f"{column}\n{unit}" if units and any(units) else column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # Not a terminal: no line may be folded to eighty columns, somebody will grep it
    Console(width=None if sys.stdout.isatty() else 400).print(table)
    if not rows:
        click.echo(f"no rows: {empty}", err=True)


def ask(settings: "Settings", question: str, **arguments: Any) -> Any:
    """Return the answer to a question (`query.operations`), from the running service or the store. Raises ClickException."""
    from cc_voice.query import operations
    from cc_voice.web.access import command_audit

    try:
        return operations.ask(settings, question, witness=partial(command_audit.witness, settings.data_dir), **arguments)
    except operations.QuestionError as error:
        raise click.ClickException(str(error)) from error


def local_time(instant: str | datetime, timezone: str) -> str:
    """Return an instant as a clock at the site showed it, to the second."""
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{at.astimezone(zoneinfo.ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S}"
