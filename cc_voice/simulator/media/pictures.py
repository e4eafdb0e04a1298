"""Camera pictures and shared screens without a camera or a screen: grey stripes that move, in JPG, PNG or H.264.

PNG and JPG are written by hand. What a client must cope with is their size and pace, not their beauty, and an image
library would be a dependency for this alone. A JPG of flat 8×8 blocks needs one number per block, so its two code tables
fit in a line each. H.264 needs PyAV (the extra `codecs`, as in `sound.py`).
"""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from cc_voice.simulator.wire import WireCodec

PICTURES = 8
"""How many different pictures follow each other, over and over."""
STRIPES = 16
BLOCK = 8
"""Width and height of a JPG's blocks, in pixels."""


@lru_cache(maxsize=16)
def pieces(codec: WireCodec, width: int, height: int, fps: int) -> tuple[bytes, ...]:
    """Return pictures to send in turn, over and over; of H.264 one second that begins with a key frame. Slow: for a thread."""
    if codec == WireCodec.H264:
        return film(width, height, fps)
    draw = {WireCodec.JPG: jpg, WireCodec.PNG: png}[codec]
    return tuple(draw(width, height, tones(number)) for number in range(PICTURES))


def tones(number: int) -> list[int]:
    """Return the grey (0 to 255) of each stripe of a picture, from top to bottom."""
    return [16 + (stripe * 29 + number * 37) % 224 for stripe in range(STRIPES)]


def png(width: int, height: int, greys: Sequence[int]) -> bytes:
    """Return stripes of equal height as an 8 bit grey PNG."""
    rows = b"".join(b"\0" + bytes([_tone(row, height, greys)]) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def jpg(width: int, height: int, greys: Sequence[int]) -> bytes:
    """Return stripes of about equal height as a grey baseline JPG."""
    columns, rows = -(-width // BLOCK), -(-height // BLOCK)
    bits, before = [], 0
    for row in range(rows):
        level = _tone(row, rows, greys) - 128
        bits.append(_difference(level - before) + _difference(0) * (columns - 1))
        before = level
    scan = "".join(bits)
    scan += "1" * (-len(scan) % 8)
    coded = int(scan, 2).to_bytes(len(scan) // 8, "big").replace(b"\xff", b"\xff\0")
    # With 8 as every quantum, a block's one number is its grey: a flat block's first coefficient is 8 times that.
    quanta = _segment(0xDB, bytes([0]) + bytes([8]) * 64)
    frame = _segment(0xC0, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0))
    first = _segment(0xC4, bytes([0x00, 1, 0, 0, 0, 8, *[0] * 11, *range(9)]))  # size 0: one bit; 1 to 8: five bits
    others = _segment(0xC4, bytes([0x10, 1, *[0] * 15, 0]))  # "no more in this block": one bit
    return b"\xff\xd8" + quanta + frame + first + others + _segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0])) + coded + b"\xff\xd9"


def film(width: int, height: int, fps: int) -> tuple[bytes, ...]:
    """Return one second of H.264, a piece per picture, in Annex B form."""
    import av

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.gop_size = width, height, "yuv420p", fps
    context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
    context.options = {"preset": "ultrafast", "tune": "zerolatency"}
    packets: list[bytes] = []
    for number in range(fps):
        greys = np.array(tones(number), dtype=np.uint8)[np.arange(height) * STRIPES // height]
        colours = np.full((height // 2, width), 128, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(np.concatenate([np.repeat(greys[:, None], width, axis=1), colours]), format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in context.encode(frame)]
    return tuple(packets + [bytes(packet) for packet in context.encode(None)])


def _tone(row: int, rows: int, greys: Sequence[int]) -> int:
    return greys[row * len(greys) // rows]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _difference(value: int) -> str:
    """Return the bits of one flat block: how its grey differs from the one before, and that nothing else follows."""
    size = abs(value).bit_length()
    code = "0" if size == 0 else format(0b10000 + size - 1, "05b")
    number = value if value > 0 else value + (1 << size) - 1
    return code + (format(number, f"0{size}b") if size else "") + "0"
