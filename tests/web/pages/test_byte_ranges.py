"""Parts of a file over HTTP: what a header means, and that every part is exactly those bytes."""

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_voice.web.pages.byte_ranges import ByteRange, Unsatisfiable, parse_range

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("", None),
        ("bytes=0-", ByteRange(0, SIZE)),
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=200-299", ByteRange(200, 300)),
        ("bytes=200-99999", ByteRange(200, SIZE)),
        ("bytes=-100", ByteRange(900, SIZE)),
        ("bytes=-99999", ByteRange(0, SIZE)),
        (" bytes=5-9 ", ByteRange(5, 10)),
        ("bytes=-", None),
        ("bytes=9-5", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        (f"bytes=0-{'9' * 5000}", None),
        (f"bytes={'9' * 5000}-", None),
        ("bytes=٣-", None),
    ],
)
def test_a_header_means_a_part_or_everything(header: str | None, part: ByteRange | None) -> None:
    assert parse_range(header, SIZE) == part


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=1000-", SIZE), ("bytes=5000-6000", SIZE), ("bytes=-0", SIZE), ("bytes=0-", 0)]
)
def test_a_part_beyond_the_file_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


@given(st.text(alphabet="bytes=-,0123456789 ", max_size=20), st.integers(0, 5000))
def test_no_header_leads_outside_the_file(header: str, size: int) -> None:
    try:
        part = parse_range(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.start < part.end <= size


@given(st.integers(0, 999), st.integers(0, 999))
def test_a_part_is_what_the_header_says(first: int, last: int) -> None:
    part = parse_range(f"bytes={first}-{last}", SIZE)
    assert part == (ByteRange(first, last + 1) if first <= last else None)


async def test_a_player_gets_the_part_it_asks_for(rosa: httpx.AsyncClient, golden: str) -> None:
    whole = await rosa.get("/calls/golden/audio.wav")
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    assert int(whole.headers["content-length"]) == len(whole.content)
    part = await rosa.get("/calls/golden/audio.wav", headers={"range": "bytes=70000-140000"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 70000-140000/{len(whole.content)}"
    assert part.content == whole.content[70000:140001]
    beyond = await rosa.get("/calls/golden/audio.wav", headers={"range": "bytes=999999999-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(whole.content)}"
    assert beyond.content == b""


async def test_the_audio_of_nothing_is_not_found(rosa: httpx.AsyncClient, golden: str, tmp_path: Path) -> None:
    for path in ("/calls/unknown/audio.flac", "/calls/golden/audio.mp3", "/calls/..%2F..%2Fsalt/audio.flac"):
        assert (await rosa.get(path)).status_code == 404, path
