"""Jobs: what takes longer than an answer may, started over the API: an import, an enrichment, a recomputation.

Each is the command of the same name in a process of its own, one at a time and behind everything else: the service answers webhooks
meanwhile, and what the command does is what it does on a terminal. It asks this service through the owner's socket, as ever.

    <data>/jobs/ID.json     what was asked for, by whom, and what became of it
                ID.upload   the file, until the job is over

A job that the service outlived or was outlived by is `interrupted`: what it had stored is stored, and the same again is harmless.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from cc_voice.config.settings import Settings
from cc_voice.media.files import write_atomically
from cc_voice.media.recompute_runs import RunSummary

JobKind = Literal["import", "enrich", "recompute"]
JobState = Literal["waiting", "running", "done", "failed", "interrupted"]
AT_ONCE = 1
WAITING = 4
KEPT = 200
"""Jobs that are remembered."""
RETRY_S = 60
_NICE = 10
_TOLD = 8_000
"""Characters kept of what a command says."""
_ID = frozenset("0123456789abcdef")
# The kernel ends the command with the service, also with one that is killed: it would take the store for itself
_START = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.nice(int(sys.argv[1]))
sys.argv[1:] = sys.argv[2:]
from cc_voice.commands.main import main
main()
"""


class JobsBusy(Exception):
    """Too many jobs wait."""

    retry_s = RETRY_S


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the appliance does for somebody, and what became of it. Times are Unix seconds."""

    id: str
    kind: JobKind
    actor: str
    asked: str
    """What was asked for, in words."""
    asked_s: float
    state: JobState
    began_s: float | None = None
    ended_s: float | None = None
    problem: str | None = None
    """Why it failed."""
    notes: tuple[str, ...] = ()
    """What its command said of what was not plain."""
    call_id: str | None = None
    """Of the call that was imported."""
    summary: RunSummary | None = None
    """What a recomputation found."""


class _ImportedCall(msgspec.Struct, frozen=True):
    call_id: str


_JOB = msgspec.json.Decoder(Job)
_SUMMARY = msgspec.json.Decoder(RunSummary)
_IMPORTED = msgspec.json.Decoder(_ImportedCall)


def folder(settings: Settings) -> Path:
    """Return where jobs are remembered."""
    return settings.data_dir / "jobs"


class JobQueue:
    """The jobs of this process. Its methods are for the event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= AT_ONCE + WAITING

    def upload_path(self, settings: Settings) -> Path:
        """Return where the file of a new job is to be written; its stem is the id of the job. Raises OSError."""
        folder(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder(settings) / f"{secrets.token_hex(8)}.upload"

    async def begin(self, settings: Settings, job: Job, arguments: Sequence[str], now: Callable[[], float]) -> Job:
        """Have a command run when its turn comes. Raises JobsBusy, OSError."""
        if self.is_full:
            raise JobsBusy(f"{WAITING} other jobs wait; repeat later")
        # Counted before the first wait: two that come at once are two
        started = asyncio.Event()
        task = asyncio.create_task(self._run(settings, job, arguments, now, started))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        try:
            await asyncio.to_thread(_remember, settings, job)
        except OSError:
            task.cancel()
            raise
        started.set()
        return job

    async def known(self, settings: Settings, job_id: str | None = None) -> list[Job]:
        """Return the jobs that are remembered, or one, the newest first."""
        found = await asyncio.to_thread(_known, settings, job_id)
        return [
            msgspec.structs.replace(job, state="interrupted")
            if job.state in ("waiting", "running") and job.id not in self._tasks
            else job
            for job in found
        ]

    async def close(self) -> None:
        """End what runs: what it had stored is stored."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, settings: Settings, job: Job, arguments: Sequence[str], now: Callable[[], float], started: asyncio.Event
    ) -> None:
        try:
            await started.wait()
            async with self._turn:
                job = msgspec.structs.replace(job, state="running", began_s=now())
                await asyncio.to_thread(_remember, settings, job)
                code, out, said = await _command(settings, arguments)
                ended = msgspec.structs.replace(_outcome(job, code, out, _plain(settings, job, said)), ended_s=now())
                await asyncio.to_thread(_remember, settings, ended)
        finally:
            (folder(settings) / f"{job.id}.upload").unlink(missing_ok=True)


async def _command(settings: Settings, arguments: Sequence[str]) -> tuple[int, bytes, str]:
    """Run a command on this site; return how it ended, its standard output, and what it said beside it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _START, str(_NICE), *arguments),
        *("--data-dir", str(settings.data_dir.absolute())),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    return process.returncode or 0, out, err.decode(errors="replace")


def _plain(settings: Settings, job: Job, said: str) -> tuple[str, ...]:
    """Return what a command said without where its file lay, which is nothing to whoever sent it."""
    path = folder(settings) / f"{job.id}.upload"
    for known in (str(path.absolute()), str(path), path.name):
        said = said.replace(known, "the file")
    return tuple(line.removeprefix("Error: ") for line in said[-_TOLD:].splitlines() if line.strip())


def _outcome(job: Job, code: int, out: bytes, said: tuple[str, ...]) -> Job:
    if code != 0:
        return msgspec.structs.replace(job, state="failed", problem=" ".join(said) or f"it ended with code {code}")
    job = msgspec.structs.replace(job, state="done", notes=said)
    try:
        match job.kind:
            case "import":
                return msgspec.structs.replace(job, call_id=_IMPORTED.decode(out).call_id)
            case "recompute":
                return msgspec.structs.replace(job, summary=_SUMMARY.decode(out))
            case "enrich":
                told = _plain_lines(out, job)
                return msgspec.structs.replace(job, notes=(*told, *said))
    except msgspec.MsgspecError as error:
        raise AssertionError(f"the command {job.kind} answers otherwise than it did: {error}") from error


def _plain_lines(out: bytes, job: Job) -> tuple[str, ...]:
    lines = out.decode(errors="replace")[-_TOLD:].splitlines()
    return tuple(line.strip().split(f"{job.id}.upload: ")[-1] for line in lines if line.strip())


def _remember(settings: Settings, job: Job) -> None:
    place = folder(settings)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(place / f"{job.id}.json", msgspec.json.encode(job))
    for path in sorted(place.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
        path.unlink(missing_ok=True)


def _known(settings: Settings, job_id: str | None) -> list[Job]:
    if job_id is not None and not _ID.issuperset(job_id):
        return []
    found = []
    for path in folder(settings).glob(f"{job_id or '*'}.json"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):  # forgotten meanwhile, or of a newer program
            found.append(_JOB.decode(path.read_bytes()))
    return sorted(found, key=lambda job: job.asked_s, reverse=True)
