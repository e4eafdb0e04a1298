"""Audio writer: written down as the server says it is encoded, also when it changes its mind; damage is a hole."""

from pathlib import Path

import numpy as np
import pytest

from cc_voice.media import recordings
from cc_voice.media.recordings import Recording, StreamHeader
from cc_voice.rtms.enums import Codec, ContentType
from cc_voice.rtms.events import AudioFormat
from cc_voice.sessions.audio_writer import MOST_SOURCES, AudioWriter
from cc_voice.speech.codecs import Samples, bytes_from_int16, int16_from_bytes
from cc_voice.speech.sample_rates import resample
from tests.speech.coding import cut, encoded, needs_codecs
from tests.speech.test_packets import likeness, noise

RATE_HZ = 16_000


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    header = StreamHeader(
        call_id="c", stream_id="s", product="phone", instance_id="i", language="en", sample_rate_hz=RATE_HZ, t0_unix_ms=1
    )
    return recordings.create(tmp_path, header)


@pytest.fixture
def intake(recording: Recording) -> AudioWriter:
    return AudioWriter(recording)


def l16(samples: Samples, rate_hz: int, packet_ms: int = 20) -> list[bytes]:
    return cut(bytes_from_int16(samples), rate_hz * packet_ms // 1000 * 2)


def feed(intake: AudioWriter, wire: list[bytes], start_ms: int = 0, packet_ms: int = 20, source: str = "a") -> list[int]:
    return [intake.write(source, start_ms + number * packet_ms, packet) for number, packet in enumerate(wire)]


def written(recording: Recording, source: str = "a") -> Samples:
    file = recording.channels[source]
    return int16_from_bytes(file.read(0, file.ranges.end))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("packet_ms", [20, 60, 1000])
def test_l16_is_recorded_at_its_own_rate(recording: Recording, intake: AudioWriter, rate_hz: int, packet_ms: int) -> None:
    sound = noise(rate_hz, 3000)
    intake.set_format(AudioFormat(sample_rate_hz=rate_hz, send_rate_ms=packet_ms))
    assert set(feed(intake, l16(sound, rate_hz, packet_ms), packet_ms=packet_ms)) == {packet_ms}
    assert recording.header.sample_rate_hz == rate_hz
    assert np.array_equal(written(recording), sound)


def test_stereo_is_one_channel_of_the_same_length(recording: Recording, intake: AudioWriter) -> None:
    sound = noise(RATE_HZ)
    intake.set_format(AudioFormat(sample_rate_hz=RATE_HZ, channels=2))
    wire = cut(bytes_from_int16(np.repeat(sound, 2)), RATE_HZ // 50 * 4)
    assert set(feed(intake, wire)) == {20}
    assert list(recording.channels) == ["a"]
    assert np.array_equal(written(recording), sound)


@needs_codecs
@pytest.mark.parametrize(
    ("codec", "coder", "rate_hz", "least"), [(Codec.G722, "g722", 16_000, 0.99), (Codec.OPUS, "libopus", 48_000, 0.95)]
)
def test_a_codecs_delay_is_taken_out(
    recording: Recording, intake: AudioWriter, codec: int, coder: str, rate_hz: int, least: float
) -> None:
    sound = noise(rate_hz)
    intake.set_format(AudioFormat(sample_rate_hz=rate_hz, codec=codec))
    feed(intake, encoded(coder, sound, rate_hz))
    assert likeness(written(recording), sound) > least


@needs_codecs
def test_damaged_packets_are_holes_of_their_length(recording: Recording, intake: AudioWriter) -> None:
    intake.set_format(AudioFormat(sample_rate_hz=48_000, codec=Codec.OPUS))
    wire = encoded("libopus", noise(48_000), 48_000)
    wire[10:12] = [b"\xff", b""]
    lengths = feed(intake, wire, start_ms=100)
    assert (intake.damaged, lengths[10:12]) == (2, [0, 0])
    (_, hole_start), (hole_end, _) = recording.channels["a"].ranges.pairs()
    assert hole_end - hole_start == 40 * 48


def test_a_source_of_nothing_but_damage_makes_no_channel(recording: Recording, intake: AudioWriter) -> None:
    assert intake.write("a", 0, b"") == 0
    assert recording.channels == {}


@pytest.mark.parametrize("rate_hz", [8000, 32_000, 48_000])
def test_audio_that_comes_back_at_another_rate_goes_on_at_the_first(
    recording: Recording, intake: AudioWriter, rate_hz: int
) -> None:
    sound = noise(48_000, 2000)
    first, second = (resample(sound, 48_000, hz) for hz in (RATE_HZ, rate_hz))
    intake.set_format(AudioFormat(sample_rate_hz=RATE_HZ))
    feed(intake, l16(first[:RATE_HZ], RATE_HZ))
    intake.set_format(AudioFormat(sample_rate_hz=rate_hz))
    feed(intake, l16(second[rate_hz:], rate_hz), start_ms=1000)
    intake.finish()
    file = recording.channels["a"]
    assert (recording.header.sample_rate_hz, file.ranges.pairs()) == (RATE_HZ, [(0, 2 * RATE_HZ)])
    away_from_the_edge = slice(RATE_HZ + 500, 2 * RATE_HZ - 500)
    expected = resample(resample(sound, 48_000, rate_hz), rate_hz, RATE_HZ)
    assert likeness(written(recording)[away_from_the_edge], expected[away_from_the_edge]) > 0.99


def test_a_hole_in_converted_audio_is_a_hole(recording: Recording, intake: AudioWriter) -> None:
    intake.set_format(AudioFormat(sample_rate_hz=RATE_HZ))
    feed(intake, l16(noise(RATE_HZ, 100), RATE_HZ))
    intake.set_format(AudioFormat(sample_rate_hz=8000))
    wire = l16(noise(8000), 8000)
    feed(intake, wire[:10], start_ms=100)
    feed(intake, wire[10:20], start_ms=1000)
    intake.finish()
    assert recording.channels["a"].ranges.pairs() == [(0, 300 * 16), (1000 * 16, 1200 * 16)]


def test_a_server_that_ignores_what_was_asked_is_believed(recording: Recording, intake: AudioWriter) -> None:
    intake.set_format(AudioFormat(sample_rate_hz=8000, codec=Codec.G711))
    intake.write("a", 0, bytes([0x55]) * 160)
    assert recording.header.sample_rate_hz == 8000
    intake.set_format(AudioFormat(sample_rate_hz=8000))
    intake.write("a", 20, bytes_from_int16(np.full(160, 7, dtype=np.int16)))
    assert np.unique(written(recording)[:160]).tolist() == [-8]
    assert np.unique(written(recording)[160:]).tolist() == [7]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (AudioFormat(sample_rate_hz=48_000, codec=Codec.OPUS, content_type=ContentType.RTP), "RTP packets"),
        (AudioFormat(sample_rate_hz=48_000, codec=42), "codec 42"),
        (AudioFormat(sample_rate_hz=48_000, channels=6), "6 channels"),
    ],
)
def test_what_nobody_has_described_is_refused_with_a_reason(
    recording: Recording, intake: AudioWriter, told: AudioFormat, says: str
) -> None:
    intake.set_format(told)
    assert intake.refusal is not None
    assert says in intake.refusal
    assert feed(intake, [b"\1\2", b"\3\4"]) == [0, 0]
    assert (intake.refused, recording.channels) == (2, {})
    intake.set_format(AudioFormat(sample_rate_hz=RATE_HZ))
    assert feed(intake, l16(noise(RATE_HZ, 20), RATE_HZ)) == [20]


def test_there_is_an_end_to_sources(recording: Recording, intake: AudioWriter) -> None:
    """A peer that invents one per packet must not take all the files that a worker may have open."""
    lengths = [intake.write(f"source {number}", 0, bytes(640)) for number in range(MOST_SOURCES + 5)]
    assert lengths == [20] * MOST_SOURCES + [0] * 5
    assert (len(recording.channels), intake.crowded_out) == (MOST_SOURCES, 5)
    assert intake.write("source 0", 20, bytes(640)) == 20
    recording.close()
