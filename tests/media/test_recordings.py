"""Recordings: audio is placed by time, a hole is not silence, and a crash loses nothing that was received."""

from pathlib import Path

import numpy as np
import pytest

from cc_voice.call.analysis import StreamAnalysis
from cc_voice.media import playback, recordings
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
