"""Sound as packets of every encoding that Zoom sends: coders for tests, none of them ours."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cc_voice.speech.codecs import Samples, decode_alaw
from cc_voice.speech.packets import is_codec_library_installed

needs_codecs = pytest.mark.skipif(not is_codec_library_installed(), reason="the extra `codecs` (PyAV) is not installed")
PACKET_MS = 20


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def alaw(samples: Samples) -> bytes:
    """Encode by looking for the nearest code."""
    table = decode_alaw(bytes(range(256))).astype(int)
    order = np.argsort(table)
    nearest = np.abs(table[order][None, :] - samples.astype(int)[:, None]).argmin(axis=1)
    return bytes(order[nearest].astype(np.uint8))


def encoded(codec: str, samples: Samples, rate_hz: int, packet_ms: int = PACKET_MS, channels: int = 1) -> list[bytes]:
    """Encode with PyAV, one packet per `packet_ms`; both sides of stereo are the same."""
    av = pytest.importorskip("av", reason="the extra `codecs` (PyAV) is not installed")
    layout = "mono" if channels == 1 else "stereo"
    coder: Any = av.CodecContext.create(codec, "w")
    coder.sample_rate, coder.layout, coder.format, coder.time_base = rate_hz, layout, "s16", Fraction(1, rate_hz)
    coder.options = {"frame_duration": str(packet_ms)} if codec == "libopus" else {}
    size = rate_hz * packet_ms // 1000
    found: list[bytes] = []
    for at in range(0, len(samples) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(np.repeat(samples[at : at + size], channels)[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, at
        found += [bytes(packet) for packet in coder.encode(frame)]
    return found
