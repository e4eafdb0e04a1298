"""`cc-voice bench webhook`: how soon a webhook is answered while calls are recorded and recognised on a store of years.

Three processes beside this one: the service, as operators run it, on a generated store (`bench data`); the simulator, whose calls
are recognised with the model at hand (the tiny one where none is installed); and the sender (`webhook_sender`). Zoom gives a
webhook up after 3 s and delivers it again.

With `--attacked` one more (`attackers`): forms of megabytes from strangers and twelve questions in SQL at once, all the while.

*Processor time of a webhook* is what the service used while they came, less what it had used for the calls alone, in as many
seconds just before.
"""

import asyncio
import datetime
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from cc_voice.bench import attackers, data, played, processes, webhook_sender
from cc_voice.bench.attackers import Attack, Repelled
from cc_voice.bench.live import BenchMachine
from cc_voice.bench.played import Begun, Play
from cc_voice.bench.webhook_sender import Load, Sent
from cc_voice.commands.temporary_site import Service, TemporarySiteError, serving, temporary_site
from cc_voice.config.settings import Settings
from cc_voice.store.database import Database

QUIET_SHARE = 0.2
"""How long the calls alone are watched first, of the time in which webhooks come."""
LEAD_S = 15.0
"""Calls begin, models load, before anything is measured; at most, and less in short runs."""
SPARE_S = 5.0
"""How much longer than all that calls last."""


class WebhookScore(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured; times in ms from the moment at which a request was to be sent."""

    stored_calls: int
    calls: int
    requests: int
    rate: float
    statuses: dict[str, int]
    """How often each was answered; `0` is no answer."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    over_3_s: int
    """Zoom would have given these up."""
    cpu_ms: float
    """Processor time of the service for one webhook."""
    service_cpu_pct: float
    """Of one core, all that the service used while webhooks came."""
    sender_cpu_ms: float
    """For one webhook, by the sender."""
    connections: int
    repelled: Repelled | None
    """What attackers were answered meanwhile; None without any."""
    audio_sent_s: float
    audio_lost_s: float
    """Of what the calls sent, what lies in no recording."""
    machine: BenchMachine
    load: float
    """Processes that wanted to run when it was over (1 minute)."""


class _Cpu(msgspec.Struct, frozen=True):
    at_s: float
    service_s: float
    ours_s: float
    busy_s: float


class _WebhookRun(msgspec.Struct, frozen=True):
    """What was seen from outside: processor time with the calls alone, when webhooks began and had ended; answers; audio."""

    quiet: _Cpu
    before: _Cpu
    after: _Cpu
    sent: Sent
    repelled: Repelled | None
    audio_ms: tuple[float, float]


def measure_webhooks(stored_calls: int, calls: int, requests: int, rate: float, attacked: bool = False) -> WebhookScore:
    """Send webhooks to a service of its own. Raises TemporarySiteError, OSError."""
    with tempfile.TemporaryDirectory(prefix="cc-voice-bench-") as folder:
        scripts_dir, data_dir = Path(folder) / "scripts", Path(folder) / "data"
        scripts_dir.mkdir()
        data_dir.mkdir()
        site = temporary_site(data_dir, "bench")
        _fill(site, stored_calls)
        with serving(site) as service:
            seen = asyncio.run(_run(site, service, scripts_dir, calls, (requests, rate), attacked))
    return _score(stored_calls, calls, rate, seen)


def _fill(site: Settings, calls: int) -> None:
    if not calls:
        return
    database = Database.open(site.database_path)
    try:
        data.generate(database, site, data.Scale(calls=calls, until=datetime.date.today()), lambda month: None)
    finally:
        database.close()


async def _run(
    site: Settings, service: Service, scripts_dir: Path, calls: int, plan: tuple[int, float], attacked: bool
) -> _WebhookRun:
    requests, rate = plan
    wanted_s = requests / rate
    quiet_s, lead_s = wanted_s * QUIET_SHARE, min(LEAD_S, wanted_s)
    media_s = lead_s + quiet_s + wanted_s + SPARE_S
    scripts = played.write_scripts(scripts_dir, "en", round(media_s * 1000))
    config = played.simulator_config(site, service.address, scripts_dir, played.KEEP_ALIVE_S)
    apart_s = lead_s / 3 / max(1, calls)
    play = Play(config=config, scripts=tuple(script.name for script in scripts), calls=calls, speed=1.0, apart_s=apart_s)
    simulator, pipe = played.start(play)
    try:
        for _ in range(calls):
            if not isinstance(await played.told(simulator, pipe), Begun):
                raise TemporarySiteError("the simulator ended its calls before all of them had begun")
        await asyncio.sleep(lead_s * 2 / 3)
        pids = [service.pid, *([simulator.pid] if simulator.pid else []), os.getpid()]
        quiet = _cpu(pids)
        await asyncio.sleep(quiet_s)
        app = site.apps[0]
        load = Load(address=service.address, secret=str(app.webhook_secret), requests=requests, rate=rate)
        with attackers.attacking(
            Attack(address=service.address, owner_socket=str(site.owner_socket)) if attacked else None
        ) as ended:
            sender, answers = await asyncio.to_thread(webhook_sender.start, load)
            before = _cpu(pids)
            sent = webhook_sender.SENT.decode(await asyncio.to_thread(answers.recv_bytes))
            after = _cpu(pids)
            await asyncio.to_thread(sender.join)
            repelled = await asyncio.to_thread(ended)
        over = await played.told(simulator, pipe)
        assert not isinstance(over, Begun)
        audio_ms = played.audio_ms(site, over.calls)
    finally:
        pipe.close()
        simulator.terminate()
        await asyncio.to_thread(simulator.join)
    return _WebhookRun(quiet, before, after, sent, repelled, audio_ms)


def _cpu(pids: Sequence[int]) -> _Cpu:
    """Processor time so far: of the service, which comes first, of everything of ours without its workers, of the machine."""
    service_s = processes.usage(pids[:1]).cpu_s
    return _Cpu(time.monotonic(), service_s, service_s + processes.usage(pids[1:]).cpu_s, processes.busy_s())


def _score(stored_calls: int, calls: int, rate: float, seen: _WebhookRun) -> WebhookScore:
    quiet, before, after, sent = seen.quiet, seen.before, seen.after, seen.sent
    wall_s = after.at_s - before.at_s
    calls_alone_s = (before.service_s - quiet.service_s) / (before.at_s - quiet.at_s) * wall_s
    service_s = after.service_s - before.service_s
    delays = sorted(delay for _, delay in sent.answers)
    cores = os.cpu_count() or 1
    ours_s = after.ours_s - before.ours_s + sent.cpu_s
    return WebhookScore(
        stored_calls=stored_calls,
        calls=calls,
        requests=len(delays),
        rate=rate,
        statuses={str(status): n for status, n in sorted(Counter(status for status, _ in sent.answers).items())},
        p50_ms=_percentile(delays, 0.5),
        p95_ms=_percentile(delays, 0.95),
        p99_ms=_percentile(delays, 0.99),
        most_ms=round(delays[-1], 1),
        over_3_s=sum(delay > 3000 for delay in delays),
        cpu_ms=round(1000 * (service_s - calls_alone_s) / len(delays), 3),
        service_cpu_pct=round(100 * service_s / wall_s, 1),
        sender_cpu_ms=round(1000 * sent.cpu_s / len(delays), 3),
        connections=sent.connections,
        repelled=seen.repelled,
        audio_sent_s=round(seen.audio_ms[0] / 1000, 1),
        audio_lost_s=round((seen.audio_ms[0] - seen.audio_ms[1]) / 1000, 3),
        machine=BenchMachine(
            cores=cores,
            ours_pct=round(100 * ours_s / (wall_s * cores), 1),
            others_pct=round(100 * max(0.0, after.busy_s - before.busy_s - ours_s) / (wall_s * cores), 1),
        ),
        load=round(os.getloadavg()[0], 1),
    )


def _percentile(values: Sequence[float], share: float) -> float:
    """Return a value that occurred, of values in order."""
    return round(values[min(len(values) - 1, int(share * len(values)))], 1)


@click.command("webhook")
@click.option("--stored", type=click.IntRange(0), default=20_000, show_default=True, help="Calls in the store.")
@click.option("--calls", type=click.IntRange(0, 1000), default=20, show_default=True, help="Calls that stream meanwhile.")
@click.option("--requests", type=click.IntRange(1), default=6_000, show_default=True, help="Webhooks sent.")
@click.option("--rate", type=click.FloatRange(0.1), default=200.0, show_default=True, help="Webhooks a second.")
@click.option("--attacked", is_flag=True, help="Meanwhile: sign-in forms of megabytes, and twelve SQL questions at once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_webhook(stored: int, calls: int, requests: int, rate: float, attacked: bool, as_json: bool) -> None:
    """Send webhooks while calls stream: how soon is each answered, and what does it cost?"""
    try:
        score = measure_webhooks(stored, calls, requests, rate, attacked)
    except (TemporarySiteError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(msgspec.json.encode(score).decode() if as_json else _table(score))


def _table(score: WebhookScore) -> str:
    """Return Markdown, so that a table can go into a README as it is."""
    machine = score.machine
    rows = [
        ("webhooks, a second", f"{score.requests}, {score.rate:g}"),
        ("calls stored / streaming", f"{score.stored_calls} / {score.calls}"),
        ("answered", _counts(score.statuses)),
        ("p50 / p95 / p99 / most, ms", f"{score.p50_ms} / {score.p95_ms} / {score.p99_ms} / {score.most_ms}"),
        ("after more than 3 s", f"{score.over_3_s}"),
        ("processor time of the service for a webhook, ms", f"{score.cpu_ms}"),
        ("the service, of one core", f"{score.service_cpu_pct} %"),
        ("processor time of the sender for a webhook, ms", f"{score.sender_cpu_ms}"),
        (
            "cores, busy for service, simulator, sender / for workers and others",
            f"{machine.cores}, {machine.ours_pct} % / {machine.others_pct} %",
        ),
        ("load", f"{score.load}"),
        ("audio lost, s", f"{score.audio_lost_s} of {score.audio_sent_s}"),
    ]
    if score.repelled is not None:
        rows.append(("forms of 9.5 MB answered", _counts(score.repelled.logins)))
        rows.append(("questions in SQL answered", _counts(score.repelled.questions)))
    return "\n".join(["| measured | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _counts(statuses: dict[str, int]) -> str:
    return ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items()))
