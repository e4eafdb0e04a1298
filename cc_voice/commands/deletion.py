"""`cc-voice calls delete`: delete calls with everything that was received of them."""

from pathlib import Path

import click

from cc_voice.commands.terminal import ask, load_settings, site_options


@click.command("delete")
@site_options
@click.argument("call_ids", nargs=-1, required=True, metavar="CALL_ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_calls(call_ids: tuple[str, ...], config: Path | None, data_dir: Path | None, yes: bool) -> None:
    """Delete calls for ever: numbers, transcript, search, recording, and the copies that SQL and recompute made.

    The next export no longer has them; files of earlier exports are as they were until then. Calls in progress are refused.
    """
    settings = load_settings(config, data_dir)
    if not yes:
        click.confirm(f"delete {len(call_ids)} call(s) of {settings.data_dir} for ever?", abort=True, err=True)
    for call_id in call_ids:
        ask(settings, "calls.delete", call_id=call_id)
        click.echo(f"{call_id}: deleted")
