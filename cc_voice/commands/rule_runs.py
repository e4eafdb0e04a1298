"""Runs of rules over stored calls, on the command line: `recompute --what rules`, `rules run`, the end of `rules publish`."""

import datetime
import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click
import msgspec

from cc_voice.commands.terminal import print_json, print_table
from cc_voice.config.settings import Settings
from cc_voice.quality.rules.compilation import RuleSet
from cc_voice.query import operations, service_client
from cc_voice.query.rules import history_runs
from cc_voice.query.rules.history import Asked
from cc_voice.store.rule_history import HistoryChoice
from cc_voice.web.access import command_audit

T = TypeVar("T")
_SET = msgspec.msgpack.Decoder(RuleSet)


def with_store(settings: Settings, work: Callable[[Asked], T]) -> T:
    """Do work that asks the store many questions: it is opened once where nobody holds it, and else the service is asked.

    Raises ClickException.
    """
    service_client.need_a_site(settings)

    def here(database: Any) -> T:
        def asked(question: str, arguments: dict[str, Any]) -> Any:
            command_audit.witness(settings.data_dir, question, arguments)
            return operations.QUESTIONS[question](database, settings, arguments)

        return work(asked)

    try:
        return service_client.database_or_service(
            settings, here=here, there=lambda: work(partial(service_client.ask_service, settings))
        )
    except (operations.QuestionError, history_runs.HistoryRunError) as error:
        raise click.ClickException(str(error)) from error


def cores() -> int:
    """Return how many processes evaluate."""
    return max(1, os.cpu_count() or 1)


def in_force(asked: Asked) -> RuleSet:
    """Return the published rules, compiled with the words of now."""
    return _SET.decode(history_runs.as_bytes(asked("rules.in_force", {})))


def recompute_rules(
    settings: Settings,
    as_json: bool,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    name: str | None,
    publish: bool,
    jobs: int | None,
    call_ids: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
    threshold_set: str | None = None,
    what: str = "rules",
) -> None:
    """Look for the published rules in stored calls again; see `recompute`. Raises ClickException."""
    if call_ids or metrics or threshold_set:
        raise click.ClickException("--what rules takes days (--since, --until), and neither calls, metrics nor threshold sets")
    choice = HistoryChoice(since=since.date() if since else None, until=until.date() if until else None)

    def work(asked: Asked) -> history_runs.HistorySummary:
        return run_over(asked, settings, in_force(asked), choice, name=name, publish=publish, jobs=jobs)

    show(with_store(settings, work), as_json)


def run_over(
    asked: Asked,
    settings: Settings,
    rules: RuleSet,
    choice: HistoryChoice,
    *,
    name: str | None = None,
    publish: bool = False,
    jobs: int | None = None,
) -> history_runs.HistorySummary:
    """Evaluate a set over stored calls, and with `publish` write it."""
    span = f"-{choice.since or ''}-{choice.until or ''}" if choice.since or choice.until else ""
    kept, summary = history_runs.run(
        asked,
        settings.runs_dir,
        name or f"rules-{rules.sha[:10]}{span}",
        rules,
        choice,
        processes=jobs or cores(),
        told=lambda month, legs: click.echo(f"{month // 100}-{month % 100:02}: {legs} legs", err=True),
    )
    if not publish:
        return summary
    done = history_runs.publish(asked, kept, summary)
    kept.discard()
    return done


def show(summary: history_runs.HistorySummary, as_json: bool) -> None:
    """Print what a run found and changed."""
    if as_json:
        print_json(summary)
        return
    rows = [
        [
            each.rule_id,
            str(each.version),
            str(each.hits_before),
            str(each.hits_after),
            str(each.hits_new),
            str(each.hits_gone),
            str(each.steps_changed),
        ]
        for each in summary.rules
    ]
    columns = ["rule", "version", "hits before", "hits after", "new", "gone", "steps changed"]
    print_table(columns, rows, ["", "", "", "", "", "", "legs"])
    click.echo(f"{summary.legs} legs of {len(summary.months)} months")
    if summary.written is None:
        click.echo("Nothing was changed. The same command with --publish writes it.")
    else:
        left = f"; {summary.superseded} left as they are: deleted, or measured anew meanwhile" if summary.superseded else ""
        click.echo(f"{summary.written} calls written{left}")
