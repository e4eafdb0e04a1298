"""`cc-voice simulate`: options to a configuration and calls, results to a table or JSON."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from cc_voice.simulator.calls import checked_speed
from cc_voice.simulator.errors import RequestError, SimulatorError
from cc_voice.simulator.faults import FAULTS
from cc_voice.simulator.negotiation import MEDIA_NAMES
from cc_voice.simulator.report import CallRequest, CallStatus, SimulatorConfig
from cc_voice.simulator.scenario import PARTIES, Party, scenario_names
from cc_voice.simulator.server import Simulator
from cc_voice.simulator.wire import PRODUCTS

HELP = """Play Zoom's part: announce calls, stream their audio, end them.

Calls come from bundled scenarios, from scripts of your own, or from any WAV or FLAC file with one party per channel.
Each is announced by a signed webhook to the URL given with --webhook, and streamed to whoever connects to the links
named in it. With --listen the control API (POST /calls, GET /calls/ID, DELETE /calls/ID?reason=6) is served as well;
without any call asked for, only that, until interrupted.

\b
Examples:
  cc-voice simulate --webhook http://127.0.0.1:8080/webhooks/zoom --scenario good-call
  cc-voice simulate --webhook … --script call.json
  cc-voice simulate --webhook … --file call.wav --channels agent,customer --speed 4
  cc-voice simulate --webhook … --scenario good-call --scenario meeting --calls 50 --concurrency 10 --speed max
  cc-voice simulate --webhook … --scenario good-call --fault drop-media@5 --fault bad-status:audio=23
  cc-voice simulate --listen 127.0.0.1:9000
  curl -d '{"scenario": "good-call"}' http://127.0.0.1:9000/calls

Exit status: 0 when every call was played to its end for a client that kept to the protocol, 1 otherwise.
"""


AUDIO_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SECONDS = click.FloatRange(min=0.05)


def fault_list() -> str:
    """Return the table of faults for the terminal."""
    width = max(len(fault.usage) for fault in FAULTS.values())
    return "\n".join(f"{fault.usage:{width}}  {fault.does} ({fault.rule})" for fault in FAULTS.values())


def parse_speed(text: str) -> float | str:
    """Return a positive number or `max`."""
    try:
        return checked_speed(text)
    except RequestError as error:
        raise click.BadParameter(str(error)) from error


@click.command("simulate", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--listen", metavar="HOST:PORT", help="Serve links and control API here; port 0 takes a free one.")
@click.option("--webhook", metavar="URL", help="Post signed webhooks to this URL, with retries. Without it nothing is posted.")
@click.option("--client-id", default="simulatedClient", show_default=True, help="Client id of the app the calls are for.")
@click.option("--client-secret", default="simulatedClientSecret", show_default=True, help="Its secret: signs the handshakes.")
@click.option("--webhook-secret", default="simulatedWebhookSecret", show_default=True, help="Signs the webhooks.")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help="Play a bundled scenario; repeatable. Or: list.")
@click.option("--script", "scripts", multiple=True, type=AUDIO_FILE, help="Play a script of your own (JSON); repeatable.")
@click.option("--file", "files", multiple=True, type=AUDIO_FILE, help="Play a WAV or FLAC file; repeatable.")
@click.option("--product", type=click.Choice(sorted(PRODUCTS)), default="contact_center", show_default=True, help="For --file.")
@click.option("--channels", metavar="PARTY,…", help=f"Speakers in --file: {', '.join(PARTIES)}.")
@click.option("--language", default="en", show_default=True, metavar="TAG", help="Language of --file calls (BCP-47).")
@click.option("--calls", type=click.IntRange(min=1), metavar="N", help="Play N calls in all, taking turns. Default: each once.")
@click.option("--concurrency", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Calls at once.")
@click.option(
    "--speed", type=parse_speed, metavar="X|max", default="1", show_default=True, help="Times real time, or all it takes."
)
@click.option("--dtx", is_flag=True, help="Send no audio while a party is silent, as Zoom does for muted ones.")
@click.option("--media", metavar="TYPE,…", help=f"What the app has scopes for: {', '.join(MEDIA_NAMES)}. Default: by product.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME[:ARG][@SECONDS]", help="Let something go wrong; repeatable. Or: list."
)
@click.option("--keep-alive-seconds", type=SECONDS, default=10.0, show_default=True, help="Wall clock between keep-alives.")
@click.option("--closing-seconds", type=click.FloatRange(0, 60), default=0.0, show_default=True, help="From state 4 to the close.")
@click.option("--tls", is_flag=True, help="Links and control API over TLS, with a certificate of its own making.")
@click.option(
    "--certificate-folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With --tls: where the certificate is put. Default: a temporary folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: the statuses of all calls.")
def simulate(
    listen: str | None,
    webhook: str | None,
    client_id: str,
    client_secret: str,
    webhook_secret: str,
    scenarios: tuple[str, ...],
    scripts: tuple[Path, ...],
    files: tuple[Path, ...],
    product: str,
    channels: str | None,
    language: str,
    calls: int | None,
    concurrency: int,
    speed: float | str,
    dtx: bool,
    media: str | None,
    faults: tuple[str, ...],
    keep_alive_seconds: float,
    closing_seconds: float,
    tls: bool,
    certificate_folder: Path | None,
    as_json: bool,
) -> None:
    """See HELP."""
    if "list" in scenarios:
        click.echo("\n".join(scenario_names()))
        return
    if "list" in faults:
        click.echo(fault_list())
        return
    if certificate_folder is not None and not tls:
        raise click.UsageError("--certificate-folder is where --tls puts its certificate; give --tls too")
    host, port = _address(listen)
    folder = (certificate_folder or Path(tempfile.mkdtemp(prefix="cc-voice-tls-"))) if tls else None
    config = SimulatorConfig(
        host=host,
        port=port,
        client_id=client_id,
        client_secret=client_secret,
        webhook_secret=webhook_secret,
        webhook_url=webhook,
        keep_alive_s=keep_alive_seconds,
        closing_s=closing_seconds,
        tls_folder=folder,
    )
    parties = tuple(Party(party=name.strip()) for name in channels.split(",")) if channels else ()
    scopes = tuple(name.strip() for name in media.split(",")) if media else None
    if unknown := sorted(set(scenarios) - set(scenario_names())):
        known = ", ".join(scenario_names())
        raise click.BadParameter(f"there is no scenario {unknown[0]!r}; choose of: {known}", param_hint="--scenario")
    plain = CallRequest(speed=speed, dtx=dtx, media=scopes, faults=faults)
    requests = [msgspec.structs.replace(plain, scenario=name) for name in scenarios]
    requests += [msgspec.structs.replace(plain, script=str(path)) for path in scripts]
    requests += [
        msgspec.structs.replace(plain, file=str(path), product=product, channels=parties, language=language) for path in files
    ]
    if calls is not None and not requests:
        raise click.UsageError("--calls needs a --scenario, a --script or a --file to play")
    if not requests and listen is None:
        raise click.UsageError("nothing to do: name a --scenario, a --script or a --file to play, or an address to --listen on")
    if (faults or media) and not requests:
        raise click.UsageError(
            "--fault and --media need a --scenario, a --script or a --file; the control API takes its own with each call"
        )
    if requests and webhook is None and listen is None:
        raise click.UsageError("nobody would hear of the calls: give --webhook, or --listen and start calls over the control API")
    try:
        results = asyncio.run(_run(config, _turns(requests, calls), concurrency, quiet=as_json))
    except SimulatorError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return
    _print(results, as_json)
    sys.exit(0 if all(result.completed for result in results) else 1)


async def _run(config: SimulatorConfig, requests: Sequence[CallRequest], concurrency: int, *, quiet: bool) -> list[CallStatus]:
    """Play all calls, at most `concurrency` at once; without any, serve until interrupted."""
    async with Simulator(config) as simulator:
        # Before the calls, and on standard error: scripts read the address from it while results go to standard output.
        click.echo(f"simulator listens on {simulator.url}", err=True)
        if config.tls_folder is not None:
            click.echo(f"clients trust its certificate with SSL_CERT_FILE={config.tls_folder / 'simulator.pem'}", err=True)
        if not requests:
            await asyncio.Event().wait()
        room = asyncio.Semaphore(concurrency)
        results = await asyncio.gather(*(_play(simulator, request, room, quiet=quiet) for request in requests))
        await simulator.settle()
        return [simulator.call(result.call) for result in results]


async def _play(simulator: Simulator, request: CallRequest, room: asyncio.Semaphore, *, quiet: bool) -> CallStatus:
    async with room:
        started = await simulator.start_call(request)
        result = await simulator.wait(started.call)
        if not quiet:
            click.echo(_line(result))
        return result


def _turns(requests: Sequence[CallRequest], calls: int | None) -> list[CallRequest]:
    """Return as many requests as calls are wanted, taking turns."""
    count = len(requests) if calls is None else calls
    return [requests[number % len(requests)] for number in range(count)]


def _line(result: CallStatus) -> str:
    seconds = sum(channel.bytes for channel in result.channels) / 32_000
    packets = sum(channel.packets for channel in result.channels)
    names = sorted({violation.name for violation in result.violations})
    verdict = "ok" if result.completed else "FAILED"
    detail = f" · {len(result.violations)} violations: {', '.join(names)}" if names else ""
    heard = f"{packets} packets, {seconds:.1f} s of audio · stop reason {result.stop_reason}"
    return f"{verdict:6} {result.call} {result.scenario} · {heard}{detail}"


def _print(results: Sequence[CallStatus], as_json: bool) -> None:
    good = sum(result.completed for result in results)
    if as_json:
        click.echo(json.dumps({"calls": msgspec.to_builtins(results), "completed": good, "failed": len(results) - good}))
    else:
        click.echo(f"{good} of {len(results)} calls completed")


def _address(listen: str | None) -> tuple[str, int]:
    """Split HOST:PORT; loopback and a free port when not given."""
    if listen is None:
        return "127.0.0.1", 0
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{listen!r} is not HOST:PORT, for example 127.0.0.1:9000", param_hint="--listen")
    return host.strip("[]"), int(port)
