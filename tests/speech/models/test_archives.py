"""Archives whose sender means harm, or whose bytes were damaged: refused with a sentence, and nothing lies outside the folder."""

import contextlib
import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cc_voice.speech.errors import FetchError
from cc_voice.speech.models import archives
from tests.conftest import examples
from tests.speech.archives import NAME, model_folder, zipped

Fill = Callable[[zipfile.ZipFile], object]


def link(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[Fill], Path]:
    def make(fill: Fill) -> Path:
        path = tmp_path / "in" / "model.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            fill(opened)
        return path

    return make


def unpacked(path: Path, into: Path) -> archives.Contents:
    found = archives.contents(path)
    archives.unpack(path, found, into, lambda done, total: None)
    return found


def many(opened: zipfile.ZipFile) -> None:
    for number in range(100_000):
        opened.writestr(zipfile.ZipInfo(f"m/{number}"), b"")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda z: z.writestr("../evil", "x"), "'../evil', which would not lie inside"),
        (lambda z: z.writestr("m/../../evil", "x"), "would not lie inside"),
        (lambda z: z.writestr("/etc/evil", "x"), "would not lie inside"),
        (lambda z: z.writestr("m//evil", "x"), "would not lie inside"),
        (lambda z: z.writestr("m/./evil", "x"), "would not lie inside"),
        (lambda z: z.writestr("..\\evil", "x"), "would not lie inside"),
        (lambda z: z.writestr("m/e\x1bvil", "x"), r"'m/e\\x1bvil', which would not lie inside"),
        (lambda z: z.writestr("m/" + "a" * 201, "x"), "would not lie inside"),
        (lambda z: z.writestr("a/" * 12 + "b", "x"), "deeper than any model"),
        (lambda z: z.writestr(link("m/evil"), "/etc/passwd"), "'m/evil', which is a link or a device"),
        (lambda z: z.writestr(link("m/evil", stat.S_IFCHR), ""), "a link or a device"),
        (lambda z: z.writestr(link("m/evil", stat.S_IFIFO), ""), "a link or a device"),
        (lambda z: [z.writestr("m/a", "1"), z.writestr("m/a", "2")], "'m/a' twice"),
        (lambda z: [z.writestr("m/a", "1"), z.writestr("m/A", "2")], "'m/a' twice"),
        (lambda z: [z.writestr("m/a", "1"), z.writestr("m/a/b", "2")], "'m/a' twice"),
        (lambda z: [z.writestr("m/a/b", "1"), z.writestr("m/a", "2")], "'m/a' twice"),
        (lambda z: [z.writestr("m/a/", ""), z.writestr("m/a", "2")], "'m/a' twice"),
        (lambda z: z.writestr("m/a", "x", zipfile.ZIP_LZMA), "packed in an unusual way"),
        (lambda z: z.writestr("m/", ""), "holds no file"),
        (lambda z: None, "holds no file"),
        (lambda z: z.writestr("m/bomb", bytes(64_000_000)), "would unpack from .* to 64000000 bytes"),
        (lambda z: [z.writestr(f"m/{n}", bytes(4_000_000)) for n in range(10)], "would unpack from .* to 40000000 bytes"),
        (many, "holds 100000 files, which no model does"),
    ],
)
def test_a_hostile_archive_is_refused_before_anything_is_written(
    archive: Callable[[Fill], Path], tmp_path: Path, fill: Fill, message: str
) -> None:
    path = archive(fill)
    with pytest.raises(FetchError, match=message):
        unpacked(path, tmp_path / "out")
    assert [found.relative_to(tmp_path).as_posix() for found in sorted(tmp_path.rglob("*"))] == ["in", "in/model.zip"]


def test_an_encrypted_archive_is_refused(archive: Callable[[Fill], Path], tmp_path: Path) -> None:
    path = archive(lambda z: z.writestr("m/a", "x"))
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FetchError, match="encrypted"):
        archives.contents(path)


@pytest.mark.parametrize(("declared", "message"), [(3, "is damaged"), (50, "is damaged")])
def test_a_lie_about_a_size_writes_no_more_than_it_says(
    archive: Callable[[Fill], Path], tmp_path: Path, declared: int, message: str
) -> None:
    """Both tables of the archive say so, as a careful liar would write them."""
    path = archive(lambda z: z.writestr("m/a", b"ten bytes!"))
    data = path.read_bytes()
    for at in (data.index(b"PK\x03\x04") + 22, data.rindex(b"PK\x01\x02") + 24):
        data = data[:at] + declared.to_bytes(4, "little") + data[at + 4 :]
    path.write_bytes(data)
    with pytest.raises(FetchError, match=message):
        unpacked(path, tmp_path / "out")
    assert (tmp_path / "out" / "a").stat().st_size <= max(declared, 10)


@pytest.mark.parametrize(("top", "folder"), [(None, NAME), ("", None), ("deep/er", "deep")])
def test_the_folder_around_all_is_taken_off(tmp_path: Path, top: str | None, folder: str | None) -> None:
    model = model_folder(tmp_path)
    path = tmp_path / "model.zip"
    path.write_bytes(zipped(model, top))
    found = unpacked(path, tmp_path / "out")
    assert found.folder == folder
    inside = tmp_path / "out" / "er" if top == "deep/er" else tmp_path / "out"
    for original in (one for one in model.rglob("*") if one.is_file()):
        assert (inside / original.relative_to(model)).read_bytes() == original.read_bytes()


def test_progress_ends_at_what_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(zipped(model_folder(tmp_path)))
    found, told = archives.contents(path), []
    archives.unpack(path, found, tmp_path / "out", lambda done, total: told.append((done, total)))
    assert told[-1] == (found.size_bytes, found.size_bytes)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def small_archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("m/conf/a", b"some words " * 40)
        opened.writestr("m/b", b"")
    return data.getvalue()


SMALL = small_archive()


@settings(max_examples=examples(500), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(SMALL)),
    changes=st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=4),
    more=st.binary(max_size=30),
)
def test_no_damage_raises_anything_else_or_leaves_the_folder(
    tmp_path_factory: pytest.TempPathFactory, cut: int, changes: list[tuple[int, int]], more: bytes
) -> None:
    data = bytearray(SMALL)
    for at, value in changes:
        data[at] = value
    here = tmp_path_factory.mktemp("zip")
    path = here / "model.zip"
    path.write_bytes(bytes(data[:cut]) + more)
    with contextlib.suppress(FetchError):
        unpacked(path, here / "out")
    assert {one.name for one in here.iterdir()} <= {"model.zip", "out"}


def test_garbage_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(b"<!DOCTYPE html><p>Please sign in")
    with pytest.raises(FetchError, match=r"model\.zip is damaged or no zip archive"):
        archives.contents(path)
