"""The time line of a whole stream: whatever links do, audio stands at its time, and what was lost is known to the millisecond."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.call.intervals import canonical
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.rtms import events as rtms
from cc_voice.sessions import completion
from cc_voice.sessions.channel_recognition import RecognisedChannel
from cc_voice.sessions.recognition import Recognition
from cc_voice.sessions.session import Session
from cc_voice.speech.voice_activity.sounds import Sounds
from tests.sessions.conftest import AGENT, CUSTOMER, OPENING, T0, Zoom, spec

PACKET_MS = 20


def packet(source: str, number: int, shift_ms: int = 0) -> rtms.Audio:
    return rtms.Audio(source=source, timestamp_ms=T0 + number * PACKET_MS + shift_ms, pcm=bytes([number % 250 + 1, 0]) * 320)


def analysed(recognition: Recognition, wire: list[rtms.Event]) -> StreamAnalysis:
    """Take events as a session does, and put together what is known of the stream afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        site = Settings(data_dir=Path(folder), recogniser="none")
        session = Session(spec(), Zoom(), site, recognition, lambda batch: None, lambda words: None)  # type: ignore[arg-type]
        for event in wire:
            session._take(event)
        session._recording.close()
        recording = recordings.open_recording(recordings.stream_folder(site.recordings_dir, "call", "stream/1="))
        assert recording is not None
        unheard = RecognisedChannel(voiced=(), sounds=Sounds(), levels=(), envelope=b"", segments=(), detector="none")
        notes = completion.read_notes(recording)
        analysis = completion.analyse(recording, 1, dict.fromkeys(recording.channels, unheard), None, notes)
        recording.close()
        return analysis


class Outage(msgspec.Struct, frozen=True):
    """After `flows` packets the link goes; `again` of them are sent once more, `lost` never, and `late` ones in a burst."""

    flows: int
    lost: int
    late: int
    again: int


OUTAGES = st.lists(
    st.builds(Outage, flows=st.integers(1, 40), lost=st.integers(0, 60), late=st.integers(0, 60), again=st.integers(0, 20)),
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(outages=OUTAGES, tail=st.integers(1, 30), both=st.booleans(), link=st.sampled_from(["audio", "all", "signaling"]))
def test_what_was_lost_is_known_to_the_millisecond(
    recognition: Recognition, outages: list[Outage], tail: int, both: bool, link: rtms.LinkName
) -> None:
    sources = (AGENT, CUSTOMER) if both else (AGENT,)
    wire: list[rtms.Event] = [*OPENING]
    sent, number = set[int](), 0

    def send(first: int, count: int) -> None:
        wire.extend(packet(source, one) for one in range(first, first + count) for source in sources)
        sent.update(range(first, first + count))

    for outage in outages:
        send(number, outage.flows)
        wire.append(rtms.LinkDown(link=link))
        number += outage.flows
        again = min(outage.again, number)
        send(number - again, again)  # what had been lost before is there then
        send(number + outage.lost, outage.late)
        number += outage.lost + outage.late
    send(number, tail)
    number += tail
    analysis = analysed(recognition, wire)
    assert analysis.duration_ms == number * PACKET_MS
    assert {channel.channel_id: channel.received_ms for channel in analysis.channels} == dict.fromkeys(
        sources, len(sent) * PACKET_MS
    )
    assert analysis.media_gaps == canonical((one * PACKET_MS, (one + 1) * PACKET_MS) for one in range(number) if one not in sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    numbers=st.lists(st.integers(0, 100), min_size=1, max_size=80), shifts=st.lists(st.sampled_from([0, 3_600_000]), max_size=80)
)
def test_nothing_zoom_says_about_time_raises_or_stretches_a_call(
    recognition: Recognition, numbers: list[int], shifts: list[int]
) -> None:
    wire = [packet(AGENT, number, shift) for number, shift in zip(numbers, [*shifts, *[0] * len(numbers)], strict=False)]
    analysis = analysed(recognition, [*OPENING, *wire])
    assert analysis.duration_ms <= 102 * PACKET_MS * 2


@pytest.mark.parametrize("ahead_ms", [24 * 3_600_000, 24 * 3_600_000 - 1, 365 * 24 * 3_600_000])
def test_packets_from_the_future_cost_nothing(recognition: Recognition, ahead_ms: int) -> None:
    wire: list[rtms.Event] = [*OPENING]
    for number in range(100):
        wire.append(packet(AGENT, number))
        if number % 9 == 0:
            wire.append(packet(CUSTOMER, number * 1000, ahead_ms))
    analysis = analysed(recognition, wire)
    assert analysis.duration_ms == 2000
    assert [channel.channel_id for channel in analysis.channels] == [AGENT]
