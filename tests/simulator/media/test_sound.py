"""Encodings of a track, as values; A-law is judged by libsndfile, G.722 and Opus by FFmpeg's decoders."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.simulator.media.sound import PLAIN, Frames, SoundEncoding, a_law, encodable, encode
from cc_voice.simulator.scenario import BYTES_PER_MS
from cc_voice.simulator.wire import WireCodec

TONE = (np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000) * 9000).astype("<i2")


def test_plain_audio_is_left_alone():
    assert encode(TONE.tobytes(), PLAIN).cut(100, 20) == TONE.tobytes()[100 * BYTES_PER_MS : 120 * BYTES_PER_MS]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [8000, 16_000, 32_000, 48_000])
def test_linear_audio_has_the_documented_sizes(rate_hz, channels):
    sound = encode(TONE.tobytes(), SoundEncoding(rate_hz=rate_hz, channels=channels))
    packet = sound.cut(500, 20)
    assert len(packet) == rate_hz * channels * 2 * 20 // 1000
    samples = np.frombuffer(packet, dtype="<i2").reshape(-1, channels)
    assert (samples == samples[:, :1]).all(), "both sides of stereo are the same"
    expected = np.sin(2 * np.pi * 300 * (0.5 + np.arange(len(samples)) / rate_hz)) * 9000
    assert np.abs(samples[:, 0] - expected).max() < 200


def test_a_law_is_what_libsndfile_makes_of_it():
    every = np.arange(-32768, 32768).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, a_law_decoded(a_law(every)), 8000, subtype="ALAW", format="RAW")
    assert file.getvalue() == a_law(every).tobytes(), "its encoder gives back the same codes"
    error = np.abs(a_law_decoded(a_law(every)).astype(int) - every)
    assert (error <= np.maximum(np.abs(every.astype(int)) >> 5, 8) + 8).all(), "the nearest code, not just any"


def a_law_decoded(codes: np.ndarray) -> np.ndarray:
    samples, _ = soundfile.read(
        io.BytesIO(codes.tobytes()), dtype="int16", samplerate=8000, channels=1, subtype="ALAW", format="RAW"
    )
    return samples


def test_a_law_of_a_track():
    sound = encode(TONE.tobytes(), SoundEncoding(codec=WireCodec.G711, rate_hz=8000))
    assert [len(sound.cut(at_ms, 20)) for at_ms in (0, 500, 990, 2000)] == [160] * 4
    assert a_law_decoded(np.frombuffer(sound.cut(2000, 20), dtype=np.uint8)).max() <= 8, "silence after the end"


@given(
    st.lists(st.integers(1, 20).map(lambda n: n * 20), max_size=20),
    st.sampled_from([PLAIN, SoundEncoding(codec=WireCodec.G711, rate_hz=8000)]),
)
def test_cutting_it_otherwise_changes_nothing(lengths, encoding):
    sound = encode(TONE.tobytes(), encoding)
    cuts, at_ms = b"", 0
    for length_ms in lengths:
        cuts += sound.cut(at_ms, length_ms)
        at_ms += length_ms
    assert cuts == sound.cut(0, at_ms)


def test_without_ffmpeg_there_are_no_compressed_codecs():
    have = encodable()
    assert {WireCodec.L16, WireCodec.G711, WireCodec.JPG, WireCodec.PNG} <= have
    assert len(have & {WireCodec.G722, WireCodec.OPUS, WireCodec.H264}) in (0, 3)


@pytest.mark.parametrize(
    ("codec", "rate_hz", "channels"), [(WireCodec.G722, 16_000, 1), (WireCodec.OPUS, 48_000, 1), (WireCodec.OPUS, 48_000, 2)]
)
def test_compressed_audio_can_be_decoded(codec, rate_hz, channels):
    av = pytest.importorskip("av", reason="needs the extra codecs")
    sound = encode(TONE.tobytes(), SoundEncoding(codec=codec, rate_hz=rate_hz, channels=channels), phase_ms=0)
    packets = [sound.cut(at_ms, 20) for at_ms in range(0, 1000, 20)]
    assert codec != WireCodec.G722 or {len(packet) for packet in packets} == {160}
    context = av.CodecContext.create("g722" if codec == WireCodec.G722 else "libopus", "r")
    context.sample_rate, context.layout = rate_hz, "mono" if channels == 1 else "stereo"
    heard = np.concatenate([frame.to_ndarray().reshape(-1) for packet in packets for frame in context.decode(av.Packet(packet))])
    assert abs(len(heard) - rate_hz * channels) <= rate_hz * channels // 50
    middle = heard.reshape(-1, channels)[rate_hz // 4 : rate_hz // 4 * 3, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(middle))
    assert abs(np.argmax(spectrum) * rate_hz / len(middle) - 300) < 4


def test_frames_begin_where_a_track_begins():
    frames = Frames((b"a", b"bb", b"ccc"), phase_ms=7)
    assert [frames.cut(at_ms, 20) for at_ms in (7, 27, 47, 67)] == [b"a", b"bb", b"ccc", b"ccc"]
