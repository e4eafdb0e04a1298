"""`cc-voice calls export`: one call as a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.terminal import load_settings, reason, site_options

if TYPE_CHECKING:
    from cc_voice.settings import Settings

TEXTS = ("vtt", "srt", "txt", "json")
SOUNDS = ("wav", "flac")


@click.command()
@site_options
@click.argument("call_id")
@click.option("--as", "form", type=click.Choice([*TEXTS, *SOUNDS]), required=True, help="Transcript, Contact Lens JSON, or audio.")
@click.option("--leg", "leg_no", type=click.IntRange(1), help="One leg; JSON is always of one, the first unless told otherwise.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File.  [default: standard output; of audio CALL_ID.wav]"
)
def export(call_id: str, config: Path | None, data_dir: Path | None, form: str, leg_no: int | None, out: Path | None) -> None:
    """Write a call's transcript (WebVTT, SubRip, text), its numbers in the shape of Contact Lens, or its audio, agent left.

    Transcripts are not redacted.
    """
    settings = load_settings(config, data_dir)
    try:
        if form in SOUNDS:
            path = out or Path(f"{call_id}.{form}")
            _write_sound(settings, call_id, path, form)
            click.echo(path)
            return
        text = _ask(settings, "calls.export", call_id=call_id, form=form, leg_no=leg_no)
        if out is None:
            sys.stdout.buffer.write(text.encode())
        else:
            from cc_voice.store.recordings import write_atomically

            write_atomically(out, text.encode())
            click.echo(out)
    except OSError as error:
        raise click.ClickException(reason(error)) from error


def _write_sound(settings: "Settings", call_id: str, path: Path, form: str) -> None:
    from cc_voice.exports.sound import write_call
    from cc_voice.store.playback import call_audio
    from cc_voice.store.recordings import RecordingError

    channels = _ask(settings, "calls.show", call_id=call_id)["channels"]
    try:
        audio = call_audio(settings.recordings_dir, call_id)
        if audio is None:
            raise click.ClickException(f"nothing of call {call_id} is recorded, or its recording was deleted")
        write_call(path, audio, channels, form)
    except RecordingError as error:
        raise click.ClickException(str(error)) from error


def _ask(settings: "Settings", question: str, **arguments: Any) -> Any:
    from cc_voice import questions

    try:
        return questions.ask(settings, question, **arguments)
    except questions.QuestionError as error:
        raise click.ClickException(str(error)) from error
