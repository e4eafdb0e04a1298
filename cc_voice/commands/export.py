"""`cc-voice export`: tables for BI tools. `cc-voice calls export`: one call as a file."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.commands.terminal import ask, load_settings, local_time, print_table, reason, site_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cc_voice.config.settings import Settings

TEXTS = ("vtt", "srt", "txt", "json")
SOUNDS = ("wav", "flac")


@click.command()
@site_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.  [default: <data-dir>/exports]")
@click.option("--format", "form", type=click.Choice(["csv", "parquet", "both"]), default="both", show_default=True, help="Files.")
@click.option("--bom", is_flag=True, help="Begin CSV files with a byte order mark, for Excel.")
@click.option("--partition", is_flag=True, help="A Parquet file for each site and day (site=…/date=…).")
@click.option("--since-last", is_flag=True, help="Write only days that changed since the last export; implies --partition.")
@click.option("--delta", metavar="URI", help="Instead, bring Delta tables, which sites may share, to the state of this one.")
@click.option("--status", is_flag=True, help="Instead, show how the scheduled exports of the configuration went.")
def export(config: Path | None, data_dir: Path | None, status: bool, **options: Any) -> None:
    """Write calls, legs, utterances and words as CSV and Parquet, what their columns mean, and a manifest with SHA-256.

    The same data give the same bytes. Until an export is complete, the folder is as it was.
    """
    settings = load_settings(config, data_dir)
    out, delta, form = options.pop("out"), options.pop("delta"), options.pop("form")
    if status:
        _print_schedule(settings)
        return
    if delta is not None:
        # A folder means the one the command sees, not the one the service would
        uri = delta if "://" in delta else str(Path(delta).resolve())
        rows = [[table["name"], str(table["days"]), str(table["rows"])] for table in ask(settings, "export.lake", uri=uri)]
        print_table(["table", "days written", "rows written"], rows)
        return
    folder = (out or settings.exports_dir).resolve()
    options["formats"] = ["csv", "parquet"] if form == "both" else [form]
    manifest = ask(settings, "export", folder=str(folder), options=options)
    if manifest["parts"]:
        for table in manifest["tables"]:
            click.echo(f"{folder / table['name']}  {table['rows']} rows")
    for file in manifest["files"]:
        if "/" not in file["name"]:
            click.echo(f"{folder / file['name']}  {file['rows']} rows")
    click.echo(f"{folder / 'manifest.json'}")


def _print_schedule(settings: "Settings") -> None:
    from cc_voice.query.scheduled_exports import state

    rows = []
    for job in settings.exports:
        last = state(settings, job)
        tried, done = (last.started_s, last.done_s) if last else (None, None)
        moments = [_moment(at_s, settings.timezone) for at_s in (tried, done)]
        rows.append([job.name, job.to, *moments, (last and last.error) or "–"])
    headings = ["export", "to", f"last tried, {settings.timezone}", f"last done, {settings.timezone}", "error"]
    print_table(headings, rows, empty="no export is scheduled; [[exports]] of the configuration does it")


def _moment(at_s: float | None, timezone: str) -> str:
    return "–" if at_s is None else local_time(datetime.fromtimestamp(at_s, UTC), timezone)[:16]


@click.command()
@site_options
@click.argument("call_id")
@click.option("--as", "form", type=click.Choice([*TEXTS, *SOUNDS]), required=True, help="Transcript, Contact Lens JSON, or audio.")
@click.option(
    "--leg", "leg_no", type=click.IntRange(1), help="One leg, of audio too; JSON is always of one, the first unless told otherwise."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File.  [default: standard output; of audio CALL_ID.wav]"
)
def export_call(call_id: str, config: Path | None, data_dir: Path | None, form: str, leg_no: int | None, out: Path | None) -> None:
    """Write a call's transcript (WebVTT, SubRip, text), its numbers in the shape of Contact Lens, or its audio, agent left.

    What was hidden in calls stands in them as chips; calls that were never redacted are in them as they are.
    """
    settings = load_settings(config, data_dir)
    try:
        if form in SOUNDS:
            path = out or Path(f"{call_id}.{form}")
            _write_sound(settings, call_id, path, form, leg_no)
            click.echo(path)
            return
        text = ask(settings, "calls.export", call_id=call_id, form=form, leg_no=leg_no)
        if out is None:
            sys.stdout.buffer.write(text.encode())
        else:
            from cc_voice.media.files import write_atomically

            write_atomically(out, text.encode())
            click.echo(out)
    except OSError as error:
        raise click.ClickException(reason(error)) from error


def _write_sound(settings: "Settings", call_id: str, path: Path, form: str, leg_no: int | None) -> None:
    from cc_voice.exports.call_audio import write_call
    from cc_voice.media.playback import call_audio
    from cc_voice.media.recordings import RecordingError

    call = ask(settings, "calls.show", call_id=call_id)
    window_ms = _window(call, leg_no) if leg_no is not None else None
    try:
        audio = call_audio(settings.recordings_dir, call_id)
        if audio is None:
            raise click.ClickException(f"nothing of call {call_id} is recorded, or its recording was deleted")
        write_call(path, audio, call["channels"], form, window_ms)
    except RecordingError as error:
        raise click.ClickException(str(error)) from error


def _window(call: "Mapping[str, Any]", leg_no: int) -> tuple[int, int]:
    """Return where a leg begins and ends, in ms of the call."""
    for leg in call["legs"]:
        if leg["leg_no"] == leg_no:
            return leg["metrics"]["start_ms"], leg["metrics"]["end_ms"]
    raise click.ClickException(f"call {call['call']['call_id']} has {len(call['legs'])} legs, and none is number {leg_no}")
