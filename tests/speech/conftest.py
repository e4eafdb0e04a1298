"""Fixtures of the speech tests: the committed test model and the spoken demo calls."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cc_voice.simulator
from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.models.inventory import ModelInfo, choose, installed
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity.detector import DetectorFactory, detectors
from cc_voice.speech.vosk import VoskFactory

SCENARIOS = Path(cc_voice.simulator.__file__).parent / "scenarios"


@pytest.fixture(scope="session")
def test_model() -> ModelInfo:
    """The tiny model that ships with the product."""
    model = choose(installed(None), "en", allow_test_model=True)
    assert model is not None
    return model


@pytest.fixture(scope="session")
def vosk_factory(test_model: ModelInfo) -> VoskFactory:
    return VoskFactory(test_model)


@pytest.fixture(scope="session")
def two_stages() -> DetectorFactory:
    """What live calls are heard with."""
    return detectors("silero")


@pytest.fixture(scope="session")
def scenario() -> Callable[[str], tuple[dict[str, Any], list[Samples]]]:
    """Read a demo call: its script, and its channels at 16 kHz as the wire carries them."""

    def read(name: str) -> tuple[dict[str, Any], list[Samples]]:
        audio = read_audio(SCENARIOS / f"{name}.flac")
        return json.loads((SCENARIOS / f"{name}.json").read_text()), [
            resample(one, audio.sample_rate_hz, 16000) for one in audio.channels
        ]

    return read


@pytest.fixture(scope="session")
def spoken(scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]]) -> Samples:
    """Both parties of the good call on one channel, its first twelve seconds at 16 kHz: several utterances."""
    agent, customer = scenario("good-call")[1]
    return (agent + customer)[: 12 * 16000]
