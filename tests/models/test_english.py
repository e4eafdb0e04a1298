"""English: accents, and phones of both engines as ARPAbet."""

import numpy as np
import pytest

from models.mini import english, tts
from models.mini.tts import Phone, Voice

pytestmark = pytest.mark.build

US, GB, FLITE = (
    Voice(engine="espeak", name="en-us"),
    Voice(engine="espeak", name="gmw/en"),
    Voice(engine="flite", name="rms"),
)


@pytest.mark.parametrize(
    ("voice", "accent"),
    [
        (Voice(engine="flite", name="kal"), "flite"),
        (Voice(engine="espeak", name="en-us+f2"), "us"),
        (Voice(engine="espeak", name="gmw/en-US-nyc"), "us"),
        (Voice(engine="espeak", name="gmw/en"), "gb"),
    ],
)
def test_a_voice_has_one_of_the_accents(voice: Voice, accent: str) -> None:
    assert english.accent(voice) == accent
    assert accent in english.ACCENTS


@pytest.mark.parametrize(
    ("voice", "spoken", "expected"),
    [
        (US, "h @ l oU", "HH AH L OW"),
        (US, "k A@ d", "K AA R D"),
        (GB, "k A@ d", "K AA D"),
        (US, "b E t 3", "B EH T ER"),
        (GB, "b E t 3", "B EH T AH"),
        (GB, "w e@", "W EH AH"),
        (US, "n ; j u:", "N Y UW"),
        (FLITE, "hh ax l ow", "HH AH L OW"),
    ],
)
def test_phones_become_arpabet(voice: Voice, spoken: str, expected: str) -> None:
    marks = [Phone(number / 10, (number + 1) / 10, name) for number, name in enumerate(spoken.split())]
    out = english.arpabet(marks, voice)
    assert " ".join(phone.name for phone in out) == expected
    assert (out[0].start_s, out[-1].end_s) == (0, pytest.approx(len(marks) / 10))


@pytest.mark.parametrize("voice", [US, GB, FLITE], ids=["us", "gb", "flite"])
def test_an_engines_phones_cover_its_samples(engines: None, voice: Voice) -> None:
    speech = tts.speak("hello thank you for calling", voice)
    assert 1.0 < len(speech.samples) / speech.rate_hz < 3.0
    assert 3000 < np.abs(speech.samples).max() <= 32768
    phones = english.arpabet(speech.phones, voice)
    assert (phones[0].start_s, phones[-1].end_s) == (0, pytest.approx(len(speech.samples) / speech.rate_hz))
    said = [phone.name for phone in phones if phone.name != tts.SILENCE]
    assert said[:2] == ["HH", "AH"] or said[:2] == ["HH", "EH"]
    assert {"TH", "K", "NG"} <= set(said)
