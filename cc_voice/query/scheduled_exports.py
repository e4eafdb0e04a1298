"""Exports by schedule: the service makes them one after the other, in a thread, and writes down how each went.

    <data>/schedule/NAME.json      the last attempt: when, how it ended
    <data>/schedule/NAME/          the folder whose copy goes to a bucket

An export that fails is tried again when it is next due; what went wrong is in the log, in the state and in what
`cc-voice export --status` shows. Times are of the clock, so a restart does not begin anew, and a clock that was set back makes an
export early rather than never.
"""

import asyncio
import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import polars as pl
import structlog

from cc_voice.config.schedules import ExportJob
from cc_voice.config.settings import Settings
from cc_voice.exports import ExportError
from cc_voice.exports.bucket import mirror
from cc_voice.exports.folder import Options, export
from cc_voice.exports.lake import export_lake
from cc_voice.media.files import write_atomically
from cc_voice.query import datasets, reports
from cc_voice.query.scope import EVERYTHING
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError

log = structlog.get_logger()

POLL_S = 5.0
"""How late an export may begin."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The last attempt of a job; Unix seconds. `error` is for the operator, None when all went well."""

    name: str
    started_s: float
    took_s: float
    error: str | None
    done_s: float | None
    """When it last succeeded."""


_DECODER = msgspec.json.Decoder(State)


def state(settings: Settings, job: ExportJob) -> State | None:
    """Return how a job last went, None when it was never tried."""
    try:
        return _DECODER.decode(_path(settings, job).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def failing(settings: Settings) -> int:
    """Return how many jobs failed when they were last tried."""
    return sum(found.error is not None for job in settings.exports if (found := state(settings, job)) is not None)


def is_due(last: State | None, job: ExportJob, now_s: float) -> bool:
    """Whether a job is to be done now."""
    return last is None or not last.started_s <= now_s < last.started_s + 60 * job.every_minutes


class _Until:
    """A source that ends an export between two days when it is asked to: a service that stops cannot wait for years of calls."""

    def __init__(self, source: datasets.Exported, stopped: Callable[[], bool]) -> None:
        self._source = source
        self._stopped = stopped
        self.grains = source.grains
        self.undated = source.undated
        self.columns = source.columns
        self.watermark_ts = source.watermark_ts

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        for batch in self._source.batches(table):
            self._check()
            yield batch

    def days(self) -> list[datasets.SiteDay]:
        return self._source.days()

    def rows(self, table: str, site: str | None, date: datetime.date) -> pl.DataFrame:
        self._check()
        return self._source.rows(table, site, date)

    def state(self, table: str) -> str:
        return self._source.state(table)

    def _check(self) -> None:
        if self._stopped():
            raise ExportError("the service stopped; the next start begins again")


def run(settings: Settings, database: Database, job: ExportJob, now_s: float, stopped: Callable[[], bool]) -> State:
    """Do a job and write down how it went; it ends early when `stopped` says so."""
    last = state(settings, job)
    began_s = time.monotonic()
    error = None
    try:
        _export(settings, database, job, stopped)
    except (ExportError, StoreError, reports.QueryError, OSError) as failure:
        error = str(failure)
        log.error("scheduled export failed", export=job.name, error=error)
    took_s = time.monotonic() - began_s
    done_s = now_s if error is None else last.done_s if last else None
    told = State(name=job.name, started_s=now_s, took_s=took_s, error=error, done_s=done_s)
    _path(settings, job).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(_path(settings, job), msgspec.json.encode(told))
    return told


async def keep(settings: Settings, database: Database, draining: asyncio.Event, witness: Callable[[str, str], None]) -> None:
    """Do what is due until the service stops; an export under way then ends within a day of its data.

    `witness` writes down name and place of each before it is made; what it cannot write down is not made.
    """
    while not draining.is_set():
        for job in settings.exports:
            if not draining.is_set() and is_due(state(settings, job), job, time.time()):
                try:
                    await asyncio.to_thread(witness, job.name, job.to)
                    await asyncio.to_thread(run, settings, database, job, time.time(), draining.is_set)
                except Exception as failure:  # the next job, and the next time, must come whatever a library throws
                    log.error("scheduled export broke", export=job.name, exc_info=failure)
        try:
            await asyncio.wait_for(draining.wait(), POLL_S)
        except TimeoutError:
            continue


def _export(settings: Settings, database: Database, job: ExportJob, stopped: Callable[[], bool]) -> None:
    def work(con: reports.Connection) -> None:
        with datasets.exported(con, EVERYTHING) as whole:
            source = _Until(whole, stopped)
            if job.delta:
                export_lake(source, job.to, settings.site.name)
            else:
                export(source, folder, Options(formats=job.formats, bom=job.bom, since_last=True))

    folder = settings.data_dir / "schedule" / job.name if job.is_remote else Path(job.to)
    database.read_now(work)
    if job.is_remote and not job.delta:
        mirror(folder, job.to, stopped)


def _path(settings: Settings, job: ExportJob) -> Path:
    return settings.data_dir / "schedule" / f"{job.name}.json"
