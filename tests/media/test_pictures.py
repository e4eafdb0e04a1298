"""Pictures beside a call: each is there once, with its time; H.264 becomes a film that plays at the pace it was sent."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.media import films, recordings
from cc_voice.media.pictures import PictureWriter, StoredPicture, drop, read_pictures
from tests.media.test_full_disk import room_for
from tests.speech.coding import needs_codecs

T0 = 1_790_000_000_000
JPG = b"\xff\xd8\xff\xe0" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


def content(folder: Path, picture: StoredPicture) -> bytes:
    return (folder / picture.file).read_bytes()[picture.offset : picture.offset + picture.size]


def moving(count: int, width: int = 320, height: int = 180) -> list[bytes]:
    """H.264, a piece per picture, in Annex B form; every tenth picture stands alone."""
    av = pytest.importorskip("av", reason="the extra `codecs` (PyAV) is not installed")
    coder: Any = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt, coder.gop_size, coder.time_base = width, height, "yuv420p", 10, Fraction(1, 5)
    coder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    pieces: list[bytes] = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((height * 3 // 2, width), 20 + number * 5, dtype=np.uint8), format="yuv420p")
        frame.pts = number
        pieces += [bytes(packet) for packet in coder.encode(frame)]
    assert len(pieces) == count
    return pieces


def played(path: Path) -> list[tuple[int, int]]:
    """Time (ms) and grey of every picture of a film."""
    import av

    with av.open(str(path)) as film:
        found = [(round(frame.time * 1000), frame.to_ndarray(format="gray")) for frame in film.decode(video=0)]
    return [(at_ms, round(float(grey.mean()))) for at_ms, grey in found]


def test_pictures_are_files_with_times(tmp_path: Path) -> None:
    pictures = PictureWriter(tmp_path, "share")
    assert pictures.keep("40", T0, JPG)
    assert pictures.keep("7/..", T0 + 1000, PNG)
    assert pictures.keep("40", T0 + 1000, JPG + b"2")
    found = read_pictures(tmp_path / "share")
    assert [(p.source, p.at_unix_ms, p.file) for p in found] == [
        ("40", T0, f"0-{T0}.jpg"),
        ("7/..", T0 + 1000, f"1-{T0 + 1000}.png"),
        ("40", T0 + 1000, f"0-{T0 + 1000}.jpg"),
    ]
    assert [content(tmp_path / "share", p) for p in found] == [JPG, PNG, JPG + b"2"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [tmp_path / "share", *(tmp_path / "share").iterdir()])


def test_a_picture_that_is_sent_again_is_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        pictures = PictureWriter(tmp_path, "video")
        assert pictures.keep("40", T0, JPG)
        assert pictures.keep("40", T0, JPG)
    assert len(read_pictures(tmp_path / "video")) == 1


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8", b"<html>", bytes(3)])
def test_what_is_no_picture_leaves_no_trace(tmp_path: Path, data: bytes) -> None:
    assert not PictureWriter(tmp_path, "share").keep("40", T0, data)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.binary(min_size=1, max_size=40)), max_size=20), st.integers(0, 20))
def test_pieces_of_film_follow_each_other_also_over_a_restart(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[str, bytes]], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("film")
    wire = [(source, b"\0\0\1" + data) for source, data in pieces]
    for part in (wire[:cut], wire[cut:]):
        pictures = PictureWriter(folder, "video")
        for number, (source, data) in enumerate(part):
            assert pictures.keep(source, T0 + number, data)
    found = read_pictures(folder / "video")
    assert [(p.source, content(folder / "video", p)) for p in found] == wire


def test_a_piece_that_begins_in_the_middle_of_a_unit_belongs_to_its_film(tmp_path: Path) -> None:
    pictures = PictureWriter(tmp_path, "video")
    assert not pictures.keep("40", T0, b"\x42\x43")
    assert pictures.keep("40", T0, b"\0\0\0\1\x67")
    assert pictures.keep("40", T0 + 1, b"\x42\x43")
    assert not pictures.keep("41", T0 + 1, b"\x42\x43")
    assert (tmp_path / "video" / "0.h264").read_bytes() == b"\0\0\0\1\x67\x42\x43"


def test_an_index_line_cut_by_a_crash_costs_itself_only(tmp_path: Path) -> None:
    pictures = PictureWriter(tmp_path, "share")
    pictures.keep("40", T0, JPG)
    with (tmp_path / "share" / "index.jsonl").open("ab") as index:
        index.write(b'\n{"source":"4')
    PictureWriter(tmp_path, "share").keep("40", T0 + 1000, JPG)
    assert [p.at_unix_ms for p in read_pictures(tmp_path / "share")] == [T0, T0 + 1000]


def test_a_full_disk_is_told_and_believed_nothing(tmp_path: Path) -> None:
    pictures = PictureWriter(tmp_path, "share")
    pictures.keep("40", T0, JPG)
    with room_for(60), pytest.raises(OSError):
        pictures.keep("40", T0 + 1000, JPG)
    assert [p.at_unix_ms for p in read_pictures(tmp_path / "share")] == [T0]


@needs_codecs
def test_a_film_plays_every_picture_at_its_own_time(tmp_path: Path) -> None:
    """Also those that came late, together, or with a time before the last one's."""
    pieces, pictures = moving(12), PictureWriter(tmp_path, "share")
    times = [0, 200, 400, 5000, 5200, 5200, 5100, 5600, 5800, 6000, 60_000, 60_200]
    for at_ms, piece in zip(times, pieces, strict=True):
        pictures.keep("40", T0 + at_ms, piece)
    assert films.make_films(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "share").iterdir()) == ["0.mp4", "index.jsonl"]
    shown = played(tmp_path / "share" / "0.mp4")
    expected = [0, 200, 400, 5000, 5200, 5201, 5202, 5600, 5800, 6000, 60_000, 60_200]
    assert [at_ms for at_ms, _ in shown] == expected
    assert [grey for _, grey in shown] == sorted(grey for _, grey in shown)
    assert films.make_films(tmp_path) == []


@needs_codecs
def test_each_source_and_kind_has_a_film(tmp_path: Path) -> None:
    pieces = moving(5)
    for kind, source in (("share", "1"), ("video", "1"), ("video", "2")):
        pictures = PictureWriter(tmp_path, kind)  # type: ignore[arg-type]
        for number, piece in enumerate(pieces):
            pictures.keep(source, T0 + number * 200, piece)
    assert films.make_films(tmp_path) == []
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.mp4")) == [
        "share/0.mp4",
        "video/0.mp4",
        "video/1.mp4",
    ]


@needs_codecs
@pytest.mark.parametrize("data", [b"\0\0\0\1", b"\0\0\0\1" + bytes(range(1, 200)), b"\0\0\1\x67" * 50])
def test_what_is_no_film_stays_as_it_came(tmp_path: Path, data: bytes) -> None:
    PictureWriter(tmp_path, "share").keep("40", T0, data)
    (problem,) = films.make_films(tmp_path)
    assert problem.startswith("share/0.h264: cannot become MP4")
    assert sorted(path.name for path in (tmp_path / "share").iterdir()) == ["0.h264", "index.jsonl"]


def test_without_the_library_h264_stays_and_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PictureWriter(tmp_path, "share").keep("40", T0, b"\0\0\0\1\x67")
    monkeypatch.setattr(films.importlib.util, "find_spec", lambda name: None)
    assert films.make_films(tmp_path) == ["share/0.h264: needs PyAV to become MP4; install cc-voice with the extra `codecs`"]


def test_h264_without_an_index_stays(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "0.h264").write_bytes(b"\0\0\0\1\x67")
    assert len(films.make_films(tmp_path)) == 1


def test_a_deleted_stream_takes_its_pictures_with_it(tmp_path: Path) -> None:
    folder = recordings.stream_folder(tmp_path, "call-a", "s")
    folder.mkdir(parents=True)
    PictureWriter(folder, "share").keep("40", T0, JPG)
    recordings.delete_stream(tmp_path, "call-a", "s")
    assert list(tmp_path.iterdir()) == []


def test_what_may_show_a_hidden_number_is_dropped(tmp_path: Path) -> None:
    pictures = PictureWriter(tmp_path, "share")
    for at_ms in (0, 5_000, 20_000):
        assert pictures.keep("40", T0 + at_ms, JPG)
    assert drop(tmp_path, [(T0 + 4_000, T0 + 6_000)]) == 1
    assert drop(tmp_path, [(T0 + 4_000, T0 + 6_000)]) == 0
    assert [picture.at_unix_ms - T0 for picture in read_pictures(tmp_path / "share")] == [0, 20_000]
    assert len(list((tmp_path / "share").glob("*.jpg"))) == 2
