"""`cc-voice redact`: hide in calls of the past what the policy hides by now, and look for what should be hidden and is not."""

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cc_voice.commands.terminal import ask, load_settings, print_json, print_table, reason, site_options

if TYPE_CHECKING:
    from cc_voice.config.settings import Settings
    from cc_voice.sessions.redaction_history import RedactedCall

_SHOWN = 50


@click.group("redact", invoke_without_command=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date.  [default: all calls]")
@click.option("--call", "call_ids", multiple=True, metavar="CALL_ID", help="Only this call; repeat for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@site_options
@click.pass_context
def redact(
    context: click.Context,
    since: datetime.datetime | None,
    call_ids: tuple[str, ...],
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Hide in stored calls what the policy of their queue hides: words, search, what lies beside the recording, and the sound.

    Calls that were looked into under the same policy are left as they are, so that a run that was stopped is gone on with. There is
    no way back. What measured them does not change, but for what confidence and disagreement say.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(config, data_dir)
    told = list(_redacted(settings, since, call_ids))
    outcomes = Counter(one.outcome for one in told)
    hidden = Counter[str]()
    for one in told:
        hidden.update(one.hidden)
    problems = {one.call_id: one.problem for one in told if one.problem is not None}
    if as_json:
        print_json({"calls": dict(outcomes), "hidden": dict(hidden), "problems": problems})
    else:
        for outcome, count in sorted(outcomes.items()):
            click.echo(f"{count} calls {outcome}")
        print_table(
            ["hidden", "stretches"], [[name, str(count)] for name, count in sorted(hidden.items())], empty="nothing is hidden"
        )
        for call_id, problem in sorted(problems.items()):
            click.echo(f"{call_id}: {problem}", err=True)
    if problems:
        context.exit(1)


def _redacted(settings: "Settings", since: datetime.datetime | None, call_ids: tuple[str, ...]) -> "Iterator[RedactedCall]":
    from shutil import rmtree

    from cc_voice.config.settings import configure_logging
    from cc_voice.media import copies, spool
    from cc_voice.sessions import redaction_history

    configure_logging("warning")
    is_changed = False
    try:
        for one in redaction_history.redact_calls(settings, since.date() if since else None, call_ids):
            if one.measured is not None:
                ask(settings, "store", batch_id=spool.put(settings.spool_dir, one.measured))
                rmtree(settings.data_dir / "cache" / one.call_id, ignore_errors=True)
                is_changed = True
            yield one
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    finally:
        if is_changed:
            copies.forget(settings.sql_dir, settings.runs_dir)


@redact.command("audit")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date.  [default: all calls]")
@click.option("--sound", type=click.IntRange(0), default=0, metavar="N", help="Let the recogniser hear N redacted calls.")
@click.option("--allow-test-model", is_flag=True, default=None, help="Let the tiny bundled model hear them (tests, demos).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@site_options
@click.pass_context
def audit(
    context: click.Context,
    since: datetime.datetime | None,
    sound: int,
    allow_test_model: bool | None,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Look for numbers that should be hidden in everything that the data folder has; exit with 1 where something is found.

    Limits are lower than the finder's. What is found is told by place, call, offset and kind, never by its digits. A filter with a
    measured rate is no certificate.
    """
    settings = load_settings(config, data_dir, allow_test_model=allow_test_model)
    found = [*_in_store(settings, since), *_in_files(settings, since), *(_in_sound(settings, sound) if sound else ())]
    if as_json:
        print_json({"found": found})
    else:
        rows = [[str(one[name] if one[name] is not None else "") for name in _COLUMNS] for one in found[:_SHOWN]]
        print_table(list(_COLUMNS), rows, empty="nothing is found that should be hidden")
        if len(found) > _SHOWN:
            click.echo(f"and {len(found) - _SHOWN} more; --json has all")
    if found:
        context.exit(1)


_COLUMNS = ("place", "call_id", "offset", "digits", "kind")


def _in_store(settings: "Settings", since: datetime.datetime | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(settings, "redaction.audit", since=since.date().isoformat() if since else None)
    return found


def _in_files(settings: "Settings", since: datetime.datetime | None) -> list[dict[str, Any]]:
    import msgspec

    from cc_voice.sessions import redaction_audit

    try:
        return [msgspec.to_builtins(one) for one in redaction_audit.files(settings, since.date() if since else None)]
    except OSError as error:
        raise click.ClickException(reason(error)) from error


def _in_sound(settings: "Settings", count: int) -> list[dict[str, Any]]:
    import msgspec

    from cc_voice.config.settings import configure_logging
    from cc_voice.sessions import redaction_audit
    from cc_voice.sessions.recognition import Recognition

    configure_logging("warning")
    recognition = Recognition(settings, threads=1, allow_test_model=settings.allow_test_model)
    try:
        return [msgspec.to_builtins(one) for one in redaction_audit.listened(settings, recognition, count)]
    finally:
        recognition.close()
