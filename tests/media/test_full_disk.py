"""A disk that fills up: what was whole stays whole, and nothing is believed that was not written.

A limit on the size of files stands for the disk: the kernel then does the same – it writes what still fits, then nothing.
"""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from cc_voice.call.batch import StageReached
from cc_voice.media import playback, recordings, spool
from cc_voice.media.audio_records import HEADER, RECORD
from cc_voice.media.recordings import StreamHeader

RATE_HZ = 16000
PACKET = b"\x01\x02" * (RATE_HZ // 50)
"""20 ms."""
STORED = RECORD.size + len(PACKET)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def header() -> StreamHeader:
    return StreamHeader(
        call_id="c1",
        stream_id="s1",
        product="contact_center",
        instance_id="i1",
        language="en",
        sample_rate_hz=RATE_HZ,
        t0_unix_ms=0,
    )


@pytest.mark.parametrize("room", [0, 1, RECORD.size, STORED - 1, STORED * 3 + 7])
def test_a_packet_that_does_not_fit_is_told_and_not_believed(tmp_path: Path, room: int) -> None:
    recording = recordings.create(tmp_path, header())
    channel = recording.channel("a")
    whole = room // STORED
    with room_for(HEADER.size + room):
        for number in range(whole):
            channel.write(number * 20, PACKET)
        with pytest.raises(OSError) as caught:
            channel.write(whole * 20, PACKET)
    assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    recording.close()
    again = recordings.open_recording(recording.folder)
    assert again is not None
    assert again.channel("a").ranges.total == whole * len(PACKET) // 2
    assert again.channel("a").read(0, whole * len(PACKET) // 2) == PACKET * whole
    again.close()


def test_recording_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    recording = recordings.create(tmp_path, header())
    channel = recording.channel("a")
    channel.write(0, PACKET)
    with room_for(HEADER.size + STORED + 100), pytest.raises(OSError):
        channel.write(20, PACKET)
    assert channel.write(20, PACKET) == len(PACKET) // 2
    recording.close()
    again = recordings.open_recording(recording.folder)
    assert again is not None
    assert again.channel("a").ranges.pairs() == [(0, len(PACKET))]
    again.close()


def noise(seconds: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-9000, 9000, RATE_HZ * seconds).astype("<i2")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """The folder of a stream with one channel of 20 s."""
    recording = recordings.create(tmp_path, header())
    recording.channel("a").write(0, noise(20).tobytes())
    recording.close()
    return recording.folder


def heard(folder: Path) -> np.ndarray:
    audio = playback.call_audio(folder.parent.parent, "c1")
    assert audio is not None
    return audio.read(0, audio.length)[0]


@pytest.mark.parametrize("lacking", [1, 100, 5_000, 100_000, None])
def test_compressing_without_room_keeps_the_recording(recorded: Path, tmp_path: Path, lacking: int | None) -> None:
    """Also when only the last bytes do not fit, which libsndfile does not tell."""
    soundfile.write(tmp_path / "size.flac", noise(20), RATE_HZ, "PCM_16")
    room = (tmp_path / "size.flac").stat().st_size - lacking if lacking else 1
    with room_for(room), pytest.raises(OSError, match=r"disk full|no room"):
        recordings.compress(recorded)
    assert np.array_equal(heard(recorded), noise(20))
    assert sorted(path.name for path in recorded.glob("0.*")) == ["0.rec"]
    recordings.compress(recorded)
    assert np.array_equal(heard(recorded), noise(20))
    assert sorted(path.name for path in recorded.glob("0.*")) == ["0.flac", "0.idx"]


def test_a_journal_entry_that_does_not_fit_spoils_no_other(tmp_path: Path) -> None:
    recording = recordings.create(tmp_path, header())
    first, lost, last = (
        StageReached(call_id="c1", stream_id="s1", epoch=1, stage=stage) for stage in ("recorded", "transcribed", "failed")
    )
    recording.note(first)
    with room_for((recording.folder / "journal.jsonl").stat().st_size + 20), pytest.raises(OSError):
        recording.note(lost)
    recording.note(last)
    assert list(recording.journal(msgspec.json.Decoder(StageReached))) == [first, last]
    recording.close()


def test_a_batch_that_does_not_fit_is_not_in_the_spool(tmp_path: Path) -> None:
    with room_for(10), pytest.raises(OSError):
        spool.put(tmp_path, StageReached(call_id="c1", stream_id="s1", epoch=1, stage="recorded"))
    assert list(spool.waiting(tmp_path)) == []
    assert list(tmp_path.iterdir()) == [], "and takes no room either"


def test_a_record_that_does_not_fit_spoils_no_other(tmp_path: Path) -> None:
    recording = recordings.create(tmp_path, header())
    channel = recording.channel("a")
    # Tiny packets: the disk fills up in the middle of what stands before the samples.
    channel.write(0, b"\1\0" * 2)
    with room_for(channel.path.stat().st_size + 9), pytest.raises(OSError):
        channel.write(2 / RATE_HZ * 1000, b"\2\0" * 2)
    channel.write(40, PACKET)
    recording.close()
    again = recordings.open_recording(recording.folder)
    assert again is not None
    assert again.channel("a").ranges.pairs() == [(0, 2), (640, 960)]
    again.close()
