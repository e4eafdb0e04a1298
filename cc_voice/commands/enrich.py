"""`cc-voice enrich`: take what Zoom's reports and the site's rosters say of agents, queues and engagements."""

from pathlib import Path
from typing import Any

import click
import msgspec

from cc_voice.commands.terminal import load_settings, printable, reason, remember, site_differences, site_options
from cc_voice.query import operations
from cc_voice.store import zoom_reports
from cc_voice.store.zoom_reports import Dataset, ReportError, ReportRecords

_AT_ONCE = 5_000
"""Records in a transaction: some megabytes to a running service."""


@click.command("enrich")
@site_options
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dataset", type=click.Choice(list(zoom_reports.RECORDS)), help="What is in the files.  [default: by their columns]")
@click.option(
    "--durations",
    type=click.Choice(["s", "ms"]),
    help="Unit where none is named.  [default: s, or ms where only that fits the times of the rows]",
)
def enrich(
    files: tuple[Path, ...], config: Path | None, data_dir: Path | None, dataset: Dataset | None, durations: str | None
) -> None:
    """Take reports of Zoom Contact Center (CSV, or the JSON of its historical datasets) and rosters of agents and queues (CSV).

    They give calls their after-call work, queue wait and disposition, agents their team, and queues their service level. All files
    are read before the first is stored; the same file again changes nothing.
    """
    settings = load_settings(config, data_dir)
    in_ms = None if durations is None else durations == "ms"
    try:
        found = [(path, zoom_reports.read(path, settings.timezone, dataset, in_ms)) for path in files]
    except ReportError as error:
        raise click.ClickException(printable(str(error))) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    for line in site_differences(settings):
        click.echo(f"the site's settings are others: {line}", err=True)
    for path, report in found:
        calls = 0
        for at in range(0, len(report.records), _AT_ONCE):
            records: list[Any] = msgspec.to_builtins(report.records[at : at + _AT_ONCE])
            try:
                calls += operations.ask(settings, "enrich", dataset=report.dataset, records=records)["calls"]
            except operations.QuestionError as error:
                raise click.ClickException(f"{path}: {error}") from error
        click.echo(_told(path, report, calls))
        for note in report.notes:
            click.echo(f"  {note}")
    remember(config, settings.data_dir)


def _told(path: Path, report: ReportRecords, calls: int) -> str:
    about = f"; {calls} measured calls have it now" if report.dataset in ("agent_performance", "engagement") else ""
    left_out = f"; left out: {', '.join(report.left_out)}" if report.left_out else ""
    return f"{click.format_filename(path)}: {len(report.records)} rows of {report.dataset}{about}{left_out}"
