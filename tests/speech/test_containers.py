"""M4A, WebM, AMR and FLAC in Ogg through PyAV; without it a sentence."""

import struct
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from cc_voice.speech.codecs import read_audio
from cc_voice.speech.errors import AudioFileError

RATE = 16_000
SECONDS = 3
TONES = (
    np.stack([np.sin(np.arange(SECONDS * RATE) * 2 * np.pi * hz / RATE) for hz in (440, 700)], axis=1) * [16_000, 8_000]
).astype(np.int16)


def encode(path: Path, codec: str, container: str, rate_hz: int, channels: int) -> None:
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(TONES[:, :channels]).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, rate_hz, stream.codec_context.frame_size or 1024)
        for piece in (frame, None):
            for converted in resampler.resample(piece):
                out.mux(stream.encode(converted))
        out.mux(stream.encode(None))


def crc(data: bytes) -> int:
    """The checksum of an Ogg page: polynomial 0x04c11db7, nothing reflected."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        value &= 0xFFFFFFFF
    return value


def page(packet: bytes, number: int, position: int, flags: int) -> bytes:
    lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
    head = b"OggS" + struct.pack("<BBqIIIB", 0, flags, position, 7, number, 0, len(lacing)) + bytes(lacing)
    return head[:22] + struct.pack("<I", crc(head + packet)) + head[26:] + packet


def flac_in_ogg(path: Path) -> None:
    native = path.with_suffix(".flac")
    soundfile.write(native, TONES[:, 0], RATE, subtype="PCM_16")
    head = native.read_bytes()[:42]
    with av.open(str(native)) as file:
        packets = [bytes(packet) for packet in file.demux(audio=0) if packet.size]
    tags = b"\x84\x00\x00\x08" + bytes(8)
    pages = [page(b"\x7fFLAC\x01\x00\x00\x01" + head, 0, 0, 2), page(tags, 1, 0, 0)]
    position = 0
    for number, packet in enumerate(packets, start=2):
        position = min(position + 4096, len(TONES))
        pages.append(page(packet, number, position, 4 * (number - 1 == len(packets))))
    path.write_bytes(b"".join(pages))


KINDS = [
    ("call.m4a", "aac", "ipod", 32_000, 2),
    ("call.webm", "libopus", "webm", 48_000, 2),
    ("call.amr", "libopencore_amrnb", "amr", 8_000, 1),
    ("call.wav", "g726", "wav", 8_000, 1),
]


@pytest.mark.parametrize(("name", "codec", "container", "rate_hz", "channels"), KINDS)
def test_containers_read_as_about_the_same_sound(
    tmp_path: Path, name: str, codec: str, container: str, rate_hz: int, channels: int
) -> None:
    path = tmp_path / name
    encode(path, codec, container, rate_hz, channels)
    audio = read_audio(path)
    assert (audio.sample_rate_hz, len(audio.channels)) == (rate_hz, channels)
    assert audio.duration_ms == pytest.approx(SECONDS * 1000, abs=150)
    for channel in range(channels):
        spectrum = np.abs(np.fft.rfft(audio.channels[channel]))
        assert np.argmax(spectrum) * rate_hz / len(audio.channels[channel]) == pytest.approx((440, 700)[channel], abs=5)


def test_flac_in_ogg(tmp_path: Path) -> None:
    flac_in_ogg(tmp_path / "call.ogg")
    audio = read_audio(tmp_path / "call.ogg")
    assert np.array_equal(audio.channels[0], TONES[:, 0])


def test_an_m4a_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "call.m4a"
    encode(path, "aac", "ipod", 32_000, 2)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])  # its table of contents stands at the end
    with pytest.raises(AudioFileError, match="cut short"):
        read_audio(path)


def test_without_the_library_the_operator_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "call.m4a"
    encode(path, "aac", "ipod", 32_000, 2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioFileError, match=r"M4A or MP4, which needs PyAV: install the extra codecs"):
        read_audio(path)


def test_a_flac_stream_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    soundfile.write(path, TONES, RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the 36 bits that count samples
    data[22:26] = bytes(4)
    path.write_bytes(data)
    audio = read_audio(path)
    assert all(np.array_equal(audio.channels[one], TONES[:, one]) for one in (0, 1))
