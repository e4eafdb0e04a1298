"""`cc-voice admin`: how the appliance is, as the pages of administration show it."""

import time
from pathlib import Path
from typing import Any

import click

from cc_voice.commands.terminal import ask, load_settings, print_json, print_table, site_options


@click.group("admin")
def admin() -> None:
    """Show how the appliance is: overview, queues, the configuration in force."""


@admin.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def overview(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Show streams, workers, inbox, disk in days, exports and backup in a line each."""
    import msgspec

    from cc_voice.query.administration import Overview, gauges

    found = ask(load_settings(config, data_dir), "administration.overview")
    if as_json:
        print_json(found)
        return
    cards = gauges(msgspec.convert(found, Overview), time.time())
    print_table(["what", "state", "", ""], [[each.title, each.word, each.big, each.note] for each in cards])


@admin.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def queues(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """List the queues with what holds for calls that begin now: languages, thresholds."""
    found = ask(load_settings(config, data_dir), "administration.queues")
    if as_json:
        print_json(found)
        return
    rows = [_queue_row(each) for each in found]
    columns = ["queue", "languages", "thresholds", "dead air from, s", "long silence from, s"]
    print_table(columns, rows, empty="no call came through a queue yet, and no policy names one")


def _queue_row(each: dict[str, Any]) -> list[str]:
    languages = ", ".join(each["languages"]) + ("" if each["has_own_languages"] else " (the site's)")
    lengths = [f"{each[name] / 1000:g}" for name in ("dead_air_ms", "long_silence_ms")]
    return [each["name"] or each["queue"], languages, each["threshold_set"], *lengths]


@admin.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def configuration(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Print the configuration as it is in force, and where each key is from. Secrets are hidden."""
    found = ask(load_settings(config, data_dir), "administration.configuration")
    if as_json:
        print_json(found)
    else:
        print_table(["key", "value", "from"], [[each["key"], each["value"], each["source"]] for each in found])
