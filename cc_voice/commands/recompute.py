"""`cc-voice recompute`: measure calls again, show what changes, and only then publish it."""

import contextlib
import datetime
import hashlib
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cc_voice.call.metric_changes import MEASURED, Changes, MetricComparison
from cc_voice.call.metrics.dictionary import METRICS
from cc_voice.commands import rule_runs
from cc_voice.commands.terminal import load_settings, print_json, print_table, reason, remember, site_differences, site_options
from cc_voice.config import site_settings
from cc_voice.config.settings import Settings, configure_logging
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.media import recompute_runs
from cc_voice.media.recompute_runs import RecomputeRun, RunError, RunPlan, RunResult, RunSummary
from cc_voice.query import operations, service_client
from cc_voice.query.rules import history_runs
from cc_voice.sessions import recomputation
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.recomputation import What

_COMPARED_AT_ONCE = 500
_PUBLISHED_AT_ONCE = 200


@click.command("recompute")
@site_options
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local date.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last local date.")
@click.option("--call", "call_ids", multiple=True, metavar="CALL_ID", help="Only this call; repeat for more.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Show only what changes in this metric; repeat for more.")
@click.option("--threshold-set", metavar="NAME", help="Measure with a set of [[thresholds]].  [default: those in force]")
@click.option(
    "--what",
    type=click.Choice(["metrics", "recognition", "rules"]),
    default="metrics",
    show_default=True,
    help="Count again what was heard, hear the recordings again with today's models, or look for the published rules again.",
)
@click.option("--allow-test-model", is_flag=True, default=None, help="Let the tiny bundled model hear them (tests, demos).")
@click.option("--run", "name", metavar="NAME", help="Name of the run.  [default: from what is asked for]")
@click.option("--publish", is_flag=True, help="Write the result to the store.")
@click.option(
    "--adopt-settings",
    is_flag=True,
    help="With --publish: make these settings the site's, where it is measured with others and no service runs.",
)
@click.option("--list", "list_runs", is_flag=True, help="List the runs that are kept.")
@click.option("--discard", metavar="NAME", help="Delete a run.")
@click.option("--jobs", type=click.IntRange(1), help="Calls at once.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def recompute(
    config: Path | None,
    data_dir: Path | None,
    as_json: bool,
    list_runs: bool,
    discard: str | None,
    allow_test_model: bool | None,
    adopt_settings: bool,
    **asked: Any,
) -> None:
    """Measure all of history again, from what lies beside the recordings, and show what changes.

    Nothing is changed without --publish: the result is kept as a run, and the same command goes on with it, also after a crash.
    Whole calls are published, as the numbers of a leg belong together; --metric says only which changes are shown.

    Nothing is published under other thresholds than the site's: numbers of yesterday and of tomorrow could not be compared.
    Change them in the configuration and restart the service first; a set to be tried is named with --threshold-set.
    """
    settings = load_settings(config, data_dir, allow_test_model=allow_test_model)
    try:
        if not list_runs and discard is None and asked["what"] == "rules":
            rule_runs.recompute_rules(settings, as_json, **asked)
        elif list_runs:
            rows = [_described(settings, name) for name in recompute_runs.names(settings.runs_dir)]
            rows += [[name, "rules", "", ""] for name in history_runs.names(settings.runs_dir)]
            print_table(["run", "thresholds", "since", "until"], rows, empty="no run is kept")
        elif discard is not None:
            of_rules = discard in history_runs.names(settings.runs_dir)
            kept = history_runs.HistoryRun if of_rules else RecomputeRun
            kept(settings.runs_dir, discard).discard()
        else:
            differs = asked["publish"] and _differs(settings, asked["what"], adopt_settings)
            _recompute(settings, as_json, **asked)
            if asked["publish"]:
                remember(config, settings.data_dir, anew=differs)
    except (RunError, history_runs.HistoryRunError, operations.QuestionError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error


def _differs(settings: Settings, what: What, adopt: bool) -> bool:
    """Whether the site's settings are to become these. Raises ClickException where they are others and shall stay so."""
    if site_settings.remembered(settings.data_dir) is not None:
        found = site_differences(settings, recognition=what == "recognition")
    elif dict(settings.policies).get("thresholds", "").isdecimal():
        found = []  # published in this very folder: the site's own, whatever its legs were measured with before
    else:
        stored = msgspec.convert(operations.ask(settings, "recompute.thresholds"), tuple[ThresholdSet, ...])
        found = site_settings.other_thresholds(settings, stored)
    if not found:
        return False
    told = "\n  ".join(found)
    if not adopt:
        raise click.ClickException(
            f"nothing is published: the site {settings.data_dir} is measured with other settings than these:\n  {told}\n"
            "Without --config the site's own count. To change them, restart the service with the new configuration first; where "
            "none runs, --adopt-settings makes these the site's."
        )
    if service_client.service_runs(settings):
        raise click.ClickException(
            f"nothing is published: a service runs for {settings.data_dir}, with other settings than these:\n  {told}\n"
            "Restart it with this configuration; then the same command publishes."
        )
    return True


def _described(settings: Settings, name: str) -> list[str]:
    plan = RecomputeRun(settings.runs_dir, name).plan()
    return [name, plan.threshold_set or "in force", plan.since or "", plan.until or ""]


def _recompute(
    settings: Settings,
    as_json: bool,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    call_ids: tuple[str, ...],
    metrics: tuple[str, ...],
    threshold_set: str | None,
    what: What,
    name: str | None,
    publish: bool,
    jobs: int | None,
) -> None:
    if unknown := sorted(set(metrics) - set(METRICS)):
        raise click.ClickException(f"there is no metric {unknown[0]!r}; `cc-voice calls show` names them")
    if told := sorted(set(metrics) - set(MEASURED)):
        raise click.ClickException(f"{told[0]} comes from reports of Zoom (`cc-voice enrich`); measuring again does not change it")
    plan = recomputation.plan(
        settings,
        since=since.date() if since else None,
        until=until.date() if until else None,
        call_ids=call_ids,
        threshold_set=threshold_set,
        what=what,
    )
    run = RecomputeRun(settings.runs_dir, name or _name(plan))
    run.begin(plan)
    _measure(settings, run, plan, jobs or os.cpu_count() or 1)
    summary = _compare(settings, run, metrics)
    if publish:
        written, superseded = _publish(settings, run, summary.calls)
        summary = msgspec.structs.replace(summary, published=written, superseded=superseded)
        run.discard()
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def show_changes(
    settings: Settings, since: datetime.datetime | None, until: datetime.datetime | None, as_json: bool, jobs: int | None = None
) -> None:
    """Show what calls would measure under other settings; nothing is kept. Raises ClickException."""
    plan = recomputation.plan(settings, since=since.date() if since else None, until=until.date() if until else None)
    run = RecomputeRun(settings.runs_dir, f"try-{_name(plan)}-{os.getpid()}")
    try:
        run.begin(plan)
        _measure(settings, run, plan, jobs or os.cpu_count() or 1)
        summary = _compare(settings, run, ())
    except (RunError, operations.QuestionError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    finally:
        with contextlib.suppress(RunError, OSError):
            run.discard()
    if as_json:
        print_json(summary)
    else:
        _print(summary, is_tried=True)


def _name(plan: RunPlan) -> str:
    return f"{plan.what}-{hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:8]}"


def _progress() -> Progress:
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*shown, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _measure(settings: Settings, run: RecomputeRun, plan: RunPlan, jobs: int) -> None:
    """Measure the calls that the run does not have yet."""
    done = {result.call_id for result, _ in run.results()}
    wanted = list(recomputation.recorded_calls(settings, plan))
    missing = [call_id for call_id in wanted if call_id not in done]
    if not missing:
        return
    work = _hear if plan.what == "recognition" else _count
    with _progress() as progress:
        task = progress.add_task(plan.what, total=len(wanted), completed=len(wanted) - len(missing))
        for result in work(missing, settings, plan, jobs):
            run.add(result)
            progress.advance(task)


def _count(call_ids: list[str], settings: Settings, plan: RunPlan, jobs: int) -> Iterator[RunResult]:
    # Spawned: this process may have threads by now, and a fork would copy their locks
    with ProcessPoolExecutor(max_workers=jobs, mp_context=multiprocessing.get_context("spawn")) as workers:
        yield from recomputation.measure_again(call_ids, settings, plan, workers)


def _hear(call_ids: list[str], settings: Settings, plan: RunPlan, jobs: int) -> Iterator[RunResult]:
    configure_logging("warning")
    recognition = Recognition(settings, threads=jobs, allow_test_model=settings.allow_test_model)
    try:
        yield from recomputation.decode_again(call_ids, settings, plan, recognition, jobs)
    finally:
        recognition.close()


def _compare(settings: Settings, run: RecomputeRun, metrics: tuple[str, ...]) -> RunSummary:
    comparison = MetricComparison(metrics or MEASURED)
    problems: dict[str, str] = {}
    calls = new = 0
    for results in _batched((result for result, _ in run.results()), _COMPARED_AT_ONCE):
        measured = {result.call_id: result.measured for result in results if result.measured is not None}
        stored = operations.ask(settings, "recompute.before", call_ids=list(measured))
        for call_id, batch in measured.items():
            comparison.add(stored.get(call_id, {}), batch.call.legs)
            new += call_id not in stored
        calls += len(measured)
        problems |= {result.call_id: result.problem for result in results if result.problem is not None}
    return RunSummary(run=run.name, calls=calls, calls_new=new, problems=problems, changes=comparison.result())


def _publish(settings: Settings, run: RecomputeRun, calls: int) -> tuple[int, int]:
    written = superseded = 0
    more = True
    with _progress() as progress:
        task = progress.add_task("publishing", total=calls)
        while more:
            told = operations.ask(settings, "recompute.publish", run=run.name, limit=_PUBLISHED_AT_ONCE)
            written, superseded, more = written + told["written"], superseded + told["superseded"], told["more"]
            progress.update(task, completed=written + superseded)
    return written, superseded


def _batched(results: Iterable[RunResult], size: int) -> Iterator[list[RunResult]]:
    left = iter(results)
    while batch := list(islice(left, size)):
        yield batch


def _print(summary: RunSummary, *, is_tried: bool = False) -> None:
    changes = summary.changes
    new = f", {summary.calls_new} of them not in the store" if summary.calls_new else ""
    click.echo(f"{summary.calls} calls measured{new}; {changes.legs_changed} of {changes.legs} legs change")
    if changes.legs_new - summary.calls_new > 0 or changes.legs_gone:
        click.echo(f"legs that are new: {changes.legs_new}, that vanish: {changes.legs_gone}")
    if changes.metrics:
        _print_changes(changes)
    for call_id, problem in sorted(summary.problems.items()):
        click.echo(f"{call_id} was not measured: {problem}", err=True)
    if is_tried:
        click.echo("Nothing was changed: this is what would be measured.")
    elif summary.published is None:
        click.echo(f"Nothing was changed. The same command with --publish writes it; `--discard {summary.run}` forgets it.")
    else:
        left = f"; {summary.superseded} left as they are: deleted, or measured anew meanwhile" if summary.superseded else ""
        click.echo(f"{summary.published} calls written{left}")


def _print_changes(changes: Changes) -> None:
    rows = [
        [
            change.metric,
            str(change.legs_changed),
            _number(change.mean_before),
            _number(change.mean_after),
            f"{change.measured_before} → {change.measured_after}" if change.measured_before != change.measured_after else "",
            _number(change.largest, "+"),
            change.largest_leg_id or "",
        ]
        for change in changes.metrics
    ]
    print_table(["metric", "legs changed", "mean before", "mean after", "legs with a value", "largest change", "at leg"], rows)


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign},.2f}"
