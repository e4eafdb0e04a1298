"""`cc-voice rules`: what is looked for in calls, written as files, tried on stored calls, marked, and only then published."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.commands.terminal import load_settings, print_json, print_table, site_options

if TYPE_CHECKING:
    from cc_voice.config.settings import Settings
    from cc_voice.query.rules.rule_folder import RuleFile


@click.group("rules")
def rules() -> None:
    """Write rules, see what they find in stored calls, mark it, publish them.

    A rule is a TOML file in the folder `rules` of the data folder; what ships with the program is in force until a file of the same
    id is published. cc_voice/quality/rules/README.md has the form of a file.
    """


@rules.command("list")
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """List the rules: the site's files and what ships, which version is published, by whom."""
    from cc_voice.commands.rule_runs import with_store
    from cc_voice.query.rules import rule_folder
    from cc_voice.query.rules.rule_list import listed

    settings = load_settings(config, data_dir)
    files, problems = rule_folder.all_files(settings.data_dir)
    rows = listed(files, with_store(settings, lambda asked: asked("rules.list", {})))
    if as_json:
        print_json(rows)
    else:
        columns = ["rule", "title", "folder", "kind", "state", "file", "published", "by"]
        table = [
            [
                row.id,
                row.title,
                row.folder,
                row.kind,
                row.state,
                f"version {row.file_version}" + (", edited" if row.is_edited else "") if row.origin == "site" else "ships",
                f"version {row.published_version}" if row.published_version else "–",
                row.author or "–",
            ]
            for row in rows
        ]
        print_table(columns, table)
    for problem in problems:
        click.echo(problem, err=True)


@rules.command()
@site_options
@click.argument("files", nargs=-1, metavar="[FILE|ID]...")
def check(files: tuple[str, ...], config: Path | None, data_dir: Path | None) -> None:
    """Check rule files, of all rules where none is named: that they can be read, find their examples and no counterexample."""
    from cc_voice.quality.rules.errors import RuleError
    from cc_voice.quality.rules.examples import missing_examples, wrong_examples
    from cc_voice.query.rules import rule_folder

    settings = load_settings(config, data_dir)
    problems: list[str] = []
    found: list[RuleFile] = []
    if files:
        for name in files:
            try:
                found.append(rule_folder.named(settings.data_dir, name))
            except RuleError as error:
                problems.append(str(error))
    else:
        known, problems = rule_folder.all_files(settings.data_dir)
        found = list(known.values())
    for file in found:
        problems += [f"{file.rule.id}: {each.told}" for each in wrong_examples(file.rule)]
        if languages := missing_examples(file.rule):
            click.echo(f"{file.rule.id}: fewer than 5 examples and 5 counterexamples in {', '.join(languages)}", err=True)
    for problem in problems:
        click.echo(problem, err=True)
    examples = sum(
        len(texts) for file in found for each in (file.rule.examples, file.rule.counterexamples) for texts in each.values()
    )
    click.echo(f"{len(found)} rules, {examples} examples: {len(problems)} problems")
    if problems:
        raise click.exceptions.Exit(1)


def _history_options(command: Any) -> Any:
    options = (
        click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date."),
        click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last local date."),
        click.option("--queue", help="Only this queue, by id or name."),
        click.option("--calls", type=click.IntRange(1), help="Only the newest so many calls."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _choice(since: datetime.datetime | None, until: datetime.datetime | None, queue: str | None, calls: int | None) -> Any:
    from cc_voice.store.rule_history import HistoryChoice

    return HistoryChoice(since=since.date() if since else None, until=until.date() if until else None, queue=queue, calls=calls)


def _named(settings: "Settings", name: str) -> "RuleFile":
    from cc_voice.quality.rules.errors import RuleError
    from cc_voice.query.rules import rule_folder

    try:
        return rule_folder.named(settings.data_dir, name)
    except RuleError as error:
        raise click.ClickException(str(error)) from error


@rules.command("test")
@site_options
@click.argument("file", metavar="FILE|ID")
@_history_options
@click.option(
    "--sample", "size", type=click.IntRange(0, 1000), default=20, show_default=True, help="How many of each kind to show."
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Another seed, another sample.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def test_(
    file: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    queue: str | None,
    calls: int | None,
    size: int,
    seed: int,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """See what a rule finds in stored calls. Nothing is written: neither hits nor a version.

    Of a step there are three samples: met, missed, undetermined. `cc-voice rules mark ID` goes through the last sample shown.
    """
    from cc_voice.commands import rule_backtests

    settings = load_settings(config, data_dir)
    found = rule_backtests.backtested(settings, _named(settings, file), _choice(since, until, queue, calls), size, seed)
    if as_json:
        print_json(found)
    else:
        rule_backtests.show(found, settings.timezone)


@rules.command()
@site_options
@click.argument("rule_id", metavar="ID")
@click.argument("marks", nargs=-1, metavar="[KEY=right|wrong|unsure]...")
def mark(rule_id: str, marks: tuple[str, ...], config: Path | None, data_dir: Path | None) -> None:
    """Mark what `rules test` showed last of a rule as right, wrong or unsure: the keys named, or one after the other.

    A mark stays with the words: it counts for later versions that find the same.
    """
    from cc_voice.commands import rule_backtests

    rule_backtests.mark(load_settings(config, data_dir), rule_id, marks)


@rules.command()
@site_options
@click.argument("file", metavar="FILE|ID")
@click.option("--unmarked", is_flag=True, help="Though fewer than 20 of its hits were marked; this is recorded.")
@click.option("--note", default="", help="Why, for those who read the history.")
@click.option("--no-history", is_flag=True, help="Only calls that begin from now on; stored ones stay as they are.")
@_history_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def publish(
    file: str,
    unmarked: bool,
    note: str,
    no_history: bool,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    queue: str | None,
    calls: int | None,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Put a version of a rule in force: for calls that begin from now on, and in stored ones, month by month."""
    from cc_voice.commands import rule_backtests

    if queue or calls:
        raise click.ClickException("a version is published for days (--since, --until), not for a queue or so many calls")
    settings = load_settings(config, data_dir)
    choice = None if no_history else _choice(since, until, None, None)
    rule_backtests.publish(settings, _named(settings, file), choice, unmarked=unmarked, note=note, as_json=as_json)


@rules.command()
@site_options
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last local date.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(
    since: datetime.datetime | None, until: datetime.datetime | None, as_json: bool, config: Path | None, data_dir: Path | None
) -> None:
    """Look for the published rules in stored calls, and write what is found: `recompute --what rules --publish`."""
    from cc_voice.commands import rule_runs

    settings = load_settings(config, data_dir)
    rule_runs.recompute_rules(settings, as_json, since=since, until=until, name=None, publish=True, jobs=None)


@rules.command()
@site_options
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_history_options
@click.option(
    "--sample", "size", type=click.IntRange(0, 1000), default=20, show_default=True, help="How many of each kind to show."
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Another seed, another sample.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(
    before: str,
    after: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    queue: str | None,
    calls: int | None,
    size: int,
    seed: int,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Compare two versions of a rule: their expressions, and what they find in stored calls. A, B: files, ids, or ID@VERSION."""
    from cc_voice.commands import rule_backtests

    settings = load_settings(config, data_dir)
    rule_backtests.diff(settings, (before, after), _choice(since, until, queue, calls), size, seed, as_json)
