"""Speech with known phone times: arithmetic without an engine, and both engines where they are installed."""

import subprocess
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.mini import tts
from models.mini.tts import Phone, Voice

pytestmark = pytest.mark.build

US, FLITE = Voice(engine="espeak", name="en-us"), Voice(engine="flite", name="rms")


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 8000), (22050, 8000), (16000, 8000), (8800.00001, 8000)])
def test_resampling_keeps_duration_and_tone(from_hz: float, to_hz: float) -> None:
    samples = 5000 * np.sin(2 * np.pi * 440 * np.arange(round(from_hz)) / from_hz)
    out = tts.resample(samples, from_hz, to_hz)
    expected = 5000 * np.sin(2 * np.pi * 440 * np.arange(len(out)) / to_hz)
    assert len(out) == round(len(samples) * to_hz / from_hz)
    assert np.abs(out - expected)[100:-100].max() < 60


def test_what_the_new_rate_cannot_carry_is_removed() -> None:
    samples = 5000 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(tts.resample(samples, 16000, 8000)).max() < 1


TABLE = {"a": "A", "ai": "A I", "t": "T", ";": tts.NO_SOUND, tts.SILENCE: tts.SILENCE}


@given(st.lists(st.tuples(st.sampled_from(list(TABLE)), st.integers(0, 300)), min_size=1, max_size=12))
def test_renamed_phones_touch_and_have_length(spoken: list[tuple[str, int]]) -> None:
    times = [0, *np.cumsum([length for _, length in spoken]) / 1000]
    marks = [Phone(start, end, name) for (name, _), (start, end) in zip(spoken, pairwise(times), strict=True)]
    out = tts.renamed(marks, TABLE)
    assert all(phone.end_s > phone.start_s for phone in out)
    assert all(one.end_s == two.start_s for one, two in pairwise(out))
    assert {phone.name for phone in out} <= {"A", "I", "T", tts.SILENCE}
    assert not any(one.name == tts.SILENCE == two.name for one, two in pairwise(out))
    if out and spoken[0][0] != ";":
        assert (out[0].start_s, out[-1].end_s) == (pytest.approx(0), pytest.approx(times[-1]))


def test_a_phone_that_is_not_expected_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="Z"):
        tts.renamed([Phone(0, 0.1, "Z")], TABLE)


@pytest.mark.parametrize("engine", ["espeak", "flite"])
def test_a_voice_that_is_not_there_is_refused(engines: None, engine: str) -> None:
    with pytest.raises(ValueError, match="has no voice 'nobody'"):
        tts.speak("hello", Voice(engine=engine, name="nobody"))  # type: ignore[arg-type]  # literals above


@pytest.mark.parametrize(
    "slower", [(US, Voice(engine="espeak", name="en-us", speed=90)), (FLITE, Voice(engine="flite", name="rms", stretch=2.0))]
)
def test_tempo_is_obeyed(engines: None, slower: tuple[Voice, Voice]) -> None:
    quick, slow = (len(tts.speak("i want my money back", voice).samples) for voice in slower)
    assert slow > 1.4 * quick


def test_a_fresh_voice_says_the_same_every_time(engines: None) -> None:
    one = tts.speak_fresh("good morning", US)
    tts.speak_fresh("something in between", US)
    two = tts.speak_fresh("good morning", US)
    assert np.array_equal(one.samples, two.samples)
    assert one.phones == two.phones


def test_a_missing_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    tts._flite_voices.cache_clear()
    try:
        with pytest.raises(tts.EngineMissing, match="Debian package flite"):
            tts.speak("hello", FLITE)
    finally:
        tts._flite_voices.cache_clear()


def test_flites_own_list_is_the_one_we_read(engines: None) -> None:
    listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True, check=True).stdout.split()
    assert tts._flite_voices() <= set(listed)
    assert {"kal", "rms", "slt"} <= tts._flite_voices()
