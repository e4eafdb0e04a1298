"""Pictures are what they claim to be, pixel for pixel; decoders here are written from the formats, not from `pictures.py`."""

import struct
import zlib

import pytest

from cc_voice.simulator.media import pictures
from cc_voice.simulator.wire import WireCodec

GREYS = [0, 255, 128, 1, 254, 17]


def rows_of_png(data: bytes) -> list[bytes]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (8, 0)
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (width + 1)
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    return [raw[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]


def blocks_of_jpg(data: bytes) -> tuple[int, int, list[int]]:
    """Return width, height and the grey of every block of a baseline grey JPG that consists of flat blocks."""
    assert data[:2] == b"\xff\xd8"
    assert data[-2:] == b"\xff\xd9"
    at, segments = 2, {}
    while True:
        marker, length = struct.unpack_from(">HH", data, at)
        segments.setdefault(marker, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == 0xFFDA:
            break
    _, height, width, components = struct.unpack_from(">BHHB", segments[0xFFC0][0])
    assert components == 1
    tables = {table[0]: codes(table[1:]) for table in segments[0xFFC4]}
    bits = iter("".join(f"{byte:08b}" for byte in data[at:-2].replace(b"\xff\0", b"\xff")))
    level, greys = 0, []
    for _ in range(-(-width // 8) * -(-height // 8)):
        size = symbol(tables[0x00], bits)
        value = int("".join(next(bits) for _ in range(size)) or "0", 2)
        level += value if size == 0 or value >> (size - 1) else value - (1 << size) + 1
        assert symbol(tables[0x10], bits) == 0, "nothing else in the block"
        greys.append(level * segments[0xFFDB][0][1] // 8 + 128)
    assert all(bit == "1" for bit in bits), "padding"
    return width, height, greys


def codes(table: bytes) -> dict[str, int]:
    code, found, symbols = 0, {}, iter(table[16:])
    for length, count in enumerate(table[:16], start=1):
        code <<= 1
        for _ in range(count):
            found[f"{code:0{length}b}"] = next(symbols)
            code += 1
    return found


def symbol(table: dict[str, int], bits) -> int:
    code = ""
    while code not in table:
        code += next(bits)
    return table[code]


@pytest.mark.parametrize(("width", "height"), [(640, 360), (16, 12), (1, 6)])
def test_png(width, height):
    rows = rows_of_png(pictures.png(width, height, GREYS))
    assert [set(row) for row in rows] == [{GREYS[row * 6 // height]} for row in range(height)]
    assert {len(row) for row in rows} == {width}


@pytest.mark.parametrize(("width", "height"), [(640, 360), (17, 48), (8, 8)])
def test_jpg(width, height):
    assert blocks_of_jpg(pictures.jpg(width, height, GREYS))[:2] == (width, height)
    _, _, greys = blocks_of_jpg(pictures.jpg(width, height, GREYS))
    columns, rows = -(-width // 8), -(-height // 8)
    assert greys == [GREYS[row * 6 // rows] for row in range(rows) for _ in range(columns)]


@pytest.mark.parametrize("codec", [WireCodec.JPG, WireCodec.PNG])
def test_pictures_differ_from_the_one_before(codec):
    shown = pictures.pieces(codec, 640, 360, 5)
    assert len(set(shown)) == pictures.PICTURES
    assert all(0 <= grey <= 255 for number in range(100) for grey in pictures.tones(number))


def test_h264_is_a_second_that_begins_with_a_key_frame():
    av = pytest.importorskip("av", reason="needs the extra codecs")
    pieces = pictures.pieces(WireCodec.H264, 640, 360, 15)
    assert len(pieces) == 15
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for piece in pieces * 2 for frame in decoder.decode(av.Packet(piece))] + decoder.decode(None)
    assert len(frames) == 30
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
