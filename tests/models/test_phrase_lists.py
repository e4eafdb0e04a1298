"""Phrase lists, on product names that no sentence of the tiny model's has: made of its words, spoken by synthesisers."""

import numpy as np
import pytest

from cc_voice.bench.degrade import telephone
from cc_voice.speech.codecs import Samples
from cc_voice.speech.models.inventory import choose, installed
from cc_voice.speech.phrase_boosting import MARK, WithPhrases
from cc_voice.speech.recogniser import RecognisedSegment, RecogniserFactory
from cc_voice.speech.vosk import VoskFactory
from models.mini import tts
from models.mini.tts import Voice

RATE_HZ = 16000
NAMES = ("wonderful wilson", "twenty noon printer", "emma security", "another tablet", "amazing team")
SENTENCES = ("i have a problem with my {}", "how much is the {}", "{} is not working")
OTHERS = (
    "can i have your account number please",
    "i have been waiting for two hours",
    "the price of the tablet was wrong",
    "my phone number is five five one two",
)
VOICES = (Voice(engine="espeak", name="en-us"), Voice(engine="flite", name="rms"))


def speak(text: str, voice: Voice, snr_db: float | None) -> Samples:
    speech = tts.speak(text, voice)
    loud = 0.7 * tts.resample(speech.samples, speech.rate_hz, RATE_HZ)
    samples = np.rint(np.concatenate([np.zeros(3200), loud, np.zeros(3200)])).clip(-32768, 32767).astype(np.int16)
    return samples if snr_db is None else telephone(samples, RATE_HZ, [(200, len(samples) // 16 - 200)], snr_db)


def heard(factory: RecogniserFactory, samples: Samples) -> RecognisedSegment:
    recogniser = factory.create(RATE_HZ)
    recogniser.accept(samples.tobytes())
    return recogniser.finish()


@pytest.mark.parametrize("snr_db", [None, 15.0])
def test_names_of_a_list_are_heard_more_often_and_nowhere_else(engines: None, snr_db: float | None) -> None:
    model = choose(installed(None), "en", allow_test_model=True)
    assert model is not None
    free = VoskFactory(model)
    preferring = WithPhrases(free, NAMES)
    found = {"free": 0, "preferring": 0}
    for name in NAMES:
        for sentence in SENTENCES:
            for voice in VOICES:
                samples = speak(sentence.format(name), voice, snr_db)
                one, two = heard(free, samples), heard(preferring, samples)
                found["free"] += name in one.text
                found["preferring"] += name in two.text
                assert (two.asr_model == model.name + MARK) == (one.text != two.text)
    assert found["preferring"] > found["free"]
    for other in OTHERS:
        for voice in VOICES:
            samples = speak(other, voice, snr_db)
            assert heard(preferring, samples) == heard(free, samples)
