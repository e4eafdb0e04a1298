"""Voiced frames, by WebRTC's detector alone: speech yes; silence, hiss and the echo 40 dB below it no."""

import numpy as np
import pytest

from cc_voice.speech.codecs import Samples
from cc_voice.speech.frames import FRAME_MS
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity.webrtc import WebrtcDetector


def voiced_share(samples: Samples, rate_hz: int = 16000) -> float:
    whole = len(samples) // (rate_hz * FRAME_MS // 1000) * (rate_hz * FRAME_MS // 1000)
    return float(np.mean(WebrtcDetector(rate_hz).push(samples[:whole].tobytes())))


def test_silence_and_hiss_are_not_voiced() -> None:
    assert voiced_share(np.zeros(16000, np.int16)) == 0
    assert voiced_share(np.random.default_rng(3).normal(0, 300, 32000).astype(np.int16)) < 0.05


@pytest.mark.parametrize("rate_hz", [8000, 16000, 32000, 48000])
def test_speech_is_voiced_at_every_rate(spoken: Samples, rate_hz: int) -> None:
    share = voiced_share(spoken)
    assert 0.2 < share < 0.9
    assert voiced_share(resample(spoken, 16000, rate_hz), rate_hz) == pytest.approx(share, abs=0.05)


def test_an_echo_of_the_other_party_is_not_voiced(spoken: Samples) -> None:
    own, echo = spoken.astype(float), spoken.astype(float) / 100
    after = WebrtcDetector(16000)
    after.push(own.astype(np.int16).tobytes())
    assert not any(after.push(echo.astype(np.int16)[: 16000 * 5].tobytes()))


def test_a_quieter_voice_alone_is_voiced(spoken: Samples) -> None:
    assert voiced_share((spoken / 5).astype(np.int16)) > 0.8 * voiced_share(spoken)


def test_a_loud_click_does_not_deafen(spoken: Samples) -> None:
    clicked = spoken.copy()
    clicked[16000:16200] = np.resize(np.array([32767, -32768], np.int16), 200)
    assert voiced_share(clicked) == pytest.approx(voiced_share(spoken), abs=0.02)


@pytest.mark.parametrize("rate_hz", [0, 11025, 44100])
def test_other_rates_are_refused_with_advice(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="resample to 16000 Hz"):
        WebrtcDetector(rate_hz)
