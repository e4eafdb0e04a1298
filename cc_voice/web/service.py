"""`cc-voice serve`: the process that owns the database, the inbox and the web, from start to orderly end.

The order matters. First the store is opened, which says who may own this data folder. Then both sockets listen, so that webhooks
wait instead of being refused while workers start; the dispatcher takes up what an earlier process left; requests are served;
and the address is written once they are. At the end: no new requests, open event streams end, workers drain, the store closes.

uvicorn would install its own signal handlers, end by raising the signal again, and wait for open event streams for ever. So the
signals are ours, from before the workers start, and set `draining`, which ends those streams (measured: 0 s instead of hanging).
"""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog
import uvicorn

from cc_voice import __version__
from cc_voice.config import site_settings
from cc_voice.config.policies import PolicyError, in_force
from cc_voice.config.settings import Secret, Settings
from cc_voice.fleet import payload_expiry
from cc_voice.fleet.dispatch import Dispatcher
from cc_voice.fleet.worker_plan import WorkerPlan, plan
from cc_voice.media.files import write_atomically
from cc_voice.media.recordings import recorded_calls
from cc_voice.query import scheduled_exports
from cc_voice.query.evaluations import hourly
from cc_voice.query.outgoing_webhooks import OutgoingWebhooks
from cc_voice.query.policies import restore
from cc_voice.query.rules import daily
from cc_voice.query.sql import warm_copy
from cc_voice.speech.machine import this_machine
from cc_voice.speech.models import inventory
from cc_voice.store import old_inbox, streams
from cc_voice.store.database import Database
from cc_voice.store.errors import StoreError
from cc_voice.store.inbox import Inbox
from cc_voice.web import folder_check
from cc_voice.web.access import audit_copy
from cc_voice.web.access.accounts import Accounts
from cc_voice.web.access.audit import FILE as audit_file
from cc_voice.web.access.audit import AuditLog
from cc_voice.web.access.command_audit import export_audit
from cc_voice.web.access.first_login import ensure_account
from cc_voice.web.access.oidc import OidcClient
from cc_voice.web.access.private_files import write_private
from cc_voice.web.app import create_app
from cc_voice.web.appliance import Appliance
from cc_voice.web.audio_cache import AudioCache
from cc_voice.web.connections import ACCEPTED_AT_ONCE, HEAD_BYTES, KEPT_S, BoundedConnection, Crowd, LoopErrors
from cc_voice.web.head_requests import with_head
from cc_voice.web.sockets import BACKLOG, address, listen_owner, listen_tcp
from cc_voice.web.systemd import Notifier
from cc_voice.web.without_workers import with_problem
from cc_voice.web.write_probe import WriteProbe

log = structlog.get_logger()

GRACE_S = 10
"""How long requests under way may take at the end."""
_SALT_CHARACTERS = 16
_NAMED = 5
"""Calls named in the log of those that are missing."""
SWEEP_S = 10.0
"""How long a copy made for a player may outlive a recording that Zoom revoked."""


class CannotServe(Exception):
    """The service cannot do its work; the message is for the operator."""


class NoWorkers(CannotServe):
    """No worker process could be started."""


class FolderClosed(CannotServe):
    """Something in the data folder cannot be written."""


class PoliciesUnreadable(CannotServe):
    """A policy in force cannot be read, as after a downgrade."""


class SaltUnreadable(CannotServe):
    """The salt of customer keys is damaged."""


def run(settings: Settings, remembered: bytes, config: Path | None) -> None:
    """Run the appliance until SIGTERM or SIGINT.

    `remembered` is what the data folder keeps for commands (`site_settings`), `config` the file that the settings are from.
    Raises StoreError, AccountsUnreadable, MemoryTooSmall, CannotServe or OSError, worded for the operator, when it cannot.
    """
    if closed := folder_check.problem(settings.data_dir):
        raise FolderClosed(closed)
    with contextlib.ExitStack() as opened:
        database = Database.open(settings.database_path)
        opened.callback(database.close)
        write_atomically(settings.data_dir / site_settings.FILE, remembered)
        settings = _with_policies(settings, database)
        planned = plan(settings, this_machine())
        _tell_start(settings, config)
        inbox = Inbox.open(settings.inbox_path)
        opened.callback(inbox.close)
        old_inbox.carry_over(database, inbox)
        accounts = Accounts(settings.data_dir / "auth.sqlite")
        opened.callback(accounts.close)
        audit = AuditLog(settings.data_dir / audit_file)
        opened.callback(audit.close)
        settings = with_salt(settings)
        ensure_account(accounts, settings.data_dir)
        with _listening(settings) as sockets:
            asyncio.run(_serve(settings, planned, database, inbox, accounts, audit, sockets))


def _with_policies(settings: Settings, database: Database) -> Settings:
    """Return settings with the policies in force. Raises PoliciesUnreadable."""
    try:
        restore(database, settings)
        return in_force(settings)
    except PolicyError as error:
        raise PoliciesUnreadable(str(error)) from error


def _tell_start(settings: Settings, config: Path | None) -> None:
    """Log what starts: the first thing to look at when a site does not do what somebody expects."""
    models = inventory.survey(settings.installed_models_dir).models if settings.recogniser == "vosk" else ()
    log.info(
        "cc-voice starts",
        version=__version__,
        data_dir=str(settings.data_dir.absolute()),
        configuration="none: environment and defaults" if config is None else str(config.absolute()),
        site=settings.site_name,
        languages=sorted({each.language for each in models if settings.allow_test_model or not each.test_only}),
    )
    for sentence in folder_check.closed_exports(settings):
        log.error("a scheduled export will fail", problem=sentence)


def with_salt(settings: Settings) -> Settings:
    """Return settings with the salt of customer keys: configured, else kept in the data folder, else made now."""
    if settings.customer_key_salt:
        return settings
    path = settings.data_dir / "salt"
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return msgspec.structs.replace(settings, customer_key_salt=Secret(_salt(path)))


def _salt(path: Path) -> str:
    """Return the salt that is kept in a file. Raises SaltUnreadable: with another one no caller would be known again."""
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        salt = path.read_bytes().decode("ascii").strip()
        if len(salt) < _SALT_CHARACTERS or not salt.isprintable():
            raise ValueError("it is too short" if salt.isprintable() else "it is no text")
    except ValueError as error:
        told = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise SaltUnreadable(
            f"the salt of customer keys in {path} is damaged: {told}. Restore it from a backup; without one move it aside, and "
            "repeat callers of the past are no longer recognised"
        ) from error
    return salt


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
    audit: AuditLog,
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
        audit=audit,
        oidc=OidcClient(settings.oidc, settings.public_url) if settings.oidc and settings.public_url else None,
        probe=WriteProbe(database, inbox, settings.data_dir),
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

    server = Server(configuration(appliance, notifier, lambda: None if starting.done() else dispatcher.problem), listening)

    def stop() -> None:
        log.info("service stops")
        notifier.stopping()
        appliance.draining.set()
        server.should_exit = True

    asyncio.get_running_loop().set_exception_handler(LoopErrors())
    with _on_signals(stop, dispatcher.leave):
        starting = asyncio.create_task(dispatcher.start())
        sweeping = asyncio.create_task(_sweep(appliance.audio))
        comparing = asyncio.create_task(_compare(appliance))
        exporting = asyncio.create_task(scheduled_exports.keep(settings, database, appliance.draining, export_audit(audit)))
        compiling = asyncio.create_task(daily.keep(settings, database, appliance.draining))
        timing_out = asyncio.create_task(hourly.keep(database, appliance.draining, appliance.now))
        noting = asyncio.create_task(audit.keep(appliance.draining))
        forgetting = asyncio.create_task(payload_expiry.keep(settings, database, appliance.draining))
        following = asyncio.create_task(audit_copy.keep(audit, database, appliance.draining))
        sending = asyncio.create_task(OutgoingWebhooks(settings, database).keep(appliance.draining))
        copying = asyncio.create_task(warm_copy.keep(settings, database, appliance.draining))
        try:
            if await _is_worth_serving(starting, dispatcher, appliance.draining):
                await server.serve(sockets=sockets)
            if not starting.done() and (problem := dispatcher.problem) is not None:
                raise NoWorkers(f"the service has served nobody: {problem}")
        finally:
            for task in (sweeping, comparing):
                task.cancel()
            appliance.draining.set()  # also when the start failed: exports end, and with them what reads the store
            await appliance.jobs.close()
            await dispatcher.stop()  # also when it fails half-way: this process cannot end before its workers do
            await asyncio.gather(starting, return_exceptions=True)
            await exporting
            await sending
            await copying
            await compiling
            await timing_out
            await noting
            await following
            await forgetting


async def _is_worth_serving(starting: "asyncio.Task[None]", dispatcher: Dispatcher, draining: asyncio.Event) -> bool:
    """Wait until the start is over, or no worker can be started; False when the service is asked to stop before.

    Raises what the start raises.
    """
    others = [asyncio.create_task(dispatcher.no_workers()), asyncio.create_task(_set(draining))]
    try:
        await asyncio.wait([starting, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in others:
            task.cancel()
    if starting.done():
        await starting
    return not draining.is_set()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _compare(appliance: Appliance) -> None:
    """Tell which recordings the store does not know: of a store that was deleted, restored, or lost its log."""
    try:
        recorded = await asyncio.to_thread(lambda: list(recorded_calls(appliance.settings.recordings_dir)))
        missing = await appliance.database.read(lambda con: streams.unknown_calls(con, recorded))
    except (OSError, StoreError) as error:
        log.error("recordings not compared with the store", error=str(error))
        return
    appliance.counts.recordings_missing = len(missing)
    if missing:
        log.error(
            "calls are recorded and not in the store; `cc-voice recompute --publish` brings them back",
            calls=len(missing),
            of=len(recorded),
            first=missing[:_NAMED],
        )


async def _sweep(audio: AudioCache) -> None:
    """Keep the cache of audio small, and free of recordings that were deleted."""
    while True:
        try:
            await asyncio.to_thread(audio.sweep)
        except OSError as error:
            log.error("audio cache not swept", error=str(error))
        await asyncio.sleep(SWEEP_S)


def configuration(appliance: Appliance, notifier: Notifier, problem: Callable[[], str | None] = lambda: None) -> uvicorn.Config:
    """Return how uvicorn serves an appliance, or while there is a problem, that."""

    async def alive() -> None:
        notifier.alive()

    # "Invalid HTTP request received" is whatever a stranger sends, as often as they like
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return uvicorn.Config(
        with_head(with_problem(create_app(appliance), problem)),
        loop="asyncio",
        http=cast(Any, partial(BoundedConnection, crowd=Crowd())),
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=int(KEPT_S),
        backlog=ACCEPTED_AT_ONCE,
        ws="none",
        lifespan="off",
        access_log=False,  # paths name calls; what matters is logged where it happens
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(appliance.settings.trusted_proxies),
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
        for sock in sockets or ():
            sock.listen(BACKLOG)  # asyncio takes `backlog` for how many it accepts in one go, and made the queue as short
        self._listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the event loop at the first SIGTERM or SIGINT; a second one will not wait. `leave` at SIGUSR1."""
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        for number in handled:
            loop.remove_signal_handler(number)
        stop()

    for number in handled:
        loop.add_signal_handler(number, first)
    loop.add_signal_handler(signal.SIGUSR1, leave)
    try:
        yield
    finally:
        for number in (*handled, signal.SIGUSR1):
            loop.remove_signal_handler(number)
