"""Health: whether the appliance works, for proxies, container engines and monitoring. No sign-in, so it tells states and counts
only."""

import asyncio

import msgspec
import structlog
from litestar import Response, get
from litestar.di import NamedDependency

from cc_voice.query import scheduled_exports
from cc_voice.speech.recogniser_pool import PoolCounts, total
from cc_voice.store import streams
from cc_voice.store.database import Connection
from cc_voice.web.appliance import Appliance

log = structlog.get_logger()

STORE_TIMEOUT_S = 2.0
"""A store that takes longer for nothing at all cannot keep webhooks in time either."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What is well. `workers` of `workers_wanted` run; `status` is `ok` when everything is.

    `lag_ms` is how far recognition is behind in the call where it is furthest, None without calls. A machine with too much to do
    lags and catches up later, so lag is for whoever watches, and no failure.
    """

    status: str
    store: bool
    workers: int
    workers_wanted: int
    streams: int
    lag_ms: int | None
    recognisers: PoolCounts = PoolCounts()
    """Of all workers: how often one was lent and had to be made, why some were let go, how many are kept warm."""
    exports_failing: int = 0
    """Scheduled exports whose last attempt failed; `cc-voice export --status` says why."""


@get("/healthz", opt={"public": True}, include_in_schema=False)
async def healthz(appliance: NamedDependency[Appliance]) -> Response[Health]:
    """Answer 200 when store and workers are well, else 503."""
    workers = appliance.dispatcher.status()
    (store, lag_ms), running = await _store_answers(appliance), sum(worker.pid is not None for worker in workers)
    well = store and running == len(workers)
    health = Health(
        status="ok" if well else "failing",
        store=store,
        workers=running,
        workers_wanted=len(workers),
        streams=sum(worker.streams for worker in workers),
        lag_ms=lag_ms,
        recognisers=total(worker.recognisers for worker in workers),
        exports_failing=await asyncio.get_running_loop().run_in_executor(
            appliance.vital, scheduled_exports.failing, appliance.settings
        ),
    )
    return Response(health, status_code=200 if well else 503, headers={"cache-control": "no-store"})


async def _store_answers(appliance: Appliance) -> tuple[bool, int | None]:
    """Whether the writer commits, and the worst lag; one that is stuck is a store that is down, whatever the readers say."""
    try:
        await asyncio.wait_for(appliance.database.write(_nothing), STORE_TIMEOUT_S)
        return True, await asyncio.wait_for(appliance.database.read(streams.worst_lag_ms), STORE_TIMEOUT_S)
    except Exception as error:
        log.error("store does not answer", error=repr(error))
        return False, None


def _nothing(con: Connection) -> None:
    con.execute("select 1").fetchall()
