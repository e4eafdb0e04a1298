"""`cc-voice bench live`: many calls at once, played at a service of its own. Are keep-alives answered, words shown, is memory kept?

Two processes beside this one: the service, as operators run it, in a temporary folder; and the simulator, which plays scripted
calls of the length that is wanted. What is measured and how:

- *Words*: the time at which words leave their worker is written into them there. The end of a word is its place in the script
  on the clock of the call, which starts when the simulator announces it and runs `speed` times as fast as this machine's.
- *Keep-alives*: the simulator asks on every socket every ten seconds as Zoom does, in short calls ten times, and times the answers.
  One is late when Zoom would have asked again.
- *Lag*, *memory*, *processor time*: looked at once a second; memory is that of all workers, in the first and the last third.
- *Lost audio*: what the simulator sent, less what lies in the recordings.

A real model may hear the calls in place of the tiny one: it shows what worker processes and threads cost and carry. If it is of
another language than is spoken, it hears nonsense at a somewhat higher cost, and no word is one of the script's.
"""

import asyncio
import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import httpx
import msgspec

from cc_voice.bench import played, processes
from cc_voice.bench.delays import Delays, PlayedCall, Spread, delays, spread
from cc_voice.bench.played import Begun, Over, Play, PlayedScript
from cc_voice.call.batch import LiveWords
from cc_voice.commands.temporary_site import Service, TemporarySiteError, serving, temporary_site
from cc_voice.config.languages import LanguageSettings
from cc_voice.config.settings import Settings
from cc_voice.simulator.link import LinkReport
from cc_voice.simulator.report import CallStatus
from cc_voice.speech.errors import ModelError
from cc_voice.speech.models import inventory
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.roles import ALL_OF_SITE

KEEP_ALIVE_DEADLINE_MS = 10_000
APART_S = 0.25
LOOK_EVERY_S = 1.0
MEASURE_TIMEOUT_S = 600.0
WARM_UP_S = 20.0
"""Model and detector are loaded with the first call: memory counts from here on, in runs that are long enough."""


class KeepAliveScore(msgspec.Struct, frozen=True, kw_only=True):
    """Over all sockets of all calls."""

    asked: int
    answered: int
    late: int
    """Sockets on which an answer came after Zoom's next question, or not at all."""
    longest_ms: int


class WorkerMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Of all workers together, in MiB; None where there was no time to look."""

    first_third_mb: float | None
    last_third_mb: float | None
    mb_per_hour_of_calls: float | None
    """By how much it grew, per hour of every call's media."""


class BenchMachine(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers were measured on."""

    cores: int
    ours_pct: float
    """Share of its processor time that service, workers, simulator and this command used."""
    others_pct: float
    """That others used meanwhile: with more than a few percent the numbers are too high."""


class LiveScore(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured."""

    calls: int
    workers: int
    """Processes; each with cores / workers recogniser threads."""
    speed: float
    media_s: float
    """Length of each call."""
    wall_s: float
    keep_alives: KeepAliveScore
    delays: Delays
    lag_ms: Spread
    """How far recognition was behind the media, over all calls and looks."""
    measured_after_s: float
    """From the end of the last call to the last call's being measured."""
    sent_s: float
    lost_s: float
    """Audio of all channels."""
    worker_cpu_ms: float
    """Per second of a call."""
    service_cpu_ms: float
    """The same, for the process that owns store and pages."""
    memory: WorkerMemory
    machine: BenchMachine
    violations: tuple[str, ...]
    """What the client did against Zoom's protocol."""


class _Worker(msgspec.Struct, frozen=True):
    pid: int | None


class _Call(msgspec.Struct, frozen=True):
    media_ms: int
    recognised_ms: int
    stage: str


class _Floor(msgspec.Struct, frozen=True):
    """What is needed of `/api/v1/live`."""

    calls: tuple[_Call, ...]
    workers: tuple[_Worker, ...]


_FLOOR = msgspec.json.Decoder(_Floor)
_WORDS = msgspec.json.Decoder(LiveWords)


class _Look(msgspec.Struct, frozen=True):
    at_s: float
    n_workers: int
    workers: processes.Usage
    lags_ms: tuple[int, ...]


class _Watcher:
    """Looks at a service while calls are played: its words as they come, the rest once a second."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.words: list[LiveWords] = []
        self.looks: list[_Look] = []
        self.listening = asyncio.Event()
        self._http = http

    async def hear(self) -> None:
        async with self._http.stream("GET", "/api/v1/live/words") as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                self.listening.set()
                if line.startswith("data: {"):
                    self.words.append(_WORDS.decode(line.removeprefix("data: ")))

    async def look(self) -> None:
        while True:
            floor = await self.floor()
            pids = [worker.pid for worker in floor.workers if worker.pid is not None]
            lags = tuple(call.media_ms - call.recognised_ms for call in floor.calls if call.stage == "received" and call.media_ms)
            self.looks.append(_Look(time.monotonic(), len(pids), processes.usage(pids), lags))
            await asyncio.sleep(LOOK_EVERY_S)

    async def floor(self) -> _Floor:
        answer = await self._http.get("/api/v1/live")
        answer.raise_for_status()
        return _FLOOR.decode(answer.content)


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run left behind."""

    begun: tuple[Begun, ...]
    over: Over
    began_s: float
    ended_s: float
    measured_s: float
    words: tuple[LiveWords, ...]
    looks: tuple[_Look, ...]
    service_cpu_s: float
    ours_cpu_s: float
    busy_s: float


def measure_live(calls: int, speed: float, media_s: float, language: str, workers: int = 0, model: Path | None = None) -> LiveScore:
    """Play calls at a service of its own. Raises TemporarySiteError, ModelError, OSError, httpx.HTTPError.

    `workers` as in the settings. `model` is the folder of a model that hears all calls, whatever is spoken.
    """
    with tempfile.TemporaryDirectory(prefix="cc-voice-bench-") as folder:
        scripts_dir, data_dir = Path(folder) / "scripts", Path(folder) / "data"
        scripts_dir.mkdir()
        data_dir.mkdir()
        site = msgspec.structs.replace(temporary_site(data_dir, "bench"), workers=workers)
        if model is not None:
            site = _heard_by(model, site)
        heard_as = language if model is None else site.language.default
        scripts = played.write_scripts(scripts_dir, language, round(media_s * 1000), heard_as)
        token = _token(site)
        with serving(site) as service:
            play = Play(
                config=played.simulator_config(
                    site, service.address, scripts_dir, min(played.KEEP_ALIVE_S, media_s / speed / played.KEEP_ALIVES)
                ),
                scripts=tuple(script.name for script in scripts),
                calls=calls,
                speed=speed,
                apart_s=min(APART_S, media_s / speed / calls / 4),
            )
            run = asyncio.run(_run(service, token, play))
        return _score(site, scripts, play, media_s, run)


def _heard_by(folder: Path, site: Settings) -> Settings:
    """Give the site one model and its language. Raises ModelError."""
    folder = folder.resolve()
    site.installed_models_dir.mkdir()
    (site.installed_models_dir / folder.name).symlink_to(folder)
    found = inventory.survey(site.installed_models_dir)
    tags = [one.language for one in found.models if one.name == folder.name]
    if not tags:
        raise ModelError(next((one.reason for one in found.problems), f"{folder} is no installed model: it has no model.toml"))
    return msgspec.structs.replace(site, language=LanguageSettings(default=tags[0], identify=False))


def _token(site: Settings) -> str:
    """Make an account, and return a token of its own for the API."""
    accounts = Accounts(site.data_dir / "auth.sqlite")
    try:
        accounts.create("bench", secrets.token_urlsafe(24), "analyst", must_change=False, access=ALL_OF_SITE)
        return accounts.create_token("bench", "bench", time.time())
    finally:
        accounts.close()


async def _run(service: Service, token: str, play: Play) -> _Run:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=service.address, headers=headers, timeout=None) as http, asyncio.TaskGroup() as tasks:
        watcher = _Watcher(http)
        hearing = tasks.create_task(watcher.hear())
        await watcher.listening.wait()
        looking = tasks.create_task(watcher.look())
        busy_s, service_cpu_s, ours_s = processes.busy_s(), processes.usage([service.pid]).cpu_s, _own_cpu_s()
        began_s = time.monotonic()
        simulator, pipe = played.start(play)
        begun: list[Begun] = []
        while isinstance(told := await played.told(simulator, pipe), Begun):
            begun.append(told)
        ended_s = time.monotonic()
        # Before it is gone: what it used is then in nobody's account
        ours_s = _own_cpu_s() - ours_s + processes.usage([pid for pid in [simulator.pid] if pid]).cpu_s
        busy_s = processes.busy_s() - busy_s
        service_cpu_s = processes.usage([service.pid]).cpu_s - service_cpu_s
        looks = tuple(watcher.looks)
        workers_s = looks[-1].workers.cpu_s - looks[0].workers.cpu_s if looks else 0.0
        await _until_measured(watcher)
        run = _Run(
            begun=tuple(begun),
            over=told,
            began_s=began_s,
            ended_s=ended_s,
            measured_s=time.monotonic(),
            words=tuple(watcher.words),
            looks=looks,
            service_cpu_s=service_cpu_s,
            ours_cpu_s=ours_s + service_cpu_s + workers_s,
            busy_s=busy_s,
        )
        looking.cancel()
        hearing.cancel()
        pipe.close()
        await asyncio.to_thread(simulator.join)
        return run


def _own_cpu_s() -> float:
    return processes.usage([os.getpid()]).cpu_s


async def _until_measured(watcher: _Watcher) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MEASURE_TIMEOUT_S):
            while (await watcher.floor()).calls:
                await asyncio.sleep(0.1)


def _score(site: Settings, scripts: Sequence[PlayedScript], play: Play, media_s: float, run: _Run) -> LiveScore:
    words = {script.name: script.words for script in scripts}
    calls = {
        one.stream_id: PlayedCall(words=words[one.script], start_unix_ms=one.start_unix_ms, speed=play.speed) for one in run.begun
    }
    sent_ms, received_ms = played.audio_ms(site, run.over.calls)
    call_s = play.calls * media_s
    looks = [look for look in run.looks if run.began_s <= look.at_s <= run.ended_s]
    cpu_s = looks[-1].workers.cpu_s - looks[0].workers.cpu_s if looks else 0.0
    cores, wall_s = os.cpu_count() or 1, run.ended_s - run.began_s
    return LiveScore(
        calls=play.calls,
        workers=max((look.n_workers for look in looks), default=0),
        speed=play.speed,
        media_s=media_s,
        wall_s=round(wall_s, 1),
        keep_alives=_keep_alives(run.over.calls),
        delays=delays(calls, run.words),
        lag_ms=spread(lag for look in looks for lag in look.lags_ms),
        measured_after_s=round(run.measured_s - run.ended_s, 1),
        sent_s=round(sent_ms / 1000, 1),
        lost_s=round((sent_ms - received_ms) / 1000, 3),
        worker_cpu_ms=round(1000 * cpu_s / call_s, 2),
        service_cpu_ms=round(1000 * run.service_cpu_s / call_s, 2),
        memory=_memory(looks, play.speed),
        machine=BenchMachine(
            cores=cores,
            ours_pct=round(100 * run.ours_cpu_s / (wall_s * cores), 1),
            others_pct=round(100 * max(0.0, run.busy_s - run.ours_cpu_s) / (wall_s * cores), 1),
        ),
        violations=tuple(sorted({violation.name for call in run.over.calls for violation in call.violations})),
    )


def _keep_alives(calls: Iterable[CallStatus]) -> KeepAliveScore:
    links = [link for call in calls for link in call.links if link.accepted]
    # The last question may be on its way when the call ends
    late = [one for one in links if one.max_answer_delay_ms > KEEP_ALIVE_DEADLINE_MS or _unanswered(one) > 1]
    return KeepAliveScore(
        asked=sum(link.keep_alives for link in links),
        answered=sum(link.keep_alives_answered for link in links),
        late=len(late),
        longest_ms=max((link.max_answer_delay_ms for link in links), default=0),
    )


def _unanswered(link: LinkReport) -> int:
    return link.keep_alives - link.keep_alives_answered


def _memory(looks: Sequence[_Look], speed: float) -> WorkerMemory:
    warm = [look for look in looks if look.at_s - looks[0].at_s >= WARM_UP_S]
    looks = warm if len(warm) >= len(looks) // 2 else looks
    third = len(looks) // 3
    if not third:
        return WorkerMemory(first_third_mb=None, last_third_mb=None, mb_per_hour_of_calls=None)
    first, last = (sum(look.workers.rss_mb for look in part) / third for part in (looks[:third], looks[-third:]))
    hours = speed * (looks[-third // 2 - 1].at_s - looks[third // 2].at_s) / 3600
    return WorkerMemory(
        first_third_mb=round(first, 1),
        last_third_mb=round(last, 1),
        mb_per_hour_of_calls=round((last - first) / hours, 2) if hours > 0 else None,
    )


@click.command("live")
@click.option("--calls", type=click.IntRange(1, 1000), default=40, show_default=True, help="Calls at once, two channels each.")
@click.option("--speed", type=click.FloatRange(0.1, 50), default=1.0, show_default=True, help="Times real time.")
@click.option("--seconds", type=click.FloatRange(4), help="Length of each call, of its media.  [default: 120]")
@click.option("--media-minutes", type=click.FloatRange(0.1), help="The same in minutes.")
@click.option("--language", type=click.Choice(sorted(played.SCENARIOS)), default="en", show_default=True, help="What is spoken.")
@click.option("--workers", type=click.IntRange(0), default=0, help="Worker processes.  [default: as many as `serve` would start]")
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of a model to hear all with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_live(
    calls: int,
    speed: float,
    seconds: float | None,
    media_minutes: float | None,
    language: str,
    workers: int,
    model: Path | None,
    as_json: bool,
) -> None:
    """Play many calls at once: are keep-alives answered in time, words shown as they are said, is memory kept?"""
    if seconds is not None and media_minutes is not None:
        raise click.UsageError("--seconds and --media-minutes are the same: give one of them")
    media_s = seconds if seconds is not None else media_minutes * 60 if media_minutes is not None else 120.0
    try:
        score = measure_live(calls, speed, media_s, language, workers, model)
    except* (TemporarySiteError, ModelError, OSError, httpx.HTTPError) as errors:
        raise click.ClickException("; ".join(str(error) for error in errors.exceptions)) from errors
    if as_json:
        click.echo(msgspec.json.encode(score).decode())
    else:
        click.echo(_table(score))


def _table(score: LiveScore) -> str:
    """Return Markdown, so that a table can go into a README as it is."""

    def of(values: Spread) -> str:
        return f"{values.p50} / {values.p95} / {values.most}" if values.n else "–"

    keep, memory, machine = score.keep_alives, score.memory, score.machine
    rows = [
        ("calls × length, speed", f"{score.calls} × {score.media_s:g} s, {score.speed:g}"),
        ("worker processes", f"{score.workers}"),
        ("keep-alives asked / answered / sockets late", f"{keep.asked} / {keep.answered} / {keep.late}"),
        ("longest answer, ms", f"{keep.longest_ms}"),
        ("word to partial, p50 / p95 / most, ms", of(score.delays.partial_ms)),
        ("last word to final, p50 / p95 / most, ms", of(score.delays.final_ms)),
        ("words shown of those spoken", f"{score.delays.shown_words} of {score.delays.scripted_words}"),
        ("recognition behind, p50 / p95 / most, ms", of(score.lag_ms)),
        ("last call's end to its metrics, s", f"{score.measured_after_s}"),
        ("audio lost, s", f"{score.lost_s} of {score.sent_s}"),
        ("processor time of workers / service per second of a call, ms", f"{score.worker_cpu_ms} / {score.service_cpu_ms}"),
        ("memory of workers, first / last third, MiB", f"{memory.first_third_mb} / {memory.last_third_mb}"),
        ("its growth per hour of calls, MiB", f"{memory.mb_per_hour_of_calls}"),
        ("cores, busy for this / for others", f"{machine.cores}, {machine.ours_pct} % / {machine.others_pct} %"),
        ("against Zoom's protocol", ", ".join(score.violations) or "nothing"),
    ]
    return "\n".join(["| measured | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
