"""Audio records: nothing that arrived vanishes untold. Equal audio over the same time counts once, other audio as lost."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media import playback, recordings
from cc_voice.media.audio_records import HEADER, RECORD, AudioRecords
from cc_voice.media.files import RecordingError
from tests.media.test_recordings import FRAME, RATE, header

PACKET_MS = 20


def sound(number: int, samples: int = FRAME) -> bytes:
    return (np.arange(samples) % 300 + 301 * (number + 1)).astype("<i2").tobytes()


@pytest.fixture
def records(tmp_path: Path) -> AudioRecords:
    return AudioRecords(tmp_path / "0.rec", RATE, writable=True)


def again(records: AudioRecords, path: Path) -> AudioRecords:
    """The same file as another process reads it."""
    records.close()
    return AudioRecords(path, 0, writable=False)


def test_other_audio_on_time_already_received_is_kept_and_counted_as_lost(records: AudioRecords, tmp_path: Path) -> None:
    for number in range(10):
        records.write(number * FRAME, sound(number))
    for number in range(5):
        assert records.write(number * FRAME, sound(50 + number)) == 0
    assert (records.lost_samples, records.duplicate_samples) == (5 * FRAME, 0)
    assert records.read(0, 10 * FRAME) == b"".join(sound(number) for number in range(10))
    found = again(records, tmp_path / "0.rec")
    assert (found.lost_samples, found.ranges.pairs()) == (5 * FRAME, [(0, 10 * FRAME)])
    assert all(sound(50 + number) in (tmp_path / "0.rec").read_bytes() for number in range(5))


def test_a_repeat_with_jitter_is_a_repeat_for_a_successor_too(records: AudioRecords, tmp_path: Path) -> None:
    """It was placed where its predecessor ended, up to a frame from where its own time says, and is known by its own time."""
    times = [0, FRAME + 100, 2 * FRAME - 90, 3 * FRAME + 70]
    for number, first in enumerate(times):
        records.write(first, sound(number))
    records.close()
    successor = AudioRecords(tmp_path / "0.rec", RATE, writable=True)
    for number in (2, 3):
        assert successor.write(times[number], sound(number)) == 0
    assert successor.write(4 * FRAME - 30, sound(4)) == FRAME
    assert (successor.lost_samples, successor.duplicate_samples) == (0, 2 * FRAME)
    assert successor.ranges.pairs() == [(0, 5 * FRAME)]


@given(
    st.lists(st.tuples(st.integers(-400, 4000), st.integers(1, 700), st.integers(0, 3), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 40),
)
def test_a_reader_decides_as_the_writer_did(
    tmp_path_factory: pytest.TempPathFactory, packets: list[tuple[int, int, int, bool]], cut: int
) -> None:
    """Whatever comes, and whenever the process is replaced: every sample is new, a repeat, lost, or lies before t0 by jitter."""
    path = tmp_path_factory.mktemp("records") / "0.rec"
    straight, sent, new = AudioRecords(path, RATE, writable=True), 0, 0
    for at, (first, count, number, is_rough) in enumerate(packets):
        if at == cut:
            straight.close()
            before = straight
            straight = AudioRecords(path, RATE, writable=True)
            assert straight.ranges.pairs() == before.ranges.pairs()
        new += straight.write(first, sound(number, count), is_rough=is_rough)
        sent += count
    assert new == straight.ranges.total <= sent
    whole = straight.read(0, 6000)
    found = again(straight, path)
    assert found.ranges.pairs() == straight.ranges.pairs()
    assert found.read(0, 6000) == whole
    for at in range(0, 6000, 701):
        assert found.read(at, at + 333) == whole[2 * at : 2 * (at + 333)]


def test_damage_in_the_middle_costs_one_packet(records: AudioRecords, tmp_path: Path) -> None:
    for number in range(6):
        records.write(number * FRAME, sound(number))
    records.close()
    path = tmp_path / "0.rec"
    data = bytearray(path.read_bytes())
    at = HEADER.size + 2 * (RECORD.size + 2 * FRAME)
    data[at : at + RECORD.size] = bytes(RECORD.size)
    path.write_bytes(data)
    found = AudioRecords(path, RATE, writable=True)
    assert found.ranges.pairs() == [(0, 2 * FRAME), (3 * FRAME, 6 * FRAME)]
    assert found.write(2 * FRAME, sound(2)) == FRAME


def test_a_file_of_a_later_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "0.rec"
    path.write_bytes(HEADER.pack(b"ccv-rec\x03", RATE) + b"sealed")
    with pytest.raises(RecordingError, match="format 2"):
        AudioRecords(path, RATE, writable=True)
    assert path.read_bytes().endswith(b"sealed")


def test_another_decoding_of_the_same_packet_is_a_repeat(records: AudioRecords) -> None:
    one = (8000 * np.sin(np.arange(FRAME) / 9)).astype("<i2")
    other = (one * 1.05).astype("<i2")
    records.write(0, one.tobytes(), is_rough=True)
    records.write(0, other.tobytes(), is_rough=True)
    assert (records.duplicate_samples, records.lost_samples) == (FRAME, 0)
    records.write(0, np.roll(one, 30)[::-1].tobytes(), is_rough=True)
    assert records.lost_samples == FRAME


def test_audio_long_before_the_start_is_lost_and_told(records: AudioRecords) -> None:
    assert records.write(-3 * FRAME, sound(1)) == 0
    assert records.write(-FRAME // 2, sound(2)) == FRAME // 2
    assert records.lost_samples == FRAME


def _format_1(folder: Path, ranges: list[tuple[int, int]], length: int) -> bytes:
    samples = bytearray(2 * length)
    for start, end in ranges:
        samples[2 * start : 2 * end] = sound(start % 7, end - start)
    (folder / "0.pcm").write_bytes(samples)
    (folder / "0.idx").write_bytes(b"".join(recordings._RECORD.pack(start, end - start) for start, end in ranges))
    return bytes(samples)


def test_recordings_of_versions_before_are_read_and_gone_on_with(tmp_path: Path) -> None:
    recording = recordings.create(tmp_path, header())
    recording.channel("ch-a").close()
    (recording.folder / "0.rec").unlink()
    recording.close()
    samples = _format_1(recording.folder, [(0, 3 * RATE), (4 * RATE, 5 * RATE)], 5 * RATE)
    old = recordings.open_recording(recording.folder)
    assert old is not None
    file = old.channels["ch-a"]
    assert (file.read(0, 5 * RATE), file.received()) == (samples, ((0, 3000), (4000, 5000)))
    found = playback.call_audio(tmp_path, "call-a")
    assert found is not None
    assert found.read(0, 5 * RATE).tobytes() == samples
    going_on = recordings.create(tmp_path, header())
    file = going_on.channels["ch-a"]
    assert file.write(3000, sound(1, RATE)) == RATE
    assert (file.read(0, 3 * RATE), file.received()) == (samples[: 6 * RATE], ((0, 5000),))
    going_on.close()
    recordings.compress(recording.folder)
    assert sorted(path.name for path in recording.folder.glob("0.*")) == ["0.flac", "0.idx"]
    done = recordings.open_recording(recording.folder)
    assert done is not None
    assert done.channels["ch-a"].received() == ((0, 5000),)


def test_an_hour_is_held_in_little_memory(records: AudioRecords) -> None:
    for number in range(1000):
        records.write(number * FRAME, sound(number % 90))
    assert len(records._pieces) == 1
    assert records.read(500 * FRAME + 7, 501 * FRAME + 7) == (sound(500 % 90) + sound(501 % 90))[14 : 14 + 2 * FRAME]


def test_a_second_of_a_long_record_reads_no_more_than_that(records: AudioRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    """An imported file comes in blocks of any length; to read all of one for every second of it takes the square of its time."""
    pcm = sound(1, 60 * RATE)
    records.write(0, pcm)
    read: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: read.append(size) or real(fd, size, at))
    assert records.read(30 * RATE, 31 * RATE) == pcm[2 * 30 * RATE : 2 * 31 * RATE]
    assert sum(read) == 2 * RATE
