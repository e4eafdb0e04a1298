"""Recordings: audio is placed by time, a hole is not silence, and a crash loses nothing that was received."""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.media import audio_records, playback, recordings
from cc_voice.media.audio_records import MARK, RECORD
from cc_voice.media.recordings import ChannelFile, Recording, RecordingError, StreamHeader

RATE = 16_000
FRAME = RATE // 50


def header(**changes: object) -> StreamHeader:
    values: dict[str, object] = {
        "call_id": "call-a",
        "stream_id": "stream/+=",
        "product": "contact_center",
        "instance_id": "ENG",
        "language": "en",
        "sample_rate_hz": RATE,
        "t0_unix_ms": 1_000_000,
    }
    return StreamHeader(**(values | changes))  # type: ignore[arg-type]


def tone(number: int, samples: int = FRAME) -> bytes:
    return np.full(samples, number, dtype="<i2").tobytes()


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return recordings.create(tmp_path, header())


def test_packets_are_placed_by_time_and_a_hole_is_known(recording: Recording) -> None:
    file = recording.channel("ch-a")
    file.write(0, tone(1))
    file.write(100, tone(2))
    assert file.received() == ((0, 20), (100, 120))
    samples = np.frombuffer(file.read(0, RATE * 120 // 1000), dtype="<i2")
    assert samples[0] == 1
    assert samples[RATE * 110 // 1000] == 2
    assert not samples[FRAME : RATE // 10].any()


def test_a_repeated_packet_is_counted_and_changes_nothing(recording: Recording) -> None:
    file = recording.channel("ch-a")
    for at in (0, 20, 40, 20, 40):
        file.write(at, tone(at + 1))
    assert file.received() == ((0, 60),)
    assert file.duplicate_samples == 2 * FRAME
    assert np.frombuffer(file.read(FRAME, 3 * FRAME), dtype="<i2").tolist() == [21] * FRAME + [41] * FRAME


def test_audio_before_t0_is_cut_off(recording: Recording) -> None:
    file = recording.channel("ch-a")
    assert file.write(-15, tone(7)) == FRAME - 240
    assert file.received() == ((0, 5),)


def test_a_killed_process_loses_nothing_it_had_received(recording: Recording, tmp_path: Path) -> None:
    for number in range(10):
        recording.channel("ch-a").write(number * 20, tone(number + 1))
    recording.channel("ch-b").write(60, tone(9))
    # Not closed: what a killed process leaves behind. A record cut in the middle is what a full disk adds.
    with recording.channels["ch-a"].path.open("ab") as records:
        records.write(RECORD.pack(MARK, 3200, FRAME, 0) + tone(11)[:-1])
    again = recordings.create(tmp_path, header(t0_unix_ms=5))
    assert again.header.t0_unix_ms == 1_000_000
    assert list(again.channels) == ["ch-a", "ch-b"]
    assert again.channel("ch-a").received() == ((0, 200),)
    again.channel("ch-a").write(200, tone(11))
    again.close()
    reread = recordings.open_recording(again.folder)
    assert reread is not None
    assert reread.channel("ch-a").received() == ((0, 220),)


def test_compressed_audio_is_the_same_audio(tmp_path: Path) -> None:
    first = recordings.create(tmp_path, header())
    first.channel("ch-a").write(0, tone(1000))
    first.channel("ch-b").write(100, tone(-500))
    first.close()
    later = recordings.create(tmp_path, header(stream_id="second", t0_unix_ms=1_001_000))
    later.channel("ch-a").write(0, tone(77))
    later.close()
    before = playback.call_audio(tmp_path, "call-a")
    assert before is not None
    samples = before.read(0, before.length)
    recordings.compress(first.folder)
    recordings.compress(first.folder)
    after = playback.call_audio(tmp_path, "call-a")
    assert after is not None
    assert not list(first.folder.glob("*.rec"))
    assert after.channel_ids == ("ch-a", "ch-b")
    assert np.array_equal(after.read(0, after.length), samples)
    assert np.array_equal(before.read(0, before.length), samples)  # found before, read after
    assert samples[0][RATE + 1] == 77
    assert samples[1][RATE // 10] == -500


def test_a_recording_that_is_written_again_after_it_was_compressed_starts_over(tmp_path: Path) -> None:
    first = recordings.create(tmp_path, header())
    first.channel("ch-a").write(0, tone(1000, 3 * FRAME))
    first.close()
    recordings.compress(first.folder)
    again = recordings.create(tmp_path, header())
    assert again.channel("ch-a").received() == ()
    assert again.channel("ch-a").write(0, tone(7)) == FRAME
    again.close()
    recordings.compress(again.folder)
    found = playback.call_audio(tmp_path, "call-a")
    assert found is not None
    assert found.read(0, found.length).tolist() == [[7] * FRAME]


def test_the_clock_starts_once(recording: Recording, tmp_path: Path) -> None:
    late = recordings.create(tmp_path, header(stream_id="other", t0_unix_ms=None))
    late.start_clock(42)
    late.start_clock(43)
    found = recordings.open_recording(late.folder)
    assert found is not None
    assert found.header.t0_unix_ms == 42


def test_one_stream_has_one_rate(recording: Recording) -> None:
    recording.set_format(8000)
    assert recording.channel("ch-a").rate_hz == 8000
    with pytest.raises(RecordingError, match="8000 Hz and now at 16000"):
        recording.set_format(16_000)


def test_a_damaged_header_says_what_to_do(recording: Recording) -> None:
    (recording.folder / "stream.json").write_text("{")
    with pytest.raises(RecordingError, match="move the folder"):
        recordings.open_recording(recording.folder)


def test_analyses_come_back_earliest_first(tmp_path: Path) -> None:
    for number, t0 in enumerate((2000, 1000)):
        recordings.save_analysis(
            tmp_path,
            StreamAnalysis(
                call_id="call-a",
                stream_id=f"s{number}",
                product="phone",
                instance_id="x",
                t0_unix_ms=t0,
                duration_ms=5,
                channels=(),
            ),
        )
    assert [analysis.t0_unix_ms for analysis in recordings.load_analyses(tmp_path, "call-a")] == [1000, 2000]


def test_recordings_are_private(recording: Recording) -> None:
    file: ChannelFile = recording.channel("ch-a")
    assert file.path.stat().st_mode & 0o077 == 0
    assert recording.folder.stat().st_mode & 0o077 == 0


def test_deleting_a_stream_leaves_other_streams_and_calls(tmp_path: Path) -> None:
    for changes in ({}, {"stream_id": "second"}, {"call_id": "call-b"}):
        recordings.create(tmp_path, header(**changes)).close()
    recordings.delete_stream(tmp_path, "call-a", header().stream_id)
    assert {path.parent.name for path in tmp_path.glob("*/*")} == {"call-a", "call-b"}
    assert recordings.stream_folder(tmp_path, "call-a", "second").is_dir()
    recordings.delete_stream(tmp_path, "call-a", "second")
    recordings.delete_stream(tmp_path, "call-a", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["call-b"]


def test_a_compressed_recording_is_read_like_a_raw_one(tmp_path: Path) -> None:
    folder = recordings.stream_folder(tmp_path, header().call_id, header().stream_id)
    recording = recordings.create(tmp_path, header())
    samples = np.arange(-800, 800, dtype="<i2")
    recording.channel("a").write(0, samples.tobytes())
    recording.close()
    recordings.compress(folder)
    opened = recordings.open_recording(folder)
    assert opened is not None
    file = opened.channels["a"]
    assert not file.path.exists()
    assert file.read(100, 1_700) == samples[100:].tobytes() + bytes(2 * 100)
    assert file.read(5_000, 5_010) == bytes(20)
    opened.close()


FILES = ["0.rec", "0.pcm", "0.idx", "0.flac", "stream.json", "channels.json", "analysis.msgpack", "journal.jsonl"]


def as_format_1(folder: Path) -> None:
    """Leave the one channel as versions before did: samples at their place, and which of them were received."""
    opened = recordings.open_recording(folder)
    assert opened is not None
    (file,) = opened.channels.values()
    (folder / "0.pcm").write_bytes(file.read(0, file.ranges.end))
    (folder / "0.idx").write_bytes(b"".join(struct.pack("<QI", start, end - start) for start, end in file.ranges.pairs()))
    opened.close()
    file.path.unlink()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_a_pipe_or_folder_in_place_of_a_file_is_told_and_not_waited_for(
    recording: Recording, tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    recording.channel("ch-a").write(0, tone(1))
    recording.note({"at": 1})
    recording.close()
    if name == "0.flac":
        recordings.compress(recording.folder)
    if name in ("0.pcm", "0.idx"):
        as_format_1(recording.folder)
    path = recording.folder / name
    path.unlink(missing_ok=True)
    make(path)

    def read_all() -> None:
        recordings.load_analyses(tmp_path, "call-a")
        recordings.started_streams(tmp_path / "call-a")
        opened = recordings.open_recording(recording.folder)
        assert opened is not None
        list(opened.journal(msgspec.json.Decoder()))
        opened.channels["ch-a"].read(0, FRAME)
        audio = playback.call_audio(tmp_path, "call-a")
        assert audio is not None

    with pytest.raises((RecordingError, OSError), match=f"{path}|this is no file"):
        read_all()
    if name in ("0.rec", "0.pcm", "0.idx", "journal.jsonl"):
        with pytest.raises(RecordingError, match="is no file but a pipe"):
            recordings.open_recording(recording.folder, writable=True)


def test_calls_of_which_something_was_received_are_listed(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "stray.txt").touch()
    assert list(recordings.recorded_calls(tmp_path)) == ["call-a"]
    assert list(recordings.recorded_calls(tmp_path / "nowhere")) == []


def test_a_compressed_recording_is_written_on_where_its_stream_comes_back(tmp_path: Path) -> None:
    # Holes of more than a frame, of less than one (packets came out of order), and a packet whose own time is off by jitter
    packets = [(0.0, tone(1)), (50.0, tone(2)), (25.0, tone(3)), (70.0, tone(4, 2 * RATE)), (2073.0, tone(5))]
    first = recordings.create(tmp_path, header())
    for at_ms, pcm in packets:
        first.channel("a").write(at_ms, pcm)
    first.channel("b").write(500, tone(9))
    earlier = {name: (file.ranges.pairs(), file.read(0, file.ranges.end)) for name, file in first.channels.items()}
    assert len(earlier["a"][0]) == 3
    first.close()
    recordings.compress(first.folder)
    for _ in range(2):  # a webhook that is tried again
        recordings.decompress(first.folder)

    again = recordings.create(tmp_path, header())
    for name, (pairs, samples) in earlier.items():
        file = again.channels[name]
        assert file.ranges.pairs() == pairs
        assert file.read(0, file.ranges.end) == samples
    file = again.channels["a"]
    assert file.write(50, tone(2)) == 0  # delivered again
    assert file.write(2093, tone(6)) == FRAME  # goes on without a seam, jitter or not
    assert file.write(3000, tone(7)) == FRAME
    assert (file.duplicate_samples, file.lost_samples) == (FRAME, 0)
    again.close()
    recordings.compress(again.folder)

    whole = recordings.open_recording(first.folder)
    assert whole is not None
    pairs, samples = earlier["a"]
    end = pairs[-1][1]
    assert whole.channels["a"].ranges.pairs() == [*pairs[:-1], (pairs[-1][0], end + FRAME), (3 * RATE, 3 * RATE + FRAME)]
    assert whole.channels["a"].read(0, end + FRAME) == samples + tone(6)
    assert whole.channels["b"].read(0, RATE // 2 + FRAME) == earlier["b"][1]
    whole.close()
    assert not list(first.folder.glob("*.rec"))


def test_records_are_read_while_flac_is_still_beside_them(tmp_path: Path) -> None:
    first = recordings.create(tmp_path, header())
    first.channel("a").write(0, tone(1))
    first.close()
    recordings.compress(first.folder)
    recordings.decompress(first.folder)
    assert (first.folder / "0.flac").exists()
    again = recordings.create(tmp_path, header())
    again.channel("a").write(20, tone(2))
    again.close()
    found = playback.call_audio(tmp_path, "call-a")
    assert found is not None
    assert found.read(0, found.length).tolist() == [[1] * FRAME + [2] * FRAME]


def test_a_disk_that_fills_up_while_a_stream_comes_back_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = recordings.create(tmp_path, header())
    first.channel("a").write(0, tone(1))
    first.close()
    recordings.compress(first.folder)
    with monkeypatch.context() as during:
        during.setattr(audio_records, "append_record", no_room)
        with pytest.raises(OSError, match="No space left"):
            recordings.decompress(first.folder)
    assert sorted(path.name for path in first.folder.glob("0.*")) == ["0.flac", "0.idx"]
    recordings.decompress(first.folder)
    opened = recordings.open_recording(first.folder)
    assert opened is not None
    assert opened.channels["a"].path.exists()
    assert opened.channels["a"].read(0, FRAME) == tone(1)
    opened.close()


def no_room(fd: int, record: bytes) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
