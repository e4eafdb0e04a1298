"""Measures a tiny model on sentences that neither its training nor its bigrams have seen.

    python -m models.mini.measure MODEL [--language es] [--sentences N]

Prints word error rate and confidence by voice and condition, and what the model makes of the other language: its confidence in
whole segments there, and how often the right model would be the surer one.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in build.py

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
import numpy as np

from cc_voice.speech.models.inventory import ModelInfo
from cc_voice.speech.recogniser import RecognisedSegment
from cc_voice.speech.vosk import VoskFactory
from models.mini import examples, tts
from models.mini.build import LANGUAGES, Plan
from models.mini.features import RATE_HZ
from models.mini.language import Language
from models.mini.tts import Samples, Voice

COMMITTED = {tag: Path(__file__).parent / folder for tag, folder in (("en", "model"), ("es", "model-es"))}
STRANGERS = {"en": ("en-us+marco", "gmw/en+pablo", "en-us+sandro"), "es": ("es+marco", "es-419+pablo", "es-419+sandro")}
"""Voices of espeak-ng that no model was trained on."""
SNR_DB = 15
_BAND_HZ = (300, 3400)
_PAUSE_MS = 150


class Score(msgspec.Struct, frozen=True):
    """How one segment was heard."""

    words: int
    errors: int
    right: tuple[float, ...]
    """Confidence of the words that were right."""
    wrong: tuple[float, ...]
    conf: float | None
    """The segment's; None: nothing was heard."""


def unseen(language: Language, count: int, seed: int = 31) -> list[str]:
    """Sentences of the grammar that no default build has spoken or counted."""
    plan, grammar = Plan(), language.grammar
    seen = {*grammar.sentences(plan.utterances, seed=11), *grammar.sentences(plan.bigram_sentences, seed=21)}
    fresh = dict.fromkeys(text for text in grammar.sentences(40 * count, seed) if text not in seen)
    return list(fresh)[:count]


def groups(language: Language) -> dict[str, tuple[Voice, ...]]:
    """Voices by engine and accent, and those that no training heard."""
    strangers = tuple(Voice(engine="espeak", name=name) for name in STRANGERS[language.tag])
    named: dict[str, tuple[Voice, ...]] = {}
    for voice in dict.fromkeys(language.voices):
        name = f"flite {voice.name}" if voice.engine == "flite" else f"espeak {language.accent(voice)}"
        named[name] = (*named.get(name, ()), voice)
    return named | {"espeak, voices never heard": strangers}


def telephone(samples: Samples, rng: np.random.Generator) -> Samples:
    """Telephone band, pink noise at SNR_DB, mu-law."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    band = np.fft.irfft(spectrum * ((hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])), len(samples))
    return examples.mu_law(examples.with_noise(band, rng, "pink", SNR_DB))


def conditions(text: str, voice: Voice, rng: np.random.Generator) -> Iterator[tuple[str, int, bytes]]:
    """One sentence as name of the condition, rate and PCM."""
    said = tts.speak(text, voice)
    for name, rate_hz in (("clean 16 kHz", 16_000), ("clean 8 kHz", RATE_HZ), ("telephone", RATE_HZ)):
        pause = np.zeros(rate_hz * _PAUSE_MS // 1000)
        samples = np.concatenate([pause, tts.resample(said.samples, said.rate_hz, rate_hz), pause])
        samples *= 12_000 / np.abs(samples).max()
        if name == "telephone":
            samples = telephone(samples, rng)
        yield name, rate_hz, np.round(np.clip(samples, -32768, 32767)).astype("<i2").tobytes()


def hear(factory: VoskFactory, rate_hz: int, pcm: bytes) -> RecognisedSegment:
    """What a model makes of one segment."""
    recogniser = factory.create(rate_hz)
    recogniser.accept(pcm)
    return recogniser.finish()


def score(expected: Sequence[str], heard: RecognisedSegment) -> Score:
    """Compare the words heard with those said."""
    found = [word.word for word in heard.words]
    cost = np.add.outer(np.arange(len(expected) + 1), np.arange(len(found) + 1))
    for i, word in enumerate(expected, 1):
        for j, other in enumerate(found, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (word != other), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    right = set()
    i, j = len(expected), len(found)
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + (expected[i - 1] != found[j - 1]):
            i, j = i - 1, j - 1
            right |= {j} if expected[i] == found[j] else set()
        elif cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
        else:
            i -= 1
    conf = [word.conf or 0.0 for word in heard.words]
    return Score(
        words=len(expected),
        errors=int(cost[-1, -1]),
        right=tuple(value for at, value in enumerate(conf) if at in right),
        wrong=tuple(value for at, value in enumerate(conf) if at not in right),
        conf=heard.conf,
    )


def evidence(heard: RecognisedSegment) -> float:
    """How much speaks for a model's language: letters heard, each counted by its word's confidence to the fourth.

    Confidence alone is cheap: the wrong model says *television* of four seconds of Spanish and is sure of it. So are letters alone:
    it says more where it is unsure. The power was chosen on sentences like those measured here.
    """
    return float(sum(len(word.word) * (word.conf or 0.0) ** 4 for word in heard.words))


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" if len(values) else "–"


def _report(condition: str, name: str, scores: Sequence[Score]) -> str:
    words, errors = sum(one.words for one in scores), sum(one.errors for one in scores)
    right = [value for one in scores for value in one.right]
    wrong = [value for one in scores for value in one.wrong]
    sure = f"confidence {_mean(right)} right, {_mean(wrong)} wrong"
    return f"{condition:13} {name:27} {100 * errors / words:5.1f} % WER of {words} words, {sure}"


@click.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), default="en", show_default=True, help="What the model knows.")
@click.option("--sentences", default=120, show_default=True, help="How many, for each group of voices.")
def main(model: Path, language: str, sentences: int) -> None:
    """Measure the tiny model in the directory MODEL."""
    here = LANGUAGES[language]
    factory = VoskFactory(ModelInfo(name=model.name, language=language, path=model, sample_rate_hz=RATE_HZ))
    others = {
        tag: VoskFactory(ModelInfo(name=path.name, language=tag, path=path, sample_rate_hz=RATE_HZ))
        for tag, path in COMMITTED.items()
        if tag != language
    }
    rng = np.random.default_rng(5)
    texts = unseen(here, sentences)
    scores: dict[tuple[str, str], list[Score]] = {}
    for name, voices in groups(here).items():
        for number, text in enumerate(texts):
            for condition, rate_hz, pcm in conditions(text, voices[number % len(voices)], rng):
                scores.setdefault((condition, name), []).append(score(text.split(), hear(factory, rate_hz, pcm)))
    for (condition, name), found in sorted(scores.items()):
        click.echo(_report(condition, name, found))
    for tag, other in others.items():
        for line in _compare(factory, here, other, rng, sentences):
            click.echo(f"{tag}: {line}")


def _compare(factory: VoskFactory, here: Language, other: VoskFactory, rng: np.random.Generator, sentences: int) -> Iterator[str]:
    """Lines on what both models make of both languages, a segment being one sentence."""
    for spoken in (here, LANGUAGES[other.language]):
        right_model, wrong_model = (factory, other) if spoken is here else (other, factory)
        pairs: dict[str, list[tuple[RecognisedSegment, RecognisedSegment]]] = {}
        voices = [voice for group in groups(spoken).values() for voice in group]
        for number, text in enumerate(unseen(spoken, sentences)):
            for condition, rate_hz, pcm in conditions(text, voices[number * 7 % len(voices)], rng):
                pairs.setdefault(condition, []).append((hear(right_model, rate_hz, pcm), hear(wrong_model, rate_hz, pcm)))
        for condition, found in pairs.items():
            right, wrong = np.array([[segment.conf or 0.0 for segment in pair] for pair in found]).T
            more = np.mean([evidence(pair[0]) > evidence(pair[1]) for pair in found])
            yield (
                f"{spoken.tag} spoken, {condition}: right model {right.mean():.3f} (p10 {np.quantile(right, 0.1):.2f}), "
                f"wrong model {wrong.mean():.3f} (p90 {np.quantile(wrong, 0.9):.2f}), "
                f"right one surer in {100 * (right > wrong).mean():.1f} %, by 0.05 in {100 * (right > wrong + 0.05).mean():.1f} %, "
                f"wrong one surer by 0.05 in {100 * (wrong > right + 0.05).mean():.1f} %, "
                f"right one has more evidence in {100 * more:.1f} %"
            )


if __name__ == "__main__":
    main()
