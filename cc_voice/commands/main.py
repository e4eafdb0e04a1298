"""Commands. Imports lazily: `cc-voice --help` must not load a recogniser or a database."""

import contextlib
import os
import resource
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from cc_voice.commands.terminal import (
    LazyGroup,
    as_owner,
    ask,
    load_settings,
    local_time,
    print_json,
    print_table,
    reason,
    site_options,
)

if TYPE_CHECKING:
    from cc_voice.config.settings import Settings, ZoomApp
    from cc_voice.rtms.rest.control import ControlCommand


class _Commands(LazyGroup):
    elsewhere: ClassVar = {
        "simulate": ("cc_voice.simulator.command", "simulate", "Play Zoom's part: webhooks, links and media of simulated calls."),
        "accounts": ("cc_voice.commands.accounts", "accounts", "List accounts, make and disable them, give one-time passwords."),
        "audit": ("cc_voice.commands.audit", "audit", "Search and verify who saw, played, took and changed what."),
        "admin": ("cc_voice.commands.administration", "admin", "Show how the appliance is, and the configuration in force."),
        "qa": ("cc_voice.commands.qa", "qa", "Draw legs for evaluation, see and change answers of forms, submit, calibrate."),
        "rules": ("cc_voice.commands.rules", "rules", "Write rules, see what they find in stored calls, mark it, publish them."),
        "webhooks": ("cc_voice.commands.webhooks", "webhooks", "List webhooks that go out, and send them again."),
        "policies": ("cc_voice.commands.policies", "policies", "List, show and change what people decide: languages, thresholds."),
        "models": ("cc_voice.commands.models", "models", "List, fetch, verify, measure and remove speech models."),
        "search": ("cc_voice.commands.search", "search", "Find calls by what was said."),
        "reindex": ("cc_voice.commands.search", "reindex", "Make the index of search anew, sorted by word."),
        "bench": ("cc_voice.bench", "bench", "Measure this product on this machine."),
        "import": ("cc_voice.commands.import_file", "import_file", "Analyse a recording like a live call, and store it."),
        "enrich": ("cc_voice.commands.enrich", "enrich", "Take reports of Zoom Contact Center, and rosters of agents and queues."),
        "recompute": (
            "cc_voice.commands.recompute",
            "recompute",
            "Measure history again, and show what changes before it is published.",
        ),
        "redact": ("cc_voice.commands.redact", "redact", "Hide in stored calls what should be hidden, and look for what is not."),
        "report": (
            "cc_voice.commands.report",
            "report",
            "Answer a named question over all calls; without a name, list the questions.",
        ),
        "mcp": ("cc_voice.commands.mcp", "mcp", "Answer an assistant's questions, in the Model Context Protocol."),
        "export": ("cc_voice.commands.export", "export", "Write tables as CSV, Parquet or Delta, for BI tools."),
        "demo": ("cc_voice.commands.demo", "demo", "Play eight bundled calls through a service of its own and show the results."),
    }


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cc-voice")
def main() -> None:
    """Contact-center voice analytics for Zoom, on site."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nor does a crash leave words that are not redacted yet
    os.umask(0o077)  # whatever this program writes – store, log of the store, recordings, exports – holds what people said


# -- the service -----------------------------------------------------------------------------------------------------


@main.command()
@site_options
@click.option("--listen", metavar="HOST:PORT", help="Address of pages, API and webhooks; port 0 takes a free one.")
@click.option("--workers", type=click.IntRange(0), help="Worker processes; 0 is one per core.")
@click.option("--allow-test-model", is_flag=True, default=None, help="Let the tiny bundled model hear live calls (tests, demos).")
@click.option("--tolerant-links", is_flag=True, default=None, help="Do without answers to media handshakes (Zoom's mock server).")
@click.option("--allow-insecure-links", is_flag=True, default=None, help="Accept ws:// and loopback media links (tests, demos).")
def serve(config: Path | None, data_dir: Path | None, **overrides: Any) -> None:
    """Run the appliance: webhooks, streams, workers, pages and API.

    SIGTERM or Ctrl-C stops it; streams that are live then are resumed by the next start, if it comes within a minute.
    SIGUSR1 before that empties the site: every live stream is closed for good, its call measured, and no other taken up.

    Without --config the file counts that the data folder was served with before.
    """
    from cc_voice.config import site_settings
    from cc_voice.config.settings import configure_logging, load
    from cc_voice.fleet.worker_plan import MemoryTooSmall
    from cc_voice.store.errors import DatabaseLocked, StoreError
    from cc_voice.web.access.accounts import AccountsUnreadable
    from cc_voice.web.service import CannotServe, run

    try:
        config = site_settings.configuration(config, data_dir)
        settings = load(config, overrides={"data_dir": data_dir, **overrides})
        kept = site_settings.dumps(load(config, overrides={"data_dir": data_dir}), config)  # a flag counts for one start
    except site_settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
    as_owner(settings.data_dir)
    configure_logging(settings.log_level)
    try:
        run(settings, kept, config)
    except DatabaseLocked as error:
        raise click.ClickException(
            f"{error}: a service or command of this site; stop it (systemctl stop cc-voice), or serve another --data-dir"
        ) from error
    except (MemoryTooSmall, StoreError, AccountsUnreadable, CannotServe) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error


# -- streams ---------------------------------------------------------------------------------------------------------


@main.command()
@site_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array with everything that is known of each stream.")
def streams(config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """List the newest streams: how far each came, how far recognition is behind, why it failed, what was odd about it.

    Without is what Zoom does not send of a stream, with its reason: an app without the scope for transcripts gets none.

    Odd is what was damaged, repeated, or sent by Zoom and unknown here: numbers, fields and messages, with how often each came.
    """
    settings = load_settings(config, data_dir)
    found = ask(settings, "streams")
    if as_json:
        print_json(found)
        return
    begun = f"started, {settings.timezone}"
    columns = ["stream_id", "call_id", "product", begun, "stage", "lag_s", "failure", "without", "odd"]
    none = "Zoom has announced no stream yet; deploy/zoom-setup.md tells what to look at"
    print_table(columns, [_stream_row(stream, settings.timezone) for stream in found], empty=none)


def _stream_row(stream: Mapping[str, Any], timezone: str) -> list[str]:
    import json

    started = local_time(datetime.fromtimestamp(stream["started_unix_ms"] // 1000, UTC), timezone)
    lag = f"{(stream['media_ms'] - stream['recognised_ms']) / 1000:.1f}" if stream["stage"] == "received" else "–"
    odd = ", ".join(f"{name}: {count}" for name, count in json.loads(stream["notes"] or "{}").items())
    known = [stream["stream_id"], stream["call_id"], stream["product"], started, stream["stage"]]
    refused = "; ".join(f"{each['media']}: {each['error']}" for each in json.loads(stream["refused"] or "[]"))
    failed = json.loads(stream["failures"] or "[]")
    earlier = f"{len(failed)} × replaced: {failed[-1]['error']}" if failed else "–"
    return [*known, lag, stream["failure"] or earlier, refused or "–", odd or "–"]


_PRODUCTS = ("contact_center", "meeting", "webinar", "video_sdk", "phone")


@main.command()
@site_options
@click.argument("action", type=click.Choice(["start", "stop", "pause", "resume"]))
@click.option("--product", type=click.Choice(_PRODUCTS), required=True, help="Zoom's product.")
@click.option(
    "--id", "conversation_id", metavar="ID", required=True, help="A meeting's or webinar's number; else the id in webhooks."
)
@click.option("--app", "app_name", metavar="NAME", help="Which app of the configuration.  [default: the only one]")
@click.option("--user", metavar="ID", help="Meetings, webinars: an invited participant who is there.  [default: the token's user]")
def rtms(config: Path | None, data_dir: Path | None, app_name: str | None, user: str | None, **wanted: Any) -> None:
    """Start, stop, pause or resume the stream of a conversation that goes on, through Zoom's REST API.

    Zoom accepts or refuses; nothing here waits for the stream. A running service takes a new one up when its webhook comes.
    """
    from cc_voice.rtms.rest.control import ControlCommand

    settings = load_settings(config, data_dir)
    app = _app(settings, app_name)
    _ask_zoom(settings, app, ControlCommand(client_id=app.client_id, participant_user_id=user, **wanted))
    click.echo("accepted; a new stream is announced by a webhook")


def _app(settings: "Settings", name: str | None) -> "ZoomApp":
    found = [app for app in settings.apps if name in (None, app.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(app.name for app in settings.apps) or "none; see [[apps]] in the configuration"
    raise click.ClickException(f"say which app with --app NAME; configured are: {known}")


def _ask_zoom(settings: "Settings", app: "ZoomApp", command: "ControlCommand") -> None:
    import asyncio

    from cc_voice.fleet.control import Control
    from cc_voice.rtms.errors import ControlError

    async def ask() -> None:
        async with Control(settings.proxy) as control:
            await control.ask(app, command)

    try:
        asyncio.run(ask())
    except ControlError as error:
        raise click.ClickException(f"{error} ({error.zoom_says})" if error.zoom_says else str(error)) from error


# -- recordings of the past ------------------------------------------------------------------------------------------


# -- ask and take away -----------------------------------------------------------------------------------------------


class _Calls(LazyGroup):
    elsewhere: ClassVar = {
        "delete": ("cc_voice.commands.deletion", "delete_calls", "Delete calls with everything that was received of them."),
        "export": ("cc_voice.commands.export", "export_call", "Write a call's transcript, Contact Lens JSON or audio to a file."),
        "hear": ("cc_voice.commands.hear", "hear", "Hear a part of a recorded call again, for digits, yes and no, or phrases."),
    }


@main.group(cls=_Calls)
def calls() -> None:
    """List calls, show one, write one to a file, hear a part of one again, delete one."""


@calls.command("list")
@site_options
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def calls_list(config: Path | None, data_dir: Path | None, limit: int, as_json: bool) -> None:
    """List calls, newest first."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "calls.list", limit=limit)
    if as_json:
        print_json(found)
    else:
        from cc_voice.query.operations import cell

        for row in found:
            row["start_ts"] = local_time(row["start_ts"], settings.timezone)
        rows = [[cell(row.get(column)) for column in _CALL_COLUMNS] for row in found]
        units = [settings.timezone if unit == "UTC" else unit for unit in _CALL_COLUMNS.values()]
        none = "no call is measured yet; `cc-voice streams` shows what came, `cc-voice import` takes a recording"
        print_table(list(_CALL_COLUMNS), rows, units, empty=none)
    if lost := len(ask(settings, "streams.not_analysed")):
        click.echo(f"not analysed in the last days: {lost}; `cc-voice streams` says why", err=True)


_CALL_COLUMNS = {
    "call_id": "",
    "start_ts": "UTC",
    "product": "",
    "agent_name": "",
    "queue_name": "",
    "duration_ms": "ms",
    "leg_count": "count",
    "agent_talk_pct": "%",
    "hold_ms": "ms",
}
"""Columns of the list with their units; UTC becomes the site's time."""


@calls.command("show")
@site_options
@click.argument("call_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def calls_show(call_id: str, config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Show one call: what matters in ten lines, its legs with every metric or the reason it is missing, and its transcript."""
    settings = load_settings(config, data_dir)
    found = ask(settings, "calls.show", call_id=call_id)
    if as_json:
        print_json(found)
        return
    from cc_voice.commands.call_text import print_call

    print_call(found, settings.timezone)


@main.command()
@site_options
@click.argument("text", metavar="SELECT")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How to print."
)
def sql(text: str, config: Path | None, data_dir: Path | None, form: str) -> None:
    """Answer one SELECT on the published views (v_call, v_leg, v_utterance …).

    It runs on a copy of them, in a process without files, network or environment, for at most 30 s, 512 MB and 10000 rows.
    """
    found = ask(load_settings(config, data_dir), "sql", text=text, format=form)
    if form == "table":
        print_table(found["answer"]["columns"], found["answer"]["rows"])
    else:
        click.echo(found["answer"].rstrip("\n"))
    if found["cut"]:
        click.echo(f"cut after {found['rows']} rows: an answer has no more {found['cut']}", err=True)
    if found["age_s"]:
        click.echo(f"as of {found['age_s'] / 60:.1f} minutes ago; calls that came since are not in it", err=True)


@main.command()
@site_options
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array: name, holds, broken, columns, rows.")
def check(names: tuple[str, ...], config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Look for what must not be in the store: sums that do not add up, keys that lead nowhere, numbers out of range.

    NAMES are checks of analytics/README.md; all of them without one. Ends with 1 where something is broken.
    """
    answers = ask(load_settings(config, data_dir), "checks", names=list(names))
    broken = [answer for answer in answers if answer["broken"]]
    if as_json:
        print_json(answers)
    else:
        for answer in broken:
            click.echo(f"{answer['name']}: {answer['broken']} rows break “{answer['holds']}”; the first:")
            print_table(answer["columns"], answer["rows"])
        click.echo(f"{len(answers) - len(broken)} of {len(answers)} checks hold")
    raise SystemExit(1 if broken else 0)
