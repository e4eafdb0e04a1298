"""A track's audio as a client asked for it: every row of Zoom's audio table (6.2), from the 16 kHz PCM of a script.

A track is encoded whole, once, when media is agreed on. Encoding packet by packet would be less work for a short call,
but a lost link sends the reader back, and an encoder with memory (G.722, Opus) cannot go back with it.

L16 and A-law are numpy arithmetic. G.722 and Opus need PyAV, which is an optional extra (`codecs`): its wheel is large and
bundles FFmpeg with GPL parts. Zoom's RTP (`content_type` 1) is answered with raw payloads, as the answer says: its byte
layout is not published (section 13, 9).
"""

import importlib.util
from fractions import Fraction
from typing import Any, Protocol

import msgspec
import numpy as np
import soxr
from numpy.typing import NDArray

from cc_voice.simulator.scenario import RATE_HZ
from cc_voice.simulator.wire import WireCodec

FRAME_MS = 20
"""All codecs but L16 are sent in packets of this length."""
LONGEST_PACKET_MS = 1000
A_LAW_SILENCE = b"\xd5"


class SoundEncoding(msgspec.Struct, frozen=True, kw_only=True):
    """How audio is sent."""

    codec: WireCodec = WireCodec.L16
    rate_hz: int = RATE_HZ
    channels: int = 1


PLAIN = SoundEncoding()
"""What the scripts hold, and what a client gets that asks for nothing."""


class EncodedSound(Protocol):
    """Encoded audio of one source that can be cut into packets. `bytes_per_ms` is 0 where a packet cannot be divided."""

    @property
    def bytes_per_ms(self) -> int: ...

    def cut(self, at_ms: int, length_ms: int) -> bytes:
        """Return the payload of the packet that begins at `at_ms`; beyond the end there is silence."""


class Steady(msgspec.Struct, frozen=True):
    """Audio with the same number of bytes for every millisecond: L16, G.711, G.722."""

    data: bytes
    bytes_per_ms: int
    silence: bytes = b"\0"

    def cut(self, at_ms: int, length_ms: int) -> bytes:
        start, length = at_ms * self.bytes_per_ms, length_ms * self.bytes_per_ms
        return self.data[start : start + length].ljust(length, self.silence)


class Frames(msgspec.Struct, frozen=True):
    """Audio in frames of 20 ms and of any size: Opus. The first frame begins at `phase_ms`."""

    payloads: tuple[bytes, ...]
    phase_ms: int

    @property
    def bytes_per_ms(self) -> int:
        return 0

    def cut(self, at_ms: int, length_ms: int) -> bytes:
        assert length_ms == FRAME_MS, "negotiation lets Opus through in packets of 20 ms only"
        return self.payloads[min((at_ms - self.phase_ms) // FRAME_MS, len(self.payloads) - 1)]


def encodable() -> frozenset[WireCodec]:
    """Return the audio and video codecs that this installation can encode."""
    plain = {WireCodec.L16, WireCodec.G711, WireCodec.JPG, WireCodec.PNG}
    with_av = {WireCodec.G722, WireCodec.OPUS, WireCodec.H264}
    return frozenset(plain | with_av if importlib.util.find_spec("av") is not None else plain)


def encode(pcm: bytes, encoding: SoundEncoding, phase_ms: int = 0) -> EncodedSound:
    """Encode L16 16 kHz mono. Packets will begin at `phase_ms` and whole frames after it; only Opus minds. Slow: for a thread."""
    if encoding == PLAIN:
        return Steady(pcm, RATE_HZ * 2 // 1000)
    samples = np.frombuffer(pcm, dtype="<i2")
    if encoding.rate_hz != RATE_HZ:
        samples = soxr.resample(samples, RATE_HZ, encoding.rate_hz)
    match encoding.codec:
        case WireCodec.L16:
            both = np.repeat(samples, encoding.channels).astype("<i2")
            return Steady(both.tobytes(), encoding.rate_hz * 2 * encoding.channels // 1000)
        case WireCodec.G711:
            return Steady(a_law(samples).tobytes(), encoding.rate_hz // 1000, A_LAW_SILENCE)
        case WireCodec.G722:
            return Steady(b"".join(_with_av("g722", _padded(samples, encoding), encoding)), encoding.rate_hz // 2000)
        case WireCodec.OPUS:
            from_phase = samples[phase_ms * encoding.rate_hz // 1000 :]
            return Frames(tuple(_with_av("libopus", _padded(from_phase, encoding), encoding)), phase_ms)
        case _:
            raise AssertionError(f"{encoding.codec!r} is no audio codec; negotiation refuses it")


def a_law(samples: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Encode with G.711's A-law: sign, segment and four bits of mantissa, every second bit inverted."""
    positive = samples >= 0
    size = np.where(positive, samples, -1 - samples.astype(np.int32)).astype(np.int32) >> 3
    segment = np.searchsorted(_SEGMENT_ENDS, size, side="left")
    mantissa = (size >> np.maximum(segment, 1)) & 0x0F
    return np.asarray(((segment << 4) | mantissa) ^ np.where(positive, 0xD5, 0x55), dtype=np.uint8)


_SEGMENT_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])


def _padded(samples: NDArray[np.int16], encoding: SoundEncoding) -> NDArray[np.int16]:
    """Add the silence that the last packet may need, in whole frames: an encoder keeps a part of a frame to itself."""
    frame = encoding.rate_hz * FRAME_MS // 1000
    tail = encoding.rate_hz * LONGEST_PACKET_MS // 1000 + -len(samples) % frame
    return np.concatenate([samples, np.zeros(tail, dtype=np.int16)])


def _with_av(codec: str, samples: NDArray[np.int16], encoding: SoundEncoding) -> list[bytes]:
    """Encode with FFmpeg, one packet per 20 ms."""
    import av

    context: Any = av.CodecContext.create(codec, "w")
    layout = "stereo" if encoding.channels == 2 else "mono"
    context.sample_rate, context.format, context.layout = encoding.rate_hz, "s16", layout
    context.time_base = Fraction(1, encoding.rate_hz)
    step = encoding.rate_hz * FRAME_MS // 1000
    packets: list[bytes] = []
    for start in range(0, len(samples), step):
        part = np.repeat(samples[start : start + step], encoding.channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate, frame.pts = encoding.rate_hz, start
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets + [bytes(packet) for packet in context.encode(None)]
