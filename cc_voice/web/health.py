"""Health: whether the appliance works (`/healthz`), and whether it should get more to do (`/readyz`), for proxies, container
engines and monitoring. No sign-in, so it tells states and counts only."""

import asyncio

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from cc_voice.query import scheduled_exports
from cc_voice.speech.recogniser_pool import PoolCounts, total
from cc_voice.web.appliance import Appliance

_UNCACHED = {"cache-control": "no-store"}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What is well. `workers` of `workers_wanted` run; `status` is `ok` when store, inbox, disk and workers are well.

    `lag_ms` is how far recognition is behind in the call where it is furthest, None without calls. A machine with too much to do
    lags and catches up later, so lag is for whoever watches, and no failure. Counts of webhooks are since the start.
    """

    status: str
    store: bool
    """Whether it takes a row."""
    inbox: bool
    """Whether it takes a webhook."""
    disk: bool
    """Whether the data folder takes a file."""
    disk_free_bytes: int | None
    workers: int
    workers_wanted: int
    problem: str | None
    """Why a worker cannot be started."""
    streams: int
    streams_failing: int
    """Streams and webhooks that failed lately and are tried again; `cc-voice streams` says why."""
    webhooks_unsigned: int
    webhooks_not_understood: int
    webhooks_not_kept: int
    recordings_missing: int
    """Calls that are recorded and not in the store; `cc-voice recompute --publish` brings them back."""
    lag_ms: int | None
    recognisers: PoolCounts = PoolCounts()
    """Of all workers: how often one was lent and had to be made, why some were let go, how many are kept warm."""
    exports_failing: int = 0
    """Scheduled exports whose last attempt failed; `cc-voice export --status` says why."""


class Readiness(msgspec.Struct, frozen=True):
    """Whether new calls are in good hands here, and if not, why: each problem a sentence."""

    ready: bool
    problems: tuple[str, ...]


@get("/healthz", include_in_schema=False)
async def healthz(appliance: NamedDependency[Appliance]) -> Response[Health]:
    """Answer 200 when store, inbox, disk and workers are well, else 503."""
    health = await _health(appliance)
    return Response(health, status_code=200 if health.status == "ok" else 503, headers=_UNCACHED)


@get("/readyz", include_in_schema=False)
async def readyz(appliance: NamedDependency[Appliance]) -> Response[Readiness]:
    """Answer 200 when all is well and the disk has room for more calls, else 503."""
    problems = _problems(await _health(appliance), appliance.settings.min_free_mb, appliance.draining.is_set())
    readiness = Readiness(not problems, problems)
    return Response(readiness, status_code=200 if readiness.ready else 503, headers=_UNCACHED)


def _problems(health: Health, min_free_mb: int, is_stopping: bool) -> tuple[str, ...]:
    free_mb = None if health.disk_free_bytes is None else health.disk_free_bytes // 1_000_000
    found = (
        (is_stopping, "the service stops"),
        (not health.store, "the store takes no rows"),
        (not health.inbox, "the inbox takes no webhooks"),
        (not health.disk, "the data folder takes no files"),
        (health.workers < health.workers_wanted, f"{health.workers} of {health.workers_wanted} workers run"),
        (free_mb is not None and free_mb < min_free_mb, f"{free_mb} MB are free on the disk, min_free_mb is {min_free_mb}"),
    )
    return tuple(sentence for holds, sentence in found if holds)


async def _health(appliance: Appliance) -> Health:
    workers, counts = appliance.dispatcher.status(), appliance.counts
    probed, running = await appliance.probe.look(), sum(worker.pid is not None for worker in workers)
    return Health(
        status="ok" if probed.store and probed.inbox and probed.disk and running == len(workers) else "failing",
        store=probed.store,
        inbox=probed.inbox,
        disk=probed.disk,
        disk_free_bytes=probed.free_bytes,
        workers=running,
        workers_wanted=len(workers),
        problem=appliance.dispatcher.problem,
        streams=sum(worker.streams for worker in workers),
        streams_failing=appliance.dispatcher.failing,
        webhooks_unsigned=counts.webhooks_unsigned,
        webhooks_not_understood=counts.webhooks_not_understood,
        webhooks_not_kept=counts.webhooks_not_kept,
        recordings_missing=counts.recordings_missing,
        lag_ms=probed.lag_ms,
        recognisers=total(worker.recognisers for worker in workers),
        exports_failing=await asyncio.get_running_loop().run_in_executor(
            appliance.vital, scheduled_exports.failing, appliance.settings
        ),
    )
