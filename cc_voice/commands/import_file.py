"""Import of a recording: `cc-voice import`, like a live call that has ended."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.commands.terminal import (
    ask,
    instant,
    language_tag,
    load_settings,
    print_json,
    printable,
    remember,
    site_differences,
    site_options,
)

if TYPE_CHECKING:
    from cc_voice.call.batch import CallMeasured
    from cc_voice.config.settings import Settings
    from cc_voice.sessions.imports import Imported


@click.command("import")
@site_options
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--agent-channel", type=click.IntRange(0), help="Channel of the agent, counted from 0.")
@click.option("--customer-channel", type=click.IntRange(0), help="Channel of the customer, counted from 0.")
@click.option("--language", metavar="TAG", callback=language_tag, help="Language spoken (BCP-47).  [default: the site's]")
@click.option("--words", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its transcript: JSON lines, WebVTT.")
@click.option(
    "--start",
    metavar="TIME",
    callback=instant,
    help="When the call began: 2026-11-02T10:00:00+01:00, or without a zone in UTC.  [default: from the file's date]",
)
@click.option("--allow-test-model", is_flag=True, default=None, help="Let the tiny bundled model hear it (tests, demos).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: call_id, legs, channels, utterances, reasons.")
def import_file(file: Path, config: Path | None, data_dir: Path | None, as_json: bool, **options: Any) -> None:
    """Analyse a recording (WAV of any encoding, FLAC, MP3, Ogg, M4A, WebM, AMR) like a live call, store it, print its metrics.

    A file with one party per channel needs --agent-channel and --customer-channel. A mono file needs neither: its two-party
    metrics are NULL, with the reason. The last three kinds need the extra codecs.

    --words takes the lines of a script (JSON), WebVTT, or Contact Lens JSON, in times of the file. They are taken for what Zoom's
    transcript is of a live call. Each names its party: agent, customer, or its channel.
    """
    if not file.is_file():  # it would be waited for
        raise click.ClickException(f"{file} is no file but a pipe or a device; copy what it gives into a file first")
    settings = load_settings(config, data_dir, allow_test_model=options.pop("allow_test_model"))
    for line in site_differences(settings):
        click.echo(f"the site measures otherwise: {line}", err=True)
    imported = _take(file, settings, options)
    remember(config, settings.data_dir)
    for note in imported.notes:
        click.echo(f"{click.format_filename(file)}: {note}", err=True)
    if imported.earlier:
        delete = f"cc-voice calls delete {' '.join(imported.earlier)}"
        click.echo(
            f"this file was imported before, and something else was said about it: `{delete}` removes what came of that", err=True
        )
    if as_json:
        print_json(_as_object(imported.measured))
    else:
        from cc_voice.commands.call_text import print_call

        print_call(ask(settings, "calls.show", call_id=imported.measured.call_id), settings.timezone)


def _take(file: Path, settings: "Settings", options: Mapping[str, Any]) -> "Imported":
    from cc_voice.config.settings import configure_logging
    from cc_voice.media import spool
    from cc_voice.media.recordings import RecordingError
    from cc_voice.sessions.imports import ImportOptions, take_file
    from cc_voice.sessions.recognition import Recognition
    from cc_voice.sessions.word_files import WordFileError
    from cc_voice.speech.errors import SpeechError

    configure_logging("warning")
    chosen = ImportOptions(
        agent_channel=options["agent_channel"],
        customer_channel=options["customer_channel"],
        language=options["language"] or settings.language.default,
        is_language_certain=options["language"] is not None,
        start=options["start"],
        words=options["words"],
    )
    recognition = Recognition(settings, threads=1, allow_test_model=settings.allow_test_model)
    try:
        imported = take_file(file, chosen, settings, recognition)
        batch_id = spool.put(settings.spool_dir, imported.measured)
    except (SpeechError, RecordingError, WordFileError, OSError) as error:
        raise click.ClickException(printable(str(error))) from error
    finally:
        recognition.close()
    ask(settings, "store", batch_id=batch_id)
    return imported


def _as_object(measured: "CallMeasured") -> dict[str, Any]:
    """Return what `import --json` prints; `channels[].intervals` are the party's speech inside analysed time."""
    import msgspec

    call = measured.call
    speech: dict[str | None, list[tuple[int, int]]] = {}
    for interval in call.intervals:
        if interval.kind == "speech" and interval.subkind != "on_hold":
            speech.setdefault(interval.party, []).append((interval.start_ms, interval.end_ms))
    channels = [
        {
            "channel": int(channel.channel_id),
            "party": channel.party,
            "speech_ms": sum(end - start for start, end in speech.get(channel.party, [])),
            "intervals": sorted(speech.get(channel.party, [])),
        }
        for channel in call.channels
    ]
    return {
        "call_id": call.call.call_id,
        "duration_ms": call.call.end_unix_ms - call.call.start_unix_ms,
        "legs": msgspec.to_builtins(call.legs),
        "channels": channels,
        "utterances": msgspec.to_builtins(call.utterances),
        "reasons": {reason.metric: reason.reason for reason in call.null_reasons},
    }
