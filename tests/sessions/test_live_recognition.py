"""Live calls on a machine with too much to do: words leave as they are said, recognition lags, nothing waits for it or is lost."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import msgspec
import pytest
from structlog.testing import capture_logs

from cc_voice.call.batch import Batch, StageReached
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.media.recordings import StreamHeader
from cc_voice.rtms import events as rtms
from cc_voice.sessions import live_recognition
from cc_voice.sessions.channel_recognition import recognise_channel
from cc_voice.sessions.recognition import ERRANDS, Pipelines, Recognition
from cc_voice.speech.codecs import Samples
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecognisedSegment
from tests.conftest import PATIENCE_S
from tests.sessions.conftest import (
    AGENT,
    ENDED,
    LENGTH_MS,
    OPENING,
    RATE_HZ,
    T0,
    Stream,
    Zoom,
    audio,
    interleaved,
    until,
)

HEADER = {
    "call_id": "old",
    "stream_id": "old",
    "product": "contact_center",
    "instance_id": "E0",
    "language": "en",
    "sample_rate_hz": RATE_HZ,
    "t0_unix_ms": T0,
}


class Slow:
    """Hears a number of words that grows with what it was given, when it may and after a while."""

    def __init__(self, go_on: threading.Event, delay_s: float) -> None:
        self._go_on = go_on
        self._delay_s = delay_s
        self._bytes = 0

    def accept(self, pcm: bytes) -> None:
        assert self._go_on.wait(PATIENCE_S)
        time.sleep(self._delay_s)
        self._bytes += len(pcm)

    def partial(self) -> str:
        return " ".join(["word"] * (self._bytes // 16_000))

    def finish(self) -> RecognisedSegment:
        return RecognisedSegment(text=self.partial())


class SlowFactory:
    """A RecogniserFactory."""

    model_name = "slow"
    language = "en"

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.go_on = threading.Event()
        """Nothing is heard while this is not set."""

    def create(self, sample_rate_hz: int) -> Slow:
        return Slow(self.go_on, self.delay_s)


class SlowRecognition(Recognition):
    """A few threads, and a recogniser that may be slow on purpose."""

    def __init__(self, site: Settings, threads: int, delay_s: float = 0.0, *, held: bool = False) -> None:
        super().__init__(site, threads, allow_test_model=True)
        self.factory = SlowFactory(delay_s)
        if not held:
            self.factory.go_on.set()

    def pipelines(self, language: str) -> Pipelines:
        def make(channel_id: str, rate_hz: int) -> ChannelPipeline:
            return ChannelPipeline(channel_id, rate_hz, self.factory, language)

        return Pipelines(make, "slow", lambda _: self.factory)


async def test_words_leave_as_they_are_said_and_end_as_they_are_measured(stream: Stream, packets: list[rtms.Audio]) -> None:
    """Fed as a live call is, a little at a time."""
    zoom = Zoom(*OPENING)
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    for at in range(0, len(packets), 40):
        zoom.say(*packets[at : at + 40])
        await until(lambda: session.lag_ms == 0)
    zoom.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    assert stream.measured is not None
    reported = [(said.channel_id, said.text) for batch in stream.progress for said in batch.utterances]
    final = [(words.channel_id, words.text) for words in stream.shown if words.is_final]
    assert sorted(final) == sorted(reported)
    changing = [words for words in stream.shown if not words.is_final]
    for channel_id, text in final:
        grown = [w.text for w in changing if w.channel_id == channel_id and w.text and text.startswith(w.text.split()[0])]
        assert len(grown) >= 2, "the words came all at once"
    told = sorted((words.channel_id, words.start_ms, words.text) for words in changing if words.text)
    assert all(before != after for before, after in itertools.pairwise(told)), "words left that had not changed"


async def test_words_that_may_change_are_in_no_file_and_no_log(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets)
    session = stream.session(zoom)
    with capture_logs() as logs:
        running = asyncio.create_task(session.run())
        await until(lambda: session.lag_ms == 0 and session.progress().media_ms == LENGTH_MS)
        written = b"".join(path.read_bytes() for path in stream.site.data_dir.rglob("*") if path.is_file())
        zoom.say(ENDED)
        await asyncio.wait_for(running, PATIENCE_S)
    texts = {words.text for words in stream.shown if not words.is_final and words.text}
    assert texts
    for text in texts:
        assert text.encode() not in written
        assert text not in repr(logs)


async def test_an_overloaded_worker_lags_and_loses_nothing(site: Settings, voices: tuple[Samples, Samples]) -> None:
    """Eight channels on two threads that hear nothing for as long as media comes: it is taken all the same."""
    recognition = SlowRecognition(site, threads=2, held=True)
    streams = []
    for number in range(4):
        one = Stream(msgspec.structs.replace(site, data_dir=site.data_dir / str(number)), recognition)
        packets = interleaved(audio(AGENT, voices[0]), audio("41", voices[1]))
        zoom = Zoom(*OPENING, *packets)
        session = one.session(zoom, call_id=f"call{number}", stream_id=f"stream{number}")
        streams.append((one, zoom, session, asyncio.create_task(session.run())))
    await until(lambda: all(session.progress().media_ms == LENGTH_MS for _, _, session, _ in streams))
    await until(lambda: all(session.lag_ms for _, _, session, _ in streams))
    assert max(session.lag_ms for _, _, session, _ in streams) > LENGTH_MS / 2
    recognition.factory.go_on.set()
    for _, zoom, _, _ in streams:
        zoom.say(ENDED)
    await asyncio.wait_for(asyncio.gather(*(running for *_, running in streams)), PATIENCE_S)
    recognition.close()
    words = []
    for one, *_ in streams:
        assert one.measured is not None
        words.append([(said.channel_id, said.start_ms, said.text) for said in one.measured.call.utterances])
    assert words[0]
    assert words == [words[0]] * 4


async def test_a_live_call_is_heard_while_a_long_recording_catches_up(site: Settings, voices: tuple[Samples, Samples]) -> None:
    """One core: the recording has it until the call needs it, and ends all the same."""
    recognition = SlowRecognition(site, threads=1, delay_s=0.1)
    long = recordings.create(site.data_dir / "old", StreamHeader(**HEADER))
    file = long.channel(AGENT)
    for number in range(4):
        file.write(number * LENGTH_MS, voices[0].tobytes())
    make, *_ = recognition.pipelines("en")
    catching_up = recognition.backlog.submit(recognise_channel, file, make, recognition.priority_pool.catch_up)
    stream = Stream(site, recognition)
    zoom = Zoom(*OPENING, *audio(AGENT, voices[0][: 5 * RATE_HZ]))
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    await until(lambda: session.progress().media_ms == 5000 and session.lag_ms == 0)
    assert not catching_up.done(), "there was nothing to go before"
    recognition.factory.delay_s = 0.0
    heard = await asyncio.wait_for(asyncio.wrap_future(catching_up), PATIENCE_S)
    assert heard.utterances[-1].end_ms > 3 * LENGTH_MS
    zoom.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    long.close()
    recognition.close()


async def test_calls_that_have_ended_keep_no_new_call_from_being_heard(
    site: Settings, recognition: Recognition, packets: list[rtms.Audio]
) -> None:
    """They may take long: their blocks are heard last, and a disk may be slow. More of them than there are threads."""
    go_on = threading.Event()

    def deliver(batch: Batch) -> None:
        assert not isinstance(batch, StageReached) or go_on.wait(PATIENCE_S)

    ended = []
    for number in range(2 * ERRANDS):
        old = Stream(msgspec.structs.replace(site, data_dir=site.data_dir / f"old{number}"), recognition)
        old.deliver = deliver  # type: ignore[method-assign]
        session = old.session(Zoom(*OPENING, *packets[:20], ENDED), call_id=f"old{number}", stream_id=f"old{number}")
        ended.append((session, asyncio.create_task(session.run())))
    await until(lambda: all(session.progress().media_ms for session, _ in ended))
    stream = Stream(site, recognition)
    zoom = Zoom(*OPENING, *packets)
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    await until(lambda: session.progress().media_ms == LENGTH_MS and session.lag_ms == 0)
    assert not any(task.done() for _, task in ended), "there was nothing in the way"
    go_on.set()
    zoom.say(ENDED)
    await asyncio.wait_for(asyncio.gather(running, *(task for _, task in ended)), PATIENCE_S)
    assert stream.measured is not None


async def test_a_stream_far_behind_does_not_go_before_one_that_is_on_time(
    site: Settings, voices: tuple[Samples, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was taken up again has minutes to catch up; another call's words are about now."""
    ranks: list[tuple[int, bool]] = []
    recognition = SlowRecognition(site, threads=1)
    submit = recognition.priority_pool.submit

    def noted(work: Callable[[], object], *, live: bool) -> "Future[object]":
        ranks.append((session.lag_ms, live))
        return submit(work, live=live)

    monkeypatch.setattr(recognition.priority_pool, "submit", noted)
    zoom = Zoom(*OPENING, *(packet for at in range(3) for packet in audio(AGENT, voices[0], at * LENGTH_MS)))
    session = Stream(site, recognition).session(zoom)
    running = asyncio.create_task(session.run())
    await until(lambda: session.progress().media_ms == 3 * LENGTH_MS and session.lag_ms == 0)
    zoom.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    recognition.close()
    hearing_s = [(lag_ms, live) for lag_ms, live in ranks if lag_ms]
    assert {live for lag_ms, live in hearing_s if lag_ms >= live_recognition.FAR_BEHIND_MS} == {False}
    assert {live for lag_ms, live in hearing_s if lag_ms < live_recognition.FAR_BEHIND_MS} == {True}


async def test_who_is_behind_does_not_wait_for_the_next_look(
    site: Settings, voices: tuple[Samples, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block is a second: one look after another is not enough for 45 seconds when looks are far apart."""
    recognition = SlowRecognition(site, threads=1, held=True)
    stream = Stream(site, recognition)
    zoom = Zoom(*OPENING, *(packet for at in range(3) for packet in audio(AGENT, voices[0], at * LENGTH_MS)))
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    await until(lambda: session.progress().media_ms == 3 * LENGTH_MS)
    monkeypatch.setattr(live_recognition, "LOOK_EVERY_S", 10 * PATIENCE_S)
    recognition.factory.go_on.set()
    await until(lambda: session.lag_ms < 1000)
    session.abandon()
    await asyncio.wait_for(running, PATIENCE_S)
    recognition.close()
