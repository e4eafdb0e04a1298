"""The committed models: what they promise, and the bar that a new one must pass before it replaces one."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cc_voice.simulator
from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.models.inventory import choose, installed
from cc_voice.speech.recogniser import RecognisedSegment
from cc_voice.speech.vosk import VoskFactory
from models.mini import build, features, graph
from models.mini.measure import evidence
from models.mini.phrases import spoken_words
from models.mini.training import STEP
from tests.models.reading import outputs, read_acoustic_model

TOP = Path(__file__).resolve().parents[2]
FOLDERS = {"en": "model", "es": "model-es"}
MODELS = {tag: TOP / "models" / "mini" / folder for tag, folder in FOLDERS.items()}
SCENARIOS = sorted((Path(cc_voice.simulator.__file__).parent / "scenarios").glob("*.json"))
MARGIN_MS = 150

every_language = pytest.mark.parametrize("language", sorted(MODELS))


@every_language
def test_it_is_small_and_says_what_it_is_for(language: str) -> None:
    model, vocabulary = MODELS[language], build.LANGUAGES[language].grammar.vocabulary()
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    assert size <= 2_000_000
    about = tomllib.loads((model / "model.toml").read_text())
    assert about["test_only"] is True
    assert about["purpose"] == "test and demo only"
    assert about["language"] == language
    assert about["vocabulary_words"] == len(vocabulary)
    known = [line.split()[0] for line in (model / "graph/words.txt").read_text().splitlines()]
    assert [word for word in vocabulary if word not in known] == []
    readme = (model / "README").read_text()
    assert readme.startswith("TEST AND DEMO ONLY.")
    assert f"{len(vocabulary)} {'English' if language == 'en' else 'Spanish'} words" in readme


@every_language
def test_the_manifest_has_the_checksum_of_every_file_that_recognition_reads(language: str) -> None:
    model = MODELS[language]
    manifest = tomllib.loads((TOP / "models" / "manifest.toml").read_text())
    (listed,) = [entry for entry in manifest["model"] if entry.get("path") == f"mini/{FOLDERS[language]}"]
    files = {
        path.relative_to(model).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in model.rglob("*")
        if path.is_file() and path.name != "README"
    }
    assert listed["files"] == files
    assert listed["language"] == language
    assert listed["test_only"] is True


@pytest.mark.parametrize(("tag", "language"), [("en", "en"), ("es", "es"), ("es-419", "es"), ("es-MX", "es")])
def test_a_live_call_does_not_get_it_unless_allowed(tag: str, language: str) -> None:
    assert choose(installed(None), tag) is None
    allowed = choose(installed(None), tag, allow_test_model=True)
    assert allowed is not None
    assert allowed.path.samefile(MODELS[language])


@every_language
def test_its_files_belong_together(language: str) -> None:
    model = MODELS[language]
    acoustic = read_acoustic_model((model / "am/final.mdl").read_bytes())
    phones = [line.rsplit(" ", 1) for line in (model / "graph/phones.txt").read_text().splitlines()]
    base = [name.removesuffix("_B") for name, _ in phones if name.endswith("_B")]
    numbering = graph.Phones(base)
    assert numbering.table() == (model / "graph/phones.txt").read_text()
    assert numbering.word_boundaries() == (model / "graph/phones/word_boundary.int").read_text()
    assert acoustic.pdfs == numbering.hmms(dict.fromkeys(["SIL", *base], 0.5)).pdfs
    assert len(acoustic.priors) == numbering.pdf_count
    assert acoustic.priors.sum() == pytest.approx(1)
    assert (acoustic.left_context, acoustic.right_context) == (21, 21)
    assert (model / "conf/model.conf").read_text() == build._MODEL_CONF


def speech(path: Path, language: str) -> list[tuple[dict[str, Any], Samples]]:
    """The lines of a scripted call in one language, each with its audio and a little around it."""
    call, audio = json.loads(path.read_text()), read_audio(path.with_suffix(".flac"))
    key = "channel_id" if call["channels"][0]["channel_id"] else "user_id"
    channels = {one[key]: samples for one, samples in zip(call["channels"], audio.channels, strict=True)}
    per_ms = audio.sample_rate_hz // 1000
    return [
        (line, channels[line[key]][max(0, line["start_ms"] - MARGIN_MS) * per_ms : (line["end_ms"] + MARGIN_MS) * per_ms])
        for line in call["lines"]
        if line["language"] == language
    ]


def errors(expected: list[str], found: list[str]) -> int:
    """Words to change, add or take away."""
    row = np.arange(len(found) + 1)
    for number, word in enumerate(expected, 1):
        before, row = row, np.full(len(found) + 1, number)
        for at, other in enumerate(found, 1):
            row[at] = min(before[at - 1] + (word != other), before[at] + 1, row[at - 1] + 1)
    return int(row[-1])


@pytest.fixture(scope="module")
def factories() -> dict[str, VoskFactory]:
    chosen = {tag: choose(installed(None), tag, allow_test_model=True) for tag in MODELS}
    return {tag: VoskFactory(info) for tag, info in chosen.items() if info is not None}


def hear(factory: VoskFactory, samples: Samples) -> RecognisedSegment:
    """A line cut out of its call, without any neighbour's help."""
    recogniser = factory.create(features.RATE_HZ)
    recogniser.accept(samples.tobytes())
    return recogniser.finish()


@pytest.mark.parametrize(("language", "at_least"), [("en", 300), ("es", 50)])
def test_every_line_of_the_calls_is_heard(factories: dict[str, VoskFactory], language: str, at_least: int) -> None:
    """WER ≤ 5 % over all calls."""
    words = wrong = 0
    for path in SCENARIOS:
        for line, samples in speech(path, language):
            expected = spoken_words(line["text"])
            words += len(expected)
            wrong += errors(expected, hear(factories[language], samples).text.split())
    assert words > at_least
    assert wrong <= 0.05 * words


@pytest.mark.build
@every_language
def test_a_model_is_surer_of_its_own_language(factories: dict[str, VoskFactory], language: str) -> None:
    """By mean confidence over the lines of all calls; what two recognisers can be compared by where no language is told."""
    lines = [samples for path in SCENARIOS for _, samples in speech(path, language)]
    confs = {tag: [hear(factory, samples).conf or 0.0 for samples in lines] for tag, factory in factories.items()}
    own = confs.pop(language)
    (other,) = confs.values()
    assert np.mean(own) > np.mean(other) + 0.05
    assert np.mean(np.array(own) > np.array(other)) > 0.75


@pytest.mark.build
@every_language
def test_the_right_model_has_more_evidence(factories: dict[str, VoskFactory], language: str) -> None:
    wrong = next(factory for tag, factory in factories.items() if tag != language)
    lines = [samples for path in SCENARIOS for line, samples in speech(path, language) if len(line["text"].split()) >= 3]
    more = [evidence(hear(factories[language], samples)) > evidence(hear(wrong, samples)) for samples in lines]
    assert np.mean(more) > 0.98


def test_our_reading_of_the_network_hears_speech_and_silence() -> None:
    """numpy's features through the network as it was written: phones where there is speech, silence where there is none."""
    acoustic = read_acoustic_model((MODELS["en"] / "am/final.mdl").read_bytes())
    _, samples = speech(SCENARIOS[3], "en")[0]
    logs = outputs(acoustic.layers, features.mfcc(samples.astype(np.float64)), STEP)
    assert np.exp(logs).sum(axis=1) == pytest.approx(1)
    quiet = logs.argmax(axis=1) == 0
    assert quiet[:3].all()
    assert quiet[5:-5].mean() < 0.4
