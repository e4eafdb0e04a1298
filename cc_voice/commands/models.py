"""Speech models from the command line, `cc-voice models`: which are here and could be, and everything that is done with them.

The one command that downloads; the service never does, and takes up what was installed when the next call starts.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cc_voice.commands.terminal import language_tag, load_settings, print_json, print_table, reason, site_options
from cc_voice.config.languages import primary
from cc_voice.config.settings import ModelSize, Settings
from cc_voice.query.model_lines import ModelLine, lines_of
from cc_voice.speech.errors import FetchError, ModelError, SpeechError
from cc_voice.speech.models import installation
from cc_voice.speech.models import inventory as catalogue
from cc_voice.speech.models.model_list import Offer

if TYPE_CHECKING:
    from cc_voice.fleet.worker_plan import WorkerPlan
    from cc_voice.speech import capacity, machine

BENCH_SCENARIOS = ("good-call", "interrupted-call")
BENCH_SECONDS = 60.0


@click.group()
def models() -> None:
    """List, fetch, verify, measure and remove speech models."""


@models.command("list")
@site_options
@click.option("--language", metavar="TAG", callback=language_tag, help="Only models of this language (BCP-47).")
@click.option("--all", "with_obsolete", is_flag=True, help="Also those that their makers call obsolete.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(config: Path | None, data_dir: Path | None, language: str | None, with_obsolete: bool, as_json: bool) -> None:
    """List the models that are installed and those that can be fetched, and which one serves which language.

    Installed ones are looked at, not read to the end; `verify` does that. What is obsolete is listed when it is installed.
    """
    lines = _lines_of(load_settings(config, data_dir))
    if language is not None:
        lines = [line for line in lines if primary(line.language) == primary(language)]
    hidden = [line.name for line in lines if line.state == "obsolete" and not with_obsolete]
    lines = [line for line in lines if line.name not in hidden]
    if as_json:
        print_json(lines)
        return
    columns = ["name", "language", "size", "archive MB", "disk MB", "Hz", "licence", "phrases", "state", "serves"]
    print_table(columns, [_row(line) for line in lines])
    for line in lines:
        for problem in filter(None, (line.problem, line.phrases_problem)):
            click.echo(problem, err=True)
    if hidden:
        click.echo(f"not listed, as obsolete: {', '.join(hidden)} (--all lists them)", err=True)


@models.command()
@site_options
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--language", metavar="TAG", callback=language_tag, help="Fetch the model for this language instead of naming it.")
@click.option("--large", "size", flag_value="large", help="With --language: the large model.  [default: as prefer_models says]")
@click.option("--small", "size", flag_value="small", help="With --language: the small model.")
@click.option("--from", "source", metavar="URL|DIR|ZIP", help="A mirror, or a folder or archive on this machine.")
@click.option("--list", "listing", metavar="URL|FILE", help="The makers' model-list.json.  [default: the one in --from]")
@click.option("--sha256", metavar="HEX", help="What the archive's checksum must be, if you know it from elsewhere.")
@click.option("--trust-new", is_flag=True, help="Accept an archive unlike the one first seen under this name, or listed.")
@click.option("--again", is_flag=True, help="Install anew what is here and whole.")
def fetch(
    names: tuple[str, ...],
    config: Path | None,
    data_dir: Path | None,
    language: str | None,
    size: ModelSize | None,
    **options: Any,
) -> None:
    """Install models: download or copy, check, unpack, put in place. A download that was cut goes on where it stopped.

    Sizes and checksums (MD5) are those of the makers' list where one is read, else those that this product was made with.
    What a licence forbids, and what is not known of it, is told on standard error.

    The proxy is the configuration's, else the environment's (HTTPS_PROXY, NO_PROXY). Without internet, bring the archives of
    `models list --json` to a web server or a folder of yours and say --from.
    """
    settings = load_settings(config, data_dir)
    if bool(names) == bool(language) or (size and not language):
        raise click.UsageError("say either the names of models, or a --language (with --small or --large if you like)")
    if len(names) > 1 and (options["sha256"] or (options["source"] or "").endswith(".zip")):
        raise click.UsageError("one archive and one checksum are of one model; fetch them one by one")
    wanted = installation.Order(name="", proxy=settings.proxy, **options)
    try:
        offer = installation.offered(wanted) if language else None
        chosen = names or (_of_language(offer or Offer(()), language or "", size, settings.prefer_models),)
        for name in chosen:
            with _Shown(name) as shown:
                order = msgspec.structs.replace(wanted, name=name)
                done = installation.fetch(order, settings.installed_models_dir, datetime.now(UTC), shown, offer)
            click.echo(_told(done))
    except (FetchError, ModelError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{reason(error)}; what was installed before is untouched") from error


@models.command()
@site_options
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def verify(names: tuple[str, ...], config: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Read every file of the installed models: against the checksums of their installation, and for what Vosk needs.

    Exit status 1 if one is damaged.
    """
    settings = load_settings(config, data_dir)
    here = [line for line in _lines_of(settings, sums=True) if line.state not in ("available", "obsolete")]
    lines = [line for line in here if not names or line.name in names]
    if missing := sorted(set(names) - {line.name for line in lines}):
        raise click.ClickException(f"the model {missing[0]} is not installed")
    if as_json:
        print_json(lines)
    for line in lines if not as_json else ():
        checked = "checksums and structure" if line.source or line.state == "test only" else "structure; no checksums are known"
        if line.is_published is not None:
            checked += "; archive as the manifest lists it" if line.is_published else "; another archive than the manifest lists"
        click.echo(f"damaged  {line.problem}" if line.problem else f"ok       {line.name}  ({checked})")
    if any(line.problem for line in lines):
        raise SystemExit(1)


@models.command()
@site_options
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, config: Path | None, data_dir: Path | None, yes: bool) -> None:
    """Remove an installed model. Calls that use it go on with it; the next ones get another, or Zoom's words."""
    settings = load_settings(config, data_dir)
    try:
        if not yes and name in {one.name for one in catalogue.survey(settings.installed_models_dir).models}:
            click.confirm(f"Remove {settings.installed_models_dir / name}?", abort=True)
        installation.remove(name, settings.installed_models_dir)
    except (FetchError, ModelError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(reason(error)) from error
    click.echo(f"removed {name}")


@models.command()
@site_options
@click.argument("name")
@click.option("--seconds", type=click.FloatRange(5, 3600), help="How much of each to hear.  [default: 60; --audio: all, once]")
@click.option("--audio", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True, help="A recording to hear.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(
    name: str, config: Path | None, data_dir: Path | None, seconds: float | None, audio: tuple[Path, ...], as_json: bool
) -> None:
    """Measure an installed model on this machine: speed, memory, load time, and how many calls it can carry.

    Speed is that of a new recogniser for every segment and of recognisers that are kept, on the same sound in one run. The sound is
    that of the bundled calls, or yours. A model of another language hears nonsense in it, at a somewhat higher cost. Sound that is
    heard again flatters the kept ones: they know it.
    """
    from cc_voice.fleet.worker_plan import MemoryTooSmall, plan
    from cc_voice.speech import capacity, machine
    from cc_voice.speech.voice_activity import detector

    settings = load_settings(config, data_dir)
    here = machine.this_machine()
    seconds = BENCH_SECONDS if seconds is None and not audio else seconds
    try:
        found = {one.name: one for one in catalogue.survey(settings.installed_models_dir).models}
        if name not in found:
            raise click.ClickException(f"the model {name} is not installed; here are: {', '.join(found)}")
        planned = plan(settings, here)
        cost = capacity.measure(found[name], _bench_channels(audio), seconds, detector.detectors(settings.vad))
    except (MemoryTooSmall, SpeechError) as error:
        raise click.ClickException(str(error)) from error
    able = capacity.capacity(cost, here, planned.workers, planned.warm_mb * planned.workers)
    if as_json:
        figures = {
            "rtf": cost.rtf,
            "cold_rtf": cost.cold_rtf,
            "kept_rtf": cost.kept_rtf,
            "call_cores": cost.call_cores,
            "kept_call_cores": cost.kept_call_cores,
        }
        counts = {"workers": planned.workers, "threads": planned.threads, "calls": able.calls}
        print_json({**msgspec.to_builtins(cost), **msgspec.to_builtins(here), **msgspec.to_builtins(able), **figures, **counts})
        return
    for line in _bench_lines(cost, here, planned, able):
        click.echo(line)


def _bench_channels(files: tuple[Path, ...]) -> "list[capacity.Channel]":
    """Return the channels of recordings, or those of the bundled calls. Raises AudioFileError."""
    from cc_voice.simulator.scenario import RATE_HZ, load_scenario
    from cc_voice.speech import capacity
    from cc_voice.speech.codecs import read_audio

    if not files:
        tracks = [track for scenario in BENCH_SCENARIOS for track in load_scenario(scenario).tracks]
        return [capacity.Channel(track.pcm, RATE_HZ) for track in tracks]
    read = [read_audio(path) for path in files]
    return [capacity.Channel(channel.tobytes(), one.sample_rate_hz) for one in read for channel in one.channels]


def _bench_lines(
    cost: "capacity.ModelCost", here: "machine.Machine", planned: "WorkerPlan", able: "capacity.Capacity"
) -> Iterator[str]:
    from cc_voice.speech.capacity import CPU_SHARE, MEMORY_SHARE

    memory = f"{here.free_mb:.0f} MB of memory free" if here.free_mb is not None else "memory unknown"
    by_memory = "unknown" if able.by_memory is None else able.by_memory
    yield f"model        {cost.model}"
    yield f"load         {cost.load_s:.2f} s, {cost.load_cpu_s:.2f} s of them computing, {cost.model_mb:.1f} MB in each worker"
    yield f"recogniser   {cost.recogniser_mb:.2f} MB for each party who is speaking"
    yield f"speed        RTF {cost.rtf:.4f} (CPU seconds per second of speech; {cost.speech_s:.0f} s of it were heard)"
    if cost.warm_mb:
        of_cold = cost.kept_cpu_s / cost.cpu_s
        yield f"kept         RTF {cost.cold_rtf:.4f} from cold on ({of_cold:.2f} of that)"
        yield f"             RTF {cost.kept_rtf:.4f} in the later half of the speech ({cost.ratio:.2f})"
        yield f"             {cost.kept_mb:.0f} MB so far, {cost.warm_mb:.0f} MB when grown; {able.kept} are kept warm here"
        yield f"             the same words in {cost.alike} of {cost.segments} segments"
    else:
        yield "kept         none: a new recogniser for every segment costs nothing with this model"
    yield f"a call       {100 * cost.kept_call_cores:.2f} % of a core, two parties, as talkative as what was heard"
    yield f"machine      {here.cores} cores, {memory}, {planned.workers} workers with {planned.threads} recogniser threads each"
    yield f"calls        {able.calls} at once: {able.by_cpu} by processor, {by_memory} by memory"
    yield f"             with {CPU_SHARE:.0%} of the cores and {MEMORY_SHARE:.0%} of the free memory, and no other load"


def _lines_of(settings: Settings, *, sums: bool = False) -> list[ModelLine]:
    try:
        return lines_of(settings, sums=sums)
    except ModelError as error:
        raise click.ClickException(str(error)) from error


def _row(line: ModelLine) -> list[str]:
    numbers = ["–" if number is None else str(number) for number in (line.archive_mb, line.disk_mb, line.sample_rate_hz)]
    phrases = "–" if line.takes_phrases is None else "yes" if line.takes_phrases else "no"
    licence = f"{line.licence}, not for commercial use" if line.non_commercial else line.licence
    state = f"{line.state}, obsolete" if line.obsolete and line.state != "obsolete" else line.state
    return [line.name, line.language, line.size, *numbers, licence, phrases, state, ", ".join(line.serves)]


def _of_language(offer: Offer, language: str, size: ModelSize | None, prefer: ModelSize) -> str:
    """Return the model to fetch for a language: of its exact tag before another region's, of the size that is said or preferred.

    What is obsolete or not for commercial use is passed over as long as there is another. Without `size` any size will do.
    """
    fitting = [one for one in offer.models if one.url and primary(one.language) == primary(language)]
    exact = [one for one in fitting if one.language == language] or fitting
    sized = [[one for one in some if one.small == ((size or prefer) == "small")] for some in (exact, fitting)]
    choices = [*sized[0], *(sized[1] if size else exact)]
    if not choices:
        known = ", ".join(one.name for one in fitting) or "none for this language; another source is given with NAME and --from"
        raise click.ClickException(f"no {size or 'speech'} model for {language} is listed; there are: {known}")
    return min(choices, key=lambda one: (one.obsolete, one.non_commercial)).name


def _told(done: installation.Fetched) -> str:
    if not done.is_new:
        return f"{done.model.name} is here and whole; nothing to do (--again installs it anew)"
    digest = done.model.record.archive_sha256 if done.model.record else None
    since = f"as recorded on {done.trusted_since}" if done.trusted_since else "first seen, recorded"
    return f"installed {done.model.path}" + (f"  SHA-256 {digest} ({since})" if digest else "")


class _Shown(installation.FetchProgress):
    """A progress bar on standard error; nothing where that is not a terminal."""

    def __init__(self, name: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        self._name = name
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._progress.stop()

    def step(self, name: str) -> None:
        self._progress.reset(self._task, description=f"{self._name}: {name}", total=None)

    def warn(self, text: str) -> None:
        self._progress.console.print(f"warning: {text}", markup=False, highlight=False, soft_wrap=True)

    def progress(self, done: int, total: int | None) -> None:
        self._progress.update(self._task, completed=done, total=total)
