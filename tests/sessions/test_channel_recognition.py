"""Listening behind a recording that grows: how far, in what steps, and that no step changes what is heard."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cc_voice.call.utterances import Utterance
from cc_voice.media import recordings
from cc_voice.media.recordings import ChannelFile, Recording, StreamHeader
from cc_voice.sessions import channel_recognition
from cc_voice.sessions.channel_recognition import HOLE_PATIENCE_MS, ChannelRecognition, recognise_channel
from cc_voice.speech.codecs import Samples
from cc_voice.speech.errors import RecogniserError
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import Recogniser
from tests.sessions.conftest import RATE_HZ, T0, tone

PACKET_MS = 100
PACKETS = 60


class Pipeline(ChannelPipeline):
    """Keeps what it was fed."""

    def __init__(self, channel_id: str, rate_hz: int) -> None:
        super().__init__(channel_id, rate_hz, None, "en")
        self.fed = b""

    def feed(self, pcm: bytes) -> list[Utterance]:
        self.fed += pcm
        return super().feed(pcm)


class Factory:
    """Makes pipelines and keeps the last."""

    made: Pipeline

    def __call__(self, channel_id: str, rate_hz: int) -> Pipeline:
        self.made = Pipeline(channel_id, rate_hz)
        return self.made


def new_recording(folder: Path) -> Recording:
    header = StreamHeader(
        call_id="call", stream_id="s", product="meeting", instance_id="i", language="en", sample_rate_hz=RATE_HZ, t0_unix_ms=T0
    )
    return recordings.create(folder, header)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ChannelFile]:
    recording = new_recording(tmp_path)
    yield recording.channel("a")
    recording.close()


def write(file: ChannelFile, start_ms: int, length_ms: int) -> None:
    file.write(start_ms, tone(length_ms).tobytes())


def samples(ms: int) -> int:
    return ms * RATE_HZ // 1000


def test_what_arrived_is_heard_at_once_and_nothing_twice(file: ChannelFile) -> None:
    factory = Factory()
    listener = ChannelRecognition(file, factory)
    assert listener.begin(0) is None
    write(file, 0, 300)
    to = listener.begin(300)
    assert to == samples(300)
    listener.advance(to)
    assert listener.position_ms == 300
    assert listener.begin(300) is None
    assert factory.made.fed == file.read(0, to)


def test_a_hole_is_waited_for_and_then_silence(file: ChannelFile) -> None:
    listener = ChannelRecognition(file, Factory())
    write(file, 0, 100)
    listener.advance(listener.begin(100) or 0)
    assert listener.begin(100 + HOLE_PATIENCE_MS) is None
    assert listener.begin(150 + HOLE_PATIENCE_MS) == samples(150)
    assert not listener.stale


def test_silence_ends_where_audio_goes_on(file: ChannelFile) -> None:
    factory = Factory()
    listener = ChannelRecognition(file, factory)
    write(file, 0, 100)
    write(file, 500, 100)
    for expected in (100, 500, 600):
        to = listener.begin(10_000)
        assert to == samples(expected)
        listener.advance(to)
    assert not listener.stale
    assert factory.made.fed == file.read(0, samples(600))
    assert factory.made.fed[samples(100) * 2 : samples(500) * 2] == bytes(samples(400) * 2)


@pytest.mark.parametrize(("start_ms", "length_ms", "stale"), [(100, 20, True), (380, 40, True), (0, 100, False), (400, 50, False)])
def test_audio_in_silence_that_was_heard_makes_stale(file: ChannelFile, start_ms: int, length_ms: int, stale: bool) -> None:
    listener = ChannelRecognition(file, Factory())
    write(file, 0, 100)
    listener.advance(listener.begin(100) or 0)
    for stream_ms in (300, 400):  # in two steps
        listener.advance(listener.begin(stream_ms + HOLE_PATIENCE_MS) or 0)
    write(file, start_ms, length_ms)
    assert listener.stale is stale


def test_late_audio_ahead_of_the_listener_is_heard_in_its_place(file: ChannelFile) -> None:
    """Out of order, but in time: nothing has to be heard again."""
    factory = Factory()
    listener = ChannelRecognition(file, factory)
    write(file, 500, 100)
    write(file, 0, 500)
    listener.finish()
    assert not listener.stale
    assert factory.made.fed == file.read(0, samples(600))


def test_a_listener_that_is_stopped_hears_one_block_at_most(file: ChannelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_recognition, "BLOCK_MS", 100)
    listener = ChannelRecognition(file, Factory())
    write(file, 0, 1000)
    listener.stop()
    listener.advance(samples(1000))
    assert listener.position_ms == 0


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    top = tmp_path_factory.mktemp("listening")
    return (top / str(number) for number in count())


@given(
    order=st.permutations(range(PACKETS)),
    shuffled=st.booleans(),
    dropped=st.sets(st.integers(0, PACKETS - 1), max_size=30),
    ahead=st.lists(st.integers(0, 40), min_size=PACKETS, max_size=PACKETS),
)
def test_however_a_recording_grows_the_same_is_heard_or_known_to_be_wrong(
    folders: Iterator[Path],
    voices: tuple[Samples, Samples],
    order: list[int],
    shuffled: bool,
    dropped: set[int],
    ahead: list[int],
) -> None:
    """`ahead`: how many packets another channel is ahead when the listener looks."""
    recording = new_recording(next(folders))
    file, factory = recording.channel("a"), Factory()
    listener = ChannelRecognition(file, factory)
    size = RATE_HZ * PACKET_MS // 1000
    arriving = [number for number in (order if shuffled else range(PACKETS)) if number not in dropped]
    for number, early in zip(arriving, ahead, strict=False):
        file.write(number * PACKET_MS, voices[0][number * size : (number + 1) * size].tobytes())
        if (to := listener.begin((number + 1 + early) * PACKET_MS)) is not None:
            listener.advance(to)
    listener.finish()
    live = factory.made.fed
    whole = file.read(0, max(file.ranges.end, len(live) // 2))
    assert listener.stale or whole.startswith(live)
    if not listener.stale:
        assert len(live) >= file.ranges.end * 2
        speech = listener.heard().speech
        assert [i for i in speech if i[0] < recording.duration_ms] == list(recognise_channel(file, Factory()).speech)
    if not shuffled and not any(ahead):
        assert not listener.stale
    recording.close()


class Ill:
    """A RecogniserFactory that has no memory."""

    model_name, language = "ill", "en"

    def create(self, sample_rate_hz: int) -> Recogniser:
        raise RecogniserError("no memory for a recogniser")


def test_words_that_were_lost_are_told(tmp_path: Path, voices: tuple[Samples, Samples]) -> None:
    """Once for a channel: a model that fails, fails on every segment."""
    recording = new_recording(tmp_path)
    file = recording.channel("a")
    file.write(0, voices[0].tobytes())
    with capture_logs() as logs:
        heard = recognise_channel(file, lambda channel_id, rate_hz: ChannelPipeline(channel_id, rate_hz, Ill(), "en"))
    recording.close()
    assert heard.speech
    assert not heard.utterances
    (entry,) = logs
    assert (entry["log_level"], entry["channel_id"], entry["error"]) == ("error", "a", "no memory for a recogniser")
    assert entry["segments"] == len(heard.segments)
