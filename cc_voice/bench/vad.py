"""`cc-voice bench vad`: how well speech is told from other sounds, against times that people marked.

It hears a folder of recorded calls with human times, and of sounds that are no speech, and prints how far talk time,
overtalk and silence are off, also over lines that are made worse (`degraded_lines.py`). The folder is laid out as the speech corpus
of the project is: `dialogues/*.json` with `audio` (a file of one party per channel), `roles`, `utterances` and `reference_metrics`;
and `noise/`.
"""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import median
from typing import Literal

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from cc_voice.bench.degrade import Floats
from cc_voice.bench.degraded_lines import (
    BABBLE,
    MUSIC,
    OFFICE,
    ConditionScore,
    Line,
    MarkedCall,
    conditions,
    score,
    speech_marked,
    table,
)
from cc_voice.call.intervals import Intervals, canonical, intersect, length, union
from cc_voice.speech.codecs import AudioFile, Samples, bytes_from_int16, read_audio
from cc_voice.speech.errors import AudioFileError, SpeechError
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity import detector as voice_activity_detector
from cc_voice.speech.voice_activity.sounds import Sounds

_WIDTH = 160
_RATES = ("8000", "16000", "32000", "48000")
_BLOCK_MS = 200
"""How often a live channel is heard."""


class _ChannelPlace(msgspec.Struct, frozen=True):
    """Where a party is heard; a dialogue that is only text has no channels."""

    channel: int = 0


class _Reference(msgspec.Struct, frozen=True):
    duration_ms: int
    talk_ms: dict[str, int]
    overtalk_ms: int
    silence_ms: int


class _MarkedUtterance(msgspec.Struct, frozen=True):
    speaker: str
    start_ms: int
    end_ms: int
    speech: bool = True


class _MarkedDialogue(msgspec.Struct, frozen=True):
    """One file of `dialogues/`; those without audio or times have nothing to measure."""

    audio: str | None = None
    roles: dict[str, _ChannelPlace] = {}
    reference_metrics: _Reference | None = None
    utterances: tuple[_MarkedUtterance, ...] = ()


_DIALOGUE = msgspec.json.Decoder(_MarkedDialogue)


class TalkError(msgspec.Struct, frozen=True):
    """Talk time of one party, in ms, against what people marked."""

    party: str
    found_ms: int
    expected_ms: int

    @property
    def pct(self) -> float:
        return 100 * (self.found_ms - self.expected_ms) / self.expected_ms


class CallScore(msgspec.Struct, frozen=True):
    """One call. The last two are differences (found − marked) in percent of the call's length."""

    name: str
    talk: tuple[TalkError, ...]
    overtalk_pct: float
    silence_pct: float


class NoiseScore(msgspec.Struct, frozen=True):
    """A sound that is no speech: which share of it was taken for what, in percent."""

    name: str
    speech_pct: float
    music_pct: float
    tone_pct: float


class VadScore(msgspec.Struct, frozen=True):
    """Everything that was measured; `cpu_us_per_s` is processor time for a second of one channel, fed as live audio is."""

    detector: str
    sample_rate_hz: int
    calls: tuple[CallScore, ...]
    noise: tuple[NoiseScore, ...]
    cpu_us_per_s: int
    conditions: tuple[ConditionScore, ...] = ()

    @property
    def errors(self) -> list[float]:
        """Absolute errors of talk time, in percent, of all parties."""
        return [abs(one.pct) for call in self.calls for one in call.talk]


class _DetectorRun:
    """Hears channels and counts what that costs."""

    def __init__(self, detectors: voice_activity_detector.DetectorFactory, rate_hz: int) -> None:
        self.detector = voice_activity_detector.recorded_name(detectors(rate_hz))
        self.cpu_s = self.heard_s = 0.0
        self.rate_hz = rate_hz
        self._detectors = detectors

    def push(self, audio: AudioFile, channel: int) -> tuple[Intervals, Sounds]:
        pipeline = self.hear(resample(audio.channels[channel], audio.sample_rate_hz, self.rate_hz))
        return canonical(pipeline.speech()), pipeline.sounds()

    def hear(self, samples: Samples) -> ChannelPipeline:
        """Hear a channel to its end, at this run's rate."""
        pipeline = ChannelPipeline("bench", self.rate_hz, None, "und", detectors=self._detectors)
        step = self.rate_hz * _BLOCK_MS // 1000
        blocks = [bytes_from_int16(samples[at : at + step]) for at in range(0, len(samples), step)]
        before = time.process_time()
        for block in blocks:
            pipeline.feed(block)
        pipeline.finish()
        self.cpu_s += time.process_time() - before
        self.heard_s += len(samples) / self.rate_hz
        return pipeline


def measure_vad(corpus: Path, kind: Literal["silero", "webrtc"], rate_hz: int, only: Collection[str] | None = ()) -> VadScore:
    """Hear a corpus with one detector, also under `only` these conditions (None: all that there are).

    Raises SpeechError, OSError, ValueError (files that are not as the docstring above says).
    """
    ear = _DetectorRun(voice_activity_detector.detectors(kind), rate_hz)
    dialogues = [(path, _dialogue(path)) for path in sorted((corpus / "dialogues").glob("*.json"))]
    dialogues = [(path, one) for path, one in dialogues if one.audio and one.reference_metrics]
    calls = tuple(_call(corpus, path.stem, one, ear) for path, one in dialogues)
    noise = tuple(_noise(path, ear) for path in sorted((corpus / "noise").glob("*")) if path.is_file())
    if not calls or not noise:
        raise AudioFileError(f"{corpus} has no dialogues/*.json with audio and times, or no noise/; see the README of speech")
    cpu_us_per_s = round(ear.cpu_s / ear.heard_s * 1e6)
    return VadScore(ear.detector, rate_hz, calls, noise, cpu_us_per_s, _degraded(corpus, [one for _, one in dialogues], ear, only))


def _degraded(
    corpus: Path, dialogues: Sequence[_MarkedDialogue], ear: _DetectorRun, only: Collection[str] | None
) -> tuple[ConditionScore, ...]:
    noises = {name: noise for name in (OFFICE, BABBLE, MUSIC) if (noise := _recorded(corpus, name, ear.rate_hz)) is not None}
    known = conditions(noises, ear.rate_hz)
    if unknown := set(only or ()) - set(known):
        raise ValueError(f"no condition {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    wanted = {name: condition for name, condition in known.items() if only is None or name in only}
    calls = [_marked_call(corpus, one, ear.rate_hz) for one in dialogues if one.utterances] if wanted else []
    return tuple(score(name, condition, calls, ear.hear) for name, condition in wanted.items()) if calls else ()


def _marked_call(corpus: Path, dialogue: _MarkedDialogue, rate_hz: int) -> MarkedCall:
    marked = dialogue.reference_metrics
    if not dialogue.audio or not marked:
        raise AssertionError("measure_vad takes only dialogues with both")
    audio = read_audio(corpus / dialogue.audio)
    said = [(one.speaker, (one.start_ms, one.end_ms)) for one in dialogue.utterances if one.speech]
    lines = {
        party: Line(
            audio=resample(audio.channels[place.channel], audio.sample_rate_hz, rate_hz) / 32768.0,
            speech=speech_marked(said, party),
        )
        for party, place in dialogue.roles.items()
    }
    return MarkedCall(lines=lines, duration_ms=marked.duration_ms)


def _recorded(corpus: Path, name: str, rate_hz: int) -> Floats | None:
    """Return the first recording of a noise; None: there is none."""
    path = next(iter(sorted((corpus / "noise").glob(f"{name}*"))), None)
    if path is None:
        return None
    audio = read_audio(path)
    return resample(audio.channels[0], audio.sample_rate_hz, rate_hz) / 32768.0


def _dialogue(path: Path) -> _MarkedDialogue:
    try:
        return _DIALOGUE.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise AudioFileError(f"{path} is no dialogue: {error}") from error


def _call(corpus: Path, name: str, dialogue: _MarkedDialogue, ear: _DetectorRun) -> CallScore:
    marked = dialogue.reference_metrics
    if not dialogue.audio or not marked:
        raise AssertionError("measure_vad takes only dialogues with both")
    audio = read_audio(corpus / dialogue.audio)
    speech = {party: ear.push(audio, place.channel)[0] for party, place in dialogue.roles.items()}
    first, second = speech.values()
    overtalk, silence = length(intersect(first, second)), marked.duration_ms - length(union(first, second))
    return CallScore(
        name,
        tuple(TalkError(party, length(found), marked.talk_ms[party]) for party, found in speech.items()),
        100 * (overtalk - marked.overtalk_ms) / marked.duration_ms,
        100 * (silence - marked.silence_ms) / marked.duration_ms,
    )


def _noise(path: Path, ear: _DetectorRun) -> NoiseScore:
    audio = read_audio(path)
    speech, sounds = ear.push(audio, 0)
    return NoiseScore(path.stem, *(100 * length(found) / audio.duration_ms for found in (speech, sounds.music, sounds.tones)))


@click.command("vad")
@click.option("--corpus", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of calls and sounds.")
@click.option("--vad", "kind", type=click.Choice(["silero", "webrtc"]), default="silero", show_default=True, help="Detector.")
@click.option("--rate-hz", type=click.Choice(_RATES), default="16000", show_default=True, help="Rate of the audio that is heard.")
@click.option("--condition", "only", multiple=True, metavar="NAME", help="Only these degraded lines, as the table names them.")
@click.option("--degraded/--no-degraded", default=True, show_default=True, help="Hear the calls over degraded lines, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_vad(
    corpus: Path, kind: Literal["silero", "webrtc"], rate_hz: str, only: tuple[str, ...], degraded: bool, as_json: bool
) -> None:
    """Hear calls with human times, and sounds that are no speech: how far are talk time, overtalk and silence off?"""
    try:
        found = measure_vad(corpus, kind, int(rate_hz), (only or None) if degraded else ())
    except (SpeechError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _print(found, Console(width=_WIDTH))


def _print(score: VadScore, console: Console) -> None:
    """Print Markdown, so that a table can go into a README as it is."""
    console.print(
        f"{score.detector} at {score.sample_rate_hz} Hz: {score.cpu_us_per_s} µs of processor time per second of a channel"
    )
    console.print(_call_table(score))
    console.print(f"Talk time: median error {median(score.errors):.1f} %, worst {max(score.errors):.1f} %")
    console.print(_noise_table(score))
    if score.conditions:
        console.print(table(score.conditions))


def _call_table(score: VadScore) -> Table:
    parties = [one.party for one in score.calls[0].talk]
    headings = ["call", *(f"talk {party}, s" for party in parties), *(f"error {party}" for party in parties)]
    table = Table(*headings, "overtalk", "silence", box=box.MARKDOWN)
    for call in score.calls:
        talk = [f"{one.found_ms / 1000:.1f} of {one.expected_ms / 1000:.1f}" for one in call.talk]
        errors = [f"{one.pct:+.1f} %" for one in call.talk]
        table.add_row(call.name, *talk, *errors, f"{call.overtalk_pct:+.1f} %", f"{call.silence_pct:+.1f} %")
    return table


def _noise_table(score: VadScore) -> Table:
    table = Table("no speech", "called speech", "labelled music", "labelled tone", box=box.MARKDOWN)
    for one in score.noise:
        table.add_row(one.name, f"{one.speech_pct:.1f} %", f"{one.music_pct:.0f} %", f"{one.tone_pct:.0f} %")
    return table
