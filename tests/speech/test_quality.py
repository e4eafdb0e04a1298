"""Quality: how well it hears: eight real telephone calls, our own demo calls, and everything strange in the corpus."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import pytest

from cc_voice.bench.vad import NoiseScore, measure_vad
from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.frames import SUPPORTED_RATES_HZ
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity.detector import DetectorFactory
from cc_voice.speech.voice_activity.sounds import Sounds
from cc_voice.speech.vosk import VoskFactory

Intervals = list[tuple[int, int]]
SCENARIOS = [
    "good-call",
    "interrupted-call",
    "long-hold",
    "transfer",
    "card-number",
    "angry-to-satisfied",
    "english-to-spanish",
    "meeting",
]


def speech_of(samples: Samples, rate_hz: int, detectors: DetectorFactory) -> Intervals:
    pipeline = ChannelPipeline("ch", rate_hz, None, "en", detectors=detectors)
    pipeline.feed(samples.tobytes())
    pipeline.finish()
    return list(pipeline.speech())


@pytest.mark.parametrize(
    ("kind", "rate_hz", "worst_pct"),
    [("silero", 8000, 13), pytest.param("silero", 16000, 13, marks=pytest.mark.nightly), ("webrtc", 16000, 20)],
)
def test_talk_time_overtalk_and_silence_of_real_calls(
    corpus: Path, kind: Literal["silero", "webrtc"], rate_hz: int, worst_pct: int
) -> None:
    score = measure_vad(corpus, kind, rate_hz)
    assert len(score.errors) == 16
    assert median(score.errors) <= 5
    assert max(score.errors) <= worst_pct
    assert abs(median(one.pct for call in score.calls for one in call.talk)) <= 4
    assert all(abs(call.overtalk_pct) <= 4 and abs(call.silence_pct) <= 4 for call in score.calls)
    if kind == "silero":
        check_noise({one.name: one for one in score.noise})


def check_noise(noise: dict[str, NoiseScore]) -> None:
    """Nothing that is no speech is; music and tones are known as such, and nothing else is taken for them."""
    assert len(noise) == 19
    assert max(one.speech_pct for one in noise.values()) <= 2
    music = {name for name, one in noise.items() if one.music_pct > 90}
    assert music == {"hold-music_country_stereo", "music_acoustic-guitar_48k"}
    tones = {name for name, one in noise.items() if one.tone_pct > 50}
    assert tones == {name for name in noise if name.startswith(("dtmf", "tone"))}
    assert all(one.music_pct + one.tone_pct < 1 for name, one in noise.items() if name not in music | tones)


@pytest.mark.parametrize("peak_dbfs", [-28, -35])
def test_quiet_parties_of_real_calls_are_heard(corpus: Path, two_stages: DetectorFactory, peak_dbfs: int) -> None:
    errors = []
    for path in sorted((corpus / "dialogues").glob("hvb_re*.json")):
        call = json.loads(path.read_text())
        if not call.get("audio"):
            continue
        audio = read_audio(corpus / call["audio"])
        for role, place in call["roles"].items():
            loud = audio.channels[place["channel"]].astype(float)
            quiet = np.rint(loud * 32768 * 10 ** (peak_dbfs / 20) / np.percentile(np.abs(loud), 99.9)).astype(np.int16)
            found = sum(end - start for start, end in speech_of(quiet, audio.sample_rate_hz, two_stages))
            errors.append(found / call["reference_metrics"]["talk_ms"][role] - 1)
    assert len(errors) == 6
    assert median(map(abs, errors)) <= 0.06
    assert max(map(abs, errors)) <= 0.15


def one_to_one(found: Intervals, expected: Intervals) -> list[tuple[int, int]]:
    """Errors (start, end) in ms of the expected intervals that overlap exactly one found interval which overlaps no other."""

    def touching(one: tuple[int, int], others: Intervals) -> Intervals:
        return [other for other in others if other[0] < one[1] and other[1] > one[0]]

    pairs = [(one, touching(one, found)) for one in expected]
    return [
        (near[0][0] - one[0], near[0][1] - one[1])
        for one, near in pairs
        if len(near) == 1 and len(touching(near[0], expected)) == 1
    ]


def words_of(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", "", text.lower().replace("-", " ")).split()


def word_errors(expected: list[str], found: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, 1):
        previous, row[0] = row[0], number
        for at, other in enumerate(found, 1):
            previous, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, previous + (word != other))
    return row[-1]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_demo_call_is_heard_as_it_was_scripted(
    name: str,
    scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]],
    vosk_factory: VoskFactory,
    two_stages: DetectorFactory,
) -> None:
    call, channels = scenario(name)
    edges: list[tuple[int, int]] = []
    intervals = words = wrong = extra = 0
    for channel, samples in zip(call["channels"], channels, strict=True):
        key = "channel_id" if channel["channel_id"] else "user_id"
        lines = [line for line in call["lines"] if line[key] == channel[key]]
        foreign = [line for line in lines if line["language"] != "en"]
        pipeline = ChannelPipeline("ch", 16000, vosk_factory, "en", detectors=two_stages)
        utterances = pipeline.feed(samples.tobytes()) + pipeline.finish()
        expected = sorted((start, end) for line in lines for start, end in line["speech"])
        found = list(pipeline.speech())
        assert pipeline.sounds() == Sounds()
        edges += one_to_one(found, expected)
        intervals += len(expected)
        extra += sum(not any(low < end and high > start for low, high in expected) for start, end in found)
        script = [word for line in lines if line not in foreign for word in words_of(line["text"])]
        english = [one for one in utterances if not any(one.start_ms < x["end_ms"] and one.end_ms > x["start_ms"] for x in foreign)]
        wrong += word_errors(script, [word for one in english for word in one.text.split()])
        words += len(script)
    assert len(edges) == intervals
    assert extra == 0
    assert np.abs(np.array(edges)).mean() <= 40
    assert wrong <= 0.03 * words


@pytest.mark.nightly
def test_every_recording_of_the_corpus_is_read_and_examined(corpus: Path, two_stages: DetectorFactory) -> None:
    entries = json.loads((corpus / "manifest.json").read_text())["files"]
    files = [corpus / entry["file"] for entry in entries if entry["kind"] != "dialogue"]
    assert len(files) > 100
    for path in files:
        audio = read_audio(path)
        for channel in audio.channels:
            rate_hz = audio.sample_rate_hz if audio.sample_rate_hz in SUPPORTED_RATES_HZ[:3] else 16000
            samples = resample(channel, audio.sample_rate_hz, rate_hz)
            found = speech_of(samples, rate_hz, two_stages)
            assert all(start < end <= len(samples) * 1000 // rate_hz for start, end in found), path.name
