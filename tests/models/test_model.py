"""The committed model: what it promises, and the bar that a new one must pass before it replaces it."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cc_voice.simulator
from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.models import choose, installed
from cc_voice.speech.vosk import VoskFactory
from models.mini import build, features, graph, phrases
from models.mini.phrases import spoken_words
from models.mini.training import STEP
from tests.models.reading import outputs, read_acoustic_model

TOP = Path(__file__).resolve().parents[2]
MODEL = TOP / "models" / "mini" / "model"
SCENARIOS = sorted((Path(cc_voice.simulator.__file__).parent / "scenarios").glob("*.json"))
MARGIN_MS = 150


def test_it_is_small_and_says_what_it_is_for() -> None:
    size = sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file())
    assert size <= 2_000_000
    about = tomllib.loads((MODEL / "model.toml").read_text())
    assert about["test_only"] is True
    assert about["purpose"] == "test and demo only"
    assert about["vocabulary_words"] == len(phrases.vocabulary()) == 296
    assert (MODEL / "README").read_text().startswith("TEST AND DEMO ONLY.")


def test_the_manifest_has_the_checksum_of_every_file_that_recognition_reads() -> None:
    manifest = tomllib.loads((TOP / "models" / "manifest.toml").read_text())
    (listed,) = [entry for entry in manifest["model"] if entry.get("path") == "mini/model"]
    files = {
        path.relative_to(MODEL).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in MODEL.rglob("*")
        if path.is_file() and path.name != "README"
    }
    assert listed["files"] == files
    assert listed["test_only"] is True


def test_a_live_call_does_not_get_it_unless_allowed() -> None:
    assert choose(installed(None), "en") is None
    allowed = choose(installed(None), "en", allow_test_model=True)
    assert allowed is not None
    assert allowed.path.samefile(MODEL)


def test_its_files_belong_together() -> None:
    acoustic = read_acoustic_model((MODEL / "am/final.mdl").read_bytes())
    phones = [line.rsplit(" ", 1) for line in (MODEL / "graph/phones.txt").read_text().splitlines()]
    base = [name.removesuffix("_B") for name, _ in phones if name.endswith("_B")]
    numbering = graph.Phones(base)
    assert numbering.table() == (MODEL / "graph/phones.txt").read_text()
    assert numbering.word_boundaries() == (MODEL / "graph/phones/word_boundary.int").read_text()
    assert acoustic.pdfs == numbering.hmms(dict.fromkeys(["SIL", *base], 0.5)).pdfs
    assert len(acoustic.priors) == numbering.pdf_count
    assert acoustic.priors.sum() == pytest.approx(1)
    assert (acoustic.left_context, acoustic.right_context) == (21, 21)
    assert (MODEL / "conf/model.conf").read_text() == build._MODEL_CONF


def speech(path: Path) -> list[tuple[dict[str, Any], Samples]]:
    """The English lines of a scripted call, each with its audio and a little around it."""
    call, audio = json.loads(path.read_text()), read_audio(path.with_suffix(".flac"))
    key = "channel_id" if call["channels"][0]["channel_id"] else "user_id"
    channels = {one[key]: samples for one, samples in zip(call["channels"], audio.channels, strict=True)}
    per_ms = audio.sample_rate_hz // 1000
    return [
        (line, channels[line[key]][max(0, line["start_ms"] - MARGIN_MS) * per_ms : (line["end_ms"] + MARGIN_MS) * per_ms])
        for line in call["lines"]
        if line["language"] == "en"
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
def factory() -> VoskFactory:
    info = choose(installed(None), "en", allow_test_model=True)
    assert info is not None
    return VoskFactory(info)


def test_every_english_line_of_the_demo_is_heard(factory: VoskFactory) -> None:
    """WER ≤ 5 % over all calls; a line cut out of its call, without any neighbour's help."""
    words = wrong = 0
    for path in SCENARIOS:
        for line, samples in speech(path):
            recogniser = factory.create(features.RATE_HZ)
            recogniser.accept(samples.tobytes())
            expected = spoken_words(line["text"])
            words += len(expected)
            wrong += errors(expected, recogniser.finish().text.split())
    assert words > 300
    assert wrong <= 0.05 * words


def test_our_reading_of_the_network_hears_speech_and_silence() -> None:
    """numpy's features through the network as it was written: phones where there is speech, silence where there is none."""
    acoustic = read_acoustic_model((MODEL / "am/final.mdl").read_bytes())
    _, samples = speech(SCENARIOS[3])[0]
    logs = outputs(acoustic.layers, features.mfcc(samples.astype(np.float64)), STEP)
    assert np.exp(logs).sum(axis=1) == pytest.approx(1)
    quiet = logs.argmax(axis=1) == 0
    assert quiet[:3].all()
    assert quiet[5:-5].mean() < 0.4
