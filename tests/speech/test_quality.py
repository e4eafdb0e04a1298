"""How well it hears: eight real telephone calls, our own demo calls, and everything strange in the corpus."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from cc_voice.speech.codecs import Samples, read_audio
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.resample import resample
from cc_voice.speech.vad import SUPPORTED_RATES_HZ
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


def speech_of(samples: Samples, rate_hz: int) -> Intervals:
    pipeline = ChannelPipeline("ch", rate_hz, None, "en")
    pipeline.feed(samples.tobytes())
    pipeline.finish()
    return list(pipeline.speech())


def talk_time_errors(corpus: Path, rate_hz: int) -> list[float]:
    """Relative error of talk time, one per party of the telephone calls."""
    errors = []
    for path in sorted((corpus / "dialogues").glob("hvb_*.json")):
        call = json.loads(path.read_text())
        if not call.get("audio"):
            continue
        audio = read_audio(corpus / call["audio"])
        for role, place in call["roles"].items():
            samples = resample(audio.channels[place["channel"]], audio.sample_rate_hz, rate_hz)
            found = sum(end - start for start, end in speech_of(samples, rate_hz))
            expected = call["reference_metrics"]["talk_ms"][role]
            errors.append((found - expected) / expected)
    return errors


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_talk_time_of_real_calls(corpus: Path, rate_hz: int) -> None:
    errors = talk_time_errors(corpus, rate_hz)
    assert len(errors) == 16
    assert median(map(abs, errors)) <= 0.05
    assert max(map(abs, errors)) <= 0.25
    assert abs(median(errors)) <= 0.05


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
    name: str, scenario: Callable[[str], tuple[dict[str, Any], list[Samples]]], vosk_factory: VoskFactory
) -> None:
    call, channels = scenario(name)
    edges: list[tuple[int, int]] = []
    intervals = words = wrong = extra = 0
    for channel, samples in zip(call["channels"], channels, strict=True):
        key = "channel_id" if channel["channel_id"] else "user_id"
        lines = [line for line in call["lines"] if line[key] == channel[key]]
        foreign = [line for line in lines if line["language"] != "en"]
        pipeline = ChannelPipeline("ch", 16000, vosk_factory, "en")
        utterances = pipeline.feed(samples.tobytes()) + pipeline.finish()
        expected = sorted((start, end) for line in lines for start, end in line["speech"])
        found = list(pipeline.speech())
        edges += one_to_one(found, expected)
        intervals += len(expected)
        extra += sum(not any(low < end and high > start for low, high in expected) for start, end in found)
        script = [word for line in lines if line not in foreign for word in words_of(line["text"])]
        english = [one for one in utterances if not any(one.start_ms < x["end_ms"] and one.end_ms > x["start_ms"] for x in foreign)]
        wrong += word_errors(script, [word for one in english for word in one.text.split()])
        words += len(script)
    assert len(edges) >= 0.95 * intervals
    assert extra == 0
    assert np.abs(np.array(edges)).mean() <= 60
    assert wrong <= 0.03 * words


def test_every_recording_of_the_corpus_is_read_and_examined(corpus: Path) -> None:
    entries = json.loads((corpus / "manifest.json").read_text())["files"]
    files = [corpus / entry["file"] for entry in entries if entry["kind"] != "dialogue"]
    assert len(files) > 100
    for path in files:
        audio = read_audio(path)
        for channel in audio.channels:
            rate_hz = audio.sample_rate_hz if audio.sample_rate_hz in SUPPORTED_RATES_HZ[:3] else 16000
            samples = resample(channel, audio.sample_rate_hz, rate_hz)
            found = speech_of(samples, rate_hz)
            assert all(start < end <= len(samples) * 1000 // rate_hz for start, end in found), path.name


def test_silence_is_not_speech(corpus: Path) -> None:
    audio = read_audio(corpus / "noise" / "digital-silence_2s_16k.wav")
    assert speech_of(audio.channels[0], audio.sample_rate_hz) == []
