"""`cc-voice bench language`: which language is spoken when, against scripted calls in several languages.

The simulator plays Zoom's part over real links and tags its transcript rightly, late, wrongly once, or not at all, or sends none;
the session is the one that serves live calls, with the tiny models. Printed is how far shares and switches are from the script.

A borrowed word belongs to the language around it, as in the product: what is no stretch by the rule of switches is in the last one.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from importlib import resources
from itertools import groupby, pairwise
from pathlib import Path

import click
import msgspec
import structlog
from rich import box
from rich.console import Console
from rich.table import Table

from cc_voice.bench.chain import words_of
from cc_voice.call.batch import Batch, CallMeasured
from cc_voice.call.intervals import canonical, length
from cc_voice.call.rows import MeasuredCall
from cc_voice.call.tokeniser import units
from cc_voice.call.transcript.disagreement import edits
from cc_voice.call.transcript.language_track import MIN_WORDS
from cc_voice.config.languages import primary
from cc_voice.config.settings import Settings
from cc_voice.config.thresholds import ThresholdSet
from cc_voice.rtms.client import Credentials, StreamClient, StreamTarget
from cc_voice.rtms.webhooks import Started, parse_webhook
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.session import Session
from cc_voice.sessions.spec import SessionSpec
from cc_voice.sessions.stream_options import client_options
from cc_voice.simulator.errors import SimulatorError
from cc_voice.simulator.report import CallRequest, SimulatorConfig
from cc_voice.simulator.server import Simulator

_WIDTH = 160
_UNWRITTEN = "no transcript"
_SERVED = ("en", "es")
"""Languages of the tiny models."""


class _ScenarioLine(msgspec.Struct, frozen=True):
    start_ms: int
    end_ms: int
    text: str
    language: str
    channel_id: str | None = None
    speech: tuple[tuple[int, int], ...] = ()


class _Party(msgspec.Struct, frozen=True):
    party: str
    channel_id: str | None = None


class ScriptedCall(msgspec.Struct, frozen=True):
    """A compiled scenario, as its file has it."""

    name: str
    language: str
    channels: tuple[_Party, ...]
    lines: tuple[_ScenarioLine, ...]

    @property
    def languages(self) -> set[str]:
        return {primary(line.language) for line in self.lines}

    def of(self, party: str) -> list[_ScenarioLine]:
        """Return the lines of a party in order."""
        channels = {one.channel_id for one in self.channels if one.party == party}
        return sorted((line for line in self.lines if line.channel_id in channels), key=lambda line: line.start_ms)

    def shares(self, party: str) -> dict[str, float]:
        """Return languages in percent of the party's speech."""
        totals: dict[str, int] = {}
        for language, lines in self.stretches(party):
            totals[language] = totals.get(language, 0) + sum(length(canonical(line.speech)) for line in lines)
        return {language: 100 * ms / sum(totals.values()) for language, ms in totals.items()}

    def switches(self, party: str) -> list[int]:
        """Return when a party changes its language, in ms."""
        return [after[0].start_ms for (old, _), (new, after) in pairwise(self.stretches(party)) if old != new]

    def stretches(self, party: str) -> list[tuple[str, list[_ScenarioLine]]]:
        """Return a party's lines by language, by the rule of switches; what is too short for it is in the one before."""
        rule = ThresholdSet()
        found: list[tuple[str, list[_ScenarioLine]]] = []
        for language, group in groupby(self.of(party), key=lambda line: primary(line.language)):
            lines = list(group)
            speech_ms = sum(length(canonical(line.speech)) for line in lines)
            words = sum(units(line.text) for line in lines)
            if found and (speech_ms < rule.lang_switch_ms or words < rule.lang_switch_words or found[-1][0] == language):
                found[-1][1].extend(lines)
            else:
                found.append((language, lines))
        return found


class Condition(msgspec.Struct, frozen=True):
    """How Zoom tags, or does not."""

    name: str
    faults: tuple[str, ...] = ()


def conditions(call: ScriptedCall) -> list[Condition]:
    """Return the conditions a call is played under. Recognisers can only be compared where there is one for each language."""
    ordered = sorted(call.lines, key=lambda line: line.start_ms)
    middle = len(ordered) // 2
    every = tuple(f"wrong-tag:{place}={_wrong(line)}" for place, line in enumerate(ordered, start=1))
    found = [
        Condition("tags right"),
        *(Condition(f"tags {lag_s} s late", (f"late-tags:{lag_s}000",)) for lag_s in (10, 20, 30)),
        Condition("tags never follow", ("late-tags:120000",)),
        Condition("one tag wrong", (f"wrong-tag:{middle + 1}={_wrong(ordered[middle])}",)),
        Condition("every tag wrong", every),
        Condition("no tags", ("no-tags",)),
    ]
    return [*found, Condition(_UNWRITTEN, ("no-transcript",))] if call.languages <= set(_SERVED) else found


def _wrong(line: _ScenarioLine) -> str:
    return next(language for language in _SERVED if language != primary(line.language))


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """One call under one condition."""

    call: str
    condition: str
    share_error_points: float
    """The worst of all parties and languages."""
    switches: int
    """Found, of both parties."""
    switches_scripted: int
    switch_error_ms: int | None
    """The worst; None where their numbers differ, and there is nothing to compare them by."""
    words: int
    """Scripted in languages that have a model."""
    word_errors: int
    displaced: int
    """Lines of Zoom's in whose place the transcript has words of a recogniser of another language; "okay" is anybody's."""
    source: str
    """What most languages were told by: text, tag, recognisers."""


class LanguageScore(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    calls: tuple[Followed, ...]

    @property
    def missed(self) -> int:
        """Calls in which other switches were found than the script has."""
        return sum(one.switches != one.switches_scripted for one in self.calls)


def judge(call: ScriptedCall, condition: str, measured: MeasuredCall) -> Followed:
    """Compare what was measured with the script."""
    errors, offsets = [0.0], [0]
    found_count, scripted_count = 0, 0
    for party in ("agent", "customer"):
        found = {row.language_code: row.share_pct for row in measured.leg_languages if row.party == party}
        scripted = call.shares(party)
        errors += [abs(found.get(one, 0.0) - scripted.get(one, 0.0)) for one in found.keys() | scripted.keys()]
        switched = [row.end_ms for row in measured.intervals if (row.kind, row.party) == ("lang_switch", party)]
        expected = call.switches(party)
        found_count, scripted_count = found_count + len(switched), scripted_count + len(expected)
        offsets += [abs(at - then) for at, then in zip(switched, expected, strict=False)] if len(switched) == len(expected) else []
    expected_words = [word for line in call.lines if primary(line.language) in _SERVED for word in words_of(line.text)]
    heard = [word for said in measured.utterances if said.source == "local" for word in words_of(said.text)]
    told = [(line, primary(line.language)) for line in call.lines if units(line.text) >= MIN_WORDS]
    sources = [row.outcome or "" for row in measured.intervals if row.kind == "language"]
    return Followed(
        call=call.name,
        condition=condition,
        share_error_points=max(errors),
        switches=found_count,
        switches_scripted=scripted_count,
        switch_error_ms=max(offsets) if found_count == scripted_count else None,
        words=len(expected_words),
        word_errors=edits(expected_words, heard),
        displaced=0 if condition == _UNWRITTEN else sum(_is_displaced(line, language, measured) for line, language in told),
        source=max(sorted(set(sources)), key=sources.count) if sources else "nothing",
    )


def _is_displaced(line: _ScenarioLine, language: str, measured: MeasuredCall) -> bool:
    """Whether most of a line's time has words of a recogniser of another language."""
    others = [
        (max(said.start_ms, line.start_ms), min(said.end_ms, line.end_ms))
        for said in measured.utterances
        if said.channel_id == line.channel_id and said.source == "local" and primary(said.language_code) != language
    ]
    return 2 * sum(max(0, end - start) for start, end in others) > line.end_ms - line.start_ms


def worst_of_calls(followed: Sequence[Followed]) -> list[Followed]:
    """Return the worst of every number over the conditions of each call."""
    found = []
    for call, group in groupby(followed, key=lambda one: one.call):
        rows = list(group)
        errors = [one.switch_error_ms for one in rows]
        missed = max(rows, key=lambda one: abs(one.switches - one.switches_scripted))
        found.append(
            Followed(
                call=call,
                condition=f"{len(rows)} conditions",
                share_error_points=max(one.share_error_points for one in rows),
                switches=missed.switches,
                switches_scripted=missed.switches_scripted,
                switch_error_ms=None if None in errors else max(one or 0 for one in errors),
                words=rows[0].words,
                word_errors=max(one.word_errors for one in rows),
                displaced=max(one.displaced for one in rows),
                source=", ".join(dict.fromkeys(one.source for one in rows)),
            )
        )
    return found


# -- playing ---------------------------------------------------------------------------------------------------------


async def measure_languages(calls: Sequence[ScriptedCall], speed: float, folder: Path) -> LanguageScore:
    """Play every call under every condition, the conditions of a call at once. Raises SimulatorError, OSError."""
    site = Settings(data_dir=folder, allow_insecure_links=True)
    recognition = Recognition(site, threads=2, allow_test_model=True)
    found: list[Followed] = []
    try:
        async with Simulator(SimulatorConfig()) as zoom:
            for call in calls:
                played = (_play(zoom, call, condition, site, recognition, speed) for condition in conditions(call))
                found += await asyncio.gather(*played)
    finally:
        recognition.close()
    return LanguageScore(tuple(found))


async def _play(
    zoom: Simulator, call: ScriptedCall, condition: Condition, site: Settings, recognition: Recognition, speed: float
) -> Followed:
    request = CallRequest(scenario=call.name, speed=speed, language=call.language, faults=condition.faults)
    started = parse_webhook((await zoom.start_call(request)).body.encode())
    if not isinstance(started, Started):
        raise AssertionError("a call begins with its announcement")
    spec = SessionSpec(
        call_id=f"{call.name} {condition.name}".replace(" ", "-"),
        stream_id=started.stream_id,
        product=started.product,
        instance_id=started.instance_id,
        app="default",
        target=StreamTarget.of(started),
        language=call.language,
        epoch=1,
        started_event_ms=started.event_ts_ms,
    )
    config = SimulatorConfig()
    credentials = Credentials(client_id=config.client_id, client_secret=config.client_secret)
    client = StreamClient(spec.target, credentials, options=client_options(site, spec.language, resume=False))
    batches: list[Batch] = []
    await Session(spec, client, site, recognition, batches.append, lambda words: None).run()
    measured = next((batch for batch in batches if isinstance(batch, CallMeasured)), None)
    if measured is None:
        raise click.ClickException(f"{call.name}, {condition.name}: the call was not measured; the log says why")
    return judge(call, condition.name, measured.call)


_SCRIPT = msgspec.json.Decoder(ScriptedCall)


def scripted_calls(names: Sequence[str] = ()) -> list[ScriptedCall]:
    """Return the bundled calls of those names; by default those in which more than one language is spoken."""
    folder = Path(str(resources.files("cc_voice.simulator"))) / "scenarios"
    every = [_SCRIPT.decode(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    chosen = [call for call in every if call.name in names] if names else [call for call in every if len(call.languages) > 1]
    if len(chosen) < len(set(names)) or not chosen:
        raise click.ClickException(f"there is no such call; there are: {', '.join(call.name for call in every)}")
    return chosen


# -- command ---------------------------------------------------------------------------------------------------------


@click.command("language")
@click.option(
    "--call", "names", multiple=True, metavar="NAME", help="Only this call; repeat for more.  [default: the bilingual ones]"
)
@click.option("--speed", type=click.FloatRange(0.1, 50), default=8.0, show_default=True, help="Packet pacing, times real time.")
@click.option("--worst", is_flag=True, help="One row for each call: the worst of its conditions.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_language(names: tuple[str, ...], speed: float, worst: bool, as_json: bool) -> None:
    """Play calls whose speakers change language, tagged well and badly: how far are shares and switches off?"""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    calls = scripted_calls(names)
    with tempfile.TemporaryDirectory(prefix="cc-voice-language-") as folder:
        try:
            score = asyncio.run(measure_languages(calls, speed, Path(folder)))
        except (SimulatorError, OSError) as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.encode(score).decode())
    else:
        _print(score, Console(width=_WIDTH), worst)


def _print(score: LanguageScore, console: Console, worst: bool) -> None:
    """Print Markdown, so that a table can go into a README as it is."""
    table = Table(
        "call", "Zoom's transcript", "told by", "share off by", "switches", "off by", "words wrong", "displaced", box=box.MARKDOWN
    )
    for one in worst_of_calls(score.calls) if worst else score.calls:
        off = "–" if one.switch_error_ms is None or not one.switches else f"{one.switch_error_ms / 1000:.1f} s"
        switches = f"{one.switches} of {one.switches_scripted}"
        wrong = f"{one.word_errors} of {one.words}"
        table.add_row(
            one.call, one.condition, one.source, f"{one.share_error_points:.1f} points", switches, off, wrong, str(one.displaced)
        )
    console.print(table)
    share = max(one.share_error_points for one in score.calls)
    late = max((one.switch_error_ms or 0 for one in score.calls), default=0)
    displaced = sum(one.displaced for one in score.calls)
    console.print(
        f"Worst share: {share:.1f} points; worst switch: {late / 1000:.1f} s; calls with other switches: {score.missed}; "
        f"lines displaced: {displaced}"
    )
