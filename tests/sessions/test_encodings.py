"""One call in every encoding that Zoom can send: the same words at the same times, whatever the audio came in."""

import asyncio
import difflib

import msgspec
import numpy as np
import pytest

from cc_voice.call.batch import CallMeasured, StreamNotes
from cc_voice.config.settings import Settings
from cc_voice.media import recordings
from cc_voice.rtms import events as rtms
from cc_voice.rtms.enums import Codec, ContentType
from cc_voice.sessions.recognition import Recognition
from cc_voice.speech.codecs import Samples, bytes_from_int16
from cc_voice.speech.sample_rates import resample
from tests.sessions.conftest import AGENT, CUSTOMER, ENDED, LENGTH_MS, OPENING, RATE_HZ, T0, Stream, interleaved, tone
from tests.speech.coding import alaw, cut, encoded, needs_codecs

HOUR_MS = 3_600_000
BETWEEN_EDGES_MS = 60
"""How far the edges of an utterance may move with the encoding."""


def opening(told: rtms.AudioFormat) -> tuple[rtms.Event, ...]:
    return (told, *OPENING[1:])


def on_the_wire(told: rtms.AudioFormat, samples: Samples, packet_ms: int) -> list[bytes]:
    """Encode samples of 16 kHz as the format says."""
    sound = resample(samples, RATE_HZ, told.sample_rate_hz)
    match told.codec:
        case Codec.G711:
            return cut(alaw(sound), told.sample_rate_hz * packet_ms // 1000)
        case Codec.G722:
            return encoded("g722", sound, told.sample_rate_hz, packet_ms)
        case Codec.OPUS:
            return encoded("libopus", sound, told.sample_rate_hz, packet_ms, told.channels)
        case _:
            size = told.sample_rate_hz * packet_ms // 1000 * 2 * told.channels
            return cut(bytes_from_int16(np.repeat(sound, told.channels)), size)


def packets(source: str, wire: list[bytes], packet_ms: int, start_ms: int = 0) -> list[rtms.Audio]:
    return [
        rtms.Audio(source=source, timestamp_ms=T0 + start_ms + number * packet_ms, pcm=payload)
        for number, payload in enumerate(wire)
    ]


def sent(told: rtms.AudioFormat, voices: tuple[Samples, Samples], packet_ms: int) -> list[rtms.Audio]:
    agent, customer = (on_the_wire(told, voice, packet_ms) for voice in voices)
    return interleaved(packets(AGENT, agent, packet_ms), packets(CUSTOMER, customer, packet_ms))


@pytest.fixture(scope="module")
def plain(recognition: Recognition, voices: tuple[Samples, Samples], tmp_path_factory: pytest.TempPathFactory) -> CallMeasured:
    """The call as it is measured from L16 at 16 kHz."""
    site = Settings(data_dir=tmp_path_factory.mktemp("plain"), cust_speech_on_hold=True)
    told = rtms.AudioFormat(sample_rate_hz=RATE_HZ)
    measured = asyncio.run(Stream(site, recognition).run(*opening(told), *sent(told, voices, 20), ENDED))
    assert measured is not None
    assert len(measured.call.utterances) >= 3
    return measured


def odd(stream: Stream) -> list[tuple[str, int]]:
    """What the stream's session told about oddities; it tells once."""
    notes = [batch for batch in stream.delivered if isinstance(batch, StreamNotes)]
    assert len(notes) <= 1
    return [(oddity.name, oddity.count) for batch in notes for oddity in batch.oddities]


def spoken(measured: CallMeasured) -> list[tuple[str, str]]:
    return [(said.party or "", word) for said in measured.call.utterances for word in said.text.split()]


def assert_same_call(measured: CallMeasured | None, plain: CallMeasured, words: float) -> None:
    """The same utterances, at the same times within tolerance, of whose words a share of `words` at least agrees."""
    assert measured is not None
    assert difflib.SequenceMatcher(None, spoken(measured), spoken(plain)).ratio() >= words
    ours, theirs = ([(said.party, said.start_ms, said.end_ms) for said in call.call.utterances] for call in (measured, plain))
    assert [party for party, _, _ in ours] == [party for party, _, _ in theirs]
    for (_, start, end), (_, start_too, end_too) in zip(ours, theirs, strict=True):
        assert abs(start - start_too) <= BETWEEN_EDGES_MS
        assert abs(end - end_too) <= BETWEEN_EDGES_MS
    leg, same = measured.call.legs[0], plain.call.legs[0]
    assert (leg.talk_ms_agent, leg.talk_ms_customer) == pytest.approx((same.talk_ms_agent, same.talk_ms_customer), rel=0.05)
    assert leg.media_gap_ms == same.media_gap_ms == 0
    assert measured.call.call.end_unix_ms - T0 == pytest.approx(LENGTH_MS, abs=60)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "packet_ms", "words"),
    [(8000, 1, 20, 0.8), (16_000, 2, 100, 1.0), (32_000, 1, 60, 0.9), (48_000, 2, 20, 0.9), (16_000, 1, 1000, 1.0)],
)
async def test_l16_in_every_row_of_the_matrix(
    stream: Stream,
    voices: tuple[Samples, Samples],
    plain: CallMeasured,
    rate_hz: int,
    channels: int,
    packet_ms: int,
    words: float,
) -> None:
    told = rtms.AudioFormat(sample_rate_hz=rate_hz, channels=channels, send_rate_ms=packet_ms)
    assert_same_call(await stream.run(*opening(told), *sent(told, voices, packet_ms), ENDED), plain, words)


async def test_g711(stream: Stream, voices: tuple[Samples, Samples], plain: CallMeasured) -> None:
    told = rtms.AudioFormat(sample_rate_hz=8000, codec=Codec.G711)
    assert_same_call(await stream.run(*opening(told), *sent(told, voices, 20), ENDED), plain, words=0.8)


@needs_codecs
@pytest.mark.parametrize(
    ("codec", "rate_hz", "channels", "packet_ms"),
    [(Codec.G722, 16_000, 1, 20), (Codec.OPUS, 48_000, 1, 20), (Codec.OPUS, 48_000, 2, 60)],
)
async def test_codecs_with_state(
    stream: Stream,
    voices: tuple[Samples, Samples],
    plain: CallMeasured,
    codec: int,
    rate_hz: int,
    channels: int,
    packet_ms: int,
) -> None:
    told = rtms.AudioFormat(sample_rate_hz=rate_hz, channels=channels, codec=codec)
    assert_same_call(await stream.run(*opening(told), *sent(told, voices, packet_ms), ENDED), plain, words=0.8)


async def test_a_reconnect_in_the_middle_may_change_the_encoding(
    stream: Stream, voices: tuple[Samples, Samples], plain: CallMeasured
) -> None:
    """Another server may grant something else; the call is one call at one rate."""
    before, after = rtms.AudioFormat(sample_rate_hz=RATE_HZ), rtms.AudioFormat(sample_rate_hz=8000, codec=Codec.G711)
    head = [one for one in sent(before, voices, 20) if one.timestamp_ms < T0 + 8000]
    tail = [one for one in sent(after, voices, 20) if one.timestamp_ms >= T0 + 8000]
    lost = rtms.LinkDown(link="audio")
    assert_same_call(await stream.run(*opening(before), *head, lost, after, *tail, ENDED), plain, words=0.8)


async def test_audio_that_cannot_be_used_is_refused_with_its_reason(stream: Stream) -> None:
    told = rtms.AudioFormat(sample_rate_hz=8000, codec=Codec.G711, content_type=ContentType.RTP)
    await stream.run(*opening(told), *packets(AGENT, [bytes(172)] * 20, 20), ENDED)
    ((stage, reason),) = stream.stages
    assert stage == "failed"
    assert reason is not None
    assert "RTP" in reason
    assert odd(stream) == [("audio lost (ms)", 400), ("audio refused", 20)]
    folder = recordings.stream_folder(stream.site.recordings_dir, "call", "stream/1=")
    assert list(folder.glob("0.*")) == []


@needs_codecs
async def test_damaged_packets_are_holes_and_the_call_goes_on(
    stream: Stream, voices: tuple[Samples, Samples], plain: CallMeasured
) -> None:
    told = rtms.AudioFormat(sample_rate_hz=48_000, codec=Codec.OPUS)
    wire = [
        msgspec.structs.replace(one, pcm=b"\xff") if one.source == AGENT and number % 201 == 0 else one
        for number, one in enumerate(sent(told, voices, 20), start=1)
    ]
    damaged = sum(one.pcm == b"\xff" for one in wire)
    measured = await stream.run(*opening(told), *wire, ENDED)
    assert damaged > 3
    assert odd(stream) == [("audio lost (ms)", 20 * damaged), ("audio damaged", damaged)]
    assert_same_call(measured, plain, words=0.6)
    assert measured is not None
    received = {channel.channel_id: channel.received_ms for channel in measured.call.channels}
    assert received[CUSTOMER] - received[AGENT] == damaged * 20


# ---- the clock of the wire


@pytest.mark.parametrize("step_ms", [3 * HOUR_MS, -3 * HOUR_MS, 10_000 - T0])
async def test_a_clock_that_is_set_in_the_middle_leaves_one_call(
    stream: Stream, voices: tuple[Samples, Samples], plain: CallMeasured, step_ms: int
) -> None:
    told = rtms.AudioFormat(sample_rate_hz=RATE_HZ)
    wire = [
        one if one.timestamp_ms < T0 + 8000 else msgspec.structs.replace(one, timestamp_ms=one.timestamp_ms + step_ms)
        for one in sent(told, voices, 20)
    ]
    assert_same_call(await stream.run(*opening(told), *wire, ENDED), plain, words=1.0)
    assert odd(stream) == [("clock set", 1)]


async def test_a_packet_a_day_ahead_makes_no_file_of_a_day(stream: Stream) -> None:
    sound = bytes_from_int16(tone(20))
    far = rtms.Audio(source=AGENT, timestamp_ms=T0 + 24 * HOUR_MS - 1000, pcm=sound)
    measured = await stream.run(*OPENING, *packets(AGENT, [sound] * 50, 20), far, *packets(AGENT, [sound] * 50, 20, 1000), ENDED)
    assert measured is not None
    assert measured.call.call.end_unix_ms - T0 == 2000
    assert odd(stream) == [("audio lost (ms)", 20), ("audio at an impossible time", 1)]


async def test_a_first_packet_from_another_year_does_not_cost_the_call(
    stream: Stream, voices: tuple[Samples, Samples], plain: CallMeasured
) -> None:
    """The announcement says about when the stream is."""
    told = rtms.AudioFormat(sample_rate_hz=RATE_HZ)
    year = rtms.Audio(source=AGENT, timestamp_ms=T0 - 365 * 24 * HOUR_MS, pcm=bytes(640))
    event_one = rtms.PlatformEvent(name="first_packet_timestamp", event_type=1, at_unix_ms=T0 + 365 * 24 * HOUR_MS)
    wire = sent(told, voices, 20)
    measured = await stream.run(told, *OPENING[1:2], event_one, OPENING[3], year, *wire, ENDED, started_event_ms=T0 - 2000)
    assert_same_call(measured, plain, words=1.0)
