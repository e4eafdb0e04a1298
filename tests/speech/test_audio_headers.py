"""Lengths that recorders left wrong: read to the end and told, or refused, in every container that has one."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cc_voice.speech import audio_headers
from cc_voice.speech.codecs import open_audio, read_audio
from cc_voice.speech.errors import AudioFileError

RATE = 8000
SECONDS = 2
TONES = (
    np.stack([np.sin(np.arange(SECONDS * RATE) * 2 * np.pi * hz / RATE) for hz in (440, 700)], axis=1) * [16_000, 8_000]
).astype(np.int16)

LENGTHS: dict[str, tuple[str, Callable[[bytes], int], str, int]] = {
    "WAV": ("PCM_16", lambda data: data.index(b"data") + 4, "<I", 0),
    "RF64": ("PCM_16", lambda data: data.index(b"ds64") + 16, "<Q", 0),
    "W64": ("PCM_16", lambda data: data.index(b"data") + 16, "<Q", 24),
    "AU": ("PCM_16", lambda data: 8, ">I", 0),
    "AIFF": ("PCM_16", lambda data: data.index(b"SSND") + 4, ">I", 8),
}
"""Container → subtype, where its length stands, how it is written, and what it counts beside the audio."""


def written(path: Path, container: str) -> bytes:
    soundfile.write(path, TONES, RATE, subtype=LENGTHS[container][0], format=container)
    return path.read_bytes()


def with_length(data: bytes, container: str, length: int) -> bytes:
    _, place, kind, extra = LENGTHS[container]
    whole = bytearray(data)
    struct.pack_into(kind, whole, place(data), length + extra if length < 1 << 31 else length)
    return bytes(whole)


def note_of(path: Path) -> str:
    with open_audio(path) as audio:
        return audio.note or ""


def assert_whole(path: Path) -> None:
    audio = read_audio(path)
    assert audio.duration_ms == SECONDS * 1000
    assert all(np.array_equal(audio.channels[one], TONES[:, one]) for one in (0, 1))


@pytest.mark.parametrize("container", LENGTHS)
def test_a_whole_file_has_nothing_to_say(tmp_path: Path, container: str) -> None:
    path = tmp_path / "call"
    written(path, container)
    assert audio_headers.examine(path) == audio_headers.Header()
    assert_whole(path)


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB])
def test_a_wav_of_a_recorder_that_never_came_back_is_read_to_its_end(tmp_path: Path, length: int) -> None:
    path = tmp_path / "call.wav"
    data = bytearray(with_length(written(path, "WAV"), "WAV", length))
    data[4:8] = struct.pack("<I", 0 if not length else min(length + 36, 0xFFFFFFFF))
    path.write_bytes(data)
    assert_whole(path)
    assert "2.0 s read to its end" in note_of(path)


@pytest.mark.parametrize("container", ["RF64", "W64", "AU", "AIFF"])
def test_lengths_of_nothing_are_read_to_the_end(tmp_path: Path, container: str) -> None:
    path = tmp_path / "call"
    path.write_bytes(with_length(written(path, container), container, 0))
    assert_whole(path)
    assert "tells no length" in note_of(path)


@pytest.mark.parametrize("container", LENGTHS)
def test_a_header_flushed_half_way_is_told(tmp_path: Path, container: str) -> None:
    path = tmp_path / "call"
    path.write_bytes(with_length(written(path, container), container, TONES.nbytes // 2))
    assert_whole(path)
    assert "its header tells 1.0 s, and 2.0 s of audio are in the file" in note_of(path)


@pytest.mark.parametrize("container", LENGTHS)
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_copy_cut_short_is_refused(tmp_path: Path, container: str, kept: float) -> None:
    path = tmp_path / "call"
    data = written(path, container)
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(AudioFileError, match="is cut short"):
        read_audio(path)


@pytest.mark.parametrize(
    "behind", [b"LIST\x0a\x00\x00\x00INFOab\x00\x00\x00\x00"[:18], b"TAG" + bytes(125), b"ID3\x03" + bytes(6_000)]
)
def test_what_is_no_audio_behind_the_audio_is_left_alone(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(written(path, "WAV") + behind)
    assert_whole(path)
    assert note_of(path) == ""


def test_an_empty_recording_with_a_chunk_behind_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, TONES[:0], RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00INFO")
    with pytest.raises(AudioFileError, match="holds no audio"):
        read_audio(path)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_header_cut_anywhere_is_an_error_with_a_sentence(tmp_path: Path, cut: int) -> None:
    for container in LENGTHS:
        path = tmp_path / container
        path.write_bytes(written(path, container)[:cut])
        with pytest.raises(AudioFileError):
            read_audio(path)


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "IMA_ADPCM", "MS_ADPCM"])
def test_telephone_codecs_in_wav(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, TONES[:, 0], RATE, subtype=subtype, format="WAV")
    audio = read_audio(path)
    assert audio.duration_ms == pytest.approx(SECONDS * 1000, abs=30)
    assert np.std(audio.channels[0]) == pytest.approx(np.std(TONES[:, 0]), rel=0.1)


def test_big_endian_wav_and_caf_are_looked_at_too(tmp_path: Path) -> None:
    for container, endian in (("WAV", "BIG"), ("CAF", "FILE")):
        path = tmp_path / container
        soundfile.write(path, TONES, RATE, subtype="PCM_16", format=container, endian=endian)
        assert_whole(path)
        assert audio_headers.examine(path) == audio_headers.Header()
        path.write_bytes(path.read_bytes()[:20_000])
        with pytest.raises(AudioFileError, match="is cut short"):
            read_audio(path)
