"""The demo: a service of its own, eight bundled calls played at it by the simulator, and what the appliance made of them.

It goes the way a real call goes – signed webhook, signaling, media, worker, database – with nothing shortened but time:
packets are paced faster than real time. Everything is in one folder, which the next demo replaces.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cc_voice.commands.temporary_site import TemporarySiteError, log_path, serving, temporary_site
from cc_voice.commands.terminal import as_owner
from cc_voice.config.settings import Settings
from cc_voice.query import operations
from cc_voice.simulator.report import CallRequest, SimulatorConfig, StartedCall
from cc_voice.simulator.scenario import load_scenario
from cc_voice.simulator.server import Simulator
from cc_voice.store.database import Database
from cc_voice.store.errors import DatabaseLocked, StoreError
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.first_login import ensure_account
from cc_voice.web.access.roles import AccountAccess, grantable

CALLS = (
    "angry-to-satisfied", "card-number", "english-to-spanish", "good-call", "interrupted-call", "long-hold", "meeting", "transfer",
)  # fmt: skip
"""The bundled scenarios that show what the appliance measures; the others are for tests of languages."""
TABLES = ("calls", "legs", "utterances", "words", "unused_utterances", "unused_words")
"""Whose rows the summary counts, by the names of the exported files."""
MARKER = ".cc-voice-demo"
"""Marks a folder as the demo's own: only such a folder is ever emptied."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)
MEASURE_TIMEOUT_S = 120.0
"""How long results may take after the last call ended."""
POLL_S = 0.25
DONE = ("measured", "failed", "revoked")
COLUMNS = {
    "agent_name": "agent",
    "agent_talk_pct": "agent talk %",
    "customer_talk_pct": "customer talk %",
    "overtalk_count": "overtalk",
    "interruptions_agent": "interr. agent",
    "interruptions_customer": "interr. cust.",
    "long_silence_count": "long silences",
    "dead_air_ms": "dead air ms",
    "hold_ms": "hold ms",
    "wpm_agent": "wpm agent",
    "response_latency_ms_agent_p50": "latency ms",
}
"""Metrics in the closing table: column of a leg → heading."""


class DemoError(click.ClickException):
    """The demo cannot go on; the message says what to look at."""


@click.command()
@click.option("--once", is_flag=True, help="Stop the service at the end and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
@click.option("--speed", type=click.FloatRange(0.1, 50), default=8.0, show_default=True, help="Packet pacing, times real time.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="Folder of the demo's data; replaced by every run.",
)
def demo(once: bool, as_json: bool, speed: float, data_dir: Path) -> None:
    """Play eight bundled calls through a service of its own and show what the appliance makes of them."""
    # Not a terminal: no line may be folded to eighty columns
    console = Console(stderr=as_json, width=None if (sys.stderr if as_json else sys.stdout).isatty() else 200)
    _end_on_signals()
    as_owner(data_dir)
    site = _site(data_dir.resolve())
    with _service(site) as address:
        summary = _run(_play(site, address, speed, console))
        _show(site, summary, console)
        if not once:
            _stay(site, address, console)
    if as_json:
        click.echo(msgspec.json.encode(summary).decode())


def _end_on_signals() -> None:
    """Else the service would outlive a demo whose terminal is closed."""
    for number in _ENDING:
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    """End as Ctrl-C does, the service first."""
    raise SystemExit(128 + number)


def _run(playing: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run the loop until it is done or a signal comes, which then cancels: raised in the middle of a callback it could be lost."""
    came: list[int] = []

    async def cancellable() -> dict[str, Any]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def end(number: int) -> None:
            came.append(number)
            task.cancel()

        for number in _ENDING:
            loop.add_signal_handler(number, end, number)
        return await playing

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise SystemExit(128 + came[0]) from None
    finally:
        _end_on_signals()


def _check_left(database_path: Path) -> None:
    """See that no demo runs where the next one would clear away its data. Raises DemoError."""
    if not database_path.exists():
        return
    try:
        Database.open(database_path).close()
    except DatabaseLocked as error:
        raise DemoError(f"{error}; stop the demo that runs there, or choose another --data-dir") from error
    except StoreError:
        return  # broken or of another version: it is replaced


def _site(data_dir: Path) -> Settings:
    """Return settings of a fresh demo site. Raises DemoError for a folder that is not the demo's, or of one that runs."""
    if data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / MARKER).exists():
        raise DemoError(f"{data_dir} holds files that are not of a demo; choose another --data-dir")
    _check_left(data_dir / "cc_voice.duckdb")
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True, mode=0o700)
    (data_dir / MARKER).touch()
    # Nobody's calls: whoever tries the demo may read and hear them, which an administrator else may not by the role alone
    accounts = Accounts(data_dir / "auth.sqlite")
    ensure_account(accounts, data_dir, AccountAccess(grants=frozenset(grantable("admin")), site=True))
    accounts.close()
    return temporary_site(data_dir, "demo")


@contextlib.contextmanager
def _service(site: Settings) -> Iterator[str]:
    """Run a service for the site; yields its address, stops it in the end."""
    try:
        with serving(site) as service:
            yield service.address
    except TemporarySiteError as error:
        raise DemoError(str(error)) from error


async def _play(site: Settings, address: str, speed: float, console: Console) -> dict[str, Any]:
    """Play the CALLS, all at once, and wait for the results; returns the summary that `--json` prints."""
    started_at = time.monotonic()
    app = site.apps[0]
    config = SimulatorConfig(
        client_id=app.client_id,
        client_secret=str(app.client_secret),
        webhook_secret=str(app.webhook_secret),
        webhook_url=f"{address}/webhooks/zoom",
    )
    audio_ms = 0
    async with Simulator(config) as simulator:
        calls: dict[str, tuple[str, StartedCall]] = {}
        for name in CALLS:
            script = await asyncio.to_thread(load_scenario, name)
            audio_ms += script.duration_ms * len(script.tracks)
            calls[name] = (script.title, await simulator.start_call(CallRequest(scenario=name, speed=speed)))
        await _watch(site, simulator, calls, console)
        violations = {name: [v.name for v in simulator.call(call.call).violations] for name, (_, call) in calls.items()}
    if broken := {name: found for name, found in violations.items() if found}:
        raise DemoError(f"our client broke Zoom's protocol: {broken}; see {log_path(site)}")
    manifest = await asyncio.to_thread(_ask, site, "export", folder=str(site.exports_dir), options={})
    rows = {file["name"].split(".")[0]: file["rows"] for file in manifest["files"]}
    return {
        **{table: rows[table] for table in TABLES},
        "audio_seconds": round(audio_ms / 1000, 1),
        "wall_seconds": round(time.monotonic() - started_at, 1),
        "exports": [str(site.exports_dir / file["name"]) for file in manifest["files"]],
        "address": address,
    }


async def _watch(site: Settings, simulator: Simulator, calls: dict[str, tuple[str, StartedCall]], console: Console) -> None:
    """Show how far each call is until the store has its metrics. Raises DemoError for calls that fail or never come."""
    columns = (TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.fields[state]:<12}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=False) as progress:
        tasks: dict[str, TaskID] = {
            call.call: progress.add_task(title, total=simulator.call(call.call).duration_ms, state="announced")
            for title, call in calls.values()
        }
        deadline: float | None = None
        while True:
            stages = {row["stream_id"]: row for row in await asyncio.to_thread(_ask, site, "streams")}
            for _, call in calls.values():
                status = simulator.call(call.call)
                stage = stages.get(call.stream_id, {}).get("stage", "received")
                progress.update(
                    tasks[call.call], completed=status.position_ms, state=status.state if stage == "received" else stage
                )
            reached = [stages.get(call.stream_id, {}).get("stage") for _, call in calls.values()]
            if all(stage in DONE for stage in reached):
                break
            if deadline is None and all(simulator.call(call.call).state == "ended" for _, call in calls.values()):
                deadline = time.monotonic() + MEASURE_TIMEOUT_S
            if deadline is not None and time.monotonic() > deadline:
                raise DemoError(f"not every call was measured in time ({reached}); see {log_path(site)}")
            await asyncio.sleep(POLL_S)
    failed = {
        name: stages[call.stream_id].get("failure")
        for name, (_, call) in calls.items()
        if stages[call.stream_id]["stage"] != "measured"
    }
    if failed:
        raise DemoError(f"calls failed: {failed}")


def _show(site: Settings, summary: dict[str, Any], console: Console) -> None:
    """Print the table of legs and where the files are."""
    table = Table(title=f"{summary['calls']} calls, {summary['legs']} legs", box=None, header_style="bold", pad_edge=False)
    for heading in ("leg", "product", "length", *COLUMNS.values()):
        table.add_column(heading, justify="left" if heading in ("leg", "product", "agent") else "right", overflow="fold")
    for call in reversed(_ask(site, "calls.list", limit=100)):
        found = _ask(site, "calls.show", call_id=call["call_id"])
        for leg in found["legs"]:
            seconds = (leg["metrics"]["end_ms"] - leg["metrics"]["start_ms"]) // 1000
            cells = [operations.cell(leg["metrics"].get(column)) for column in COLUMNS]
            table.add_row(leg["leg_id"], call["product"], f"{seconds // 60}:{seconds % 60:02d}", *cells)
    console.print(table)
    # The table names legs; a call's id is its leg's without the number.
    why = f"– means not measurable; `cc-voice calls show ID --data-dir {site.data_dir}` says why (ID without -1, -2)."
    console.print(why, soft_wrap=True, highlight=False)
    for path in (*summary["exports"], site.exports_dir / "manifest.json"):
        console.print(str(path), soft_wrap=True, highlight=False)


def _stay(site: Settings, address: str, console: Console) -> None:
    """Leave the service running until Ctrl-C."""
    login = site.data_dir / "first-login.txt"
    console.print(f"\nThe service is running: {address}", highlight=False)
    console.print(f"Sign in with the account in {login}", soft_wrap=True, highlight=False)
    console.print("Ctrl-C stops it.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


def _ask(site: Settings, question: str, **arguments: Any) -> Any:
    try:
        return operations.ask(site, question, **arguments)
    except operations.QuestionError as error:
        raise DemoError(str(error)) from error
