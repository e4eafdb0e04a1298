"""`cc-voice report`: named questions over all calls."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cc_voice.commands.terminal import ask, load_settings, print_json, print_table, site_options

_WIDTH = 100
_NAME = "cc_voice.report"


class ReportCommand(click.Command):
    """A command whose `--help` behind the name of a report explains that report and its parameters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Click answers --help before it knows any argument: what is asked about is the first word that is no option's value
        taken = {name for option in self.params if isinstance(option, click.Option) for name in option.opts}
        words = [word for at, word in enumerate(args) if not word.startswith("-") and (at == 0 or args[at - 1] not in taken)]
        ctx.meta[_NAME] = words[0] if words else None
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        if (name := ctx.meta.get(_NAME)) is None:
            return
        from cc_voice.query import reports

        try:
            found = reports.explain(name)
        except reports.QueryError as error:
            raise click.ClickException(str(error)) from error
        with formatter.section(f"Report {found.name}"):
            formatter.write_text(found.title)
            formatter.write_text(found.summary)
        if found.params:
            with formatter.section("Parameters (--param KEY=VALUE)"):
                formatter.write_dl([(_form(param), _meaning(param)) for param in found.params])


def _form(param: Any) -> str:
    return f"{param.name}={'|'.join(param.choices) if param.choices else param.type.upper()}"


def _meaning(param: Any) -> str:
    given = {None: "required", "none": "default: not set"}.get(param.default, f"default: {param.default}")
    return f"{param.meaning}  [{given}]"


@click.command(cls=ReportCommand)
@site_options
@click.argument("name", required=False)
@click.option("--param", "-p", "params", multiple=True, metavar="KEY=VALUE", help="Parameter of the report; repeat for more.")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to print."
)
def report(name: str | None, config: Path | None, data_dir: Path | None, params: tuple[str, ...], form: str) -> None:
    """Answer a named question over all calls; without NAME, list the questions.

    `cc-voice report NAME --help` explains one with its parameters. A table has units and times of the site; CSV and JSON have UTC.
    """
    settings = load_settings(config, data_dir)
    if name is None:
        _list(ask(settings, "reports"), form)
        return
    wrong = [text for text in params if "=" not in text]
    if wrong:
        raise click.ClickException(f"--param {wrong[0]!r} is not KEY=VALUE")
    values = dict(text.split("=", 1) for text in params)
    answer = ask(settings, "report", name=name, params=values, format=form)
    if form == "table":
        _print(answer)
    else:
        text = answer["answer"]
        click.echo(text.rstrip("\n"))
        if text.strip() == "[]" or (form == "csv" and text.count("\n") <= 1):
            why = ask(settings, "report", name=name, params=values, format="table")["no_rows"]
            click.echo(f"no rows: {why}", err=True)
    for note in answer["notes"]:
        click.echo(f"note: {note}", err=True)


def _list(found: list[Mapping[str, Any]], form: str) -> None:
    if form == "json":
        print_json(found)
        return
    rows = [[info["name"], info["title"], ", ".join(p["name"] for p in info["params"])] for info in found]
    print_table(["report", "question", "parameters"], rows)
    click.echo("`cc-voice report NAME --help` explains one", err=True)


def _print(answer: Mapping[str, Any]) -> None:
    asked = dict(answer["asked"])
    period = f"{asked.pop('since')} to {asked.pop('until')}, " if {"since", "until"} <= asked.keys() else ""
    click.echo(answer["title"])
    click.echo(f"{period}time of {answer['timezone']}{''.join(f' · {key}={value}' for key, value in asked.items())}")
    click.echo(textwrap.fill(answer["summary"], _WIDTH))
    click.echo()
    if answer["rows"]:
        print_table(answer["columns"], answer["rows"], units=answer["units"])
    else:
        click.echo(f"no rows: {answer['no_rows']}", err=True)
