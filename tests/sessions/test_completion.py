"""After the stream: every stage can be resumed from files, and repeated without a difference."""

from typing import Literal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cc_voice.call.batch import Batch, CallMeasured, StageReached
from cc_voice.config.settings import Settings, TranscriptSettings
from cc_voice.media import playback, recordings
from cc_voice.media.recordings import RecordingError
from cc_voice.rtms import events as rtms
from cc_voice.sessions.completion import complete, thresholds, unfilled
from cc_voice.speech.codecs import Samples
from cc_voice.speech.voice_activity.detector import detectors, recorded_name
from tests.media.test_full_disk import room_for
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, OPENING, Stream, audio, event, interleaved, spec, tone


class Interrupted(Exception):
    """The process ends here."""


@pytest.fixture
async def first(stream: Stream, packets: list[rtms.Audio], monkeypatch: pytest.MonkeyPatch) -> CallMeasured:
    """A call that was measured, its PCM not yet compressed: as a process leaves it that ends before."""
    monkeypatch.setattr(recordings, "compress", lambda *_, **__: None)
    measured = await stream.run(*OPENING, *packets, ENDED)
    assert measured is not None
    monkeypatch.undo()
    stream.delivered.clear()
    return measured


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("received", ["recorded", "transcribed", "measured"]),
        ("recorded", ["transcribed", "measured"]),
        ("transcribed", ["measured"]),
    ],
)
def test_each_stage_goes_on_to_the_same_call(stream: Stream, first: CallMeasured, stage: str, expected: list[str]) -> None:
    complete(spec(stage=stage), stream.site, stream.recognition, stream.deliver)
    told = [batch.stage if isinstance(batch, StageReached) else "measured" for batch in stream.delivered]
    assert told == expected
    assert stream.measured is not None
    assert stream.measured.call == first.call


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_process_that_ends_anywhere_is_made_good(stream: Stream, first: CallMeasured, after: int) -> None:
    """`after`: how many batches are safe when it ends."""
    safe: list[Batch] = []

    def deliver(batch: Batch) -> None:
        if len(safe) == after:
            raise Interrupted
        safe.append(batch)

    with pytest.raises(Interrupted):
        complete(spec(), stream.site, stream.recognition, deliver)
    reached = [batch.stage for batch in safe if isinstance(batch, StageReached)]
    complete(spec(epoch=2, stage=reached[-1] if reached else "received"), stream.site, stream.recognition, stream.deliver)
    assert stream.measured is not None
    assert stream.measured.call == first.call


def test_what_was_measured_can_be_measured_again_from_the_compressed_recording(stream: Stream, first: CallMeasured) -> None:
    complete(spec(), stream.site, stream.recognition, stream.deliver)
    complete(spec(stage="transcribed"), stream.site, stream.recognition, stream.deliver)
    measured = [batch for batch in stream.delivered if isinstance(batch, CallMeasured)]
    assert measured[0].call == measured[1].call == first.call


def test_a_stream_that_left_nothing_failed(stream: Stream) -> None:
    complete(spec(stage="recorded"), stream.site, stream.recognition, stream.deliver)
    assert stream.stages == [("failed", "no media was received before the stream ended")]


def test_an_analysis_that_is_gone_is_an_error_not_an_empty_call(stream: Stream) -> None:
    with pytest.raises(RecordingError, match="call call has no analysis to measure"):
        complete(spec(stage="transcribed"), stream.site, stream.recognition, stream.deliver)
    assert stream.delivered == []


def test_a_disk_too_full_to_compress_on_costs_no_result(stream: Stream, first: CallMeasured) -> None:
    with capture_logs() as logs, room_for(50_000):
        complete(spec(stage="transcribed"), stream.site, stream.recognition, stream.deliver)
    assert stream.measured is not None
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["recording stays uncompressed"]
    folder = recordings.stream_folder(stream.site.recordings_dir, "call", "stream/1=")
    assert list(folder.glob("*.flac*")) == []
    assert playback.call_audio(stream.site.recordings_dir, "call") is not None


def test_a_disk_too_full_for_the_analysis_is_told(stream: Stream, first: CallMeasured) -> None:
    with room_for(10), pytest.raises(OSError, match="File too large"):
        complete(spec(stage="recorded"), stream.site, stream.recognition, stream.deliver)
    assert stream.delivered == []


async def test_who_speaks_is_what_the_first_event_says_and_later_ones_add(stream: Stream) -> None:
    measured = await stream.run(
        event("user_answered", 0, AGENT, display_name="Sam"),
        event("user_hold", 100, AGENT, user_id="a1"),
        event("user_unhold", 200, AGENT, user_id="a2", display_name="Someone else"),
        *audio(AGENT, tone(1000)),
        ENDED,
    )
    assert measured is not None
    assert [(leg.agent_user_id, leg.agent_name) for leg in measured.call.legs] == [("a1", "Sam")]


async def test_a_tone_is_no_speech_and_the_leg_says_which_detector_knew(stream: Stream) -> None:
    measured = await stream.run(event("user_answered", 0, AGENT), *audio(AGENT, tone(3000)), ENDED)
    assert measured is not None
    (leg,) = measured.call.legs
    (row,) = measured.call.intervals
    assert (row.kind, row.party, leg.detector) == ("tone", "agent", recorded_name(detectors("silero")(16_000)))
    assert row.start_ms <= 100
    assert row.end_ms >= 2900


@pytest.mark.parametrize("factor", [1.0, -0.5])
async def test_a_stream_with_one_sound_on_both_channels_is_mixed(
    stream: Stream, voices: tuple[Samples, Samples], factor: float
) -> None:
    both = np.maximum(-32768, np.minimum(32767, voices[0].astype(int) + voices[1])).astype(np.int16)
    other = np.rint(both * factor).astype(np.int16)
    measured = await stream.run(
        event("consumer_answered", 0, CUSTOMER),
        event("user_answered", 0, AGENT),
        *interleaved(audio(AGENT, both), audio(CUSTOMER, other)),
        ENDED,
    )
    assert measured is not None
    (leg,) = measured.call.legs
    assert (leg.mixed_audio, leg.same_audio, leg.talk_ms_agent, leg.qa_obstacle) == (True, True, None, "same_audio")
    words = [row.text for row in measured.call.utterances]
    assert words
    assert len(words) == len(set(words))


Spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6)


@given(gaps=Spans, received=st.lists(Spans, max_size=3))
def test_a_media_gap_is_every_millisecond_of_a_gap_that_no_channel_received(
    gaps: list[tuple[int, int]], received: list[list[tuple[int, int]]]
) -> None:
    def milliseconds(spans: list[tuple[int, int]]) -> set[int]:
        return {ms for start, end in spans for ms in range(start, end)}

    arrived = set().union(*(milliseconds(spans) for spans in received))
    found = unfilled(gaps, received)
    assert milliseconds(list(found)) == milliseconds(gaps) - arrived
    assert list(found) == sorted(found)


@pytest.mark.parametrize("prefer", ["local", "zoom", "best"])
def test_the_site_says_whose_words_count(prefer: Literal["local", "zoom", "best"]) -> None:
    assert thresholds(Settings(transcript=TranscriptSettings(prefer=prefer))).transcript_prefer == prefer


@pytest.mark.parametrize(("is_original_host", "agent"), [(True, CUSTOMER), (False, AGENT), (None, AGENT)])
async def test_the_agent_of_a_meeting_is_who_the_site_and_the_webhook_say(
    stream: Stream, packets: list[rtms.Audio], is_original_host: bool | None, agent: str
) -> None:
    """The second to join hosts it; where the webhook does not say so, the rule goes on to the first."""
    stream.site = msgspec.structs.replace(stream.site, meeting_agent=("host", "first"))
    changes = {"product": "meeting", "operator_id": CUSTOMER, "is_original_host": is_original_host}
    target = msgspec.structs.replace(spec().target, **changes)
    joining = [event("participant_join", at_ms, who, user_id=who) for at_ms, who in ((0, AGENT), (100, CUSTOMER))]
    measured = await stream.run(OPENING[0], *joining, *packets, ENDED, product="meeting", target=target)
    assert measured is not None
    assert [channel.channel_id for channel in measured.call.channels if channel.party == "agent"] == [agent]
