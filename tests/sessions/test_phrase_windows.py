"""Windows of a recorded call heard again, with the real engine: digits of the demo's account numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

import cc_voice.simulator
from cc_voice.bench.degrade import telephone
from cc_voice.media import recordings
from cc_voice.media.playback import CallAudio, call_audio
from cc_voice.media.recordings import RecordingError, StreamHeader, stream_folder
from cc_voice.sessions.phrase_windows import decode_window
from cc_voice.speech.codecs import Samples, bytes_from_int16, read_audio
from cc_voice.speech.grammar import DIGITS, YES_NO, of_language
from cc_voice.speech.models.inventory import choose, installed
from cc_voice.speech.phrase_boosting import OnlyPhrases
from cc_voice.speech.sample_rates import resample
from cc_voice.speech.voice_activity.detector import DetectorFactory, detectors
from cc_voice.speech.vosk import VoskFactory

SCENARIOS = Path(cc_voice.simulator.__file__).parent / "scenarios"
RATE_HZ = 16000
PARTS = {"good-call": (0, 26_000), "card-number": (10_000, 43_000)}
"""What of the calls is recorded here: from and to, in ms."""


@pytest.fixture(scope="module")
def engine() -> VoskFactory:
    model = choose(installed(None), "en", allow_test_model=True)
    assert model is not None
    return VoskFactory(model)


@pytest.fixture(scope="module")
def two_stages() -> DetectorFactory:
    return detectors("silero")


def said(call: str) -> list[dict[str, Any]]:
    """The lines in the part of a call, in ms of the part."""
    low, high = PARTS[call]
    lines = json.loads((SCENARIOS / f"{call}.json").read_text())["lines"]
    moved = [{**one, "start_ms": one["start_ms"] - low, "end_ms": one["end_ms"] - low} for one in lines]
    return [one for one in moved if one["start_ms"] >= 0 and one["end_ms"] <= high - low]


def channels(call: str, snr_db: float | None) -> dict[str, Samples]:
    audio = read_audio(SCENARIOS / f"{call}.flac")
    low, high = PARTS[call]
    found = {}
    for name, samples in zip(("ch-a1", "ch-c1"), audio.channels, strict=True):
        part = resample(samples, audio.sample_rate_hz, RATE_HZ)[low * 16 : high * 16]
        speech = [(one["start_ms"], one["end_ms"]) for one in said(call) if one["channel_id"] == name]
        found[name] = part if snr_db is None else telephone(part, RATE_HZ, speech, snr_db)
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call that is still being recorded, one that was made small, and both over a line with noise 15 dB under the speech."""
    folder = tmp_path_factory.mktemp("recordings")
    for call in PARTS:
        for snr_db, name in ((None, call), (15.0, f"{call}-noise")):
            header = StreamHeader(
                call_id=name, stream_id="s", product="contact_center", instance_id="i", language="en", sample_rate_hz=RATE_HZ,
                t0_unix_ms=1_000,
            )  # fmt: skip
            recording = recordings.create(folder, header)
            for channel, samples in channels(call, snr_db).items():
                recording.channel(channel).write(0, bytes_from_int16(samples))
            recording.close()
            if call == "card-number":
                recordings.compress(stream_folder(folder, name, "s"))
    return folder


def audio_of(recorded: Path, call: str) -> CallAudio:
    audio = call_audio(recorded, call)
    assert audio is not None
    return audio


ACCOUNT = ("good-call", "ch-c1", "My account number", "two nine four six one eight")
CARD = ("card-number", "ch-c1", "My card number is four one one one. One", "four" + " one" * 15)
BIRTH = ("card-number", "ch-c1", "Yes please. Three", "three zero one one nine seven two")


@pytest.mark.parametrize(("call", "channel", "begins", "digits"), [ACCOUNT, CARD, BIRTH], ids=["account", "card", "birth"])
@pytest.mark.parametrize("line", ["clean", "noise"])
def test_digits_of_a_window_are_exact(
    recorded: Path, engine: VoskFactory, two_stages: DetectorFactory, line: str, call: str, channel: str, begins: str, digits: str
) -> None:
    """Of one the synthetic voice is misheard in noise, in a free hearing too: one word, and none too many."""
    (one,) = [one for one in said(call) if one["text"].startswith(begins)]
    name = call if line == "clean" else f"{call}-noise"
    factory = OnlyPhrases(engine, of_language(DIGITS, "en"))
    words = decode_window(audio_of(recorded, name), channel, one["start_ms"], one["end_ms"], factory, two_stages)
    expected = digits.split()
    if line == "noise" and call == "good-call":
        assert len(words) == len(expected)
        assert sum(word.word != right for word, right in zip(words, expected, strict=True)) <= 1
    else:
        assert [word.word for word in words] == expected
    assert all(word.start_ms is not None and one["start_ms"] - 300 <= word.start_ms < one["end_ms"] for word in words)


@pytest.mark.parametrize("call", ["good-call", "good-call-noise"])
def test_where_nobody_says_digits_none_is_heard(
    recorded: Path, engine: VoskFactory, two_stages: DetectorFactory, call: str
) -> None:
    factory = OnlyPhrases(engine, of_language(DIGITS, "en"))
    assert decode_window(audio_of(recorded, call), "ch-a1", 0, 20_000, factory, two_stages) == ()


def test_yes_is_heard_and_nothing_else(recorded: Path, engine: VoskFactory, two_stages: DetectorFactory) -> None:
    factory = OnlyPhrases(engine, of_language(YES_NO, "en"))
    audio = audio_of(recorded, "card-number")
    (yes,) = decode_window(audio, "ch-c1", 0, 30_000, factory, two_stages)
    (line,) = [one for one in said("card-number") if one["text"].startswith("Yes please")]
    assert yes.word == "yes"
    assert yes.start_ms == pytest.approx(line["start_ms"], abs=100)


def test_a_window_that_cuts_what_is_said_takes_what_lies_in_it(
    recorded: Path, engine: VoskFactory, two_stages: DetectorFactory
) -> None:
    audio, factory = audio_of(recorded, "good-call"), OnlyPhrases(engine, of_language(DIGITS, "en"))
    whole = decode_window(audio, "ch-c1", 17_000, 21_000, factory, two_stages)
    cut_ms = ((whole[2].end_ms or 0) + (whole[3].start_ms or 0)) // 2
    parts = [decode_window(audio, "ch-c1", *window, factory, two_stages) for window in ((17_000, cut_ms), (cut_ms, 21_000))]
    assert [word.word for part in parts for word in part] == [word.word for word in whole]
    assert [len(part) for part in parts] == [3, 3]


def test_a_window_beyond_the_end_is_silent(recorded: Path, engine: VoskFactory, two_stages: DetectorFactory) -> None:
    factory = OnlyPhrases(engine, of_language(DIGITS, "en"))
    assert decode_window(audio_of(recorded, "good-call"), "ch-c1", 90_000, 99_000, factory, two_stages) == ()


def test_a_channel_that_is_not_there_is_named(recorded: Path, engine: VoskFactory, two_stages: DetectorFactory) -> None:
    factory = OnlyPhrases(engine, of_language(DIGITS, "en"))
    with pytest.raises(RecordingError, match=r"nothing was recorded of channel ch-x; there are: ch-a1, ch-c1"):
        decode_window(audio_of(recorded, "good-call"), "ch-x", 0, 1_000, factory, two_stages)
