"""The time line of a whole stream: whatever links do, audio stands at its time, and what was lost is known to the millisecond."""

import tempfile
from pathlib import Path

import msgspec
import numpy as np
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
from cc_voice.sessions.open_gaps import TOGETHER_MS
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
        session._finish_media()
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


def sound(source: str, number: int, step_ms: int = 0) -> rtms.Audio:
    """A packet unlike any other of its source."""
    samples = (np.arange(320) + 331 * number + (7 if source == AGENT else 0)) % 30_011
    return rtms.Audio(source=source, timestamp_ms=T0 + number * PACKET_MS + step_ms, pcm=samples.astype("<i2").tobytes())


@pytest.mark.parametrize("step_ms", [-200, -2_000, -10_000, -100_000])
@pytest.mark.parametrize("link", [True, False], ids=["new server", "same link"])
def test_a_clock_that_steps_back_costs_nothing(recognition: Recognition, step_ms: int, link: bool) -> None:
    """As from a server that takes over and whose clock is behind: other audio, on time that is already there."""
    both = (AGENT, CUSTOMER)
    before = [sound(source, number) for number in range(6_000) for source in both]
    after = [sound(source, number, step_ms) for number in range(6_000, 6_500) for source in both]
    between = [rtms.LinkDown(link="all")] if link else []
    analysis = analysed(recognition, [*OPENING, *before, *between, *after])
    assert {one.channel_id: one.received_ms for one in analysis.channels} == dict.fromkeys(both, 6_500 * PACKET_MS)
    assert (analysis.duration_ms, analysis.media_gaps, analysis.lost) == (6_500 * PACKET_MS, (), ())


@pytest.mark.parametrize("step_ms", [-40, -180])
def test_a_clock_that_steps_back_by_less_than_a_run_costs_what_it_stepped_and_says_so(
    recognition: Recognition, step_ms: int
) -> None:
    wire = [*(sound(AGENT, number) for number in range(100)), *(sound(AGENT, number, step_ms) for number in range(100, 200))]
    analysis = analysed(recognition, [*OPENING, *wire])
    assert [one.received_ms for one in analysis.channels] == [200 * PACKET_MS + step_ms]
    assert sum(one.lost_ms for one in analysis.lost) == -step_ms


def test_a_few_packets_on_time_already_received_are_counted_as_lost(recognition: Recognition) -> None:
    wire = [sound(AGENT, number) for number in range(100)]
    wire[60:60] = [sound(AGENT, 900 + number, -(870 * PACKET_MS)) for number in range(5)]
    analysis = analysed(recognition, [*OPENING, *wire])
    assert analysis.duration_ms == 100 * PACKET_MS
    assert [(one.channel_id, one.start_ms, one.end_ms, one.lost_ms, one.why) for one in analysis.lost] == [
        (AGENT, 600, 700, 100.0, "time taken")
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    steps=st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0, -20, -60, -400, -2_000, 300, 200_000, -300_000])), max_size=5)
)
def test_every_millisecond_that_came_is_there_or_lost(recognition: Recognition, steps: list[tuple[int, int]]) -> None:
    wire, number, off = [], 0, 0
    for count, step in steps:
        wire += [sound(source, one, off) for one in range(number, number + count) for source in (AGENT, CUSTOMER)]
        number, off = number + count, off + step
    analysis = analysed(recognition, [*OPENING, *wire])
    for source in (AGENT, CUSTOMER):
        received = sum(one.received_ms for one in analysis.channels if one.channel_id == source)
        lost = sum(one.lost_ms for one in analysis.lost if one.channel_id == source)
        assert received + lost == pytest.approx(number * PACKET_MS, abs=1)


def test_what_is_lost_of_one_party_only_is_a_gap_too(recognition: Recognition) -> None:
    """A process was killed when it had read one party's last packets and not the other's."""
    wire: list[rtms.Event] = [sound(source, number) for number in range(100) for source in (AGENT, CUSTOMER)]
    del wire[-30::2]
    wire.append(rtms.LinkDown(link="audio"))
    wire += [sound(source, number) for number in range(104, 150) for source in (AGENT, CUSTOMER)]
    analysis = analysed(recognition, [*OPENING, *wire])
    assert analysis.media_gaps == ((85 * PACKET_MS, 104 * PACKET_MS),)


def test_a_party_that_is_silent_after_an_outage_makes_no_gap_of_its_silence(recognition: Recognition) -> None:
    wire: list[rtms.Event] = [sound(source, number) for number in range(100) for source in (AGENT, CUSTOMER)]
    wire.append(rtms.LinkDown(link="audio"))
    wire += [sound(AGENT, number) for number in range(110, 600)]
    wire += [sound(CUSTOMER, number) for number in range(500, 600)]
    analysis = analysed(recognition, [*OPENING, *wire])
    assert analysis.media_gaps == ((2_000, 2_200 + TOGETHER_MS),)


@pytest.mark.parametrize(("packets", "is_mixed"), [(3, False), (200, True)])
def test_audio_that_turns_to_mixed_in_a_call_is_no_party(recognition: Recognition, packets: int, is_mixed: bool) -> None:
    """Then nobody knows who spoke, and two-party numbers have a reason instead of a value."""
    wire = [sound(source, number) for number in range(200) for source in (AGENT, CUSTOMER)]
    wire += [sound("0", number) for number in range(200, 200 + packets)]
    assert analysed(recognition, [*OPENING, *wire]).mixed_audio is is_mixed
