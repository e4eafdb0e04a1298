"""A live session: however a stream arrives, breaks and is taken up again, the same call is measured, once."""

import asyncio
import os
import random
import shutil
import threading
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from cc_voice.call.batch import Batch, CallMeasured, MediaRefusal, Oddity, StreamNotes, StreamProgress
from cc_voice.call.utterances import Utterance
from cc_voice.config.settings import Settings, bundled
from cc_voice.media import recordings
from cc_voice.rtms import events as rtms
from cc_voice.rtms.phases import Phase
from cc_voice.rtms.webhooks import Companion
from cc_voice.sessions import audio_intake
from cc_voice.sessions import session as live
from cc_voice.sessions.recognition import Pipelines, Recognition
from cc_voice.sessions.session import Session
from cc_voice.speech.codecs import Samples
from cc_voice.speech.pipeline import ChannelPipeline
from cc_voice.speech.recogniser import RecogniserFactory
from tests.conftest import PATIENCE_S
from tests.media.test_full_disk import room_for
from tests.sessions.conftest import (
    AGENT,
    CUSTOMER,
    ENDED,
    LENGTH_MS,
    OPENING,
    RATE_HZ,
    T0,
    Stream,
    Zoom,
    audio,
    event,
    interleaved,
    spec,
    tone,
    until,
)


@pytest.fixture
async def undisturbed(site: Settings, recognition: Recognition, packets: list[rtms.Audio], tmp_path: Path) -> CallMeasured:
    """The call as it is measured when nothing happens to it."""
    elsewhere = msgspec.structs.replace(site, data_dir=tmp_path / "undisturbed")
    measured = await Stream(elsewhere, recognition).run(*OPENING, *packets, ENDED)
    assert measured is not None
    assert len(measured.call.utterances) >= 3
    assert {said.party for said in measured.call.utterances} == {"agent", "customer"}
    assert measured.call.legs[0].media_gap_ms == 0
    return measured


def length_ms(measured: CallMeasured) -> int:
    return measured.call.call.end_unix_ms - measured.call.call.start_unix_ms


def open_files(folder: Path) -> list[str]:
    """Paths below a folder that this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def between(packets: list[rtms.Audio], start_ms: int, end_ms: int, source: str | None = None) -> list[rtms.Audio]:
    return [p for p in packets if start_ms <= p.timestamp_ms - T0 < end_ms and source in (None, p.source)]


async def test_a_call_passes_its_stages_and_nothing_stays_open(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets, ENDED)
    await stream.session(zoom).run()
    assert stream.stages == [("recorded", None), ("transcribed", None)]
    assert isinstance(stream.delivered[-1], CallMeasured)
    assert zoom.is_closed
    assert open_files(stream.site.data_dir) == []
    folder = recordings.stream_folder(stream.site.recordings_dir, "call", "stream/1=")
    assert sorted(path.name for path in folder.glob("*.flac")) == ["0.flac", "1.flac"]
    assert list(folder.glob("*.rec")) == []


async def test_packets_in_any_order_and_twice_are_the_same_call(
    stream: Stream, packets: list[rtms.Audio], undisturbed: CallMeasured
) -> None:
    mixed = packets + random.Random(1).sample(packets, 200)
    random.Random(2).shuffle(mixed)
    measured = await stream.run(*OPENING, *mixed, ENDED)
    assert measured is not None
    assert measured.call == undisturbed.call


async def test_a_party_whose_audio_comes_long_after_the_others_is_heard(
    stream: Stream, voices: tuple[Samples, Samples], undisturbed: CallMeasured
) -> None:
    """After a lost link one party's backlog comes whole before the other's, who was taken for silent meanwhile."""
    agent, customer = audio(AGENT, voices[0]), audio(CUSTOMER, voices[1])
    zoom = Zoom(*OPENING, *interleaved(agent[:50], customer[:50]), *agent[50:])
    running = asyncio.create_task(stream.session(zoom).run())
    await until(lambda: stream.progress and stream.progress[-1].recognised_ms >= LENGTH_MS - 1000)
    zoom.say(*customer[50:], ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    assert stream.measured is not None
    assert stream.measured.call == undisturbed.call


async def test_live_words_are_reported_as_they_are_measured(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets)
    running = asyncio.create_task(stream.session(zoom).run())
    await until(lambda: stream.progress and stream.progress[-1].recognised_ms == LENGTH_MS)
    zoom.say(ENDED)
    await running
    told = [(said.channel_id, said.start_ms, said.text) for batch in stream.progress for said in batch.utterances]
    assert stream.measured is not None
    final = [(said.channel_id, said.start_ms, said.text) for said in stream.measured.call.utterances]
    assert len(told) == len(set(told)) >= 2
    assert set(told) <= set(final)
    assert {e.name: e.at_ms for batch in stream.progress for e in batch.events} == {
        "consumer_answered": -2000,
        "first_packet_timestamp": 0,
        "user_answered": 100,
    }


async def test_recognition_that_has_not_begun_counts_as_behind(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets)
    session = stream.session(zoom)
    assert session.lag_ms == 0
    taking = session.run()
    running = asyncio.create_task(taking)
    await asyncio.sleep(0)  # the first events are taken before any thread has run
    assert session.lag_ms > 0
    await until(lambda: session.lag_ms == 0)
    zoom.say(ENDED)
    await running


async def test_a_gap_that_is_filled_later_is_no_gap(stream: Stream, packets: list[rtms.Audio], undisturbed: CallMeasured) -> None:
    head, gap, tail = between(packets, 0, 3000), between(packets, 3000, 6000), between(packets, 6000, LENGTH_MS)
    measured = await stream.run(*OPENING, *head, rtms.LinkDown(link="audio"), *tail, *gap, ENDED)
    assert measured is not None
    assert measured.call == undisturbed.call


@pytest.mark.parametrize(
    "interruption", [rtms.LinkDown(link="audio"), rtms.LinkDown(link="all"), rtms.StreamStateChanged(state=5)], ids=repr
)
async def test_a_gap_that_nobody_fills_is_counted(stream: Stream, packets: list[rtms.Audio], interruption: rtms.Event) -> None:
    measured = await stream.run(*OPENING, *between(packets, 0, 3000), interruption, *between(packets, 6000, LENGTH_MS), ENDED)
    assert measured is not None
    assert measured.call.legs[0].media_gap_ms == 3000


@pytest.mark.parametrize(
    "harmless", [rtms.LinkDown(link="transcript"), rtms.LinkUp(link="audio"), rtms.StreamStateChanged(state=1)]
)
async def test_silence_that_is_not_sent_is_no_gap(stream: Stream, packets: list[rtms.Audio], harmless: rtms.Event) -> None:
    measured = await stream.run(*OPENING, *between(packets, 0, 3000), harmless, *between(packets, 6000, LENGTH_MS), ENDED)
    assert measured is not None
    assert measured.call.legs[0].media_gap_ms == 0


async def test_a_lost_signaling_link_while_audio_flows_is_no_gap(stream: Stream, packets: list[rtms.Audio]) -> None:
    measured = await stream.run(
        *OPENING, *between(packets, 0, 3000), rtms.LinkDown(link="signaling"), *between(packets, 3000, LENGTH_MS), ENDED
    )
    assert measured is not None
    assert measured.call.legs[0].media_gap_ms == 0


async def test_words_and_events_before_the_first_packet_find_their_place(stream: Stream) -> None:
    words = rtms.Transcript(
        source=AGENT, text="hello there", timestamp_ms=T0 + 300, start_ms=T0 + 300, end_ms=T0 + 900, language="es"
    )
    answered = event("user_answered", -500, AGENT, user_id="a1", display_name="Sam")
    measured = await stream.run(words, answered, *audio(AGENT, tone(2000)), *audio(CUSTOMER, tone(2000)), ENDED)
    assert measured is not None
    assert {row.event_name: row.at_ms for row in measured.call.events} == {"user_answered": -500}
    assert [(u.text, u.start_ms, u.end_ms, u.language_code) for u in measured.call.utterances if u.source == "zoom"] == [
        ("hello there", 300, 900, "es")
    ]
    assert measured.call.call.start_unix_ms == T0


async def test_the_first_packet_event_is_the_clock_even_when_audio_comes_later(stream: Stream) -> None:
    measured = await stream.run(event("first_packet_timestamp", 0), *audio(AGENT, tone(1000), 1500), ENDED)
    assert measured is not None
    assert [row.first_packet_ms for row in measured.call.channels] == [1500]


async def test_a_packet_with_a_broken_clock_is_left_out(stream: Stream) -> None:
    far = rtms.Audio(source=AGENT, timestamp_ms=T0 + audio_intake.LONGEST_STREAM_MS + 1, pcm=tone(20).tobytes())
    early = rtms.Audio(source=AGENT, timestamp_ms=1, pcm=tone(20).tobytes())
    measured = await stream.run(*OPENING, *audio(AGENT, tone(500)), far, early, *audio(AGENT, tone(500), 500), ENDED)
    assert measured is not None
    assert [row.received_ms for row in measured.call.channels if row.channel_id == AGENT] == [1000]
    assert length_ms(measured) == 1000


async def test_a_revoked_stream_leaves_no_file_and_says_so(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets)
    running = asyncio.create_task(stream.session(zoom).run())
    await until(lambda: stream.progress and stream.progress[-1].utterances)
    zoom.say(rtms.Ended(kind="revoked", reason=8))
    await running
    assert list(stream.site.recordings_dir.iterdir()) == []
    assert stream.stages == [("revoked", "Zoom revoked the stream: everything received was deleted")]
    assert stream.measured is None
    assert open_files(stream.site.data_dir) == []


async def test_a_refused_stream_tells_the_operator_why(stream: Stream) -> None:
    with capture_logs() as logs:
        await stream.run(rtms.Ended(kind="refused", error="Zoom refused: check the client id"))
    assert stream.stages == [("failed", "Zoom refused: check the client id")]
    [end] = [line for line in logs if line["event"] == "stream ended"]
    assert (end["log_level"], end["error"]) == ("warning", "Zoom refused: check the client id")
    assert open_files(stream.site.data_dir) == []


async def test_a_stream_that_breaks_for_good_is_measured_as_far_as_it_came(stream: Stream, packets: list[rtms.Audio]) -> None:
    measured = await stream.run(*OPENING, *packets, rtms.Ended(kind="lost", error="the connection was lost"))
    assert measured is not None
    assert length_ms(measured) == LENGTH_MS


@pytest.mark.parametrize("before", [(), OPENING[:2]], ids=["nothing", "events"])
async def test_a_stream_without_media_failed(stream: Stream, before: tuple[rtms.Event, ...]) -> None:
    await stream.run(*before, ENDED)
    assert stream.stages == [("failed", "no media was received before the stream ended")]


async def test_an_announced_first_packet_that_never_came_is_a_call_without_speech(stream: Stream) -> None:
    measured = await stream.run(*OPENING, ENDED)
    assert measured is not None
    assert measured.call.utterances == ()
    assert length_ms(measured) == 0


@pytest.mark.parametrize("cut_ms", [20, 4000, LENGTH_MS - 20])
async def test_a_successor_goes_on_as_if_nothing_had_happened(
    stream: Stream, packets: list[rtms.Audio], undisturbed: CallMeasured, cut_ms: int
) -> None:
    """The first session is abandoned; Zoom repeats its events, and the audio since then and two seconds before."""
    zoom = Zoom(*OPENING, *between(packets, 0, cut_ms))
    first = stream.session(zoom)
    running = asyncio.create_task(first.run())
    await until(lambda: stream.progress and stream.progress[-1].media_ms == cut_ms)
    first.abandon()
    await asyncio.wait_for(running, PATIENCE_S)
    assert stream.stages == []
    assert open_files(stream.site.data_dir) == []
    measured = await stream.run(*OPENING, *between(packets, cut_ms - 2000, LENGTH_MS), ENDED, epoch=2, resumed=True)
    assert measured is not None
    assert measured.call == undisturbed.call
    assert (measured.epoch, measured.revision) == (2, 2)


async def test_audio_that_was_sent_to_nobody_is_a_media_gap(stream: Stream, packets: list[rtms.Audio]) -> None:
    """A service that was down for longer than Zoom keeps audio."""
    first = stream.session(zoom := Zoom(*OPENING, *between(packets, 0, 3000)))
    running = asyncio.create_task(first.run())
    await until(lambda: stream.progress and stream.progress[-1].media_ms == 3000)
    first.abandon()
    await running
    assert zoom.is_closed
    measured = await stream.run(*OPENING, *between(packets, 7000, LENGTH_MS), ENDED, epoch=2, resumed=True)
    assert measured is not None
    assert measured.call.legs[0].media_gap_ms == 4000


async def test_a_stream_that_ended_while_nobody_served_it_is_measured(stream: Stream, packets: list[rtms.Audio]) -> None:
    first = stream.session(Zoom(*OPENING, *packets))
    running = asyncio.create_task(first.run())
    await until(lambda: stream.progress and stream.progress[-1].media_ms == LENGTH_MS)
    first.abandon()
    await running
    measured = await stream.run(rtms.Ended(kind="lost", error="it ended while we were away"), epoch=2, resumed=True)
    assert measured is not None
    assert length_ms(measured) == LENGTH_MS


class Broken(Recognition):
    """Recognition whose pipelines raise what no recogniser of ours would."""

    def __init__(self, site: Settings, fails: int) -> None:
        super().__init__(site, threads=1, allow_test_model=True)
        self.asked = 0
        self._fails = fails

    def pipelines(self, language: str) -> Pipelines:
        _, model, other = super().pipelines(language)
        recogniser = self.recogniser(language)
        outer = self

        class Failing(ChannelPipeline):
            def feed(self, pcm: bytes) -> list[Utterance]:
                outer.asked += 1
                if outer.asked <= outer._fails:
                    raise MemoryError("no room for a lattice")
                return super().feed(pcm)

        def make(channel_id: str, rate_hz: int, factory: RecogniserFactory | None = recogniser) -> ChannelPipeline:
            return Failing(channel_id, rate_hz, factory, language, detectors=outer.detectors())

        return Pipelines(make, model, other)


async def test_live_recognition_that_fails_is_made_up_for_at_the_end(
    site: Settings, packets: list[rtms.Audio], undisturbed: CallMeasured
) -> None:
    broken = Broken(site, fails=2)
    stream = Stream(site, broken)
    zoom = Zoom(*OPENING, *packets)
    running = asyncio.create_task(stream.session(zoom).run())
    await until(lambda: broken.asked == 2)
    reports = len(stream.progress)
    await until(lambda: len(stream.progress) > reports + 5)
    assert broken.asked == 2, "a listener that failed is asked again and again"
    zoom.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    broken.close()
    assert stream.measured is not None
    assert stream.measured.call == undisturbed.call


async def test_a_call_keeps_its_model_though_a_better_one_is_installed_meanwhile(
    site: Settings, packets: list[rtms.Audio], undisturbed: CallMeasured
) -> None:
    """Also for what is heard only after its end: the first second comes last."""
    recognition = Recognition(site, threads=1, allow_test_model=True)
    stream = Stream(site, recognition)
    zoom = Zoom(*OPENING, *packets[100:])
    running = asyncio.create_task(stream.session(zoom).run())
    await until(lambda: any(progress.recognised_ms > 5_000 for progress in stream.progress))
    folder = site.data_dir / "models" / "own-en"
    shutil.copytree(bundled("models") / "mini" / "model", folder)
    (folder / "model.toml").write_text('language = "en"\nsample_rate_hz = 8000\n')
    assert recognition.pipelines("en").model == "own-en"
    zoom.say(*packets[:100], ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    recognition.close()
    assert stream.measured is not None
    assert stream.measured.call == undisturbed.call


async def test_a_session_that_cannot_be_measured_is_told_and_kept(site: Settings, packets: list[rtms.Audio]) -> None:
    broken = Broken(site, fails=10**9)
    stream = Stream(site, broken)
    zoom = Zoom(*OPENING, *packets, ENDED)
    with pytest.raises(MemoryError):
        await stream.session(zoom).run()
    broken.close()
    assert zoom.is_closed
    assert open_files(site.data_dir) == []
    assert stream.stages == [("recorded", None)]


async def test_reports_that_cannot_be_sent_do_not_stop_the_recording(
    site: Settings, recognition: Recognition, packets: list[rtms.Audio], undisturbed: CallMeasured
) -> None:
    class Deaf(Stream):
        def deliver(self, batch: Batch) -> None:
            if isinstance(batch, StreamProgress):
                raise ValueError("the report is too large for the pipe")
            super().deliver(batch)

    measured = await Deaf(site, recognition).run(*OPENING, *packets, ENDED)
    assert measured is not None
    assert measured.call == undisturbed.call


async def test_a_full_disk_ends_the_session_aloud_and_its_successor_completes_the_call(
    stream: Stream, packets: list[rtms.Audio], undisturbed: CallMeasured
) -> None:
    zoom = Zoom(*OPENING, *packets, ENDED)
    with room_for(RATE_HZ * 2 * 3), pytest.raises(OSError, match=r"File too large|No space left"):
        await stream.session(zoom).run()
    assert zoom.is_closed, "Zoom's sockets must not stay open without a reader"
    assert open_files(stream.site.data_dir) == []
    assert stream.stages == []
    measured = await stream.run(*OPENING, *between(packets, 2000, LENGTH_MS), ENDED, epoch=2, resumed=True)
    assert measured is not None
    assert measured.call == undisturbed.call


async def test_results_that_find_no_room_are_delivered_by_a_successor(
    site: Settings, recognition: Recognition, packets: list[rtms.Audio]
) -> None:
    class Full(Stream):
        is_full = True

        def deliver(self, batch: Batch) -> None:
            if self.is_full and not isinstance(batch, StreamProgress):
                raise OSError(28, "No space left on device")
            super().deliver(batch)

    stream = Full(site, recognition)
    with pytest.raises(OSError, match="No space left"):
        await stream.run(*OPENING, *packets, ENDED)
    assert open_files(site.data_dir) == []
    stream.is_full = False
    assert await stream.run(rtms.Ended(kind="lost", error="it ended while we were away"), epoch=2, resumed=True) is not None


async def test_a_burst_of_a_minute_leaves_the_loop_to_others(stream: Stream) -> None:
    """Other streams' keep-alives are answered in the same loop: nothing may hold it for long."""
    backlog = interleaved(audio(AGENT, tone(60_000)), audio(CUSTOMER, tone(60_000)))
    zoom = Zoom(*OPENING, *backlog)
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    turns = 0
    while session.progress().media_ms < 60_000:
        await asyncio.sleep(0)
        turns += 1
    assert turns >= len(backlog) // live.YIELD_EVERY_EVENTS
    session.abandon()
    await asyncio.wait_for(running, PATIENCE_S)


async def test_a_slow_disk_does_not_hold_the_loop_when_a_recording_is_closed(
    stream: Stream, packets: list[rtms.Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    loop_thread, flush = threading.get_ident(), os.fsync

    def fsync(fd: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{fd}").readlink().suffix, threading.get_ident() == loop_thread))
        flush(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    await stream.run(*OPENING, *packets, ENDED)
    audio_files = [in_loop for suffix, in_loop in flushed if suffix == ".rec"]
    assert audio_files == [False] * 2


async def test_sessions_of_one_call_are_measured_together(
    stream: Stream, site: Settings, recognition: Recognition, voices: tuple[Samples, Samples]
) -> None:
    """A second stream starts while the first is being completed: whoever ends last measures both."""
    second = Stream(site, recognition)
    later = [msgspec.structs.replace(p, timestamp_ms=p.timestamp_ms + 10_000) for p in audio(AGENT, voices[0])]
    both = await asyncio.gather(
        stream.run(*OPENING, *audio(AGENT, voices[0]), *audio(CUSTOMER, voices[1]), ENDED),
        second.run(*later, ENDED, stream_id="stream/2="),
    )
    last = max((measured for measured in both if measured), key=lambda measured: measured.revision)
    assert last.revision == 2
    assert length_ms(last) == 10_000 + LENGTH_MS


async def test_abandoning_does_not_wait_for_a_long_recording_to_be_heard(stream: Stream) -> None:
    """A service that stops has seconds; its successor hears the recording again anyway."""
    session = Session(spec(), Zoom(*OPENING), stream.site, stream.recognition, stream.deliver, stream.shown.append)  # type: ignore[arg-type]
    running = asyncio.create_task(session.run())
    for packet in audio(AGENT, tone(1_200_000)):
        session._take(packet)
    await until(lambda: session.progress().recognised_ms > 0)
    session.abandon()
    await asyncio.wait_for(running, PATIENCE_S)
    assert session.progress().recognised_ms < 1_200_000


async def test_what_the_protocol_counted_is_told_with_the_end(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets[:50], ENDED)
    zoom.counters = {"unknown event 31": 1, "unknown field EventUpdate.mood": 4}
    with capture_logs() as logs:
        await stream.session(zoom).run()
    (notes,) = [batch for batch in stream.delivered if isinstance(batch, StreamNotes)]
    assert notes.oddities == (Oddity("unknown field EventUpdate.mood", 4), Oddity("unknown event 31", 1))
    assert [line["odd"] for line in logs if line["event"] == "stream ended"] == [zoom.counters]


async def test_a_revoked_stream_leaves_no_notes(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets[:50], rtms.Ended(kind="revoked", reason=8))
    zoom.counters = {"garbage": 1}
    await stream.session(zoom).run()
    assert not any(isinstance(batch, StreamNotes) for batch in stream.delivered)


# -- media that Zoom does not send -------------------------------------------------------------------------------------

NO_SCOPE = rtms.MediaRefused(
    link="transcript", status=12, error="Zoom refused the handshake with status 12: give the app the scope"
)


async def test_refused_media_is_told_at_once_and_with_the_end(stream: Stream, packets: list[rtms.Audio]) -> None:
    refused = (MediaRefusal(media="transcript", error=NO_SCOPE.error),)
    zoom = Zoom(*OPENING, NO_SCOPE, *packets)
    with capture_logs() as logs:
        running = asyncio.create_task(stream.session(zoom).run())
        await until(lambda: any(batch.refused == refused for batch in stream.progress))
        zoom.say(ENDED)
        await running
    [notes] = [batch for batch in stream.delivered if isinstance(batch, StreamNotes)]
    assert (notes.oddities, notes.refused) == ((), refused)
    [logged] = [line for line in logs if line["event"] == "stream goes on without media"]
    assert (logged["media"], logged["status"], logged["log_level"]) == ("transcript", 12, "warning")
    assert stream.measured is not None, "the rest of the stream goes on"


async def test_a_stream_whose_audio_was_refused_says_so(stream: Stream) -> None:
    refused = msgspec.structs.replace(NO_SCOPE, link="audio")
    await stream.run(refused, ENDED)
    assert stream.stages == [("failed", NO_SCOPE.error)]


async def test_a_lost_link_is_in_the_log(stream: Stream) -> None:
    with capture_logs() as logs:
        await stream.run(
            *OPENING, rtms.LinkDown(link="transcript", error="nothing came for too long"), rtms.LinkUp(link="transcript"), ENDED
        )
    told = [(line["event"], line["link"], line.get("error")) for line in logs if "link" in line]
    assert told == [("link was lost", "transcript", "nothing came for too long"), ("link is up", "transcript", None)]


async def test_an_ordinary_webhook_is_an_event_of_the_call(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*packets)
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    told = Companion(name="engagement_user_barge_initiated", engagement_id="E", event_ts_ms=T0 + 1500, user_id="u", raw=b'{"a":1}')
    session.take_companion(told)
    zoom.say(ENDED)
    await asyncio.wait_for(running, PATIENCE_S)
    assert stream.measured is not None
    [event] = [event for event in stream.measured.call.events if event.source == "webhook"]
    assert (event.event_name, event.at_ms) == ("engagement_user_barge_initiated", 1500)


async def test_an_engagement_that_ended_before_its_media_came_ends_the_stream(stream: Stream) -> None:
    zoom = Zoom()
    zoom.phase = Phase.SIGNALING
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    session.take_companion(Companion(name="engagement_ended", engagement_id="E", event_ts_ms=T0))
    assert zoom.is_left
    await asyncio.wait_for(running, PATIENCE_S)
    assert stream.stages == [("failed", "no media was received before the stream ended")]


async def test_a_stream_that_is_left_for_good_is_measured(stream: Stream, packets: list[rtms.Audio]) -> None:
    zoom = Zoom(*OPENING, *packets)
    session = stream.session(zoom)
    running = asyncio.create_task(session.run())
    await until(lambda: stream.progress and stream.progress[-1].media_ms == LENGTH_MS)
    session.leave()
    await asyncio.wait_for(running, PATIENCE_S)
    assert zoom.is_left
    assert stream.measured is not None
    assert stream.measured.call.call.stop_reason == 20
