"""The whole builder at its smallest, and Vosk with what it built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cc_voice.speech.models.inventory import ModelInfo, check
from models.mini import build, features
from models.mini.language import Language
from tests.conftest import PATIENCE_S
from tests.models.reading import read_acoustic_model, read_fst

LISTEN = """
import json, sys, vosk
import numpy as np
vosk.SetLogLevel(-1)
model = vosk.Model(model_path=sys.argv[1])
recogniser = vosk.KaldiRecognizer(model, 8000)
recogniser.SetWords(True)
rng = np.random.default_rng(1)
for _ in range(30):
    recogniser.AcceptWaveform((rng.normal(0, 3000, 800)).astype("<i2").tobytes())
recogniser.AcceptWaveform(bytes(16000))
print(json.dumps({"result": json.loads(recogniser.FinalResult()), "words": [model.vosk_model_find_word(w) for w in sys.argv[2:]]}))
"""
"""In a process of its own: what is wrong in a graph ends the process, not the call."""


@pytest.mark.parametrize(
    ("language", "word"),
    [
        pytest.param(build.LANGUAGES["en"], "hello", id="en"),
        pytest.param(build.LANGUAGES["es"], "días", id="es", marks=pytest.mark.build),
    ],
)
def test_a_model_of_one_epoch_is_loaded_and_decodes(engines: None, tmp_path: Path, language: Language, word: str) -> None:
    said: list[str] = []
    plan = build.Plan(utterances=40, copies=1, width=24, epochs=1, batch=4, bigram_sentences=300)
    build.write(build.build(language, plan, said.append), tmp_path)
    check(ModelInfo(name="built", language=language.tag, path=tmp_path, sample_rate_hz=features.RATE_HZ))
    acoustic = read_acoustic_model((tmp_path / "am/final.mdl").read_bytes())
    assert acoustic.input_dimension == features.DIMENSION
    assert len(acoustic.layers[-1].bias) == len(acoustic.priors) == max(acoustic.pdfs) + 1
    lexicon = read_fst((tmp_path / "graph/HCLr.fst").read_bytes())
    assert {arc.input for _, arc in lexicon.every_arc()} <= set(range(2 * len(acoustic.phones) + 1))
    assert [line.split()[0] for line in said] == ["spoke", "found", "epoch"]
    listened = subprocess.run(
        [sys.executable, "-c", LISTEN, str(tmp_path), word, "nonsuch"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert listened.returncode == 0, listened.stderr
    heard = json.loads(listened.stdout)
    assert heard["words"][0] > 0 > heard["words"][1]
    assert set(heard["result"]["text"].split()) <= set(language.grammar.vocabulary())


def test_the_command_explains_itself() -> None:
    shown = CliRunner().invoke(build.main, ["--help"])
    assert shown.exit_code == 0
    assert all(option in shown.output for option in ("OUT", "--language", "--utterances", "--epochs"))


@pytest.mark.parametrize("folder", ["model", "model-es"])
def test_the_committed_models_are_of_the_default_plan(folder: str) -> None:
    committed = Path(build.__file__).parent / folder
    acoustic = read_acoustic_model((committed / "am/final.mdl").read_bytes())
    assert {len(layer.bias) for layer in acoustic.layers[:-1]} == {build.Plan().width}
    assert (committed / "conf/mfcc.conf").read_text() == features.MFCC_CONF
