"""Recordings of every common encoding read alike; broken ones name what is wrong."""

import io
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.speech.codecs import bytes_from_int16, decode_alaw, int16_from_bytes, int16_from_float, open_audio, read_audio
from cc_voice.speech.errors import AudioFileError

RATE = 8000
TONES = (np.stack([np.sin(np.arange(RATE) * 2 * np.pi * hz / RATE) for hz in (440, 700)], axis=1) * [0.5, 0.25]).astype(np.float64)
TONES_INT16 = np.rint(TONES * 32768).astype(np.int16)


@pytest.mark.parametrize(
    ("subtype", "container", "tolerance"),
    [
        ("PCM_U8", "WAV", 257),
        ("PCM_16", "WAV", 1),
        ("PCM_24", "WAV", 1),
        ("PCM_32", "WAV", 1),
        ("FLOAT", "WAV", 1),
        ("DOUBLE", "WAV", 1),
        ("ULAW", "WAV", 520),
        ("ALAW", "WAV", 520),
        ("PCM_16", "FLAC", 1),
        ("PCM_24", "FLAC", 1),
    ],
)
def test_every_encoding_reads_as_the_same_sound(tmp_path: Path, subtype: str, container: str, tolerance: int) -> None:
    path = tmp_path / f"call.{container.lower()}"
    soundfile.write(path, TONES, RATE, subtype=subtype, format=container)
    audio = read_audio(path)
    assert (audio.sample_rate_hz, len(audio.channels), audio.duration_ms) == (RATE, 2, 1000)
    for channel in (0, 1):
        assert audio.channels[channel].dtype == np.int16
        assert np.abs(audio.channels[channel].astype(int) - TONES_INT16[:, channel]).max() <= tolerance


@pytest.mark.parametrize("container", ["MP3", "OGG"])
def test_lossy_recordings_read_as_about_the_same_sound(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"call.{container.lower()}"
    soundfile.write(path, TONES, RATE, format=container)
    audio = read_audio(path)
    assert (audio.sample_rate_hz, audio.duration_ms) == (RATE, 1000)
    for channel in (0, 1):
        assert np.std(audio.channels[channel]) == pytest.approx(np.std(TONES_INT16[:, channel]), rel=0.1)


@pytest.mark.parametrize("content", [b"ID3\x03" + bytes(6) + b"\x55" * 5000, b"\xff\xfb\x90\x00" + bytes(2000)])
def test_what_only_begins_as_mp3_is_refused_without_a_decoder_s_notes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "call.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"call\.mp3 cannot be read as audio; give a WAV, FLAC, MP3 or Ogg file$"):
        read_audio(path)
    assert capfd.readouterr().err == ""
    print("and standard error is back", file=sys.stderr)
    assert capfd.readouterr().err == "and standard error is back\n"


def test_floats_beyond_full_scale_are_clipped_and_nan_is_silence() -> None:
    assert int16_from_float(np.array([2.0, -2.0, np.nan, np.inf, 0.5])).tolist() == [32767, -32768, 0, 32767, 16384]


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"gone\.wav cannot be read: No such file"):
        read_audio(tmp_path / "gone.wav")


def test_a_folder_is_not_a_recording(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="is not a file"):
        read_audio(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"Dear sir or madam,", "cannot be read as audio"),
        (b"RIFF\x00\x00\x00\x00WAVE", "cannot be read as audio"),
        (b"fLaC", "cannot be read as audio"),
    ],
)
def test_what_is_not_audio_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=message):
        read_audio(path)


def test_a_recording_without_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    soundfile.write(path, TONES[:0], RATE, subtype="PCM_16")
    with pytest.raises(AudioFileError, match="holds no audio"):
        read_audio(path)


@pytest.mark.parametrize("name", ["call.wav", "call.flac"])
def test_a_recording_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, TONES, RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioFileError, match=r"cut short|cannot be read as audio"):
        read_audio(path)


def test_a_wav_from_a_pipe_has_no_length_and_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    soundfile.write(path, TONES, RATE, subtype="PCM_16")
    whole = bytearray(path.read_bytes())
    at = whole.index(b"data")
    whole[at + 4 : at + 8] = whole[4:8] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(whole)
    assert read_audio(path).duration_ms == 1000


@pytest.mark.parametrize(
    ("channels", "rate_hz", "frames", "told"),
    [
        (17, 8_000, 10, "has 17 channels; at most 16 are read"),
        (1, 400_000, 10, "has 400000 samples a second"),
        (1, 1_000, 10, "has 1000 samples a second"),
        (1, 8_000, 13 * 3_600 * 8_000, "is 13 hours long, which is no call"),
    ],
)
def test_what_is_no_call_is_refused_before_it_is_read(tmp_path: Path, channels: int, rate_hz: int, frames: int, told: str) -> None:
    path = tmp_path / "call.wav"
    with soundfile.SoundFile(path, "w", rate_hz, channels, "PCM_U8", format="WAV") as out:
        out.write(np.zeros((10, channels)))
    if frames > 10:  # a hole of hours costs no room
        head = bytearray(path.read_bytes())
        head[4:8], head[40:44] = struct.pack("<I", frames + 36), struct.pack("<I", frames)
        with path.open("wb") as file:
            file.write(head[:44])
            file.truncate(44 + frames)
    with pytest.raises(AudioFileError, match=told):
        read_audio(path)


def test_a_small_file_that_unpacks_to_hours_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "call.flac"
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="FLAC") as out:
        for _ in range(60):
            out.write(np.zeros((60 * RATE, 2), np.int16))
    assert path.stat().st_size < 200_000
    with open_audio(path) as audio:
        pieces = [len(block) for block in audio.blocks]
    assert sum(pieces) == 3_600 * RATE
    assert max(pieces) <= 1 << 16


def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    soundfile.write(tmp_path / "call.wav", TONES, RATE, subtype="PCM_16")
    (tmp_path / "call.wav").rename(path)
    assert read_audio(path).duration_ms == 1000


def test_a_law_agrees_with_libsndfile_on_every_code() -> None:
    codes = bytes(range(256))
    expected, _ = soundfile.read(io.BytesIO(codes), dtype="int16", samplerate=RATE, channels=1, format="RAW", subtype="ALAW")
    np.testing.assert_array_equal(decode_alaw(codes), expected)


@given(st.binary(max_size=200).filter(lambda data: len(data) % 2 == 0))
def test_pcm_bytes_survive_the_round_trip(data: bytes) -> None:
    assert bytes_from_int16(int16_from_bytes(data)) == data


def test_half_a_sample_is_a_mistake() -> None:
    with pytest.raises(ValueError):
        int16_from_bytes(b"\x01\x02\x03")
