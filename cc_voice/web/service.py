"""`cc-voice serve`: the process that owns the database, the inbox and the web, from start to orderly end.

The order matters. First the store is opened, which says who may own this data folder. Then both sockets listen, so that webhooks
wait instead of being refused while workers start; the dispatcher takes up what an earlier process left; requests are served;
and the address is written once they are. At the end: no new requests, open event streams end, workers drain, the store closes.

uvicorn would install its own signal handlers, end by raising the signal again, and wait for open event streams for ever. So the
signals are ours, from before the workers start, and set `draining`, which ends those streams (measured: 0 s instead of hanging).
"""

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator

import msgspec
import structlog
import uvicorn

from cc_voice.config.settings import Secret, Settings
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.fleet.worker_plan import WorkerPlan, plan
from cc_voice.media.recordings import write_atomically
from cc_voice.query import scheduled_exports
from cc_voice.query.sql import warm_copy
from cc_voice.speech.machine import this_machine
from cc_voice.store import old_inbox
from cc_voice.store.database import Database
from cc_voice.store.inbox import Inbox
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.first_login import ensure_account
from cc_voice.web.access.private_files import write_private
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.audio_cache import AudioCache
from cc_voice.web.sockets import address, listen_owner, listen_tcp
from cc_voice.web.systemd import Notifier

log = structlog.get_logger()

GRACE_S = 10
"""How long requests under way may take at the end."""
SWEEP_S = 10.0
"""How long a copy made for a player may outlive a recording that Zoom revoked."""
TRUSTED_PROXIES = "127.0.0.1,::1"
"""Whose `X-Forwarded-For` is believed: the TLS proxy on this machine (deploy/README.md)."""


def run(settings: Settings) -> None:
    """Run the appliance until SIGTERM or SIGINT.

    Raises StoreError, MemoryTooSmall or OSError, worded for the operator, when it cannot start.
    """
    planned = plan(settings, this_machine())
    with contextlib.ExitStack() as opened:
        database = Database.open(settings.database_path)
        opened.callback(database.close)
        inbox = Inbox.open(settings.inbox_path)
        opened.callback(inbox.close)
        old_inbox.carry_over(database, inbox)
        accounts = Accounts(settings.data_dir / "auth.sqlite")
        opened.callback(accounts.close)
        settings = with_salt(settings)
        ensure_account(accounts, settings.data_dir)
        with _listening(settings) as sockets:
            asyncio.run(_serve(settings, planned, database, inbox, accounts, sockets))


def with_salt(settings: Settings) -> Settings:
    """Return settings with the salt of customer keys: configured, else kept in the data folder, else made now."""
    if settings.customer_key_salt:
        return settings
    path = settings.data_dir / "salt"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return msgspec.structs.replace(settings, customer_key_salt=Secret(path.read_text().strip()))


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Open the sockets; in the end remove what the data folder tells of them."""
    address_path = settings.data_dir / "address"
    address_path.unlink(missing_ok=True)
    tcp = listen_tcp(settings.host, settings.port)
    try:
        owner = listen_owner(settings.owner_socket)
    except OSError:
        tcp.close()
        raise
    try:
        yield [tcp, owner]
    finally:
        for sock in (tcp, owner):
            sock.close()
        for path in (address_path, settings.owner_socket):
            path.unlink(missing_ok=True)


async def _serve(
    settings: Settings,
    planned: WorkerPlan,
    database: Database,
    inbox: Inbox,
    accounts: Accounts,
    sockets: list[socket.socket],
) -> None:
    log.info("workers planned", **msgspec.structs.asdict(planned))
    if planned.problem:
        log.warning("memory is short", problem=planned.problem)
    dispatcher = Dispatcher(settings, database, inbox, planned)
    appliance = Appliance(
        settings=settings,
        database=database,
        inbox=inbox,
        dispatcher=dispatcher,
        accounts=accounts,
        audio=AudioCache(settings.data_dir / "cache", settings.recordings_dir),
        draining=asyncio.Event(),
    )
    notifier = Notifier()
    url = address(sockets[0])

    def listening() -> None:
        write_atomically(settings.data_dir / "address", f"{url}\n".encode())
        notifier.ready()
        log.info("service listens", address=url)
        if not settings.apps:
            log.warning("no app of Zoom is configured ([[apps]]): every webhook will be refused")

    server = Server(configuration(appliance, notifier), listening)

    def stop() -> None:
        log.info("service stops")
        notifier.stopping()
        appliance.draining.set()
        server.should_exit = True

    with _on_signals(stop):
        sweeping = asyncio.create_task(_sweep(appliance.audio))
        exporting = asyncio.create_task(scheduled_exports.keep(settings, database, appliance.draining))
        copying = asyncio.create_task(warm_copy.keep(settings, database, appliance.draining))
        try:
            await dispatcher.start()  # stopped also when it fails half-way: this process cannot end before its workers do
            await server.serve(sockets=sockets)
        finally:
            sweeping.cancel()
            appliance.draining.set()  # also when the start failed: exports end, and with them what reads the store
            await dispatcher.stop()
            await exporting
            await copying


async def _sweep(audio: AudioCache) -> None:
    """Keep the cache of audio small, and free of recordings that were deleted."""
    while True:
        try:
            await asyncio.to_thread(audio.sweep)
        except OSError as error:
            log.error("audio cache not swept", error=str(error))
        await asyncio.sleep(SWEEP_S)


def configuration(appliance: Appliance, notifier: Notifier) -> uvicorn.Config:
    """Return how uvicorn serves an appliance."""

    async def alive() -> None:
        notifier.alive()

    return uvicorn.Config(
        create_app(appliance),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,  # paths name calls; what matters is logged where it happens
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=TRUSTED_PROXIES,
        timeout_graceful_shutdown=GRACE_S,
        callback_notify=alive,
        timeout_notify=max(1, int((notifier.watchdog_s or 2.0) / 2)),
    )


class Server(uvicorn.Server):
    """Tells when requests are served, and leaves the process's signals to the service."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the event loop at the first SIGTERM or SIGINT; a second one is a person who will not wait."""
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        for number in handled:
            loop.remove_signal_handler(number)
        stop()

    for number in handled:
        loop.add_signal_handler(number, first)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
