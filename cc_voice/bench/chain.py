"""`cc-voice bench chain`: how many words the path of a call costs, beyond what the recogniser gets wrong by itself.

The path: packets of 20 ms, speech detection in two stages, segments, a recogniser for each segment that hears it while it is
spoken. The measure: its word error rate minus that of the same model hearing the same audio whole, a channel at once. Both as the
calls are, and over a telephone line (300–3400 Hz, mu-law) with pink noise 15 dB under the speech. Heard are the bundled calls, or a
folder of calls with transcripts laid out as the speech corpus of the project is: `dialogues/*.json` with `audio`, `roles` and
`utterances`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from cc_voice.bench.degrade import telephone
from cc_voice.call.transcript.disagreement import edits
from cc_voice.call.utterances import Word
from cc_voice.commands.terminal import language_tag
from cc_voice.config.languages import primary
from cc_voice.simulator.scenario import RATE_HZ, load_scenario, scenario_names
from cc_voice.speech.codecs import Samples, bytes_from_int16, int16_from_bytes, read_audio
from cc_voice.speech.errors import AudioFileError, ModelError, SpeechError
from cc_voice.speech.models import inventory
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecogniserFactory
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity import detector as voice_activity_detector
from cc_voice.speech.vosk import VoskFactory

SNR_DB = 15.0
_PACKET_MS = 20
_WIDTH = 160
_MARGIN_MS = 300
"""What is heard this close to a line in another language may come from it."""


class SaidLine(msgspec.Struct, frozen=True):
    """What somebody said, in ms of the call."""

    start_ms: int
    end_ms: int
    text: str
    foreign: bool
    """In a language that the model does not speak: its words count nowhere."""


class SaidChannel(msgspec.Struct, frozen=True):
    """One party: sound at 16 kHz and what is in it."""

    samples: Samples
    lines: tuple[SaidLine, ...]


class SaidCall(msgspec.Struct, frozen=True):
    """A call whose words are known."""

    name: str
    channels: tuple[SaidChannel, ...]


class CallLoss(msgspec.Struct, frozen=True):
    """Word errors of one call, heard under one condition."""

    call: str
    condition: str
    words: int
    path_errors: int
    whole_errors: int

    @property
    def loss_points(self) -> float:
        """Word error rate of the path minus that of the whole audio, in percentage points."""
        return 100 * (self.path_errors - self.whole_errors) / self.words


class ChainLoss(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    model: str
    detector: str
    calls: tuple[CallLoss, ...]

    def of(self, condition: str) -> CallLoss:
        """Return all calls of a condition taken together."""
        chosen = [one for one in self.calls if one.condition == condition]
        sums = [sum(getattr(one, key) for one in chosen) for key in ("words", "path_errors", "whole_errors")]
        return CallLoss("all", condition, *sums)


CONDITIONS: dict[str, Callable[[SaidChannel], Samples]] = {
    "clean": lambda one: one.samples,
    "noise": lambda one: telephone(one.samples, RATE_HZ, [(line.start_ms, line.end_ms) for line in one.lines], SNR_DB),
}


def measure_chain(
    calls: Sequence[SaidCall], factory: RecogniserFactory, detectors: voice_activity_detector.DetectorFactory
) -> ChainLoss:
    """Hear calls both ways under every condition. Raises SpeechError."""
    losses = [_loss(call, name, factory, detectors) for call in calls for name in CONDITIONS]
    return ChainLoss(factory.model_name, voice_activity_detector.recorded_name(detectors(RATE_HZ)), tuple(losses))


def _loss(
    call: SaidCall, condition: str, factory: RecogniserFactory, detectors: voice_activity_detector.DetectorFactory
) -> CallLoss:
    words = path_errors = whole_errors = 0
    for channel in call.channels:
        samples = CONDITIONS[condition](channel)
        script = [word for line in channel.lines if not line.foreign for word in words_of(line.text)]
        words += len(script)
        path_errors += edits(script, _ours(_by_path(samples, factory, detectors), channel))
        whole_errors += edits(script, _ours(_whole(samples, factory), channel))
    return CallLoss(call.name, condition, words, path_errors, whole_errors)


def _by_path(samples: Samples, factory: RecogniserFactory, detectors: voice_activity_detector.DetectorFactory) -> list[Word]:
    pipeline = ChannelPipeline("bench", RATE_HZ, factory, factory.language, detectors=detectors)
    step = RATE_HZ * _PACKET_MS // 1000
    found = [one for at in range(0, len(samples), step) for one in pipeline.feed(bytes_from_int16(samples[at : at + step]))]
    found += pipeline.finish()
    if pipeline.failures:
        raise pipeline.failures[0]
    return [word for utterance in found for word in utterance.words]


def _whole(samples: Samples, factory: RecogniserFactory) -> list[Word]:
    recogniser = factory.create(RATE_HZ)
    recogniser.accept(bytes_from_int16(samples))
    return list(recogniser.finish().words)


def _ours(heard: Sequence[Word], channel: SaidChannel) -> list[str]:
    """Return the words that were not heard in a line of another language."""
    foreign = [(line.start_ms - _MARGIN_MS, line.end_ms + _MARGIN_MS) for line in channel.lines if line.foreign]
    middles = [((word.start_ms or 0) + (word.end_ms or 0)) // 2 for word in heard]
    kept = [word for word, at in zip(heard, middles, strict=True) if not any(start <= at < end for start, end in foreign)]
    return [plain for word in kept for plain in words_of(word.word)]


def words_of(text: str) -> list[str]:
    """Return the words of a transcript as recognisers write them: lower case, no punctuation, no marks such as `[noise]`."""
    spoken = re.sub(r"\[[^]]*]|<[^>]*>", " ", text.lower().replace("’", "'"))
    return [word for part in re.sub(r"[^\w' ]|_", " ", spoken).split() if (word := part.strip("'"))]


# -- material --------------------------------------------------------------------------------------------------------


def bundled_calls(language: str) -> list[SaidCall]:
    """Return the calls that ship with the product and have lines in this language."""
    found: list[SaidCall] = []
    for name in scenario_names():
        script = load_scenario(name)
        channels = []
        for track in script.tracks:
            mine = [one for one in script.lines if (one.channel_id or one.user_id) == track.key]
            said = tuple(SaidLine(one.start_ms, one.end_ms, one.text, not _same(one.language, language)) for one in mine)
            channels.append(SaidChannel(int16_from_bytes(track.pcm), said))
        if any(not line.foreign for channel in channels for line in channel.lines):
            found.append(SaidCall(name, tuple(channels)))
    return found


class _UtterancePlace(msgspec.Struct, frozen=True):
    channel: int = 0


class _Utterance(msgspec.Struct, frozen=True):
    speaker: str
    start_ms: int
    end_ms: int
    text: str = ""
    speech: bool = True


class _SpokenDialogue(msgspec.Struct, frozen=True):
    language: str = "und"
    audio: str | None = None
    roles: dict[str, _UtterancePlace] = {}
    utterances: tuple[_Utterance, ...] = ()


_DIALOGUE = msgspec.json.Decoder(_SpokenDialogue)


def corpus_calls(corpus: Path, language: str) -> list[SaidCall]:
    """Return the calls of a folder in this language that have audio and words. Raises AudioFileError, OSError."""
    found = [call for path in sorted((corpus / "dialogues").glob("*.json")) for call in _read(path, corpus, language)]
    if not found:
        raise AudioFileError(f"{corpus} has no dialogues/*.json in {language} with audio and words; see the README of speech")
    return found


def _read(path: Path, corpus: Path, language: str) -> Iterator[SaidCall]:
    try:
        one = _DIALOGUE.decode(path.read_bytes())
    except msgspec.DecodeError:
        return  # other shapes lie beside them, such as texts without times
    if not one.audio or not one.utterances or not _same(one.language, language):
        return
    audio = read_audio(corpus / one.audio)
    channels = []
    for party, place in one.roles.items():
        mine = [said for said in one.utterances if said.speaker == party and said.speech and words_of(said.text)]
        lines = tuple(SaidLine(said.start_ms, said.end_ms, said.text, foreign=False) for said in mine)
        channels.append(SaidChannel(resample(audio.channels[place.channel], audio.sample_rate_hz, RATE_HZ), lines))
    yield SaidCall(path.stem, tuple(channels))


def _same(one: str, other: str) -> bool:
    return primary(one) == primary(other)


# -- command ---------------------------------------------------------------------------------------------------------


@click.command("chain")
@click.option("--model", metavar="NAME", help="Which installed model.  [default: the one for the language]")
@click.option("--models-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of installed models.")
@click.option("--language", default="en", show_default=True, metavar="TAG", callback=language_tag, help="Of calls and model.")
@click.option("--corpus", type=click.Path(path_type=Path, file_okay=False), help="Folder of calls.  [default: the bundled calls]")
@click.option("--call", "names", multiple=True, metavar="NAME", help="Only this call; repeat for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_chain(
    model: str | None, models_dir: Path | None, language: str, corpus: Path | None, names: tuple[str, ...], as_json: bool
) -> None:
    """Hear calls by the path of live calls and whole: how many words does the path cost?

    Without a model of your own the tiny test model hears the bundled calls; people it cannot understand.
    """
    try:
        factory = VoskFactory(_model(model, models_dir, language))
        calls = corpus_calls(corpus, language) if corpus else bundled_calls(language)
        chosen = [call for call in calls if not names or call.name in names]
        if not chosen:
            raise click.ClickException(f"there is no such call; there are: {', '.join(call.name for call in calls)}")
        loss = measure_chain(chosen, factory, voice_activity_detector.detectors("silero"))
    except (SpeechError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(msgspec.json.encode(loss).decode())
    else:
        _print(loss, Console(width=_WIDTH))


def _model(name: str | None, models_dir: Path | None, language: str) -> inventory.ModelInfo:
    """Return the model that was asked for. Raises ModelError."""
    here = inventory.installed(models_dir)
    if name is None:
        chosen = inventory.choose(here, language, allow_test_model=True)
    else:
        chosen = next((one for one in here if one.name == name), None)
    if chosen is None:
        known = ", ".join(one.name for one in here)
        raise ModelError(f"there is no model {name or f'for {language}'} here; there are: {known}")
    return chosen


def _print(loss: ChainLoss, console: Console) -> None:
    """Print Markdown, so that the table can go into a README as it is."""
    console.print(f"{loss.model}, {loss.detector}; word error rate in % of the path / of the same audio heard whole, and the loss")
    table = Table("call", "words", *CONDITIONS, box=box.MARKDOWN)
    names = list(dict.fromkeys(one.call for one in loss.calls))
    for name in names:
        row = [one for one in loss.calls if one.call == name]
        table.add_row(name, str(row[0].words), *map(_cell, row))
    everything = [loss.of(condition) for condition in CONDITIONS]
    table.add_row("all", str(everything[0].words), *map(_cell, everything))
    console.print(table)


def _cell(one: CallLoss) -> str:
    return f"{100 * one.path_errors / one.words:.1f} / {100 * one.whole_errors / one.words:.1f}: {one.loss_points:+.1f}"
